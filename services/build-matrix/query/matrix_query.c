/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers queries about workers and the progress of a compiler. (Packages: package_query.c; plans and builds: build_query.c.)
 */
#include "services/build-matrix/query/matrix_query.h"

#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/service/message/message_json.h"
#include "lib/store/job/connection_pool.h"
#include "lib/store/redis/matrix_store.h"
#include "lib/store/registry/fresh_view.h"
#include "services/build-matrix/matrix_service.h"
#include "services/build-matrix/plan/planner_events.h"

/* ---- Workers ---- */

static void write_worker(struct json_writer *writer, const struct worker_entry *worker) {
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "worker", worker->id);
    json_writer_text_field(writer, "host", worker->host);
    json_writer_text_field(writer, "program", worker->program);
    json_writer_text_field(writer, "compilers", worker->compilers);
    json_writer_integer_field(writer, "slots", worker->slots);
    json_writer_integer_field(writer, "busySlots", worker->busy_slots);
    json_writer_time_field(writer, "since", worker->hello_ms);
    json_writer_time_field(writer, "seen", worker->seen_ms);
    json_writer_close(writer, '}');
}

enum status answer_workers_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err) {
    struct matrix_service *service = context;
    struct worker_entry *workers = NULL;
    size_t count = 0;
    (void)request;
    struct job_store *store = connection_pool_take(service->stores);
    enum status status = worker_list_read(store, arena, &workers, &count, err);
    connection_pool_give_back(service->stores, store);
    if (status) return status;
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    json_writer_open(&writer, '[');
    for (size_t i = 0; i < count; i++)
        write_worker(&writer, &workers[i]);
    json_writer_close(&writer, ']');
    message_take_json(answer, &json, arena);
    return STATUS_OK;
}

/* ---- Progress of a compiler ---- */

/* Counts all published versions, and those that are known to build with the compiler. */
static void count_versions(struct matrix_service *service, struct version compiler, int64_t *all, int64_t *with_it) {
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    size_t count = manifest_index_package_count(index);
    *all = *with_it = 0;
    for (size_t position = 0; position < count; position++) {
        const struct metadata *metadata = manifest_index_package(index, manifest_index_by_name(index, position))->metadata;
        for (size_t i = 0; metadata && i < metadata->published_count; i++, ++*all)
            for (size_t j = 0; j < metadata->published[i].compiler_count; j++)
                *with_it += version_equal(metadata->published[i].compilers[j], compiler);
    }
    registry_view_unlock(service->repositories.view);
}

/* Estimated time for the unfinished jobs, at the average pace since the first job; 0: unknown. */
static int64_t estimate_left_ms(const struct matrix_progress *progress) {
    int64_t left = progress->pending + progress->running, took_ms = progress->last_ms - progress->first_ms;
    if (left == 0 || progress->ended_since_first == 0 || took_ms <= 0) return 0;
    return (int64_t)((double)left * (double)took_ms / (double)progress->ended_since_first);
}

struct standing {
    const char *compiler;
    int64_t published, succeeded; /* numbers of versions */
    struct matrix_progress progress;
};

static void write_standing(struct json_writer *writer, const struct standing *standing) {
    const struct matrix_progress *progress = &standing->progress;
    int64_t estimate_ms = estimate_left_ms(progress);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "compiler", standing->compiler);
    json_writer_integer_field(writer, "published", standing->published);
    json_writer_integer_field(writer, "succeeded", standing->succeeded);
    json_writer_integer_field(writer, "pending", progress->pending);
    json_writer_integer_field(writer, "running", progress->running);
    json_writer_boolean_field(writer, "isBeingPlanned", progress->is_being_planned);
    json_writer_key(writer, "ended");
    json_writer_open(writer, '{');
    for (int i = 0; i < VERDICT_COUNT; i++)
        if (progress->ended[i] > 0) json_writer_integer_field(writer, verdict_text((enum verdict)i), progress->ended[i]);
    json_writer_close(writer, '}');
    json_writer_time_field(writer, "first", progress->first_ms);
    json_writer_time_field(writer, "last", progress->last_ms);
    if (estimate_ms > 0) json_writer_integer_field(writer, "estimateMs", estimate_ms);
    json_writer_close(writer, '}');
}

enum status answer_matrix_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                struct error *err) {
    struct matrix_service *service = context;
    struct standing standing = {.compiler = request->matrix_query.compiler};
    struct version version;
    struct text json = {0};
    if (!standing.compiler || version_parse(&version, standing.compiler, err))
        return error_set_at(err, STATUS_INVALID, "compiler", "It must be the version of a compiler.");
    struct job_store *store = connection_pool_take(service->stores);
    enum status status = matrix_progress_read(store, standing.compiler, PLANNER_EVENTS_GROUP, &standing.progress, err);
    connection_pool_give_back(service->stores, store);
    if (status) return status;
    fresh_view_follow(&service->fresh);
    count_versions(service, version, &standing.published, &standing.succeeded);
    write_standing(&(struct json_writer){.out = &json}, &standing);
    message_take_json(answer, &json, arena);
    return STATUS_OK;
}
