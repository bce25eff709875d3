/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-worker/held_jobs.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/clock.h"
#include "lib/base/condition.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/service/message/message_work.h"

enum {
    LINES_WAITING_MAX = 32 << 20, /* bytes of a job's lines, kept while the service is unreachable */
    ERROR_TEXT_MAX = 200000,      /* of one error of the compiler: so several fit into a message */
    ERROR_HEAD_BYTES = 80,        /* of one in a message, besides its texts */
};

void held_jobs_init(struct held_jobs *list) {
    *list = (struct held_jobs){0};
    pthread_mutex_init(&list->mutex, NULL);
    condition_init(&list->changed);
}

void held_job_free(struct held_job *held) {
    held_lines_release(&held->lines);
    arena_release(&held->arena);
    free(held);
}

void held_jobs_release(struct held_jobs *list) {
    while (list->first) {
        struct held_job *held = list->first;
        list->first = held->next;
        held_job_free(held);
    }
    pthread_cond_destroy(&list->changed);
    pthread_mutex_destroy(&list->mutex);
}

void held_jobs_add(struct held_jobs *list, const struct work_order *work, struct held_order *order) {
    pthread_mutex_lock(&list->mutex);
    order->wanted = work->job_count;
    struct held_job **end = &list->first;
    while (*end)
        end = &(*end)->next;
    for (size_t i = 0; i < work->job_count; i++) {
        struct held_job *held = memory_alloc(sizeof *held);
        memcpy(held->job_id, work->jobs[i].job_id, sizeof held->job_id);
        held->fence = work->jobs[i].fence;
        held->order = order;
        *end = held;
        end = &held->next;
    }
    pthread_mutex_unlock(&list->mutex);
}

/* Call with the mutex held; the job must be in the list. */
static struct held_job *find(struct held_jobs *list, const struct build_job *job) {
    struct held_job *held = list->first;
    while (held && (held->fence != job->fence || !text_equal(held->job_id, job->job_id)))
        held = held->next;
    if (!held) abort(); /* a job stays at least until held_jobs_end() */
    return held;
}

void held_jobs_say(struct held_jobs *list, const struct build_job *job, enum log_level level, const char *message) {
    char *text = clean_text(message, HELD_LINE_BYTES);
    pthread_mutex_lock(&list->mutex);
    struct held_job *held = find(list, job);
    bool is_kept = !held->is_lost && held->lines.bytes < LINES_WAITING_MAX;
    if (is_kept) held_lines_add(&held->lines, ++held->line_count, level, text);
    pthread_mutex_unlock(&list->mutex);
    if (!is_kept) free(text);
}

/* clean_text() in the arena. */
static const char *copy_clean(struct arena *arena, const char *text, size_t most) {
    char *clean = clean_text(text, most);
    const char *copy = clean ? arena_copy(arena, clean) : NULL;
    free(clean);
    return copy;
}

/* Adds the length of the text to *bytes and returns it. */
static const char *count_bytes(const char *text, size_t *bytes) {
    *bytes += text ? strlen(text) : 0;
    return text;
}

#define CLEAN(field, most) .field = count_bytes(copy_clean(arena, error->field, most), bytes)

static struct build_error copy_error(const struct build_error *error, struct arena *arena, size_t *bytes) {
    *bytes += ERROR_HEAD_BYTES;
    return (struct build_error){CLEAN(message, ERROR_TEXT_MAX),
                                CLEAN(code, MESSAGE_LIMIT(record_compiler_error, code)),
                                CLEAN(link, MESSAGE_LIMIT(record_compiler_error, link)),
                                CLEAN(filename, MESSAGE_LIMIT(record_compiler_error, filename)),
                                CLEAN(module, MESSAGE_LIMIT(record_compiler_error, module)),
                                .has_position = error->has_position,
                                .position = error->position};
}

#undef CLEAN

/* A copy for a message, without the errors that do not fit into it. */
static const struct record_build_result *copy_result(const struct build_result *result, struct arena *arena) {
    struct build_result copy = *result;
    struct build_error *errors = arena_alloc(arena, (result->error_count + 1) * sizeof *errors);
    size_t bytes = 0, count = 0;
    while (count < result->error_count) {
        errors[count] = copy_error(&result->errors[count], arena, &bytes);
        if (bytes > MESSAGE_LIMIT(record_build_result, errors)) break;
        count++;
    }
    copy.errors = errors;
    copy.error_count = count;
    copy.errors_left_out += result->error_count - count;
    return message_write_result(&copy, arena);
}

void held_jobs_end(struct held_jobs *list, const struct build_job *job, const struct build_outcome *outcome) {
    struct arena arena = {0};
    const char *reason = copy_clean(&arena, outcome->reason, MESSAGE_LIMIT(message_build_outcome, reason));
    const struct record_build_result *result = copy_result(&outcome->result, &arena);
    pthread_mutex_lock(&list->mutex);
    struct held_job *held = find(list, job);
    if (!held->is_lost && held->order) held->order->wanted--;
    held->order = NULL;
    held->is_ended = true;
    held->is_given_back = outcome->is_given_back;
    held->verdict = verdict_text(outcome->verdict);
    held->arena = arena;
    held->reason = reason;
    held->result = result;
    pthread_cond_broadcast(&list->changed);
    pthread_mutex_unlock(&list->mutex);
}

struct record_lease_list held_jobs_list_leases(struct held_jobs *list, struct arena *arena) {
    int64_t now_ms = clock_monotonic_ms();
    struct {
        struct record_lease *items;
        size_t count, capacity;
    } leases = {0};
    pthread_mutex_lock(&list->mutex);
    for (const struct held_job *held = list->first; held; held = held->next) {
        if (held->is_lost || (held->order && now_ms > held->order->renew_until_ms)) continue;
        *array_add_in(arena, &leases) = (struct record_lease){arena_copy(arena, held->job_id), held->fence};
    }
    pthread_mutex_unlock(&list->mutex);
    return (struct record_lease_list){leases.items, leases.count};
}

bool held_jobs_lose(struct held_jobs *list, const char *job_id, int64_t fence) {
    bool is_under_way = false;
    pthread_mutex_lock(&list->mutex);
    for (struct held_job *held = list->first; held; held = held->next) {
        if (held->is_lost || held->fence != fence || !text_equal(held->job_id, job_id)) continue;
        held->is_lost = true;
        is_under_way = !held->is_ended;
        held->is_loss_unlogged = held->is_ended;
        if (held->order && --held->order->wanted == 0) deadline_cancel(&held->order->deadline, STATUS_STALE);
    }
    pthread_cond_broadcast(&list->changed);
    pthread_mutex_unlock(&list->mutex);
    return is_under_way;
}

void held_jobs_lose_all(struct held_jobs *list, struct record_lease_list lost) {
    for (size_t i = 0; i < lost.count; i++) {
        const struct record_lease *lease = &lost.items[i];
        /* An ended job may have been accepted just now, as the reply to its own message will say; where that has not been sent,
         * the sender logs the loss when it drops the result. */
        if (held_jobs_lose(list, lease->job_id, lease->fence))
            log_line(LOG_WARN, "job_lost", log_field("job", lease->job_id), log_field("fence", lease->fence));
    }
}

void held_jobs_cancel(struct held_jobs *list) {
    pthread_mutex_lock(&list->mutex);
    for (struct held_job *held = list->first; held; held = held->next)
        if (held->order) deadline_cancel(&held->order->deadline, STATUS_CANCELLED);
    pthread_mutex_unlock(&list->mutex);
}
