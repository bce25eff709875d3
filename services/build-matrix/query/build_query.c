/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers queries about builds: the plan of one build, the state of builds, and requests for builds to verify (each is built
 * once from the build store and once from scratch, and the outputs are compared).
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/supported_compilers.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/solver/build_plan.h"
#include "lib/service/message/message_json.h"
#include "lib/store/job/connection_pool.h"
#include "lib/store/redis/matrix_store.h"
#include "lib/store/registry/fresh_view.h"
#include "services/build-matrix/matrix_service.h"
#include "services/build-matrix/plan/planner.h"
#include "services/build-matrix/query/matrix_query.h"

enum { VERIFY_MAX = 1000 };

/* Reads the supported compilers into the arena. */
static enum status read_compilers(struct matrix_service *service, struct arena *arena, struct version **out, size_t *count,
                                  struct error *err) {
    struct job_store *store = connection_pool_take(service->stores);
    enum status status = compiler_list_read(store, arena, out, count, err);
    connection_pool_give_back(service->stores, store);
    return status;
}

/* ---- A plan ---- */

static enum status parse_field(struct version *out, const char *text, const char *path, struct error *err) {
    enum status status = version_parse(out, text ? text : "", err);
    return status ? error_under(err, path) : STATUS_OK;
}

static enum status find_plan(struct build_plan *out, const struct manifest_index *index, const char *name,
                             struct version version, struct version compiler, struct arena *arena, struct error *err) {
    char text[VERSION_TEXT_MAX], compiler_text[VERSION_TEXT_MAX];
    const struct metadata *metadata = manifest_index_find_metadata(index, name);
    const struct indexed_version *indexed = manifest_index_find(index, name, version);
    version_print(version, text);
    version_print(compiler, compiler_text);
    if (!metadata) return error_set_at(err, STATUS_NOT_FOUND, "name", "There is no package %s in the registry.", name);
    if (!metadata_find_published(metadata, version) || !indexed)
        return error_set_at(err, STATUS_NOT_FOUND, "version", "%s@%s is not published.", name, text);
    enum status status = build_plan_for_compiler(out, index, indexed->manifest, compiler, arena, err);
    if (status != STATUS_REFUSED) return status;
    error_prefix(err, "%s@%s has no plan with the compiler %s", name, text, compiler_text);
    return error_under(err, "compiler");
}

/* Appends the plan in the form of a job's payload. */
static enum status print_plan(struct text *out, struct matrix_service *service, const char *name, struct version version,
                              struct version compiler, struct arena *arena, struct error *err) {
    struct build_plan plan;
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    enum status status = find_plan(&plan, index, name, version, compiler, arena, err);
    if (!status) package_versions_append_json(out, &plan.packages);
    registry_view_unlock(service->repositories.view);
    return status;
}

enum status answer_plan_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                              struct error *err) {
    struct matrix_service *service = context;
    const struct message_plan_query *query = &request->plan_query;
    struct version version, compiler, *compilers = NULL;
    size_t count = 0;
    struct text json = {0};
    int64_t asked_us = clock_monotonic_us();
    if (!query->name) return error_set_at(err, STATUS_INVALID, "name", "The field \"name\" must be the name of a package.");
    enum status status = parse_field(&version, query->version, "version", err);
    if (!status) status = parse_field(&compiler, query->compiler, "compiler", err);
    if (!status) status = read_compilers(service, arena, &compilers, &count, err);
    if (!status) status = supported_compilers_check(compilers, count, compiler, err);
    if (status) return status;
    fresh_view_follow(&service->fresh);
    status = print_plan(&json, service, query->name, version, compiler, arena, err);
    if (status == STATUS_NOT_FOUND || status == STATUS_REFUSED) { /* the view may be older than the query */
        status = fresh_view_look_again(&service->fresh, asked_us, err);
        if (!status) status = print_plan(&json, service, query->name, version, compiler, arena, err);
    }
    if (!status) message_take_json(answer, &json, arena);
    return status;
}

/* ---- Builds to verify ---- */

/* A version and a compiler that it is known to build with. */
struct known_pair {
    const char *name;
    struct version version, compiler;
};

/* Lists all known pairs whose compiler is one of `compilers`. Names are borrowed from the index. */
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
                if (version_is_among(published->compilers[j], compilers, compiler_count))
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

/* The chosen pairs with their plans. */
struct chosen_pairs {
    struct known_pair *pairs;
    struct build_plan *plans;
    size_t count;
};

