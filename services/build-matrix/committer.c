/* SPDX-License-Identifier: BSD-3-Clause
 *
 *   committer_add() ──► waiting ──► the thread, round by round:  renew all leases
 *                                                                one change_queue_commit() for what is not written yet
 *                                                                the end of each job in Redis
 *                          ▲                                          │
 *                          └──── what failed for now: later again ────┘
 *
 * A job leaves when it is ended, or when its lease turns out to be somebody else's. Results that come in the same few
 * milliseconds share a round, and while a push is under way more of them gather for the next one.
 */
#include "services/build-matrix/committer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/condition.h"
#include "lib/base/fault.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/store/metadata_edit.h"
#include "services/build-matrix/matrix_end.h"
#include "services/build-matrix/matrix_service.h"
#include "services/build-matrix/store_stock.h"

enum {
    GATHER_MS = 15,       /* after the first result, for others to share its push, */
    GATHER_WAVE_MS = 200, /* where it is nothing that somebody waits for: a push costs as much as some commits */
    ROUND_MAX = 512,      /* jobs in one */
    PAUSE_MIN_MS = 200,   /* after a round that failed; doubled with each */
    PAUSE_MAX_MS = 5000,
    ALARM_AFTER = 8, /* rounds that failed, one after the other */
    ROUND_TIMEOUT_MS = 120000,
    END_TIMEOUT_MS = 20000, /* for the last rounds, when the service stops */
};

enum progress { NOT_WRITTEN, WRITTEN, REFUSED };

/* One job that has succeeded. */
struct success {
    struct arena arena;
    struct job job;
    struct lease lease;
    struct version version, compiler;
    const char *result; /* out of the record; NULL: none */
    enum progress progress;
    const char *commit;    /* of the change, or NULL: it was there already */
    const char *reason;    /* of a refused one */
    int64_t held_until_ms; /* monotonic: when it was renewed, and for how long */
    bool is_stale;         /* somebody else's by now */
    bool is_ended;
    struct committer *committer;
    struct success *next;
};

struct committer {
    struct matrix_service *service;
    struct job_store *store; /* of the thread */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct success *first, **last; /* those that wait, those under way not among them */
    size_t waiting, under_way;
    bool is_stopping;
    int64_t rounds, commits, failed_rounds; /* for the metrics */
};

/* ---- Taking over ---- */

/* The whole of a job that is needed later, in its own memory. */
static struct success *copy_job(const struct job *job, const struct lease *lease) {
    struct success *success = memory_alloc(sizeof *success);
    struct arena *arena = &success->arena;
    success->lease = *lease;
    success->job = (struct job){.kind = job->kind, .attempts = job->attempts};
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
    COPY(purpose);
    COPY(record);
#undef COPY
    return success;
}

/* The result out of the record that the job has. */
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
    pthread_mutex_lock(&committer->mutex);
    *committer->last = success;
    committer->last = &success->next;
    committer->waiting++;
    pthread_cond_signal(&committer->changed);
    pthread_mutex_unlock(&committer->mutex);
}

static void free_success(struct success *success) {
    arena_release(&success->arena);
    free(success);
}

/* ---- The change ---- */

/* registry_edit_function: the compiler in the version's `compilers`. */
static enum status add_compiler(struct registry_edit *out, const struct registry_file *current, void *context,
                                struct arena *arena, struct error *err) {
    const struct success *success = context;
    struct metadata metadata;
    const struct job *job = &success->job;
    if (!current->bytes) return error_set(err, STATUS_REFUSED, "The package %s is not in the registry any more.", job->package);
    enum status status = metadata_edit_read(&metadata, job->package, current, arena, err);
    if (status) return status;
    const struct published_version *published = metadata_find_published(&metadata, success->version);
    if (!published)
        return error_set(err, STATUS_REFUSED, "%s@%s was unpublished meanwhile, so nothing is written.", job->package,
                         job->version);
    size_t before = published->compiler_count;
    status = metadata_add_compiler(&metadata, success->version, success->compiler, arena, err);
    if (status) return status;
    out->kind = REGISTRY_KEEP;
    if (metadata_find_published(&metadata, success->version)->compiler_count > before)
        metadata_edit_write(out, &metadata, arena);
    return STATUS_OK;
}

/* queued_change.guard */
static enum status check_lease(void *context, int64_t needed_ms, struct error *err) {
    struct success *success = context;
    int64_t now_ms = clock_monotonic_ms(), lease_ms = success->committer->service->settings.lease_ms;
    if (success->held_until_ms - now_ms >= needed_ms) return STATUS_OK;
    enum status status = job_store_renew(success->committer->store, &success->lease, lease_ms, err);
    if (status) return status;
    success->held_until_ms = now_ms + lease_ms;
    int64_t left_ms = success->held_until_ms - clock_monotonic_ms();
    if (left_ms >= needed_ms) return STATUS_OK;
    return error_set(err, STATUS_STALE, "The job is held for another %lld ms only.", (long long)left_ms);
}

