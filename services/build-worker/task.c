/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-worker/task.h"

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

void task_list_init(struct task_list *list) {
    *list = (struct task_list){0};
    pthread_mutex_init(&list->mutex, NULL);
    condition_init(&list->changed);
}

static void free_task(struct task *task) {
    free(task->verdict);
    free(task->reason);
    free(task->result);
    text_release(&task->lines);
    free(task);
}

void task_list_release(struct task_list *list) {
    while (list->first) {
        struct task *task = list->first;
        list->first = task->next;
        free_task(task);
    }
    pthread_cond_destroy(&list->changed);
    pthread_mutex_destroy(&list->mutex);
}

void task_list_add(struct task_list *list, const struct build_work *work, struct piece *piece) {
    pthread_mutex_lock(&list->mutex);
    piece->wanted = work->job_count;
    struct task **end = &list->first;
    while (*end)
        end = &(*end)->next;
    for (size_t i = 0; i < work->job_count; i++) {
        struct task *task = memory_alloc(sizeof *task);
        memcpy(task->job_id, work->jobs[i].job_id, sizeof task->job_id);
        task->fence = work->jobs[i].fence;
        task->piece = piece;
        *end = task;
        end = &task->next;
    }
    pthread_mutex_unlock(&list->mutex);
}

/* Call with the mutex held; the job must be in the list. */
static struct task *find(struct task_list *list, const struct build_job *job) {
    struct task *task = list->first;
    while (task && (task->fence != job->fence || !text_equal(task->job_id, job->job_id)))
        task = task->next;
    if (!task) abort(); /* a task stays at least until task_list_end() */
    return task;
}

void task_list_say(struct task_list *list, const struct build_job *job, enum log_level level, const char *message) {
    struct text clean = {0}; /* without this machine's folders: the service, which blanks its own, does not know them */
    text_append(&clean, message);
    inside_blank(&clean);
    pthread_mutex_lock(&list->mutex);
    struct task *task = find(list, job);
    if (!task->is_lost && task->lines.length < LINES_WAITING_MAX) {
        text_append_format(&task->lines, "%s[%lld,%lld,\"%s\",", task->lines.length ? "," : "", (long long)++task->line_count,
                           (long long)clock_now_ms(), log_level_name(level));
        json_append(&task->lines, text_view(&clean));
        text_append_character(&task->lines, ']');
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

void task_list_end(struct task_list *list, const struct build_job *job, const struct build_outcome *outcome) {
    struct text result = {0};
    build_result_append_json(&result, &outcome->result);
    pthread_mutex_lock(&list->mutex);
    struct task *task = find(list, job);
    if (!task->is_lost && task->piece) task->piece->wanted--;
    task->piece = NULL;
    task->is_ended = true;
    task->is_given_back = outcome->is_given_back;
    task->verdict = memory_copy_text(verdict_text(outcome->verdict));
    task->reason = copy_clean(outcome->reason);
    task->result = copy_clean(text_view(&result));
    pthread_cond_broadcast(&list->changed);
    pthread_mutex_unlock(&list->mutex);
    text_release(&result);
}

size_t task_list_append_leases(struct task_list *list, struct text *out) {
    int64_t now_ms = clock_monotonic_ms();
    size_t count = 0;
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '[');
    pthread_mutex_lock(&list->mutex);
    for (const struct task *task = list->first; task; task = task->next) {
        if (task->is_lost || (task->piece && now_ms > task->piece->renew_until_ms)) continue;
        json_writer_item(&writer);
        json_writer_open(&writer, '[');
        json_writer_item(&writer);
        json_writer_text(&writer, task->job_id);
        json_writer_item(&writer);
        json_writer_integer(&writer, task->fence);
        json_writer_close(&writer, ']');
        count++;
    }
    pthread_mutex_unlock(&list->mutex);
    json_writer_close(&writer, ']');
    return count;
}

bool task_list_lose(struct task_list *list, const char *job_id, int64_t fence) {
    bool is_under_way = false;
    pthread_mutex_lock(&list->mutex);
    for (struct task *task = list->first; task; task = task->next) {
        if (task->is_lost || task->fence != fence || !text_equal(task->job_id, job_id)) continue;
        task->is_lost = true;
        is_under_way = !task->is_ended;
        if (task->piece && --task->piece->wanted == 0) deadline_cancel(&task->piece->deadline, STATUS_STALE);
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

void task_list_lose_all(struct task_list *list, const char *asked, const char *lost) {
    json_t *leases = NULL, *ids = NULL, *lease;
    size_t i;
    if (json_read(&leases, asked, strlen(asked), "The leases", NULL) ||
        json_read(&ids, lost, strlen(lost), "The lost jobs", NULL))
        log_line(LOG_ERROR, "lost jobs that cannot be read", log_field("lost", lost));
    json_array_foreach(leases, i, lease) {
        const char *job_id = json_string_value(json_array_get(lease, 0));
        int64_t fence = json_integer_value(json_array_get(lease, 1));
        if (!has_text(ids, job_id) || is_newest_of_several(leases, job_id, fence)) continue;
        /* An ended job may have been accepted just now; the reply to its own message reports that, so it is not logged here. */
        if (task_list_lose(list, job_id, fence))
            log_line(LOG_WARN, "job lost", log_field("job", job_id), log_field("fence", fence));
    }
    json_decref(ids);
    json_decref(leases);
}

void task_list_cancel(struct task_list *list) {
    pthread_mutex_lock(&list->mutex);
    for (struct task *task = list->first; task; task = task->next)
        if (task->piece) deadline_cancel(&task->piece->deadline, STATUS_CANCELLED);
    pthread_mutex_unlock(&list->mutex);
}
