/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Workers, how far a compiler has come, and builds to compare. (Packages: package_query.c.)
 */
#include "services/build-matrix/matrix_query.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/build_plan.h"
#include "lib/domain/manifest_index.h"
#include "lib/store/matrix_store.h"
#include "services/build-matrix/matrix_service.h"
#include "services/build-matrix/planner.h"
#include "services/build-matrix/store_stock.h"

enum { VERIFY_MAX = 1000 };

static void write_integer(struct json_writer *writer, const char *key, int64_t value) {
    json_writer_key(writer, key);
    json_writer_integer(writer, value);
}

static void write_time(struct json_writer *writer, const char *key, int64_t time_ms) {
    char text[TIME_TEXT_MAX];
    if (time_ms == 0) return;
    time_print(time_ms, text);
    json_writer_text_field(writer, key, text);
}

static void take_answer(struct message *answer, struct text *json, struct arena *arena) {
    answer->tag = MESSAGE_json_answer;
    answer->json_answer.json = arena_copy(arena, text_view(json));
    text_release(json);
}

/* ---- Workers ---- */

static void write_worker(struct json_writer *writer, const struct worker_entry *worker) {
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "worker", worker->id);
    json_writer_text_field(writer, "host", worker->host);
    json_writer_text_field(writer, "program", worker->program);
    json_writer_text_field(writer, "compilers", worker->compilers);
    write_integer(writer, "slots", worker->slots);
    write_integer(writer, "busySlots", worker->busy_slots);
    write_time(writer, "since", worker->hello_ms);
    write_time(writer, "seen", worker->seen_ms);
    json_writer_close(writer, '}');
}

enum status answer_workers_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err) {
    struct matrix_service *service = context;
    struct worker_entry *workers = NULL;
    size_t count = 0;
    (void)request;
    struct job_store *store = store_stock_take(service->stores);
    enum status status = worker_list_read(store, arena, &workers, &count, err);
    store_stock_give_back(service->stores, store);
    if (status) return status;
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    json_writer_open(&writer, '[');
    for (size_t i = 0; i < count; i++)
        write_worker(&writer, &workers[i]);
    json_writer_close(&writer, ']');
    take_answer(answer, &json, arena);
    return STATUS_OK;
}

/* ---- How far a compiler is ---- */

/* How many published versions there are, and how many build with the compiler. */
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

/* Milliseconds that what waits will take, at the pace of those that ended since the first; 0: not known. */
static int64_t estimate_left_ms(const struct matrix_progress *progress) {
    int64_t left = progress->pending + progress->running, took_ms = progress->last_ms - progress->first_ms;
    if (left == 0 || progress->ended_since_first == 0 || took_ms <= 0) return 0;
    return (int64_t)((double)left * (double)took_ms / (double)progress->ended_since_first);
}

enum status answer_matrix_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                struct error *err) {
    struct matrix_service *service = context;
    const char *compiler = request->matrix_query.compiler;
    struct matrix_progress progress;
    struct version version;
    int64_t all = 0, with_it = 0;
    if (!compiler || version_parse(&version, compiler, err))
        return error_set_at(err, STATUS_INVALID, "compiler", "It must be the version of a compiler.");
    struct job_store *store = store_stock_take(service->stores);
    enum status status = matrix_progress_read(store, compiler, &progress, err);
    store_stock_give_back(service->stores, store);
    if (status) return status;
    count_versions(service, version, &all, &with_it);
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "compiler", compiler);
    write_integer(&writer, "published", all);
    write_integer(&writer, "succeeded", with_it);
    write_integer(&writer, "pending", progress.pending);
    write_integer(&writer, "running", progress.running);
    json_writer_key(&writer, "ended");
    json_writer_open(&writer, '{');
    for (int i = 0; i < VERDICT_COUNT; i++)
        if (progress.ended[i] > 0) write_integer(&writer, verdict_text((enum verdict)i), progress.ended[i]);
    json_writer_close(&writer, '}');
    write_time(&writer, "first", progress.first_ms);
    write_time(&writer, "last", progress.last_ms);
    if (estimate_left_ms(&progress)) write_integer(&writer, "estimateMs", estimate_left_ms(&progress));
    json_writer_close(&writer, '}');
    take_answer(answer, &json, arena);
    return STATUS_OK;
}

/* ---- Builds to compare ---- */

/* A version that is known to build with the compiler. */
struct known_pair {
    const char *name;
    struct version version, compiler;
};

