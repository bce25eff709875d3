/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/job/job_steps.h"

#include <stdarg.h>

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/text.h"

/* The function of the step, or NULL if this run skips it. */
static job_step_function *choose(const struct job_step *step, const struct job_steps *steps, bool is_resumed) {
    if (step->is_needed && !step->is_needed(steps->context)) return NULL;
    return step->write ? step->write : is_resumed ? step->resume : step->begin;
}

static bool is_left_out(const struct job_step *step, struct job_run *run) {
    if (!run->is_readonly) return false;
    for (size_t i = 0; step->left_out[i]; i++)
        job_run_log(run, LOG_WARN, "Read-only: %s.", step->left_out[i]);
    return step->left_out[0] != NULL;
}

enum status job_steps_carry_out(const struct job_steps *steps, struct job_run *run, struct error *err) {
    enum status status = STATUS_OK;
    struct text timings = {0};
    for (const struct job_step *step = steps->table; step->name && !status; step++) {
        job_step_function *function = choose(step, steps, run->job.record != NULL);
        if (!function || is_left_out(step, run)) continue;
        int64_t start_us = clock_monotonic_us();
        status = deadline_check(&run->deadline, err);
        if (!status) status = function(steps->context, err);
        if (!status) fault_point(step->name);
        text_append_format(&timings, " %s=%.1fms", step->name, (double)(clock_monotonic_us() - start_us) / 1000);
    }
    if (steps->append_timings) steps->append_timings(steps->context, &timings);
    if (timings.length > 0) job_run_log(run, LOG_INFO, "Timings:%s.", text_view(&timings));
    text_release(&timings);
    return status;
}

enum status job_steps_keep_record(struct job_run *run, struct text *json, struct error *err) {
    enum status status = run->is_readonly ? STATUS_OK : job_run_record(run, text_view(json), err);
    text_release(json);
    return status;
}

void job_steps_say_resumed(struct job_run *run, const char *format, ...) {
    struct text decisions = {0};
    va_list arguments;
    va_start(arguments, format);
    text_append_format_list(&decisions, format, arguments);
    va_end(arguments);
    job_run_log(run, LOG_INFO, "Resuming after an interruption: %s.", text_view(&decisions));
    text_release(&decisions);
}
