/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One run of one revision of bounds (lib/domain/README.md, Revise bounds): the state that its steps pass to each other. A step
 * is a function `enum status revision_STEP(void *context, struct error *)`, whose context is the revision; revision_job.c lists
 * them in a table (lib/service/job/job_steps.h).
 *
 *   read ──► plan ──► dependants ──► builds ──► commit         (package's lock, then the index's, then the registry's)
 *    ▲        a plan with each      matrix jobs,   │ all checks again, against the current registry; the record
 *    │        compiler it has       awaited        │
 *    └───────── starts over ◄──────────────────────┘ if a check no longer holds
 *
 * A run that finds the record of an earlier run resumes at the commit.
 */
#ifndef SERVICES_BUILD_MATRIX_REVISION_REVISION_H
#define SERVICES_BUILD_MATRIX_REVISION_REVISION_H

#include "lib/domain/job/operation.h"
#include "lib/domain/solver/build_plan.h"
#include "lib/service/job/trial_builds.h"
#include "lib/store/redis/lock.h"
#include "services/build-matrix/matrix_service.h"

struct manifest_index;

/* The build of the version with one of its compilers. */
struct revision_build {
    struct version compiler;
    const char *compiler_text;
    struct build_plan plan;
    struct trial_build trial; /* zeroed until revision_build() */
};

struct revision_builds {
    struct revision_build *items;
    size_t count;
};

struct revision {
    struct matrix_service *service;
    struct job_run *run;
    struct arena *arena; /* of the run; owns everything below */
    struct revise_request request;
    const char *name;    /* from the request */
    const char *version; /* the same, as text */

    struct manifest before, after;
    int64_t number;                /* the metadata's `revision` after the commit */
    struct revision_builds builds; /* one for each compiler of the version */
    struct revision_builds former; /* of the previous round; those not needed any more are ended */
    bool starts_over;              /* set with a failure: the registry changed, so the round must be repeated */
    int failed_commits;            /* temporary failures of revision_commit() */

    /* The registry state for which the dependants were last checked successfully; "": none yet. */
    struct registry_view_state harmless;

    struct lock lock;   /* the package's, while it is held */
    bool is_superseded; /* the version was revised again or unpublished after an earlier run stored the record */
    char registry_commit[REGISTRY_COMMIT_MAX], index_commit[REGISTRY_COMMIT_MAX];
};

/* Sets `starts_over` and `err`, and returns STATUS_CONFLICT: the round must be repeated, for the reason given. */
enum status revision_start_over(struct revision *r, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- revision_check.c: checks against the registry ---- */

enum status revision_read(void *context, struct error *err);
enum status revision_plan(void *context, struct error *err);
enum status revision_check_dependants(void *context, struct error *err);

/* Checks that manifest, compilers and plans still hold in the current view. Otherwise the round starts over. */
CHECK_RESULT enum status revision_check_again(struct revision *r, struct error *err);

/* ---- revision_builds.c: builds with the new bounds ---- */

enum status revision_build(void *context, struct error *err);
/* Ends the unfinished builds of the last two rounds that no worker has claimed yet. */
void revision_end_builds(struct revision *r);

/* ---- revision_write.c: the outside writes ---- */

enum status revision_resume(void *context, struct error *err); /* replaces all earlier steps if a record exists */
enum status revision_commit(void *context, struct error *err);

#endif
