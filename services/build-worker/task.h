/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The jobs of a worker, from the arrival of their work until the service has accepted their outcomes. One list with one mutex,
 * shared by the slots (which add jobs, write lines and end jobs), the renewer and the sender.
 */
#ifndef SERVICES_BUILD_WORKER_TASK_H
#define SERVICES_BUILD_WORKER_TASK_H

#include <pthread.h>

#include "lib/base/deadline.h"
#include "lib/base/text.h"
#include "services/build-worker/build.h"

/* One piece of work in progress; owned by its slot. */
struct piece {
    struct deadline deadline;
    int64_t renew_until_ms; /* of clock_monotonic_ms(): after it leases are not renewed, so that a hung build is lost */
    size_t wanted;          /* jobs of it that are neither ended nor lost */
};

struct task {
    char job_id[UUID_TEXT_MAX];
    int64_t fence;
    struct piece *piece; /* NULL once it has ended */
    bool is_lost;        /* another runner has the lease: nothing more is sent */
    bool is_ended;
    bool is_given_back;
    char *verdict, *reason, *result; /* set when it has ended */
    struct text lines;               /* unsent items of the message build_lines: JSON, separated by commas */
    int64_t line_count;              /* of all lines so far; the number of the last */
    bool is_being_sent;              /* the sender is working on it */
    struct task *next;
};

struct task_list {
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* output is pending, or a task was lost or removed */
    struct task *first;
};

void task_list_init(struct task_list *list);
void task_list_release(struct task_list *list); /* with its tasks */

/* For slots: the jobs of their work. */
void task_list_add(struct task_list *list, const struct build_work *work, struct piece *piece);
void task_list_say(struct task_list *list, const struct build_job *job, enum log_level level, const char *message);
void task_list_end(struct task_list *list, const struct build_job *job, const struct build_outcome *outcome);

/* For the renewer: appends [[JOB ID, FENCE], …] of all leases to renew; returns their number. */
size_t task_list_append_leases(struct task_list *list, struct text *out);
/* The lease with this fence is lost, perhaps to this worker itself under a newer fence. A piece without wanted jobs is
 * cancelled. True: the job was still being built. */
bool task_list_lose(struct task_list *list, const char *job_id, int64_t fence);
/* The same for the reply to a renewal: `asked` is the text that task_list_append_leases() wrote for it, `lost` a JSON array
 * of job ids. If a job was sent with several fences, the newest is kept; the next renewal decides. */
void task_list_lose_all(struct task_list *list, const char *asked, const char *lost);
/* Cancels all builds. */
void task_list_cancel(struct task_list *list);

#endif
