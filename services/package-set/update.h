/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One run of one update of the package set (lib/domain/README.md, Package set update): the state that its steps pass to each
 * other. A step is a function `enum status update_STEP(void *context, struct error *)`, whose context is the update;
 * update_job.c lists them in a table (lib/service/job/job_steps.h).
 *
 *   read ──► check ──► try ──► whole ──► commit ──► mirror     (each under its repository's lock)
 *    ▲                 matrix jobs,       │ latest set and all versions again, against the current registry; the record
 *    │                 awaited            │
 *    └──────────── starts over ◄──────────┘ if one of these no longer holds
 *
 * A run that finds the record of an earlier run, which is the set that it was about to release, resumes at the commit.
 */
#ifndef SERVICES_PACKAGE_SET_UPDATE_H
#define SERVICES_PACKAGE_SET_UPDATE_H

#include "lib/base/map.h"
#include "lib/domain/job/operation.h"
#include "lib/domain/set/set_difference.h"
#include "lib/domain/set/set_request.h"
#include "lib/domain/set/set_trial.h"
#include "lib/service/job/job_runner.h"
#include "lib/service/job/trial_builds.h"
#include "services/package-set/package_set_service.h"

struct kept_outcome;

struct update {
    struct package_set_service *service;
    struct job_run *run;
    struct arena *arena; /* of the run; owns everything below but `view` and the map's table */
    struct package_set_request request;
    bool is_automatic; /* the candidates are the update's own, not a request's */
    bool is_trial;     /* shows that the set with the request's changes compiles, and releases nothing */

    /* The registry as the round sees it: its own view, since it borrows from it while others follow the repositories. */
    struct registry_view *view;
    struct package_set before; /* the latest set; without any package, version 0.0.0: there is none yet */
    struct version *compilers; /* the supported ones, ascending */
    size_t compiler_count;

    /* Borrow from `view`; `changes` are those that may be made. */
    struct set_members members;
    struct set_request_result checked;
    bool has_hole; /* the set is not self-contained, since some of its versions are lost */

    struct map builds; /* struct update_build by key (update_builds.c) */
    struct trial_builds trials;
    struct set_oracle oracle;
    struct set_trial trial;
    struct set_members after; /* the members with all that was kept */
    size_t kept_count;
    /* By change: the build of a whole set that failed with it, and not without; NULL: none. The array is NULL, too, unless the
     * whole set was searched. */
    const struct kept_outcome **whole_failures;

    struct package_set set; /* to be released; of a run that resumes, from the record */
    struct set_difference difference;
    bool is_released;               /* by an earlier run: it is in the repository */
    char base[REGISTRY_COMMIT_MAX]; /* the head for which the commit was checked */
    bool starts_over;               /* set with a failure: the registry changed, so the round must be repeated */
};

/* Sets `starts_over` and `err`, and returns STATUS_CONFLICT: the round must be repeated, for the reason given. */
enum status update_start_over(struct update *u, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* `80.8.0`, in the run's arena. */
const char *update_print_version(const struct update *u, struct version version);

/* ---- update_read.c: the registry, and what may be changed ---- */

enum status update_read(void *context, struct error *err);
enum status update_check(void *context, struct error *err);
void update_release_view(struct update *u);

/* ---- update_builds.c: the builds of attempts ---- */

void update_init_builds(struct update *u); /* once, at the beginning of the run */

/* The key of a build's outcome in Redis (lib/store/redis/set_store.h). `plan`: without the package itself. */
void update_build_key(char out[UUID_TEXT_MAX], const char *package, struct version version, struct version compiler,
                      const struct package_versions *plan);

enum set_outcome update_look_up(void *context, const struct set_build *build, struct version compiler); /* set_oracle.look_up */

/* Looks up the builds in Redis, starts those that may run now, and returns once at least one more outcome is known. A build
 * waits for those of the others that are in its plan, so that each module is compiled once. */
CHECK_RESULT enum status update_make_builds(struct update *u, const struct set_builds *builds, struct version compiler,
                                            struct error *err);

/* Makes one build of all members, of which there must be one, together; *outcome: the run's. */
CHECK_RESULT enum status update_build_whole(struct update *u, const struct set_members *members,
                                            const struct kept_outcome **outcome, struct error *err);

/* The outcome of a build of that package and version that failed in an attempt with the change, rather one with a result; NULL:
 * there is none. The run's. */
const struct kept_outcome *update_find_failure(const struct update *u, const struct set_failure *failure,
                                               const struct set_change *change);

/* Ends the builds that no worker has claimed yet. */
void update_end_builds(struct update *u);
void update_forget_builds(struct update *u); /* their jobs and outcomes stay in Redis */

/* ---- update_try.c: which changes compile together ---- */

enum status update_try(void *context, struct error *err);
void update_say_refused(struct update *u, size_t change); /* why that change is not made, to the job's log */

/* ---- update_whole.c: all that is kept, in one run of the compiler ---- */

enum status update_whole(void *context, struct error *err);

/* The versions of the set before that are lost and that no kept change replaces, for a sentence: `a@1.0.0, b@1.0.0`, in the
 * run's arena; NULL: none. Once the changes are tried. */
const char *update_list_unreplaced(const struct update *u);
bool update_has_release(const void *context); /* for job_step.is_needed */

/* ---- update_findings.c: what it found out, for the excuses ---- */

enum status update_keep_findings(void *context, struct error *err);

/* ---- update_write.c: the outside writes ---- */

enum status update_resume(void *context, struct error *err);
enum status update_commit(void *context, struct error *err);

/* ---- update_mirror.c: the released set in the repository for older tools ---- */

bool update_has_mirror(const void *context); /* for job_step.is_needed */
enum status update_mirror(void *context, struct error *err);

#endif