static bool is_one_of(const struct version *versions, size_t count, struct version version) {
    for (size_t i = 0; i < count; i++)
        if (version_equal(versions[i], version)) return true;
    return false;
}

/* All pairs that are known, with one of the compilers. */
static struct known_pair *list_known(const struct manifest_index *index, const struct version *compilers, size_t compiler_count,
                                     size_t *count, struct arena *arena) {
    size_t packages = manifest_index_package_count(index), most = 0;
    for (uint32_t id = 0; id < packages; id++) {
        const struct metadata *metadata = manifest_index_package(index, id)->metadata;
        most += metadata ? metadata->published_count * compiler_count : 0;
    }
    struct known_pair *pairs = arena_alloc(arena, (most + 1) * sizeof *pairs);
    *count = 0;
    for (uint32_t id = 0; id < packages; id++) {
        const struct indexed_package *package = manifest_index_package(index, id);
        for (size_t i = 0; package->metadata && i < package->metadata->published_count; i++) {
            const struct published_version *published = &package->metadata->published[i];
            for (size_t j = 0; j < published->compiler_count; j++)
                if (is_one_of(compilers, compiler_count, published->compilers[j]))
                    pairs[(*count)++] = (struct known_pair){package->name, published->version, published->compilers[j]};
        }
    }
    return pairs;
}

static size_t choose(size_t count) {
    uint64_t number = 0;
    hash_random_bytes(&number, sizeof number);
    return (size_t)(number % count);
}

static bool plan_pair(struct build_plan *out, const struct manifest_index *index, const struct known_pair *pair,
                      struct arena *arena) {
    const struct indexed_version *indexed = manifest_index_find(index, pair->name, pair->version);
    return indexed && build_plan_for_compiler(out, index, indexed->manifest, pair->compiler, arena, NULL) == STATUS_OK;
}

static enum status accept_to_compare(struct matrix_service *service, struct job_store *store, const struct known_pair *pair,
                                     const struct build_plan *plan, struct json_writer *writer, struct error *err) {
    struct job_accepted accepted;
    enum status status =
        planner_accept(service, store, NULL, pair->name, pair->version, plan, MATRIX_PURPOSE_VERIFY, &accepted, err);
    if (status) return status;
    json_writer_item(writer);
    json_writer_text(writer, accepted.id);
    return STATUS_OK;
}

enum status answer_matrix_verify(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err) {
    struct matrix_service *service = context;
    int64_t asked = request->matrix_verify.count;
    struct version *compilers = NULL, only;
    size_t compiler_count = 0, count = 0;
    if (asked < 1 || asked > VERIFY_MAX)
        return error_set_at(err, STATUS_INVALID, "count", "It must be from 1 to %d.", VERIFY_MAX);
    struct job_store *store = store_stock_take(service->stores);
    enum status status = compiler_list_read(store, arena, &compilers, &compiler_count, err);
    if (!status && request->matrix_verify.compiler) {
        if (version_parse(&only, request->matrix_verify.compiler, err) || !is_one_of(compilers, compiler_count, only))
            status = error_set_at(err, STATUS_INVALID, "compiler", "It must be one of the supported compilers.");
        compilers = &only;
        compiler_count = 1;
    }
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    json_writer_open(&writer, '[');
    struct build_plan *plans = arena_alloc(arena, (size_t)asked * sizeof *plans);
    struct known_pair *chosen = arena_alloc(arena, (size_t)asked * sizeof *chosen);
    size_t chosen_count = 0;
    if (!status) {
        const struct manifest_index *index = registry_view_lock(service->repositories.view);
        struct known_pair *pairs = list_known(index, compilers, compiler_count, &count, arena);
        while (count > 0 && chosen_count < (size_t)asked) { /* without drawing one twice */
            size_t at = choose(count);
            if (plan_pair(&plans[chosen_count], index, &pairs[at], arena)) {
                chosen[chosen_count] = pairs[at];
                chosen[chosen_count].name = arena_copy(arena, pairs[at].name);
                chosen_count++;
            }
            pairs[at] = pairs[--count];
        }
        registry_view_unlock(service->repositories.view);
    }
    for (size_t i = 0; !status && i < chosen_count; i++)
        status = accept_to_compare(service, store, &chosen[i], &plans[i], &writer, err);
    store_stock_give_back(service->stores, store);
    json_writer_close(&writer, ']');
    if (status)
        text_release(&json);
    else
        take_answer(answer, &json, arena);
    return status;
}
