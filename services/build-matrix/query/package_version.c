/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-matrix/query/package_version.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/cell_state.h"
#include "lib/domain/package/package_name.h"
#include "lib/domain/search/package_list.h"
#include "lib/domain/solver/build_plan.h"
#include "lib/store/job/connection_pool.h"
#include "lib/store/redis/matrix_store.h"
#include "services/build-matrix/matrix_service.h"

enum { JOBS_MAX = 1000, SETS_MAX = 100 };

void package_version_write_field(struct json_writer *writer, const char *key, struct version version) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    json_writer_text_field(writer, key, text);
}

static const struct matrix_verdict *find_verdict(const struct version_cells *cells, struct version compiler) {
    for (size_t i = 0; i < cells->verdict_count; i++)
        if (version_equal(cells->verdicts[i].compiler, compiler)) return &cells->verdicts[i];
    return NULL;
}

/* True if the job builds the version as published, as opposed to builds of a revision or a package set and builds to verify. */
static bool is_of_cell(const struct job *job) {
    return !matrix_purpose_is_trial(job->purpose);
}

static const struct job *find_job(const struct version_cells *cells, const char *version, const char *compiler) {
    for (size_t i = 0; i < cells->jobs.count; i++) {
        const struct job *job = &cells->jobs.jobs[i];
        if (text_equal(job->version, version) && text_equal(job->compiler, compiler) && is_of_cell(job)) return job;
    }
    return NULL;
}

/* ---- A cell ---- */

/* NAME-VERSION of the dependency that the reason of a failure begins with; it is one of the plan. NULL: of the package itself. */
static const struct package_version *find_failed_dependency(const struct package_versions *plan, const char *reason) {
    for (size_t i = 0; i < plan->count; i++) {
        char version[VERSION_TEXT_MAX], begin[PACKAGE_NAME_MAX + VERSION_TEXT_MAX + 2];
        version_print(plan->items[i].version, version);
        snprintf(begin, sizeof begin, "%s-%s,", plan->items[i].name, version);
        if (text_starts_with(reason, begin)) return &plan->items[i];
    }
    return NULL;
}

/* The same of the job; its payload is the plan. False: none. */
static bool read_failed_dependency(struct package_version *out, const struct job *job, struct arena *arena) {
    struct package_versions plan = {0};
    json_t *payload = NULL;
    const char *text = job->payload ? job->payload : "";
    const struct package_version *failed = NULL;
    if (json_read(&payload, text, strlen(text), "The payload", NULL) == STATUS_OK &&
        package_versions_read(&plan, payload, arena, NULL) == STATUS_OK)
        failed = find_failed_dependency(&plan, job->error);
    if (failed) *out = *failed;
    json_decref(payload);
    return failed != NULL;
}

static void write_failed_package(struct json_writer *writer, const char *name, const char *version) {
    json_writer_key(writer, "failedPackage");
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", name);
    json_writer_text_field(writer, "version", version);
    json_writer_close(writer, '}');
}

/* Why the last build failed, as its job says: whose error is known if it is a dependency's, or has an error of the compiler. */
static void write_failure(struct json_writer *writer, const struct job *job, struct arena *arena) {
    json_t *result = NULL;
    struct package_version dependency;
    char version[VERSION_TEXT_MAX];
    if (!job->error) return;
    if (job->result && json_read(&result, job->result, strlen(job->result), "The result", NULL)) result = NULL;
    const json_t *error = json_array_get(json_object_get(result, "errors"), 0);
    json_writer_text_field(writer, "reason", job->error);
    if (read_failed_dependency(&dependency, job, arena)) {
        version_print(dependency.version, version);
        write_failed_package(writer, dependency.name, version);
    } else if (error) {
        write_failed_package(writer, job->package, job->version);
    }
    if (error) json_writer_value_field(writer, "firstError", error);
    json_decref(result);
}

static enum cell_state cell_state_of(const struct job *job, bool has_verdict, bool has_succeeded, bool has_plan) {
    if (has_succeeded) return CELL_SUCCEEDED;
    if (job) return job->state == JOB_STATE_RUNNING ? CELL_RUNNING : CELL_PENDING;
    return has_verdict ? CELL_FAILED : has_plan ? CELL_UNTRIED : CELL_NO_PLAN;
}

