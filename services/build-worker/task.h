/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The jobs that a worker has, from the work that names them until the service has taken what came of them. One list, with one
 * mutex, for the slots (which add, say lines, and end), the renewer and the sender.
 */
#ifndef SERVICES_BUILD_WORKER_TASK_H
#define SERVICES_BUILD_WORKER_TASK_H

#include <pthread.h>

#include "lib/base/deadline.h"
#include "lib/base/text.h"
#include "services/build-worker/build.h"

/* One piece of work under way; belongs to its slot. */
struct piece {
    struct deadline deadline;
    int64_t renew_until_ms; /* of clock_monotonic_ms(): what takes longer is lost on purpose */
    size_t wanted;          /* jobs of it that are not ended and not lost */
};

struct task {
    char job_id[UUID_TEXT_MAX];
    int64_t fence;
    struct piece *piece; /* NULL: it is ended */
    bool is_lost;        /* the lease is somebody else's: nothing of it is sent any more */
    bool is_ended;
    bool is_given_back;
    char *verdict, *reason, *result; /* of an ended one */
    struct text lines;               /* JSON items of the message work_lines that were not sent yet, with commas */
    int64_t line_count;              /* all that were said: their numbers */
    bool is_being_sent;              /* the sender has it */
    struct task *next;
};

struct task_list {
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* something is to be sent, or the list got shorter */
    struct task *first;
};

void task_list_init(struct task_list *list);
void task_list_release(struct task_list *list); /* with all that is in it */

/* A slot's: the jobs of its work. */
void task_list_add(struct task_list *list, const struct build_work *work, struct piece *piece);
void task_list_say(struct task_list *list, const struct build_job *job, enum log_level level, const char *message);
void task_list_end(struct task_list *list, const struct build_job *job, const struct build_outcome *outcome);

/* The renewer's: appends [[JOB ID, FENCE], …] of all that are to be renewed. */
size_t task_list_append_leases(struct task_list *list, struct text *out);
/* What was held under that number is somebody else's now, perhaps this worker's own again under another. A piece of which
 * nobody wants anything any more is stopped. True: it was still under way. */
bool task_list_lose(struct task_list *list, const char *job_id, int64_t fence);
/* The same for the answer to a renewal: `asked` is what task_list_append_leases() wrote for it, `lost` a JSON array of job ids.
 * Of a job that was asked for under several numbers the newest stays: the next renewal tells. */
void task_list_lose_all(struct task_list *list, const char *asked, const char *lost);
/* Stops all that is being built. */
void task_list_cancel(struct task_list *list);

#endif
