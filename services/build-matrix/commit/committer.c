/* SPDX-License-Identifier: BSD-3-Clause
 *
 *   committer_add() ──► waiting ──► the thread, round by round:  renew all leases
 *                                                                one change_queue_commit() for results not yet written
 *                                                                end the jobs in Redis
 *                          ▲                                          │
 *                          └────── temporary failures: retried ───────┘
 *
 * A job leaves the queue when it has ended or its lease is lost. Results that arrive within milliseconds of each other share a
 * round, and results that arrive during a push wait for the next one.
 */
#include "services/build-matrix/commit/committer.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/store/job/connection_pool.h"
#include "services/build-matrix/commit/committer_parts.h"
#include "services/build-matrix/matrix_service.h"

enum {
    GATHER_MS = 15,       /* wait this long after the first result so that later ones share its push; */
    GATHER_WAVE_MS = 200, /* the same if no result is urgent: one push costs as much as several commits */
    PAUSE_MIN_MS = 200,   /* backoff: doubled with each failed round in a row, from twice this */
    PAUSE_MAX_MS = 5000,
    ALARM_AFTER = 8,        /* failed rounds in a row */
    END_TIMEOUT_MS = 20000, /* for the last rounds when the service stops */
};

/* ---- Adding jobs ---- */

/* Copies the fields of the job that are needed later; free_success() frees the copy. */
static struct success *copy_job(const struct job *job, const struct lease *lease) {
    struct success *success = memory_alloc(sizeof *success);
    struct arena *arena = &success->arena;
    success->lease = *lease;
    success->job = (struct job){.kind = job->kind, .attempts = job->attempts, .purpose = job->purpose};
    memcpy(success->job.id, job->id, sizeof success->job.id);
#define COPY(field)                                                                                                            \
    if (job->field) success->job.field = arena_copy(arena, job->field)
    COPY(package);
    COPY(version);
    COPY(compiler);
    COPY(actor);
    COPY(issue);
    COPY(reason);
    COPY(authority);
    COPY(record);
#undef COPY
    return success;
}

/* Sets success->result from the job's record, if it has one. */
static void read_record(struct success *success) {
    json_t *record = NULL;
    if (!success->job.record || json_read(&record, success->job.record, strlen(success->job.record), "The record", NULL))
        return;
    const json_t *result = json_object_get(record, "result");
    if (json_is_object(result)) {
        struct text text = {0};
        json_append_value(&text, result, 0);
        success->result = arena_copy(&success->arena, text_view(&text));
        text_release(&text);
    }
    json_decref(record);
}

void committer_add(struct committer *committer, const struct job *job, const struct lease *lease) {
    struct success *success = copy_job(job, lease);
    success->committer = committer;
    read_record(success);
    if (version_parse(&success->version, success->job.version, NULL) ||
        version_parse(&success->compiler, success->job.compiler, NULL)) {
        success->progress = REFUSED;
        success->reason = "The job's version or compiler cannot be read.";
    }
    thread_lock(&committer->thread);
    queue_add(&committer->waiting, &success->link);
    thread_wake(&committer->thread);
    thread_unlock(&committer->thread);
}

static struct success *take_success(struct committer *committer) {
    return QUEUE_ITEM(queue_take(&committer->waiting), struct success, link);
}

static void free_success(struct success *success) {
    arena_release(&success->arena);
    free(success);
}

/* ---- The thread ---- */

static void wait_ms(struct committer *committer, int64_t duration_ms) {
    int64_t at_ms = clock_monotonic_ms() + duration_ms;
    while (clock_monotonic_ms() < at_ms && !committer->thread.is_stopping)
        thread_wait(&committer->thread, at_ms);
}

/* True if a queued job is urgent. The mutex must be held, for gather() too. */
static bool is_urgent(const struct committer *committer) {
    for (struct queue_link *at = committer->waiting.first; at; at = at->next)
        if (matrix_purpose_priority(QUEUE_ITEM(at, struct success, link)->job.purpose) == 0) return true;
    return false;
}

static void gather(struct committer *committer) {
    wait_ms(committer, GATHER_MS);
    for (int64_t at_ms = clock_monotonic_ms() + GATHER_WAVE_MS - GATHER_MS;
         clock_monotonic_ms() < at_ms && !is_urgent(committer) && !committer->thread.is_stopping;)
        wait_ms(committer, GATHER_MS);
}

