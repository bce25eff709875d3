/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the files behind lib/service/job_runner.h share; not for anybody else.
 *
 *   job_runner.c        the slots' threads: waiting, claiming, draining
 *   job_run.c           one run: the handler, what its status means, and how the job is brought to its end
 *   job_housekeeping.c  the thread that keeps leases alive and logs flowing, and looks after what others lost
 *   job_retention.c     the thread that moves old jobs out of Redis
 *
 * Locks: a slot's mutex is held while its run is looked after by a thread that is not the run's own, also across calls to
 * Redis; the runner's mutex is held for moments only, and may be taken while a slot's is held, never the other way round.
 */
#ifndef LIB_SERVICE_JOB_SLOT_H
#define LIB_SERVICE_JOB_SLOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "lib/service/job_runner.h"

enum {
    ANNOUNCED_MAX = 1024, /* ids that wait for a free slot; beyond, they are looked for in Redis */
    RETRIES_MAX = 64,     /* jobs that are being tried again; how often is remembered for the last ones */
    RUNNER_NAME_MAX = 160,
};

struct job_slot {
    struct job_runner *runner;
    char name[RUNNER_NAME_MAX]; /* who holds the lease, as Redis and operators see it */
    struct job_store *store;    /* of the slot's thread */
    pthread_t thread;

    pthread_mutex_t mutex;
    struct job_run *run;   /* NULL: none is to be looked after */
    int64_t held_until_ms; /* clock_monotonic_ms() until which the lease is ours for certain */
    int64_t renew_at_ms;
};

struct job_retry {
    char job_id[UUID_TEXT_MAX];
    int tries;
    int64_t look_at_ms; /* when it may be tried again, and a slot is to ask; 0: it was asked */
};

struct job_runner {
    const struct settings *settings;
    const struct job_handler *handlers;
    void *context;
    unsigned kinds; /* those with a handler, as a set of 1 << enum job_kind */
    int64_t lease_ms;
    struct job_slot *slots;
    int slot_count;
    atomic_llong alarms;
    struct job_store *store; /* of the housekeeping thread */
    pthread_t housekeeper;
    bool housekeeper_is_started;
    struct job_store *retention_store; /* of the thread that moves old jobs; NULL where no storage folder is set */
    pthread_t retention;
    bool retention_is_started;
    int slots_started;

    pthread_mutex_t mutex;
    pthread_cond_t work_came;   /* one slot is to look */
    pthread_cond_t state_moved; /* a run ended or began, draining, giving up, stopped: whoever waits looks again */
    char announced[ANNOUNCED_MAX][UUID_TEXT_MAX];
    size_t announced_first;
    size_t announced_count;
    bool may_have_work; /* there may be a job in Redis that can run: a free slot asks */
    int64_t look_at_ms; /* when a slot is to ask again, because of a lock; INT64_MAX: never */
    int running;
    bool is_draining;
    bool has_given_up; /* the drain's time is over: nothing is waited for any more */
    bool is_stopped;   /* all slots are done */
    struct job_retry retries[RETRIES_MAX];
    size_t retries_next;
};

/* job_runner.c */
void job_runner_alarm(struct job_runner *runner, const char *event, const char *job_id, const char *why);
/* Until `until_ms` of clock_monotonic_ms(), with the runner's mutex held. False: the time is over. */
bool job_runner_wait(struct job_runner *runner, pthread_cond_t *condition, int64_t until_ms);
/* Has a free slot ask Redis for work, or the next one that gets free. */
void job_runner_look(struct job_runner *runner);
/* The same in a moment: a job that could run waits for a lock that no job holds (lib/store/lock.h). */
void job_runner_look_soon(struct job_runner *runner);

/* The next time at which a slot is to ask, INT64_MAX: never; with the runner's mutex held. */
int64_t job_runner_next_look_ms(const struct job_runner *runner);

/* job_run.c: runs the claimed job and brings it to its end. `claimed_ms` is from before the claim. */
void job_run_carry_out(struct job_slot *slot, struct job_run *run, int64_t claimed_ms);

/* job_housekeeping.c */
void *job_housekeeping_main(void *runner);

/* job_retention.c */
void *job_retention_main(void *runner);

#endif
