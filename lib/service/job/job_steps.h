/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The steps of a job whose handler writes to the registry: a table of them, which is run in order.
 *
 *   first run                       check ─► … ─► record ─► write ─► write
 *   a run that finds a record       resume ───────────────► write ─► write
 *
 * Nothing is written outside before the record, which says what the writes will be, is stored in the job; each write can be
 * repeated (lib/store/README.md, Once). So a run may end anywhere, by a failure, a lost lease, a drain or a killed process,
 * and the next run (lib/service/job/job_runner.h says after which status there is one) starts over before the record, and
 * resumes after it. The deadline, which a drain and a lost lease cancel, is checked before each step; the lease is checked once
 * more by each write (lib/service/job/job_change.h, job_run_guard()).
 *
 * Under READONLY no record is stored and no write is run; the log names the writes that are left out.
 */
#ifndef LIB_SERVICE_JOB_JOB_STEPS_H
#define LIB_SERVICE_JOB_JOB_STEPS_H

#include "lib/service/job/job_runner.h"

struct text;

typedef enum status job_step_function(void *context, struct error *err);

enum { JOB_STEP_WRITES_MAX = 3 };

struct job_step {
    const char *name; /* in the timings, and of its fault point */
    /* The step's function, in one of these three: */
    job_step_function *begin;               /* while there is no record: a check, or stores the record */
    job_step_function *resume;              /* if an earlier run stored a record: reads it */
    job_step_function *write;               /* in every run */
    bool (*is_needed)(const void *context); /* false: the step is skipped; NULL: it is always needed */
    /* The outside writes of this step, for the log of a read-only server, which does not run it: "the tarball is not stored".
     * Empty: it writes nothing outside, and is run there, too. */
    const char *left_out[JOB_STEP_WRITES_MAX + 1];
};

struct job_steps {
    const struct job_step *table; /* ends with a row without a name */
    void *context;                /* of the functions */
    /* Appends to the line of the timings, which is logged at the end, after a failure, too; NULL: nothing. */
    void (*append_timings)(void *context, struct text *line);
};

/* Runs the steps up to the first that fails, and logs how long each took. Returns the status of the last one. */
CHECK_RESULT enum status job_steps_carry_out(const struct job_steps *steps, struct job_run *run, struct error *err);

/* For the step that stores the record: job_run_record(), but under READONLY, where nothing will be written. Frees `json`. */
CHECK_RESULT enum status job_steps_keep_record(struct job_run *run, struct text *json, struct error *err);

/* For the step that resumes: logs that an earlier run was interrupted, and its decisions. */
void job_steps_say_resumed(struct job_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
