/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers queries about one package, or one version with the package sets that it is in and its row of the
 * build matrix. The state of a cell of that row is the first that applies:
 *
 *   the metadata lists the compiler   succeeded
 *   there is an unfinished job        pending, running
 *   there is a verdict                failed
 *   there is a plan                   untried
 *   otherwise                         no_plan
 *
 * Also answers whether the change of a transfer or an unpublishing still holds.
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json_writer.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/domain/job/operation.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/solver/build_plan.h"
#include "lib/service/message/message_json.h"
#include "lib/store/job/connection_pool.h"
#include "lib/store/redis/matrix_store.h"
#include "lib/store/registry/fresh_view.h"
#include "lib/store/registry/registry_sets.h"
#include "services/build-matrix/matrix_service.h"
#include "services/build-matrix/query/matrix_query.h"

enum { JOBS_MAX = 1000, SETS_MAX = 100 };

/* The inputs of the matrix cells that are not in the index. */
struct cells {
    const struct version *compilers; /* the supported ones */
    size_t compiler_count;
    const struct matrix_verdict *verdicts;
    size_t verdict_count;
    struct job_list jobs; /* unfinished, of the package */
};

static void write_version(struct json_writer *writer, const char *key, struct version version) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    json_writer_text_field(writer, key, text);
}

/* ---- One package ---- */

static void write_manifests(struct json_writer *writer, const struct indexed_package *package) {
    json_writer_key(writer, "manifests");
    json_writer_open(writer, '{');
    for (size_t i = 0; i < package->version_count; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(package->versions[i].version, version);
        json_writer_key(writer, version);
        manifest_write(writer, package->versions[i].manifest);
    }
    json_writer_close(writer, '}');
}

static void write_package(struct json_writer *writer, const struct indexed_package *package) {
    const struct metadata *metadata = package->metadata;
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", package->name);
    if (metadata->published_count > 0)
        write_version(writer, "latest", metadata->published[metadata->published_count - 1].version);
    json_writer_key(writer, "metadata");
    metadata_write(writer, metadata);
    write_manifests(writer, package);
    json_writer_close(writer, '}');
}

/* ---- One version ---- */

static const struct matrix_verdict *find_verdict(const struct cells *cells, struct version compiler) {
    for (size_t i = 0; i < cells->verdict_count; i++)
        if (version_equal(cells->verdicts[i].compiler, compiler)) return &cells->verdicts[i];
    return NULL;
}

/* True if the job builds the version as published, as opposed to builds of a revision or a package set and builds to verify. */
static bool is_of_cell(const struct job *job) {
    return !matrix_purpose_is_trial(job->purpose);
}

static const struct job *find_job(const struct cells *cells, const char *version, const char *compiler) {
    for (size_t i = 0; i < cells->jobs.count; i++) {
        const struct job *job = &cells->jobs.jobs[i];
        if (text_equal(job->version, version) && text_equal(job->compiler, compiler) && is_of_cell(job)) return job;
    }
    return NULL;
}

static void write_cell(struct json_writer *writer, const struct manifest_index *index, const struct indexed_version *indexed,
                       const struct published_version *published, const struct cells *cells, struct version compiler,
                       struct arena *arena) {
    char version[VERSION_TEXT_MAX], compiler_text[VERSION_TEXT_MAX];
    struct build_plan plan;
    version_print(published->version, version);
    version_print(compiler, compiler_text);
    const struct matrix_verdict *verdict = find_verdict(cells, compiler);
    const struct job *job = find_job(cells, version, compiler_text);
    bool has_succeeded = version_is_among(compiler, published->compilers, published->compiler_count);
    const char *state = has_succeeded ? "succeeded" : job ? job_state_text(job->state) : verdict ? "failed" : NULL;
    if (!state) {
        bool has_plan = indexed && build_plan_for_compiler(&plan, index, indexed->manifest, compiler, arena, NULL) == STATUS_OK;
        state = has_plan ? "untried" : "no_plan";
    }
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "compiler", compiler_text);
    json_writer_text_field(writer, "state", state);
    if (verdict && !job) json_writer_text_field(writer, "verdict", verdict_text(verdict->verdict));
    json_writer_text_field(writer, "jobId", job ? job->id : verdict ? verdict->job_id : NULL);
    json_writer_time_field(writer, "time", job ? job->created_ms : verdict ? verdict->time_ms : 0);
    json_writer_close(writer, '}');
}

