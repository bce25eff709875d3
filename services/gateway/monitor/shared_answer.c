/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/monitor/shared_answer.h"

#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/base/thread.h"
#include "services/gateway/http/call.h"

struct shared_answer {
    struct shared_answer_maker maker;
    struct thread thread;
    struct queue arrived; /* calls; guarded by the thread's mutex */
};

/* Waits for calls, and takes all. None: the thread must stop. */
static struct queue take_arrivals(struct shared_answer *shared) {
    thread_lock(&shared->thread);
    while (!shared->arrived.first && !shared->thread.is_stopping)
        thread_wait(&shared->thread, THREAD_NO_LIMIT);
    struct queue calls = shared->arrived;
    shared->arrived = (struct queue){0};
    thread_unlock(&shared->thread);
    return calls;
}

static void run(void *context) {
    struct shared_answer *shared = context;
    const struct shared_answer_maker *maker = &shared->maker;
    for (struct queue calls; (calls = take_arrivals(shared)).first;) {
        maker->make(maker->context);
        for (struct call *call; (call = QUEUE_ITEM(queue_take(&calls), struct call, wait.link));) {
            maker->fill(maker->context, call);
            call_return(call);
        }
    }
}

enum status shared_answer_create(struct shared_answer **out, const struct shared_answer_maker *maker, struct error *err) {
    struct shared_answer *shared = memory_alloc(sizeof *shared);
    *out = shared;
    shared->maker = *maker;
    thread_init(&shared->thread);
    return thread_start(&shared->thread, maker->thread_name, run, shared, err);
}

void shared_answer_give(struct shared_answer *shared, struct call *call) {
    thread_lock(&shared->thread);
    queue_add(&shared->arrived, &call->wait.link);
    thread_wake(&shared->thread);
    thread_unlock(&shared->thread);
}

void shared_answer_free(struct shared_answer *shared) {
    if (!shared) return;
    thread_release(&shared->thread);
    free(shared);
}
