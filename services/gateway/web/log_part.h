/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A part of a job's log on its page, with the form that selects lines and the links to the parts before and after it.
 */
#ifndef SERVICES_GATEWAY_WEB_LOG_PART_H
#define SERVICES_GATEWAY_WEB_LOG_PART_H

#include "lib/base/arena.h"
#include "lib/domain/job/job.h"
#include "lib/store/job/log_line.h"
#include "services/gateway/web/html.h"

enum {
    LOG_PART_LINES = 500,
    LOG_PART_CONTEXT_LINES = 50,        /* before the line that a link leads to */
    LOG_PART_MESSAGE_BYTES = 16 * 1024, /* of a line; the rest is left out, which the line says */
};

struct log_part {
    const struct job *job;
    const struct log_line *lines;
    size_t count;
    bool has_earlier, has_later; /* lines, as far as is known; more may come while the job runs */
    enum log_level level;        /* minimum */
    const char *search;          /* NULL: none */
};

/* Writes it as a <section> `log`. */
void log_part_write(struct html *html, const struct log_part *part, struct arena *arena);

#endif