/* ---- A round ---- */

static bool is_away(enum status status) {
    return status_is_temporary(status) || status == STATUS_INTERNAL || status == STATUS_CONFLICT;
}

/* What came of one change. True: it is to be tried again. */
static bool take_change(struct success *success, const struct queued_change *queued, const struct error *err) {
    const struct registry_change *change = &queued->change;
    if (change->status == STATUS_OK) {
        success->progress = WRITTEN;
        success->commit = change->written ? arena_copy(&success->arena, change->commit) : NULL;
        return false;
    }
    if (change->status == STATUS_STALE) success->is_stale = true;
    if (change->status == STATUS_STALE || is_away(change->status)) return change->status != STATUS_STALE;
    success->progress = REFUSED;
    success->reason = arena_copy(&success->arena, err->message);
    return false;
}

static const char *subject(struct success *success) {
    return arena_format(&success->arena, "Add compiler %s to %s@%s", success->job.compiler, success->job.package,
                        success->job.version);
}

/* Commits those of the round that are not written yet. STATUS_OK, or why some are to be tried again. */
static enum status commit_round(struct committer *committer, struct success **round, size_t count, struct error *err) {
    struct arena arena = {0};
    struct queued_change *changes = arena_alloc(&arena, (count + 1) * sizeof *changes);
    struct error *errors = arena_alloc(&arena, (count + 1) * sizeof *errors);
    struct success **owners = arena_alloc(&arena, (count + 1) * sizeof(struct success *));
    size_t change_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (round[i]->progress != NOT_WRITTEN || round[i]->is_stale) continue;
        owners[change_count] = round[i];
        changes[change_count] = (struct queued_change){
            .change = {.path = arena_format(&arena, "metadata/%s.json", round[i]->job.package),
                       .message = job_commit_message(&round[i]->job, &arena, subject(round[i])),
                       .edit = add_compiler,
                       .context = round[i],
                       .err = &errors[change_count]},
            .guard = check_lease,
            .context = round[i],
        };
        change_count++;
    }
    enum status again = STATUS_OK;
    if (change_count > 0) {
        struct deadline deadline;
        deadline_start(&deadline, ROUND_TIMEOUT_MS);
        fault_point("matrix-commit");
        enum status status = change_queue_commit(committer->service->repositories.registry_queue, committer->store, changes,
                                                 change_count, &deadline, err);
        fault_point("matrix-pushed");
        size_t written = 0;
        for (size_t i = 0; i < change_count; i++) {
            if (take_change(owners[i], &changes[i], &errors[i])) again = status ? status : changes[i].change.status;
            written += owners[i]->commit != NULL;
        }
        pthread_mutex_lock(&committer->mutex);
        committer->rounds++;
        committer->commits += (int64_t)written;
        pthread_mutex_unlock(&committer->mutex);
    }
    arena_release(&arena);
    return again;
}

static const char *make_event(struct success *success) {
    struct text text = {0};
    struct json_writer writer = {.out = &text};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "event", "built");
    json_writer_text_field(&writer, "name", success->job.package);
    json_writer_text_field(&writer, "version", success->job.version);
    json_writer_text_field(&writer, "compiler", success->job.compiler);
    json_writer_text_field(&writer, "purpose", success->job.purpose);
    json_writer_text_field(&writer, "registryCommit", success->commit);
    json_writer_close(&writer, '}');
    const char *event = arena_copy(&success->arena, text_view(&text));
    text_release(&text);
    return event;
}

static const char *last_line(struct success *success, bool is_readonly) {
    if (is_readonly) return "Read-only: the compiler is not added to the metadata.";
    if (!success->commit) return "The metadata has the compiler already.";
    return arena_format(&success->arena, "Committed the metadata: %s.", success->commit);
}

static void make_end(struct job_end *out, struct committer *committer, struct success *success) {
    bool is_readonly = committer->service->settings.readonly;
    *out = (struct job_end){.success = true,
                            .readonly = is_readonly,
                            .verdict = verdict_text(VERDICT_SUCCEEDED),
                            .result = success->result,
                            .event = is_readonly ? NULL : make_event(success),
                            .line = last_line(success, is_readonly),
                            .line_level = is_readonly ? LOG_WARN : LOG_INFO};
    if (success->commit) out->commit = arena_format(&success->arena, "registry=%s", success->commit);
}

/* What came of its end. True: it is to be tried again. */
static bool take_end(struct success *success, enum status status) {
    success->is_stale = status == STATUS_STALE;
    success->is_ended = status == STATUS_OK;
    return status != STATUS_OK && status != STATUS_STALE;
}

