/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers that never change under their key, kept in memory so that a repeated request costs no more than sending them
 * (services/gateway/README.md, Jobs). Bounded in bytes: those that were not asked for longest go. Any thread.
 *
 * This file knows nothing of requests: which answers those are is decided by services/gateway/routes/finished_job.h, and for pages
 * that are costly to make by page_answer_kept().
 */
#ifndef SERVICES_GATEWAY_BACKEND_KEPT_ANSWERS_H
#define SERVICES_GATEWAY_BACKEND_KEPT_ANSWERS_H

#include <stdatomic.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/queue.h"
#include "lib/base/text.h"

enum { KEPT_HEADERS_MAX = 8 };

/* Shared by all calls that send it; read-only. */
struct kept_answer {
    struct arena arena; /* of its texts */
    const char *key;
    const char *content_type;
    size_t header_count;
    struct {
        const char *name;
        const char *value;
    } headers[KEPT_HEADERS_MAX];
    struct text body;
    size_t size_bytes; /* of all of it; the next are also kept_answers.c's */
    struct queue_link link;
    atomic_int references;
};

struct kept_answers;

/* Up to `limit_bytes` in all; a larger answer than an eighth of that is not kept. */
struct kept_answers *kept_answers_create(size_t limit_bytes);
void kept_answers_free(struct kept_answers *answers); /* answers that are being sent stay until they are released */

/* The answer with this key, to be released; NULL: there is none. */
struct kept_answer *kept_answers_find(struct kept_answers *answers, const char *key);

/* Makes an answer, to be released, of `*body`, which is empty then. The caller sets its content type and headers, with texts in its
 * arena, before it adds or sends it. */
struct kept_answer *kept_answers_make(struct text *body);

/* Keeps the answer under the key, unless it is too large, or another is kept already. */
void kept_answers_add(struct kept_answers *answers, const char *key, struct kept_answer *answer);

void kept_answer_release(struct kept_answer *answer); /* NULL is allowed */

#endif
