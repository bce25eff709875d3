/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Builds that a running job needs to decide something: matrix jobs whose purpose is a trial (lib/domain/job/job_kinds.def), so
 * they write nothing and are no substitute for other builds. The job makes them, waits for their ends, and ends those that it
 * needs no longer; build-matrix hands them to build workers.
 *
 *   start ──► pending, running ──► succeeded, failed with a verdict that stands ──────► ended
 *     ▲                       └──► any other end ──► repeated after a while, up to a limit
 *     └──────────────────────────────────┘                         (or ended, where the caller knows that no try can succeed)
 *
 * The id of a build's job is derived from its inputs and the number of the try, so a run that resumes the job after a crash
 * waits for the same jobs, and so does another job with the same inputs. Not thread-safe: belongs to the run's thread.
 */
#ifndef LIB_SERVICE_JOB_TRIAL_BUILDS_H
#define LIB_SERVICE_JOB_TRIAL_BUILDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/hash.h"
#include "lib/domain/job/job.h"
#include "lib/domain/matrix/verdict.h"
#include "lib/domain/registry/package_versions.h"
#include "lib/service/job/job_runner.h"

enum trial_outcome {
    TRIAL_UNKNOWN, /* no verdict that stands: repeated often enough, or withdrawn */
    TRIAL_SUCCEEDED,
    TRIAL_FAILED,
};

struct trial_build {
    /* Set by the caller, which zeroes the rest. All borrowed. */
    const char *package;
    struct version version, compiler;
    const struct package_versions *plan; /* without the package itself */
    const char *id_basis;                /* further inputs that identify the build, besides purpose and the above; NULL: none */

    /* The state. */
    char job_id[UUID_TEXT_MAX]; /* of the last try; "": none yet */
    int tries;                  /* the number of that try, from 0, over all runs and jobs: part of the id */
    int repeats;                /* of this run */
    int64_t repeat_at_ms;       /* clock_monotonic_ms() of the next try; 0: none is due */

    bool has_ended; /* then, with texts in the run's arena: */
    enum trial_outcome outcome;
    const char *verdict; /* a text of VERDICT_TABLE; NULL: the job was withdrawn */
    const char *reason;  /* a sentence; NULL if it succeeded */
    const char *result;  /* JSON of struct build_result; NULL: none */
    int64_t ended_ms;    /* the time of the job's end */
};

/* The builds of one run. All borrowed. */
struct trial_builds {
    struct job_run *run; /* its connection, its deadline, its arena */
    enum matrix_purpose purpose;
    const char *program;                  /* that ends withdrawn builds: shown as their runner */
    const char *unneeded;                 /* why a build is withdrawn: a sentence */
    int repeats_max;                      /* of one build in one run; 0: up to the run's deadline */
    bool (*stands)(enum verdict verdict); /* the other verdicts lead to a repetition; NULL: verdict_stands() */
    /* True if no try of this build can give an outcome any more: it is not repeated. NULL: one always can. */
    bool (*is_hopeless)(void *context, const struct trial_build *build);
    /* A try has begun, or one that an earlier run began is waited for: for the log, and to tell build-matrix. NULL: not called. */
    void (*begun)(void *context, const struct trial_build *build);
    /* The last try gave no outcome for this reason, and is repeated: for the log. NULL: not called. */
    void (*repeated)(void *context, const struct trial_build *build, const char *reason);
    void *context;
};

/* The id of the job of the build's try (0: the first). That of the first also identifies the build itself. */
void trial_build_id(char out[UUID_TEXT_MAX], const struct trial_builds *builds, const struct trial_build *build, int tries);

/* Makes the build's job, unless an earlier run or another job has made it: then that one is waited for, or is its outcome.
 * Earlier tries without an outcome are skipped. Waits while Redis is away, up to the run's deadline. */
CHECK_RESULT enum status trial_build_start(const struct trial_builds *builds, struct trial_build *build, struct error *err);

/* Checks each build that was started and has not ended once, and makes the tries that are due. Sets `ended` to the number of
 * those that have ended now. While Redis is away, none has. */
CHECK_RESULT enum status trial_builds_poll(const struct trial_builds *builds, struct trial_build *const *items, size_t count,
                                           size_t *ended, struct error *err);

/* The same until at least one has ended, or none is left; the run's deadline bounds it. */
CHECK_RESULT enum status trial_builds_wait(const struct trial_builds *builds, struct trial_build *const *items, size_t count,
                                           size_t *ended, struct error *err);

/* Withdraws a build that is not needed any longer: its job is ended if no worker has it yet, else left to finish. The build
 * then counts as ended, with an unknown outcome. A failure gives the reason why the job was left. */
CHECK_RESULT enum status trial_build_withdraw(const struct trial_builds *builds, struct trial_build *build, struct error *err);

#endif
