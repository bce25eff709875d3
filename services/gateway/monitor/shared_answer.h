/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A thread that makes an answer for which others must be asked, and which takes as long as the slowest of them. Requests that
 * arrive while it is being made share the next one, so their number does not matter.
 */
#ifndef SERVICES_GATEWAY_MONITOR_SHARED_ANSWER_H
#define SERVICES_GATEWAY_MONITOR_SHARED_ANSWER_H

#include "lib/base/error.h"

struct call;
struct shared_answer;

/* How the answer is made; both functions run on the thread. */
struct shared_answer_maker {
    const char *thread_name;                        /* as of thread_start() */
    void (*make)(void *context);                    /* makes an answer, and keeps it in `context` */
    void (*fill)(void *context, struct call *call); /* sets call->answer from the result made last */
    void *context;
};

/* Starts the thread. `maker` is copied. Free `*out` even after a failure. */
CHECK_RESULT enum status shared_answer_create(struct shared_answer **out, const struct shared_answer_maker *maker,
                                              struct error *err);

/* Answers `call`, which must be away (call_leave()), with an answer whose making begins after now. Any thread. */
void shared_answer_give(struct shared_answer *shared, struct call *call);

/* Answers the waiting calls, then stops the thread. NULL is allowed. */
void shared_answer_free(struct shared_answer *shared);

#endif
