/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/job_script.h"

#include <pthread.h>

#include "lib/base/text.h"
#include "lib/domain/job/job.h"
#include "lib/store/job/job_steps.h"
#include "lib/store/job/log_line.h"
#include "lib/store/job/script.h"

/* allow-oom: running jobs must be able to end when the memory is used up; the step `accept` checks the memory itself. */
static const char first_line[] = "#!lua flags=allow-oom\n";

static const char kinds[] = "local KINDS = {"
#define JOB_KIND(name, text, service, shown, lane, is_change, timeout) "'" text "', "
#include "lib/domain/job/job_kinds.def"
                            "}\n"
                            "local KIND = {\n"
#define JOB_KIND(name, text, service, shown, lane, is_change, timeout)                                                         \
    text " = {lane = '" lane "', is_change = " #is_change "},\n"
#include "lib/domain/job/job_kinds.def"
                            "}\n"
                            "local TRIALS = {"
#define MATRIX_PURPOSE(name, text, priority, is_trial) text " = " #is_trial ", "
#include "lib/domain/job/job_kinds.def"
                            "}\n";

static struct text script;

static void put_together(void) {
    text_append(&script, first_line);
    text_append(&script, kinds);
    text_append_format(&script, "local PLACES_PER_MS, MEMORY_FOR_NEW_JOBS, LOG_TAIL_LINES = %d, %d / 100, %d\n",
                       JOB_PLACES_PER_MS, JOB_MEMORY_PERCENT, LOG_TAIL_LINES);
    text_append_bytes(&script, jobs_lua, sizeof jobs_lua - 1);
}

const char *job_script_text(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, put_together);
    return text_view(&script);
}