/* The package sets with this version: how many, which one first, which one last, and the newest SETS_MAX of them. */
static void write_sets(struct json_writer *writer, const struct set_membership *sets) {
    json_writer_key(writer, "packageSets");
    json_writer_open(writer, '{');
    json_writer_integer_field(writer, "count", (int64_t)sets->count);
    if (sets->count > 0) write_version(writer, "first", sets->sets[sets->count - 1]);
    if (sets->count > 0) write_version(writer, "last", sets->sets[0]);
    json_writer_key(writer, "versions");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < sets->count && i < SETS_MAX; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(sets->sets[i], version);
        json_writer_item(writer);
        json_writer_text(writer, version);
    }
    json_writer_close(writer, ']');
    json_writer_close(writer, '}');
}

static void write_package_version(struct json_writer *writer, const struct manifest_index *index, const char *name,
                                  const struct published_version *published, const struct cells *cells,
                                  const struct set_membership *sets, struct arena *arena) {
    const struct indexed_version *indexed = manifest_index_find(index, name, published->version);
    struct dependant *dependants = NULL;
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", name);
    write_version(writer, "version", published->version);
    json_writer_key(writer, "metadata");
    published_version_write(writer, published);
    if (indexed) {
        json_writer_key(writer, "manifest");
        manifest_write(writer, indexed->manifest);
    }
    json_writer_integer_field(writer, "dependants",
                              (int64_t)manifest_index_find_dependants(&dependants, index, name, published->version, arena));
    write_sets(writer, sets);
    json_writer_key(writer, "matrix");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < cells->compiler_count; i++)
        write_cell(writer, index, indexed, published, cells, cells->compilers[i], arena);
    json_writer_close(writer, ']');
    json_writer_close(writer, '}');
}

static enum status read_cells(struct cells *out, struct matrix_service *service, const char *name, const char *version,
                              struct arena *arena, struct error *err) {
    const struct job_filter filter = {.package = name, .has_kind = true, .kind = JOB_KIND_MATRIX, .limit = JOBS_MAX};
    struct version *compilers = NULL;
    struct matrix_verdict *verdicts = NULL;
    struct job_store *store = connection_pool_take(service->stores);
    *out = (struct cells){0};
    enum status status = compiler_list_read(store, arena, &compilers, &out->compiler_count, err);
    if (!status) status = job_store_list(store, &filter, arena, &out->jobs, err); /* first: a job that ends now has a verdict */
    if (!status) status = verdicts_read(store, name, version, arena, &verdicts, &out->verdict_count, err);
    connection_pool_give_back(service->stores, store);
    out->compilers = compilers;
    out->verdicts = verdicts;
    return status;
}

/* In the package sets of the same commit as the view, or, where these cannot be read, of an earlier one. */
static struct set_membership find_sets(struct matrix_service *service, const char *name, struct version version,
                                       struct arena *arena) {
    struct error err;
    if (registry_sets_follow(service->sets, &err))
        log_line(LOG_DEBUG, "registry_refresh_failed", log_field("error", err.message));
    const struct set_history *history = registry_sets_lock(service->sets);
    const struct set_membership sets = set_history_find_membership(history, name, version, arena);
    registry_sets_unlock(service->sets);
    return sets;
}

/* ---- Answers ---- */

static enum status no_package(const char *name, struct error *err) {
    return error_set(err, STATUS_NOT_FOUND, "There is no package %s in the registry.", name);
}

static enum status write_one(struct json_writer *writer, struct matrix_service *service, const char *name, const char *version,
                             struct arena *arena, struct error *err) {
    struct cells cells = {0};
    struct version wanted = {0};
    enum status status = STATUS_OK;
    if (version && version_parse(&wanted, version, err))
        return error_set(err, STATUS_NOT_FOUND, "There is no version %s of %s: %s", version, name, err->message);
    if (version) status = read_cells(&cells, service, name, version, arena, err);
    if (status) return status;
    const struct set_membership sets = version ? find_sets(service, name, wanted, arena) : (struct set_membership){0};
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    const struct metadata *metadata = manifest_index_find_metadata(index, name);
    const struct published_version *published = metadata && version ? metadata_find_published(metadata, wanted) : NULL;
    const struct unpublished_version *unpublished = metadata && version ? metadata_find_unpublished(metadata, wanted) : NULL;
    if (!metadata)
        status = no_package(name, err);
    else if (!version)
        write_package(writer, manifest_index_package(index, manifest_index_find_package(index, name)));
    else if (published)
        write_package_version(writer, index, name, published, &cells, &sets, arena);
    else
        status =
            error_set(err, STATUS_NOT_FOUND, unpublished ? "%s@%s was unpublished." : "%s@%s is not published.", name, version);
    registry_view_unlock(service->repositories.view);
    return status;
}

