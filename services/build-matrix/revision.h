/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One run of one revision of bounds (lib/domain/README.md, Revise bounds): the state that its steps hand on to each other.
 * revision_job.c has them in a table.
 *
 *   read ──► plan ──► dependants ──► builds ──► commit         (package's lock, then the index's, then the registry's)
 *    ▲        a plan with each      matrix jobs,   │ all of it once more, on the registry as it is; the record
 *    │        compiler it has       waited for     │
 *    └───────── starts over ◄──────────────────────┘ something that was found out is not so any more
 *
 * A run that finds the record of an earlier one goes on to the commit.
 */
#ifndef SERVICES_BUILD_MATRIX_REVISION_H
#define SERVICES_BUILD_MATRIX_REVISION_H

#include "lib/domain/build_plan.h"
#include "lib/domain/operation.h"
#include "lib/service/job_runner.h"
#include "lib/store/lock.h"
#include "services/build-matrix/matrix_service.h"

struct manifest_index;

/* The version with one of its compilers. */
struct revision_build {
    struct version compiler;
    const char *compiler_text;
    struct build_plan plan;
    char job_id[UUID_TEXT_MAX]; /* "" until it is made */
    int tries;                  /* builds that ended before without saying anything about the package */
    bool has_ended;
};

struct revision_builds {
    struct revision_build *items;
    size_t count;
};

struct revision {
    struct matrix_service *service;
    struct job_run *run;
    struct arena *arena; /* the run's: everything below lives there */
    struct revise_request request;
    const char *name;    /* of the request, */
    const char *version; /* as text */

    struct manifest before, after;
    int64_t number;                /* the metadata's `revision`, once it is committed */
    struct revision_builds builds; /* one for each compiler that the version has */
    struct revision_builds former; /* of the round before: those among them that this one does not need are ended */
    bool starts_over;              /* with a failure: of what the round has found out, something is not so any more */
    int failed_commits;            /* for now */

    /* The registry in which no dependant loses its plan, as seen last; "": in none yet. */
    struct registry_view_state harmless;

    struct lock lock; /* the package's, while it is held */
    bool is_superseded;
    char registry_commit[REGISTRY_COMMIT_MAX], index_commit[REGISTRY_COMMIT_MAX];
};

/* A pause of some milliseconds, in which something outside may change. A status: it is over (lib/store/README.md). */
CHECK_RESULT enum status revision_pause(struct revision *r, int duration_ms, struct error *err);

/* Answers `status`, STATUS_CONFLICT, with that sentence: the round is to be gone again. */
enum status revision_start_over(struct revision *r, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- revision_check.c: may it be done? ---- */

enum status revision_read(struct revision *r, struct error *err);
enum status revision_plan(struct revision *r, struct error *err);
enum status revision_check_dependants(struct revision *r, struct error *err);

/* Is all that was found out still so, in the view as it is now? Otherwise the round starts over. */
CHECK_RESULT enum status revision_check_again(struct revision *r, struct error *err);

/* ---- revision_builds.c: does it compile? ---- */

enum status revision_build(struct revision *r, struct error *err);
/* Ends what nobody waits for any more, of the last round and the one before, where no worker has it yet. */
void revision_end_builds(struct revision *r);

/* ---- revision_write.c: the outside writes ---- */

enum status revision_resume(struct revision *r, struct error *err); /* instead of all before, where a record was kept */
enum status revision_commit(struct revision *r, struct error *err);

#endif