static enum status end_refused(struct committer *committer, struct success *success, struct error *err) {
    struct matrix_outcome outcome = {.verdict = VERDICT_SUCCEEDED, .is_withdrawn = true, .reason = success->reason};
    struct error problem;
    enum status status =
        matrix_job_end(committer->service, committer->store, &success->job, &success->lease, &outcome, &problem);
    if (!take_end(success, status)) return STATUS_OK;
    if (err) *err = problem;
    return status;
}

/* At most JOB_FINISH_MAX. */
static enum status end_written(struct committer *committer, struct success **written, size_t count, struct error *err) {
    struct job_end ends[JOB_FINISH_MAX];
    struct job_finish finishes[JOB_FINISH_MAX];
    enum status again = STATUS_OK;
    for (size_t i = 0; i < count; i++) {
        make_end(&ends[i], committer, written[i]);
        finishes[i] = (struct job_finish){.lease = &written[i]->lease, .end = &ends[i]};
    }
    fault_point("matrix-end");
    job_store_finish_some(committer->store, finishes, count);
    for (size_t i = 0; i < count; i++) {
        if (!take_end(written[i], finishes[i].status)) continue;
        again = finishes[i].status;
        if (err) *err = finishes[i].err;
    }
    return again;
}

static bool may_end(const struct committer *committer, const struct success *success) {
    return !success->is_stale && (success->progress != NOT_WRITTEN || committer->service->settings.readonly);
}

/* Ends those that may end. STATUS_OK, or why some are to be tried again. */
static enum status end_round(struct committer *committer, struct success **round, size_t count, struct error *err) {
    struct success *written[ROUND_MAX];
    size_t written_count = 0;
    enum status again = STATUS_OK;
    for (size_t i = 0; i < count; i++) {
        if (!may_end(committer, round[i])) continue;
        enum status status = STATUS_OK;
        if (round[i]->progress == REFUSED)
            status = end_refused(committer, round[i], err);
        else
            written[written_count++] = round[i];
        if (status) again = status;
    }
    for (size_t i = 0; i < written_count; i += JOB_FINISH_MAX) {
        size_t left = written_count - i;
        enum status status = end_written(committer, written + i, left < JOB_FINISH_MAX ? left : JOB_FINISH_MAX, err);
        if (status) again = status;
    }
    return again;
}

/* The leases of the whole round, for as long as a round may take. */
static enum status renew_round(struct committer *committer, struct success **round, size_t count, struct error *err) {
    struct arena arena = {0};
    struct lease *leases = arena_alloc(&arena, count * sizeof *leases);
    bool *is_held = arena_alloc(&arena, count * sizeof *is_held);
    for (size_t i = 0; i < count; i++)
        leases[i] = round[i]->lease;
    int64_t lease_ms = committer->service->settings.lease_ms, until_ms = clock_monotonic_ms() + lease_ms;
    enum status status = job_store_renew_some(committer->store, leases, count, lease_ms, is_held, err);
    for (size_t i = 0; !status && i < count; i++) {
        round[i]->is_stale = !is_held[i];
        round[i]->held_until_ms = until_ms;
    }
    arena_release(&arena);
    return status;
}

/* STATUS_OK, or why some of the round are to be tried again. */
static enum status go_round(struct committer *committer, struct success **round, size_t count, struct error *err) {
    enum status status = renew_round(committer, round, count, err);
    if (status) return status;
    if (!committer->service->settings.readonly) status = commit_round(committer, round, count, err);
    enum status ended = end_round(committer, round, count, err);
    return ended ? ended : status;
}

/* ---- The thread ---- */

static void wait_ms(struct committer *committer, int64_t duration_ms) {
    int64_t at_ms = clock_monotonic_ms() + duration_ms;
    while (clock_monotonic_ms() < at_ms && !committer->is_stopping)
        condition_wait_until(&committer->changed, &committer->mutex, at_ms);
}

/* Does somebody wait for one of them? With the mutex held, as the next. */
static bool is_urgent(const struct committer *committer) {
    for (const struct success *success = committer->first; success; success = success->next) {
        enum matrix_purpose purpose;
        if (success->job.purpose && matrix_purpose_parse(success->job.purpose, &purpose) &&
            matrix_purpose_priority(purpose) == 0)
            return true;
    }
    return false;
}

static void gather(struct committer *committer) {
    wait_ms(committer, GATHER_MS);
    for (int64_t at_ms = clock_monotonic_ms() + GATHER_WAVE_MS - GATHER_MS;
         clock_monotonic_ms() < at_ms && !is_urgent(committer) && !committer->is_stopping;)
        wait_ms(committer, GATHER_MS);
}