static void write_cell(struct json_writer *writer, const struct manifest_index *index, const struct indexed_version *indexed,
                       const struct published_version *published, const struct version_cells *cells, struct version compiler,
                       struct arena *arena) {
    char version[VERSION_TEXT_MAX], compiler_text[VERSION_TEXT_MAX];
    struct build_plan plan;
    struct error err = {0};
    version_print(published->version, version);
    version_print(compiler, compiler_text);
    const struct matrix_verdict *verdict = find_verdict(cells, compiler);
    const struct job *job = find_job(cells, version, compiler_text);
    bool has_succeeded = version_is_among(compiler, published->compilers, published->compiler_count);
    bool is_open = has_succeeded || job || verdict; /* no plan is needed to know its state */
    bool has_plan = !is_open && indexed && !build_plan_for_compiler(&plan, index, indexed->manifest, compiler, arena, &err);
    enum cell_state state = cell_state_of(job, verdict != NULL, has_succeeded, has_plan);
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "compiler", compiler_text);
    json_writer_text_field(writer, "state", cell_state_text(state));
    if (verdict && !job) json_writer_text_field(writer, "verdict", verdict_text(verdict->verdict));
    json_writer_text_field(writer, "jobId", job ? job->id : verdict ? verdict->job_id : NULL);
    json_writer_time_field(writer, "time", job ? job->created_ms : verdict ? verdict->time_ms : 0);
    if (state == CELL_NO_PLAN && *err.message) json_writer_text_field(writer, "reason", err.message);
    if (state == CELL_FAILED) write_failure(writer, &cells->failed[verdict - cells->verdicts], arena);
    json_writer_close(writer, '}');
}

void package_sets_write(struct json_writer *writer, const struct set_membership *sets) {
    json_writer_key(writer, "packageSets");
    json_writer_open(writer, '{');
    json_writer_integer_field(writer, "count", (int64_t)sets->count);
    if (sets->count > 0) package_version_write_field(writer, "first", sets->sets[sets->count - 1]);
    if (sets->count > 0) package_version_write_field(writer, "last", sets->sets[0]);
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

/* ---- The version ---- */

void package_dependants_write(struct json_writer *writer, const struct manifest_index *index, const char *name,
                              const struct version *version, struct arena *arena) {
    struct dependant *dependants = NULL;
    size_t count = package_list_dependants(&dependants, index, name, version, arena);
    json_writer_key(writer, "dependantPackages");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < count; i++) {
        char range[RANGE_TEXT_MAX];
        range_print(dependants[i].range, range);
        json_writer_item(writer);
        json_writer_open(writer, '{');
        json_writer_text_field(writer, "name", dependants[i].name);
        package_version_write_field(writer, "version", dependants[i].version);
        json_writer_text_field(writer, "range", range);
        json_writer_close(writer, '}');
    }
    json_writer_close(writer, ']');
}

void package_version_write(struct json_writer *writer, const struct manifest_index *index, const char *name,
                           const struct published_version *published, const struct version_cells *cells,
                           const struct set_membership *sets, struct arena *arena) {
    const struct indexed_version *indexed = manifest_index_find(index, name, published->version);
    struct dependant *dependants = NULL;
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", name);
    package_version_write_field(writer, "version", published->version);
    json_writer_key(writer, "metadata");
    published_version_write(writer, published);
    if (indexed) {
        json_writer_key(writer, "manifest");
        manifest_write(writer, indexed->manifest);
    }
    json_writer_integer_field(writer, "dependants",
                              (int64_t)manifest_index_find_dependants(&dependants, index, name, published->version, arena));
    package_dependants_write(writer, index, name, &published->version, arena);
    package_sets_write(writer, sets);
    json_writer_key(writer, "matrix");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < cells->compiler_count; i++)
        write_cell(writer, index, indexed, published, cells, cells->compilers[i], arena);
    json_writer_close(writer, ']');
    json_writer_close(writer, '}');
}

/* ---- What is in Redis ---- */

static enum status read_failed(struct job **out, struct job_store *store, const struct matrix_verdict *verdicts, size_t count,
                               struct arena *arena, struct error *err) {
    *out = arena_alloc(arena, (count + 1) * sizeof **out);
    for (size_t i = 0; i < count; i++) {
        if (verdicts[i].verdict == VERDICT_SUCCEEDED) continue;
        enum status status = job_store_get(store, verdicts[i].job_id, arena, &(*out)[i], err);
        if (status == STATUS_NOT_FOUND) /* it was removed, or moved to storage */
            (*out)[i] = (struct job){0};
        else if (status)
            return status;
    }
    return STATUS_OK;
}

enum status version_cells_read(struct version_cells *out, struct matrix_service *service, const char *name, const char *version,
                               struct arena *arena, struct error *err) {
    const struct job_filter filter = {.package = name, .has_kind = true, .kind = JOB_KIND_MATRIX, .limit = JOBS_MAX};
    struct version *compilers = NULL;
    struct matrix_verdict *verdicts = NULL;
    struct job_store *store = connection_pool_take(service->stores);
    *out = (struct version_cells){0};
    enum status status = compiler_list_read(store, arena, &compilers, &out->compiler_count, err);
    if (!status) status = job_store_list(store, &filter, arena, &out->jobs, err); /* first: a job that ends now has a verdict */
    if (!status) status = verdicts_read(store, name, version, arena, &verdicts, &out->verdict_count, err);
    if (!status) status = read_failed(&out->failed, store, verdicts, out->verdict_count, arena, err);
    connection_pool_give_back(service->stores, store);
    out->compilers = compilers;
    out->verdicts = verdicts;
    return status;
}
