/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The state of the registry as a page.
 */
#ifndef SERVICES_GATEWAY_WEB_STATUS_PAGE_H
#define SERVICES_GATEWAY_WEB_STATUS_PAGE_H

#include "lib/domain/job/job.h"
#include "lib/store/job/job_store.h"

struct json_t;
struct text;

struct registry_state {
    const struct json_t *readiness; /* as the public GET /readyz */
    bool has_counts;                /* else Redis does not answer */
    struct job_counts counts;
    const struct job *publication; /* the newest one that succeeded; NULL: none is known */
    const struct json_t *sets;     /* a page of package sets that begins with the latest; NULL: the service does not answer */
    int64_t now_ms;
};

/* Appends the page. Any thread. */
void status_page_write(struct text *out, const struct registry_state *state);

#endif
