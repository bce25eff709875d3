/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The data of package sets in Redis besides their jobs (lib/store/README.md, Package sets): outcomes of builds with the versions
 * of a set, what the last update found out about each package, and that update itself.
 *
 *   set:outcome:KEY   "OUTCOME JOB TIME DETAIL": a build of an attempt, for OUTCOME_DAYS since it was last looked up
 *   set:trials        JSON of the last update's findings, one for each package that it tried and did not take
 *   set:update        hash job, time, candidates: the last update that ended; checkedJob, checked: the last one that decided
 *                     about all candidates
 *   set:updates:DAY   how many updates followed publications on that day
 *   daily             hash: the work that is done once a day → the time that it was last done for
 */
#ifndef LIB_STORE_REDIS_SET_STORE_H
#define LIB_STORE_REDIS_SET_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/hash.h"
#include "lib/domain/set/set_finding.h"
#include "lib/store/job/job_store.h"

/* ---- Outcomes of builds ---- */

/* What a build of an attempt came to. `key`: of the build, which says its package, compiler and plan. */
struct kept_outcome {
    const char *key;
    bool is_known;
    bool compiles;
    bool was_slow;              /* its time was over, for the first time: it is not known yet, and made once more */
    bool has_no_result;         /* of a run that counts it as one that does not compile for itself alone; never kept */
    char job_id[UUID_TEXT_MAX]; /* whose log shows it */
    int64_t time_ms;
    const char *detail; /* the first error of one that does not compile, or why it has no result; NULL: none */
};

/* Looks up those with these keys, and sets the rest of each; texts are in the arena. An outcome that is looked up is kept for
 * another while, so one that still matters is never forgotten. */
CHECK_RESULT enum status kept_outcomes_read(struct job_store *store, struct kept_outcome *outcomes, size_t count,
                                            struct arena *arena, struct error *err);

CHECK_RESULT enum status kept_outcome_write(struct job_store *store, const struct kept_outcome *outcome, struct error *err);

/* ---- What the last update found out ---- */

/* The last update of the package set that ended. */
struct set_update_state {
    char job_id[UUID_TEXT_MAX]; /* "": there was none */
    int64_t time_ms;
    char candidates[SHA256_HEX_MAX]; /* what it had to decide: set, compiler and candidates; "": it was requested */

    char
        checked_job_id[UUID_TEXT_MAX]; /* the last one that decided about all candidates: this one, unless it was requested; "":
                                           there was none */
    int64_t checked_ms;
};

/* Replaces the findings of the update before, in one step. */
CHECK_RESULT enum status set_findings_write(struct job_store *store, const struct set_findings *findings,
                                            const struct set_update_state *state, struct error *err);
CHECK_RESULT enum status set_findings_read(struct job_store *store, struct set_findings *findings,
                                           struct set_update_state *state, struct arena *arena, struct error *err);

/* ---- The schedule ---- */

/* The time, in milliseconds since 1970, for which this daily work was last done; 0: it never was. */
CHECK_RESULT enum status daily_work_last(struct job_store *store, const char *work, int64_t *time_ms, struct error *err);
CHECK_RESULT enum status daily_work_done(struct job_store *store, const char *work, int64_t time_ms, struct error *err);

/* How many updates followed publications on that day (days since 1970). Noting a number is repeatable. */
CHECK_RESULT enum status set_updates_count(struct job_store *store, int64_t day, int64_t *count, struct error *err);
CHECK_RESULT enum status set_updates_note(struct job_store *store, int64_t day, int64_t count, struct error *err);

#endif
