/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The jobs of a worker, from the arrival of their work until the service has accepted their outcomes. One list with one mutex,
 * shared by the slots (which add jobs, write lines and end jobs), the renewer and the sender.
 */
#ifndef SERVICES_BUILD_WORKER_HELD_JOBS_H
#define SERVICES_BUILD_WORKER_HELD_JOBS_H

#include <pthread.h>

#include "lib/base/deadline.h"
#include "proto/message.h"
#include "services/build-worker/build.h"
#include "services/build-worker/held_lines.h"

/* One work order in progress; owned by its slot. */
struct held_order {
    struct deadline deadline;
    int64_t renew_until_ms; /* of clock_monotonic_ms(): after it leases are not renewed, so that a hung build is lost */
    size_t wanted;          /* jobs of it that are neither ended nor lost */
};

struct held_job {
    char job_id[UUID_TEXT_MAX];
    int64_t fence;
    struct held_order *order; /* NULL once it has ended */
    bool is_lost;             /* another runner has the lease: nothing more is sent */
    bool is_loss_unlogged;    /* it had ended when it was lost, so no log line has said so yet */
    bool is_ended;
    bool is_given_back;
    const char *verdict; /* set when it has ended, like the next two */
    const char *reason;
    const struct record_build_result *result;
    struct arena arena;      /* of reason and result */
    struct held_lines lines; /* not sent yet */
    int64_t line_count;      /* of all lines so far; the number of the last */
    bool is_being_sent;      /* the sender is working on it */
    struct held_job *next;
};

struct held_jobs {
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* output is pending, or a job was lost or removed */
    struct held_job *first;
};

void held_jobs_init(struct held_jobs *list);
void held_jobs_release(struct held_jobs *list); /* with its jobs */

/* Frees a job that is in no list. */
void held_job_free(struct held_job *held);

/* For slots: the jobs of their work. Lines and outcomes are copied, each text cleaned for messages (clean_text()). */
void held_jobs_add(struct held_jobs *list, const struct work_order *work, struct held_order *order);
void held_jobs_say(struct held_jobs *list, const struct build_job *job, enum log_level level, const char *message);
void held_jobs_end(struct held_jobs *list, const struct build_job *job, const struct build_outcome *outcome);

/* For the renewer: all leases to renew; copies in the arena. */
struct record_lease_list held_jobs_list_leases(struct held_jobs *list, struct arena *arena);
/* The lease with this fence is lost, perhaps to this worker itself under a newer fence. An order without wanted jobs is
 * cancelled. True: the job was still being built. */
bool held_jobs_lose(struct held_jobs *list, const char *job_id, int64_t fence);
/* The same for all leases that the reply to a renewal names; logs the jobs that were still being built. */
void held_jobs_lose_all(struct held_jobs *list, struct record_lease_list lost);
/* Cancels all builds. */
void held_jobs_cancel(struct held_jobs *list);

#endif
