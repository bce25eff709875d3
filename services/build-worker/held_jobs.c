/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-worker/held_jobs.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/condition.h"
#include "lib/base/inside.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

enum { LINES_WAITING_MAX = 32 << 20 }; /* bytes of a job's lines, kept while the service is unreachable */

void held_jobs_init(struct held_jobs *list) {
    *list = (struct held_jobs){0};
    pthread_mutex_init(&list->mutex, NULL);
    condition_init(&list->changed);
}

static void free_job(struct held_job *held) {
    free(held->verdict);
    free(held->reason);
    free(held->result);
    text_release(&held->lines);
    free(held);
}

void held_jobs_release(struct held_jobs *list) {
    while (list->first) {
        struct held_job *held = list->first;
        list->first = held->next;
        free_job(held);
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
    struct text clean = {0}; /* without this machine's folders: the service, which blanks its own, does not know them */
    text_append(&clean, message);
    inside_blank(&clean);
    pthread_mutex_lock(&list->mutex);
    struct held_job *held = find(list, job);
    if (!held->is_lost && held->lines.length < LINES_WAITING_MAX) {
        text_append_format(&held->lines, "%s[%lld,%lld,\"%s\",", held->lines.length ? "," : "", (long long)++held->line_count,
                           (long long)clock_now_ms(), log_level_name(level));
        json_append(&held->lines, text_view(&clean));
        text_append_character(&held->lines, ']');
    }
    pthread_mutex_unlock(&list->mutex);
    text_release(&clean);
}

/* A copy without this machine's folders. The caller owns it; NULL stays NULL. */
static char *copy_clean(const char *text) {
    struct text clean = {0};
    if (!text) return NULL;
    text_append(&clean, text);
    inside_blank(&clean);
    char *copy = memory_copy_text(text_view(&clean));
    text_release(&clean);
    return copy;
}

void held_jobs_end(struct held_jobs *list, const struct build_job *job, const struct build_outcome *outcome) {
    struct text result = {0};
    build_result_append_json(&result, &outcome->result);
    pthread_mutex_lock(&list->mutex);
    struct held_job *held = find(list, job);
    if (!held->is_lost && held->order) held->order->wanted--;
    held->order = NULL;
    held->is_ended = true;
    held->is_given_back = outcome->is_given_back;
    held->verdict = memory_copy_text(verdict_text(outcome->verdict));
    held->reason = copy_clean(outcome->reason);
    held->result = copy_clean(text_view(&result));
    pthread_cond_broadcast(&list->changed);
    pthread_mutex_unlock(&list->mutex);
    text_release(&result);
}

size_t held_jobs_append_leases(struct held_jobs *list, struct text *out) {
    int64_t now_ms = clock_monotonic_ms();
    size_t count = 0;
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '[');
    pthread_mutex_lock(&list->mutex);
    for (const struct held_job *held = list->first; held; held = held->next) {
        if (held->is_lost || (held->order && now_ms > held->order->renew_until_ms)) continue;
        json_writer_item(&writer);
        json_writer_open(&writer, '[');
        json_writer_item(&writer);
        json_writer_text(&writer, held->job_id);
        json_writer_item(&writer);
        json_writer_integer(&writer, held->fence);
        json_writer_close(&writer, ']');
        count++;
    }
    pthread_mutex_unlock(&list->mutex);
    json_writer_close(&writer, ']');
    return count;
}

bool held_jobs_lose(struct held_jobs *list, const char *job_id, int64_t fence) {
    bool is_under_way = false;
    pthread_mutex_lock(&list->mutex);
    for (struct held_job *held = list->first; held; held = held->next) {
        if (held->is_lost || held->fence != fence || !text_equal(held->job_id, job_id)) continue;
        held->is_lost = true;
        is_under_way = !held->is_ended;
        if (held->order && --held->order->wanted == 0) deadline_cancel(&held->order->deadline, STATUS_STALE);
    }
    pthread_cond_broadcast(&list->changed);
    pthread_mutex_unlock(&list->mutex);
    return is_under_way;
}

/* True if the array [[JOB ID, FENCE], …] has the job under an older fence and under no newer one. */
static bool is_newest_of_several(const json_t *leases, const char *job_id, int64_t fence) {
    const json_t *lease;
    size_t i;
    bool has_older = false;
    json_array_foreach((json_t *)leases, i, lease) {
        int64_t other = json_integer_value(json_array_get(lease, 1));
        if (!text_equal(json_string_value(json_array_get(lease, 0)), job_id)) continue;
        if (other > fence) return false;
        has_older = has_older || other < fence;
    }
    return has_older;
}

static bool has_text(const json_t *array, const char *text) {
    const json_t *item;
    size_t i;
    json_array_foreach((json_t *)array, i, item) {
        if (text_equal(json_string_value(item), text)) return true;
    }
    return false;
}

void held_jobs_lose_all(struct held_jobs *list, const char *asked, const char *lost) {
    json_t *leases = NULL, *ids = NULL, *lease;
    size_t i;
    if (json_read(&leases, asked, strlen(asked), "The leases", NULL) ||
        json_read(&ids, lost, strlen(lost), "The lost jobs", NULL))
        log_line(LOG_ERROR, "renew_reply_malformed", log_field("reply", lost));
    json_array_foreach(leases, i, lease) {
        const char *job_id = json_string_value(json_array_get(lease, 0));
        int64_t fence = json_integer_value(json_array_get(lease, 1));
        if (!has_text(ids, job_id) || is_newest_of_several(leases, job_id, fence)) continue;
        /* An ended job may have been accepted just now; the reply to its own message reports that, so it is not logged here. */
        if (held_jobs_lose(list, job_id, fence))
            log_line(LOG_WARN, "job_lost", log_field("job", job_id), log_field("fence", fence));
    }
    json_decref(ids);
    json_decref(leases);
}

void held_jobs_cancel(struct held_jobs *list) {
    pthread_mutex_lock(&list->mutex);
    for (struct held_job *held = list->first; held; held = held->next)
        if (held->order) deadline_cancel(&held->order->deadline, STATUS_CANCELLED);
    pthread_mutex_unlock(&list->mutex);
}