/* Up to ROUND_MAX jobs that wait; a second one on the same job (its result came twice) is dropped. With the mutex held. */
static size_t take_round(struct committer *committer, struct success **round) {
    size_t count = 0;
    while (committer->first && count < ROUND_MAX) {
        struct success *success = committer->first;
        committer->first = success->next;
        if (!committer->first) committer->last = &committer->first;
        committer->waiting--;
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

/* What is not done yet goes before what came meanwhile. With the mutex held. */
static void put_back(struct committer *committer, struct success **round, size_t count) {
    for (size_t i = count; i > 0; i--) {
        struct success *success = round[i - 1];
        if (success->is_ended || success->is_stale) {
            free_success(success);
            continue;
        }
        success->next = committer->first;
        if (!committer->first) committer->last = &success->next;
        committer->first = success;
        committer->waiting++;
    }
}

static void note_failure(struct committer *committer, int failures, const struct error *err) {
    if (failures == 1) log_line(LOG_WARN, "commits are tried again", "error=\"%s\"", err->message);
    if (failures != ALARM_AFTER) return;
    atomic_fetch_add(&committer->service->alarms, 1);
    log_line(LOG_ERROR, "builds cannot be committed", "error=\"%s\"", err->message);
}

static void *commit_all(void *context) {
    struct committer *committer = context;
    struct success **round = memory_alloc(ROUND_MAX * sizeof(struct success *));
    int failures = 0;
    int64_t stop_at_ms = INT64_MAX;
    pthread_mutex_lock(&committer->mutex);
    for (;;) {
        while (!committer->first && !committer->is_stopping)
            pthread_cond_wait(&committer->changed, &committer->mutex);
        if (committer->is_stopping && stop_at_ms == INT64_MAX) stop_at_ms = clock_monotonic_ms() + END_TIMEOUT_MS;
        if (!committer->first || clock_monotonic_ms() >= stop_at_ms) break;
        gather(committer);
        size_t count = committer->under_way = take_round(committer, round);
        pthread_mutex_unlock(&committer->mutex);
        struct error err = {0};
        enum status status = go_round(committer, round, count, &err);
        failures = status ? failures + 1 : 0;
        if (status) note_failure(committer, failures, &err);
        pthread_mutex_lock(&committer->mutex);
        committer->under_way = 0;
        committer->failed_rounds += status != STATUS_OK;
        put_back(committer, round, count);
        int shift = failures < 6 ? failures : 6;
        int64_t pause_ms = (int64_t)PAUSE_MIN_MS << shift;
        if (status) wait_ms(committer, pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS);
    }
    pthread_mutex_unlock(&committer->mutex);
    free(round);
    return NULL;
}

/* ---- Beginning and end ---- */

enum status committer_create(struct committer **out, struct matrix_service *service, struct error *err) {
    struct committer *committer = memory_alloc(sizeof *committer);
    committer->service = service;
    committer->last = &committer->first;
    committer->store = store_stock_take(service->stores);
    pthread_mutex_init(&committer->mutex, NULL);
    condition_init(&committer->changed);
    *out = committer;
    committer->has_thread = pthread_create(&committer->thread, NULL, commit_all, committer) == 0;
    return committer->has_thread ? STATUS_OK : error_set(err, STATUS_INTERNAL, "The committer's thread cannot be started.");
}

void committer_free(struct committer *committer) {
    if (!committer) return;
    pthread_mutex_lock(&committer->mutex);
    committer->is_stopping = true;
    pthread_cond_signal(&committer->changed);
    pthread_mutex_unlock(&committer->mutex);
    if (committer->has_thread) pthread_join(committer->thread, NULL);
    while (committer->first) { /* its lease will run out, and whoever takes it up finds its record */
        struct success *success = committer->first;
        committer->first = success->next;
        free_success(success);
    }
    store_stock_give_back(committer->service->stores, committer->store);
    pthread_cond_destroy(&committer->changed);
    pthread_mutex_destroy(&committer->mutex);
    free(committer);
}

void committer_measure(struct committer *committer, struct metrics *metrics) {
    pthread_mutex_lock(&committer->mutex);
    double waiting = (double)(committer->waiting + committer->under_way), rounds = (double)committer->rounds,
           commits = (double)committer->commits, failed = (double)committer->failed_rounds;
    pthread_mutex_unlock(&committer->mutex);
    metrics_add(metrics, METRIC_GAUGE, "registry_matrix_commits_waiting", "Builds that succeeded and are not committed yet.",
                NULL, waiting);
    metrics_add(metrics, METRIC_COUNTER, "registry_matrix_pushes_total", "Rounds of commits, a push each.", NULL, rounds);
    metrics_add(metrics, METRIC_COUNTER, "registry_matrix_commits_total", "Compilers added to the metadata, a commit each.",
                NULL, commits);
    metrics_add(metrics, METRIC_COUNTER, "registry_matrix_failed_rounds_total", "Rounds of commits that have to be made again.",
                NULL, failed);
}
