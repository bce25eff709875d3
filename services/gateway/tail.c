/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/tail.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/store/log_stream.h"
#include "services/gateway/call.h"

enum {
    LOOK_MS = 100,    /* of one blocking wait in Redis; calls that arrive meanwhile join the next one */
    TIMEOUT_MS = 1000 /* of a Redis call, in addition to the wait itself */
};

/* A job whose log is awaited. */
struct awaited {
    char job_id[UUID_TEXT_MAX];
    int64_t after_ms; /* the minimum of its readers' */
    bool has_changed;
};

struct tail {
    struct job_store *store;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    h2o_linklist_t waiting; /* calls; guarded by the mutex, like is_stopping */
    bool is_stopping;
    struct awaited *jobs; /* used by the thread only, like the next two */
    size_t job_count, job_capacity;
};

static struct call *call_at(h2o_linklist_t *place) {
    return H2O_STRUCT_FROM_MEMBER(struct call, tail.place, place);
}

static void add_job(struct tail *tail, const struct call *call) {
    if (tail->job_count == tail->job_capacity) {
        tail->job_capacity = tail->job_capacity ? tail->job_capacity * 2 : 64;
        tail->jobs = memory_resize(tail->jobs, tail->job_capacity, sizeof *tail->jobs);
    }
    struct awaited *job = &tail->jobs[tail->job_count++];
    *job = (struct awaited){.after_ms = call->tail.after_ms};
    snprintf(job->job_id, sizeof job->job_id, "%s", call->tail.job_id);
}

/* Collects the awaited jobs; blocks while no call waits. False: the thread must stop. */
static bool note_jobs(struct tail *tail) {
    tail->job_count = 0;
    pthread_mutex_lock(&tail->mutex);
    while (h2o_linklist_is_empty(&tail->waiting) && !tail->is_stopping)
        pthread_cond_wait(&tail->changed, &tail->mutex);
    for (h2o_linklist_t *at = tail->waiting.next; at != &tail->waiting; at = at->next)
        add_job(tail, call_at(at));
    bool goes_on = !tail->is_stopping;
    pthread_mutex_unlock(&tail->mutex);
    return goes_on;
}

static int compare_awaited(const void *a, const void *b) {
    return strcmp(((const struct awaited *)a)->job_id, ((const struct awaited *)b)->job_id);
}

/* Sorts the jobs and merges duplicates. */
static void merge_jobs(struct tail *tail) {
    if (tail->job_count == 0) return;
    qsort(tail->jobs, tail->job_count, sizeof *tail->jobs, compare_awaited);
    size_t kept = 1;
    for (size_t i = 1; i < tail->job_count; i++) {
        struct awaited *last = &tail->jobs[kept - 1];
        if (strcmp(last->job_id, tail->jobs[i].job_id) != 0)
            tail->jobs[kept++] = tail->jobs[i];
        else if (tail->jobs[i].after_ms < last->after_ms)
            last->after_ms = tail->jobs[i].after_ms;
    }
    tail->job_count = kept;
}

/* Waits in Redis for changes of the logs. If Redis is away, all calls are woken; each then handles the outage itself. */
static void look(struct tail *tail) {
    const char **ids = memory_alloc(tail->job_count * sizeof *ids);
    int64_t *after_ms = memory_alloc(tail->job_count * sizeof *after_ms);
    bool *changed = memory_alloc(tail->job_count * sizeof *changed);
    for (size_t i = 0; i < tail->job_count; i++) {
        ids[i] = tail->jobs[i].job_id;
        after_ms[i] = tail->jobs[i].after_ms;
    }
    struct error err;
    enum status status = log_stream_wait(tail->store, ids, after_ms, tail->job_count, LOOK_MS, changed, &err);
    if (status) {
        log_line(LOG_WARN, "waiting for log lines failed", log_field("error", err.message));
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL); /* the woken calls may come back at once */
    }
    for (size_t i = 0; i < tail->job_count; i++)
        tail->jobs[i].has_changed = status || changed[i];
    free(changed);
    free(after_ms);
    free(ids);
}

static bool is_awaited_changed(const struct tail *tail, const char *job_id) {
    struct awaited key = {.after_ms = 0};
    snprintf(key.job_id, sizeof key.job_id, "%s", job_id);
    const struct awaited *found = bsearch(&key, tail->jobs, tail->job_count, sizeof key, compare_awaited);
    return found && found->has_changed;
}

static void wake(struct tail *tail, bool everybody) {
    int64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&tail->mutex);
    for (h2o_linklist_t *at = tail->waiting.next, *next; at != &tail->waiting; at = next) {
        struct call *call = call_at(at);
        next = at->next;
        if (!everybody && now_ms < call->tail.until_ms && !is_awaited_changed(tail, call->tail.job_id)) continue;
        h2o_linklist_unlink(at);
        call->next = CALL_WORKS_AGAIN;
        call_return(call);
    }
    pthread_mutex_unlock(&tail->mutex);
}

static void *run(void *argument) {
    struct tail *tail = argument;
    while (note_jobs(tail)) {
        merge_jobs(tail);
        look(tail);
        wake(tail, false);
    }
    wake(tail, true);
    return NULL;
}

enum status tail_create(struct tail **out, const char *redis_url, struct error *err) {
    struct tail *tail = memory_alloc(sizeof *tail);
    *out = tail;
    pthread_mutex_init(&tail->mutex, NULL);
    pthread_cond_init(&tail->changed, NULL);
    h2o_linklist_init_anchor(&tail->waiting);
    enum status status = job_store_create(&tail->store, redis_url, TIMEOUT_MS, err);
    if (status) return status;
    int problem = pthread_create(&tail->thread, NULL, run, tail);
    if (problem)
        return error_set(err, STATUS_INTERNAL, "The thread that waits for log lines cannot be started: %s.", strerror(problem));
    tail->has_thread = true;
    return STATUS_OK;
}

void tail_wait(struct tail *tail, struct call *call) {
    pthread_mutex_lock(&tail->mutex);
    bool is_stopping = tail->is_stopping;
    if (!is_stopping) {
        h2o_linklist_insert(&tail->waiting, &call->tail.place);
        pthread_cond_signal(&tail->changed);
    }
    pthread_mutex_unlock(&tail->mutex);
    if (!is_stopping) return;
    call->next = CALL_WORKS_AGAIN;
    call_return(call);
}

bool tail_withdraw(struct tail *tail, struct call *call) {
    pthread_mutex_lock(&tail->mutex);
    bool is_waiting = h2o_linklist_is_linked(&call->tail.place);
    if (is_waiting) h2o_linklist_unlink(&call->tail.place);
    pthread_mutex_unlock(&tail->mutex);
    return is_waiting;
}

void tail_stop(struct tail *tail) {
    pthread_mutex_lock(&tail->mutex);
    tail->is_stopping = true;
    pthread_cond_signal(&tail->changed);
    pthread_mutex_unlock(&tail->mutex);
}

void tail_free(struct tail *tail) {
    if (!tail) return;
    tail_stop(tail);
    if (tail->has_thread) pthread_join(tail->thread, NULL);
    job_store_free(tail->store);
    pthread_cond_destroy(&tail->changed);
    pthread_mutex_destroy(&tail->mutex);
    free(tail->jobs);
    free(tail);
}