static enum status end_answer(enum status status, struct message *answer, struct text *json, struct arena *arena) {
    if (status)
        text_release(json);
    else
        message_take_json(answer, json, arena);
    return status;
}

enum status answer_package_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err) {
    struct matrix_service *service = context;
    const struct message_package_query *query = &request->package_query;
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    int64_t asked_us = clock_monotonic_us();
    if (!query->name) {
        const struct message page = {.tag = MESSAGE_package_list_query,
                                     .package_list_query = {.after = query->after, .limit = query->limit}};
        return answer_package_list_query(context, &page, arena, answer, err);
    }
    fresh_view_follow(&service->fresh);
    enum status status = write_one(&writer, service, query->name, query->version, arena, err);
    if (status == STATUS_NOT_FOUND) { /* the view may be older than the query */
        status = fresh_view_look_again(&service->fresh, asked_us, err);
        if (!status) status = write_one(&writer, service, query->name, query->version, arena, err);
    }
    return end_answer(status, answer, &json, arena);
}

enum status answer_known_package_query(void *context, const struct message *request, struct arena *arena,
                                       struct message *answer, struct error *err) {
    struct matrix_service *service = context;
    const struct message_known_package_query *query = &request->known_package_query;
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    if (!query->name) return error_set_at(err, STATUS_INVALID, "name", "The field \"name\" must be the name of a package.");
    fresh_view_follow(&service->fresh);
    return end_answer(write_one(&writer, service, query->name, query->version, arena, err), answer, &json, arena);
}

/* ---- Whether a change still holds ---- */

static enum status check_place(const struct metadata *metadata, const struct transfer_request *done, struct error *err) {
    struct text place = {0};
    if (!metadata) return error_set(err, STATUS_REFUSED, "The package %s is no longer in the registry.", done->name);
    if (location_equal(&metadata->location, &done->new_location)) return STATUS_OK;
    location_append_text(&place, &metadata->location);
    enum status status = error_set(err, STATUS_REFUSED, "%s is now at %s.", done->name, text_view(&place));
    text_release(&place);
    return status;
}

/* A version in neither list of the metadata is not available either, so the unpublishing holds. */
static enum status check_unpublished(const struct metadata *metadata, const struct unpublish_request *done, struct error *err) {
    char version[VERSION_TEXT_MAX];
    if (!metadata || !metadata_find_published(metadata, done->version)) return STATUS_OK;
    version_print(done->version, version);
    return error_set(err, STATUS_REFUSED, "%s@%s is published again.", done->name, version);
}

enum status answer_holds_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                               struct error *err) {
    struct matrix_service *service = context;
    const char *payload = request->holds_query.payload ? request->holds_query.payload : "";
    bool is_transfer = text_equal(request->holds_query.kind, job_kind_text(JOB_KIND_TRANSFER));
    struct transfer_request transfer = {0};
    struct unpublish_request unpublish = {0};
    int64_t asked_us = clock_monotonic_us();
    if (!is_transfer && !text_equal(request->holds_query.kind, job_kind_text(JOB_KIND_UNPUBLISH)))
        return error_set_at(err, STATUS_INVALID, "kind", "The kind must be transfer or unpublish.");
    enum status status = is_transfer ? transfer_request_parse(&transfer, payload, arena, err)
                                     : unpublish_request_parse(&unpublish, payload, arena, err);
    if (!status) status = fresh_view_look_again(&service->fresh, asked_us, err);
    if (status) return status;
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    status = is_transfer ? check_place(manifest_index_find_metadata(index, transfer.name), &transfer, err)
                         : check_unpublished(manifest_index_find_metadata(index, unpublish.name), &unpublish, err);
    registry_view_unlock(service->repositories.view);
    *answer = (struct message){.tag = MESSAGE_done};
    return status;
}
