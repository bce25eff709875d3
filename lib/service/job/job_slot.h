/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared by the files that implement lib/service/job/job_runner.h, and private to them.
 *
 *   job_runner.c            the slots' threads: waiting, claiming, draining
 *   job_run.c               one run: the handler, the outcome that its status means, and how the job is ended or handed back
 *   job_lease_thread.c      the thread that renews leases, writes logs, and takes back expired leases
 *   job_retention_thread.c  the thread that moves old jobs out of Redis
 *
 * Locks: a slot's mutex is held while the run's lease or log is written to Redis, by the run's own thread or another; the
 * runner's mutex is held only briefly, and may be taken while a slot's is held, never the other way round.
 */
#ifndef LIB_SERVICE_JOB_JOB_SLOT_H
#define LIB_SERVICE_JOB_JOB_SLOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "lib/base/queue.h"
#include "lib/base/thread.h"
#include "lib/service/job/job_runner.h"

enum {
    ANNOUNCED_MAX = 1024, /* queue of announced ids; when it is full, jobs are found by a scan of Redis */
    RUNNER_NAME_MAX = 160,
};

struct job_slot {
    struct job_runner *runner;
    char name[RUNNER_NAME_MAX]; /* the lease's holder, as Redis and operators see it */
    struct job_store *store;    /* of the slot's thread */

    pthread_mutex_t mutex;
    struct job_run *run;   /* NULL: no run with a lease */
    int64_t held_until_ms; /* clock_monotonic_ms() until which the lease certainly holds */
    int64_t renew_at_ms;
};

struct announcement {
    struct queue_link link;
    char job_id[UUID_TEXT_MAX];
};

struct job_runner {
    const struct settings *settings;
    const struct job_handler *handlers;
    void *context;
    unsigned kinds; /* the kinds with a handler, as a set of 1 << enum job_kind */
    int64_t lease_ms;
    struct job_slot *slots;
    int slot_count;
    atomic_llong alarms;
    struct job_store *store;           /* of the lease thread */
    struct job_store *retention_store; /* of the retention thread; NULL: no storage folder is set */
    struct thread slot_threads, housekeeper, retention;

    pthread_mutex_t mutex;
    pthread_cond_t work_came;   /* one slot must ask Redis */
    pthread_cond_t state_moved; /* broadcast when a run starts or ends, a scan is scheduled, and on every step of a shutdown */
    struct queue announced;     /* struct announcement, at most ANNOUNCED_MAX */
    bool may_have_work;         /* Redis may have a job that can run: a free slot must ask */
    int64_t poll_at_ms;         /* when a slot must ask again, because of a lock; INT64_MAX: never */
    struct {
        int64_t *items;
        size_t count, capacity;
    } polls; /* when a slot must ask again, because of each job that is delayed */
    int running;
    bool is_draining;
    bool has_given_up; /* the drain's time is over: nothing is waited for any longer */
    bool is_stopped;   /* all slots have ended */
};

/* job_runner.c */
void job_runner_alarm(struct job_runner *runner, const char *event, const char *job_id, const char *why);
/* Waits until `until_ms` (clock_monotonic_ms()), with the runner's mutex held. False: timed out. */
bool job_runner_wait(struct job_runner *runner, pthread_cond_t *condition, int64_t until_ms);
/* Has a free slot ask Redis for work, or the next slot that becomes free. */
void job_runner_poll(struct job_runner *runner);

/* The time of the next scheduled poll, INT64_MAX: none; with the runner's mutex held. */
int64_t job_runner_next_poll_ms(const struct job_runner *runner);

/* job_run.c: runs the claimed job, and ends it or hands it back. `claimed_ms` (clock_monotonic_ms()) is before the claim. */
void job_run_carry_out(struct job_slot *slot, struct job_run *run, int64_t claimed_ms);

/* job_lease_thread.c */
void job_lease_thread(void *runner);

/* job_retention_thread.c */
void job_retention_thread(void *runner);

#endif
