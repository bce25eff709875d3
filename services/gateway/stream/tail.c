/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/stream/tail.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/base/memory.h"
#include "lib/base/thread.h"
#include "lib/store/job/log_stream.h"
#include "services/gateway/http/call.h"

enum {
    LOOK_MS = 100,    /* of one blocking wait in Redis; calls that arrive meanwhile join the next one */
    TIMEOUT_MS = 1000 /* of a Redis call, in addition to the wait itself */
};

/* A job whose log is awaited. */
struct awaited {
    int64_t after_ms; /* the minimum of its readers' */
    bool has_changed;
};

struct tail {
    struct job_store *store;
    struct thread thread;
    struct queue waiting; /* calls; guarded by the thread's mutex */
    struct map jobs;      /* struct awaited, by the job's id; used by the thread only */
};

static struct call *call_at(struct queue_link *place) {
    return QUEUE_ITEM(place, struct call, tail.link);
}

static void add_job(struct tail *tail, const struct call *call) {
    struct awaited *job = map_find(&tail->jobs, call->tail.job_id);
    if (!job) {
        job = memory_alloc(sizeof *job);
        job->after_ms = call->tail.after_ms;
        map_put(&tail->jobs, call->tail.job_id, job);
    }
    if (call->tail.after_ms < job->after_ms) job->after_ms = call->tail.after_ms;
}

/* Collects the awaited jobs; blocks while no call waits. False: the thread must stop. */
static bool note_jobs(struct tail *tail) {
    map_release(&tail->jobs, free);
    thread_lock(&tail->thread);
    while (!tail->waiting.first && !tail->thread.is_stopping)
        thread_wait(&tail->thread, THREAD_NO_LIMIT);
    for (struct queue_link *at = tail->waiting.first; at; at = at->next)
        add_job(tail, call_at(at));
    bool goes_on = !tail->thread.is_stopping;
    thread_unlock(&tail->thread);
    return goes_on;
}

/* Waits in Redis for changes of the logs. If Redis is away, all calls are woken; each then handles the outage itself. */
static void look(struct tail *tail) {
    size_t count = map_count(&tail->jobs), i = 0;
    const char **ids = memory_alloc(count * sizeof *ids);
    int64_t *after_ms = memory_alloc(count * sizeof *after_ms);
    bool *changed = memory_alloc(count * sizeof *changed);
    for (const struct map_entry *at = map_first(&tail->jobs); at; at = map_next(at), i++) {
        ids[i] = map_key(at);
        after_ms[i] = ((const struct awaited *)map_value(at))->after_ms;
    }
    struct error err;
    enum status status = log_stream_wait(tail->store, ids, after_ms, count, LOOK_MS, changed, &err);
    if (status) {
        log_line(LOG_WARN, "log_wait_failed", log_field("error", err.message));
        thread_pause(&tail->thread, LOOK_MS); /* the woken calls may come back at once */
    }
    i = 0;
    for (const struct map_entry *at = map_first(&tail->jobs); at; at = map_next(at), i++)
        ((struct awaited *)map_value(at))->has_changed = status || changed[i];
    free(changed);
    free(after_ms);
    free(ids);
}

static bool is_awaited_changed(const struct tail *tail, const char *job_id) {
    const struct awaited *found = map_find(&tail->jobs, job_id);
    return found && found->has_changed;
}

static void wake(struct tail *tail, bool everybody) {
    int64_t now_ms = clock_monotonic_ms();
    thread_lock(&tail->thread);
    for (struct queue_link *at = tail->waiting.first, *next; at; at = next) {
        struct call *call = call_at(at);
        next = at->next;
        if (!everybody && now_ms < call->tail.until_ms && !is_awaited_changed(tail, call->tail.job_id)) continue;
        queue_remove(&tail->waiting, at);
        call->next = CALL_WORKS_AGAIN;
        call_return(call);
    }
    thread_unlock(&tail->thread);
}

static void run(void *context) {
    struct tail *tail = context;
    while (note_jobs(tail)) {
        look(tail);
        wake(tail, false);
    }
    wake(tail, true);
}

enum status tail_create(struct tail **out, const char *redis_url, struct error *err) {
    struct tail *tail = memory_alloc(sizeof *tail);
    *out = tail;
    thread_init(&tail->thread);
    enum status status = job_store_create(&tail->store, redis_url, TIMEOUT_MS, err);
    if (!status) status = thread_start(&tail->thread, "tail", run, tail, err);
    return status;
}

void tail_wait(struct tail *tail, struct call *call) {
    thread_lock(&tail->thread);
    bool is_stopping = tail->thread.is_stopping;
    if (!is_stopping) {
        queue_add(&tail->waiting, &call->tail.link);
        thread_wake(&tail->thread);
    }
    thread_unlock(&tail->thread);
    if (!is_stopping) return;
    call->next = CALL_WORKS_AGAIN;
    call_return(call);
}

bool tail_withdraw(struct tail *tail, struct call *call) {
    thread_lock(&tail->thread);
    bool is_waiting = queue_has_link(&call->tail.link);
    if (is_waiting) queue_remove(&tail->waiting, &call->tail.link);
    thread_unlock(&tail->thread);
    return is_waiting;
}

void tail_stop(struct tail *tail) {
    thread_request_stop(&tail->thread);
}

void tail_free(struct tail *tail) {
    if (!tail) return;
    thread_release(&tail->thread);
    job_store_free(tail->store);
    map_release(&tail->jobs, free);
    free(tail);
}
