/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared by the files of the schedule, and private to them: schedule.c has the thread and daily work, schedule_follow.c the
 * updates after publications.
 */
#ifndef SERVICES_PACKAGE_SET_SCHEDULE_PARTS_H
#define SERVICES_PACKAGE_SET_SCHEDULE_PARTS_H

#include <stdatomic.h>

#include "lib/base/thread.h"
#include "lib/domain/job/daily_time.h"
#include "lib/store/redis/lock.h"
#include "services/package-set/github_look.h"
#include "services/package-set/package_set_service.h"
#include "services/package-set/schedule.h"

enum { DAILY_COUNT_MAX = 3 };

struct schedule;

/* A row of the table of daily work: a job that is awaited, or a look at GitHub. */
struct daily_work {
    const char *name;                    /* in Redis, logs and metrics: "package-set" */
    const char *variable;                /* the setting of its time */
    const struct github_look_kind *look; /* only where GITHUB_TOKEN is set; or NULL: */
    /* Begins the work for this time: sets `job_id` to the job whose end is awaited, or leaves it empty if the work is done, or
     * there is none; `report` gets a line for the health check. Repeatable. */
    enum status (*begin)(struct schedule *schedule, int64_t time_ms, char job_id[UUID_TEXT_MAX], struct text *report,
                         struct error *err);
};

struct daily_state {
    struct daily_time time;
    struct lock lock; /* held while this instance does the work */
    bool is_ours;
    int64_t current_ms;         /* the time that the work is for */
    char job_id[UUID_TEXT_MAX]; /* awaited; "": none */
    struct github_look *look;   /* awaited; NULL: none */
    char run_id[UUID_TEXT_MAX]; /* of this run for the health check */
    int64_t pause_until_ms;     /* monotonic: after a failure */
};

struct schedule {
    struct package_set_service *service;
    struct job_store *store;
    struct thread thread;
    struct github_repos *github;
    struct deadline limit; /* of the current round's reading of repositories; guarded by the thread's mutex */
    struct daily_state daily[DAILY_COUNT_MAX];
    atomic_llong done_ms[DAILY_COUNT_MAX]; /* for the metrics: the time that the work was last for; 0: not known yet */

    /* For schedule_follow.c. */
    int64_t looked_ms;   /* monotonic: when the repositories were last read */
    int64_t heads_count; /* job_heads.count then */
    char candidates[SHA256_HEX_MAX];
    size_t candidate_count;
    int64_t newest_ms; /* the time of the newest publication among the candidates */
    char decided_registry[REGISTRY_COMMIT_MAX], decided_index[REGISTRY_COMMIT_MAX]; /* the view that this is about */
};

/* Makes an update of the package set with this id, unless there is one; *is_new: there was none. The job runner finds it
 * (PENDING_SCAN_MS). */
CHECK_RESULT enum status schedule_make_update(struct schedule *schedule, const char *id, bool *is_new, struct error *err);

/* The id of a job that is the same for the same text. */
void schedule_derive_id(const char *what, int64_t number, char out[UUID_TEXT_MAX]);

/* Starts an update if one is due after publications. */
CHECK_RESULT enum status schedule_follow(struct schedule *schedule, struct error *err);

#endif