/* Takes up to ROUND_MAX queued jobs; a duplicate (a result that was sent twice) is dropped. The mutex must be held. */
static size_t take_round(struct committer *committer, struct success **round) {
    size_t count = 0;
    for (struct success *success; count < ROUND_MAX && (success = take_success(committer));) {
        bool is_there = false;
        for (size_t i = 0; i < count && !is_there; i++)
            is_there =
                text_equal(round[i]->lease.job_id, success->lease.job_id) && round[i]->lease.fence == success->lease.fence;
        if (is_there)
            free_success(success);
        else
            round[count++] = success;
    }
    return count;
}

/* Puts unfinished jobs back at the head of the queue and frees the others. The mutex must be held. */
static void put_back(struct committer *committer, struct success **round, size_t count) {
    for (size_t i = count; i > 0; i--) {
        struct success *success = round[i - 1];
        if (success->is_ended || success->is_stale)
            free_success(success);
        else
            queue_put_back(&committer->waiting, &success->link);
    }
}

static void note_failure(struct committer *committer, int failures, const struct error *err) {
    if (failures == 1) log_line(LOG_WARN, "build_commit_retried", log_field("error", err->message));
    if (failures != ALARM_AFTER) return;
    atomic_fetch_add(&committer->service->alarms, 1);
    log_line(LOG_ERROR, "build_commit_failed", log_field("error", err->message));
}

static void commit_all(void *context) {
    struct committer *committer = context;
    struct success **round = memory_alloc(ROUND_MAX * sizeof(struct success *));
    int failures = 0;
    int64_t stop_at_ms = INT64_MAX;
    thread_lock(&committer->thread);
    for (;;) {
        while (!committer->waiting.first && !committer->thread.is_stopping)
            thread_wait(&committer->thread, THREAD_NO_LIMIT);
        if (committer->thread.is_stopping && stop_at_ms == INT64_MAX) stop_at_ms = clock_monotonic_ms() + END_TIMEOUT_MS;
        if (!committer->waiting.first || clock_monotonic_ms() >= stop_at_ms) break;
        gather(committer);
        size_t count = committer->under_way = take_round(committer, round);
        thread_unlock(&committer->thread);
        struct error err = {0};
        enum status status = committer_go_round(committer, round, count, &err);
        failures = status ? failures + 1 : 0;
        if (status) note_failure(committer, failures, &err);
        thread_lock(&committer->thread);
        committer->under_way = 0;
        committer->failed_rounds += status != STATUS_OK;
        put_back(committer, round, count);
        int shift = failures < 6 ? failures : 6;
        int64_t pause_ms = (int64_t)PAUSE_MIN_MS << shift;
        if (status) wait_ms(committer, pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS);
    }
    thread_unlock(&committer->thread);
    free(round);
}

/* ---- Creating and freeing ---- */

enum status committer_create(struct committer **out, struct matrix_service *service, struct error *err) {
    struct committer *committer = memory_alloc(sizeof *committer);
    committer->service = service;
    committer->store = connection_pool_take(service->stores);
    thread_init(&committer->thread);
    *out = committer;
    return thread_start(&committer->thread, "committer", commit_all, committer, err);
}

void committer_free(struct committer *committer) {
    if (!committer) return;
    thread_release(&committer->thread);
    for (struct success *success; (success = take_success(committer));)
        free_success(success); /* its lease expires, and the next runner resumes from its record */
    connection_pool_give_back(committer->service->stores, committer->store);
    free(committer);
}

void committer_measure(struct committer *committer, struct metrics *metrics) {
    thread_lock(&committer->thread);
    double waiting = (double)(committer->waiting.count + committer->under_way), rounds = (double)committer->rounds,
           commits = (double)committer->commits, failed = (double)committer->failed_rounds;
    thread_unlock(&committer->thread);
    metrics_add(metrics, METRIC_GAUGE, "registry_matrix_commits_waiting", "Successful builds that are not committed yet.", NULL,
                waiting);
    metrics_add(metrics, METRIC_COUNTER, "registry_matrix_pushes_total", "Rounds of commits, with one push each.", NULL,
                rounds);
    metrics_add(metrics, METRIC_COUNTER, "registry_matrix_commits_total",
                "Compilers added to the metadata, with one commit each.", NULL, commits);
    metrics_add(metrics, METRIC_COUNTER, "registry_matrix_failed_rounds_total", "Rounds of commits that must be repeated.",
                NULL, failed);
}
