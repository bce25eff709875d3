/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How pages show jobs.
 */
#ifndef SERVICES_GATEWAY_WEB_JOB_PARTS_H
#define SERVICES_GATEWAY_WEB_JOB_PARTS_H

#include <stdint.h>

#include "lib/domain/job/job.h"
#include "services/gateway/web/html.h"

/* What the job does, for people: "Publication of prelude 6.0.1". In the arena. */
const char *job_part_title(const struct job *job, struct arena *arena);

/* <time> of a time in milliseconds, with the time of day; nothing for 0. */
void job_part_time(struct html *html, int64_t time_ms);

/* "0.25 s", "3 min 5 s", "2 h 7 min". In the arena. */
const char *job_part_duration(int64_t duration_ms, struct arena *arena);

/* A table of jobs: when they were created, what they do, state, how long they ran or have waited until now, and the reason of a
 * failure. */
void job_part_table(struct html *html, const struct job *jobs, size_t count, struct arena *arena);

#endif
