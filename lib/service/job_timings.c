/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/job_timings.h"

#include "lib/base/clock.h"
#include "lib/service/job_runner.h"

void job_timings_add(struct job_timings *timings, const char *step, int64_t start_us) {
    text_append_format(&timings->text, " %s=%.1fms", step, (double)(clock_monotonic_us() - start_us) / 1000);
}

void job_timings_log(struct job_timings *timings, struct job_run *run, const char *more) {
    if (timings->text.length > 0) job_run_log(run, LOG_INFO, "Timings:%s%s", text_view(&timings->text), more);
    text_release(&timings->text);
}
