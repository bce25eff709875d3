/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The duration of each step of a run, for the job's log: `Timings: fetch=12.3ms solve=4.5ms`, one line at the run's end, also
 * after a failed step.
 */
#ifndef LIB_SERVICE_JOB_TIMINGS_H
#define LIB_SERVICE_JOB_TIMINGS_H

#include <stdint.h>

#include "lib/base/text.h"

struct job_run;

/* Must be zeroed before use. */
struct job_timings {
    struct text text;
};

/* Adds the step that began at `start_us` (clock_monotonic_us()) and ends now. */
void job_timings_add(struct job_timings *timings, const char *step, int64_t start_us);

/* Writes the line at INFO, with `more` at its end (may be ""), and releases the timings. */
void job_timings_log(struct job_timings *timings, struct job_run *run, const char *more);

#endif