/* Draws up to `most` known pairs at random, without repetition; pairs without a plan are skipped. */
static void choose_pairs(struct chosen_pairs *out, struct matrix_service *service, const struct version *compilers,
                         size_t compiler_count, size_t most, struct arena *arena) {
    size_t count = 0;
    out->pairs = arena_alloc(arena, most * sizeof *out->pairs);
    out->plans = arena_alloc(arena, most * sizeof *out->plans);
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    struct known_pair *pairs = list_known(index, compilers, compiler_count, &count, arena);
    while (count > 0 && out->count < most) {
        size_t at = choose(count);
        if (plan_pair(&out->plans[out->count], index, &pairs[at], arena)) {
            out->pairs[out->count] = pairs[at];
            out->pairs[out->count++].name = arena_copy(arena, pairs[at].name);
        }
        pairs[at] = pairs[--count];
    }
    registry_view_unlock(service->repositories.view);
}

static enum status accept_chosen(struct matrix_service *service, const struct chosen_pairs *chosen, struct json_writer *writer,
                                 struct error *err) {
    struct job_store *store = connection_pool_take(service->stores);
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < chosen->count; i++) {
        struct job_accepted accepted;
        const struct matrix_build build = {.package = chosen->pairs[i].name,
                                           .version = chosen->pairs[i].version,
                                           .compiler = chosen->plans[i].compiler,
                                           .plan = &chosen->plans[i].packages,
                                           .purpose = MATRIX_PURPOSE_VERIFY};
        status = planner_accept(service, store, &build, &accepted, err);
        if (status) break;
        json_writer_item(writer);
        json_writer_text(writer, accepted.id);
    }
    connection_pool_give_back(service->stores, store);
    return status;
}

enum status answer_matrix_verify(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err) {
    struct matrix_service *service = context;
    const struct message_matrix_verify *query = &request->matrix_verify;
    struct version *compilers = NULL, only;
    size_t compiler_count = 0;
    struct chosen_pairs chosen = {0};
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    if (query->count < 1 || query->count > VERIFY_MAX)
        return error_set_at(err, STATUS_INVALID, "count", "The field \"count\" must be from 1 to %d.", VERIFY_MAX);
    enum status status = query->compiler ? parse_field(&only, query->compiler, "compiler", err) : STATUS_OK;
    if (!status) status = read_compilers(service, arena, &compilers, &compiler_count, err);
    if (!status && query->compiler) status = supported_compilers_check(compilers, compiler_count, only, err);
    if (status) return status;
    choose_pairs(&chosen, service, query->compiler ? &only : compilers, query->compiler ? 1 : compiler_count,
                 (size_t)query->count, arena);
    json_writer_open(&writer, '[');
    status = accept_chosen(service, &chosen, &writer, err);
    json_writer_close(&writer, ']');
    if (status)
        text_release(&json);
    else
        message_take_json(answer, &json, arena);
    return status;
}

/* ---- State of builds ---- */

static void write_build(struct json_writer *writer, const struct job *job) {
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "jobId", job->id);
    json_writer_text_field(writer, "name", job->package);
    json_writer_text_field(writer, "version", job->version);
    json_writer_text_field(writer, "compiler", job->compiler);
    json_writer_text_field(writer, "state", job_state_text(job->state));
    json_writer_text_field(writer, "verdict", job->verdict);
    json_writer_text_field(writer, "error", job->error);
    json_writer_close(writer, '}');
}

static enum status write_builds(struct json_writer *writer, struct job_store *store, struct record_job_id_list ids,
                                struct arena *arena, struct error *err) {
    enum status status = STATUS_OK;
    json_writer_open(writer, '[');
    for (size_t i = 0; i < ids.count; i++) {
        struct job job;
        const char *id = ids.items[i].id;
        status = job_store_get(store, id ? id : "", arena, &job, err);
        if (!status && job.kind != JOB_KIND_MATRIX) status = error_set(err, STATUS_NOT_FOUND, "The job %s is not a build.", id);
        if (status) break;
        write_build(writer, &job);
    }
    json_writer_close(writer, ']');
    return status;
}

enum status answer_build_states_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                      struct error *err) {
    struct matrix_service *service = context;
    struct text json = {0};
    struct job_store *store = connection_pool_take(service->stores);
    enum status status = write_builds(&(struct json_writer){.out = &json}, store, request->build_states_query.jobs, arena, err);
    connection_pool_give_back(service->stores, store);
    if (status)
        text_release(&json);
    else
        message_take_json(answer, &json, arena);
    return status;
}
