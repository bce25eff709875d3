/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/matrix/work_order.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/package/json_fields.h"

static const char *const how_texts[] = {
#define BUILD_HOW(name, text) text,
    BUILD_HOW_TABLE(BUILD_HOW)
#undef BUILD_HOW
};

static enum status invalid(struct error *err, const char *field, const char *rule) {
    return error_set_at(err, STATUS_INVALID, field, "The field \"%s\" %s.", field, rule);
}

/* Puts `LIST[POSITION].` before the path of `err`, which may be NULL. Returns `status`. */
static enum status at_item(struct error *err, enum status status, const char *list, size_t position) {
    char path[64];
    snprintf(path, sizeof path, "%s[%zu]", list, position);
    if (err) error_under(err, path);
    return status;
}

static enum status need_amount(const json_t *object, const char *key, int64_t *out, struct error *err) {
    enum status status = json_need_integer(object, key, out, err);
    return status || *out >= 0 ? status : invalid(err, key, "must not be negative");
}

/* ---- Packages ---- */

static enum status read_dependencies(struct build_package *out, const json_t *object, size_t own_position, struct arena *arena,
                                     struct error *err) {
    const json_t *list = NULL, *item;
    enum status status = json_need_array(object, "dependencies", &list, err);
    if (status) return status;
    size_t *positions = arena_alloc(arena, (json_array_size(list) + 1) * sizeof *positions), i;
    json_array_foreach(list, i, item) {
        json_int_t position = json_integer_value(item);
        if (!json_is_integer(item) || position < 0 || (size_t)position >= own_position)
            return invalid(err, "dependencies", "must be a list of positions of earlier packages");
        positions[i] = (size_t)position;
    }
    out->dependencies = positions;
    out->dependency_count = json_array_size(list);
    return STATUS_OK;
}

static enum status read_package(struct build_package *out, const json_t *object, size_t position, struct arena *arena,
                                struct error *err) {
    enum status status = json_must_be_object(object, "A package", err);
    if (!status) status = json_need_package_name(object, "name", &out->name, arena, err);
    if (!status) status = json_need_version(object, "version", &out->version, err);
    if (!status) status = json_need_copy(object, "hash", &out->hash, arena, err);
    if (!status && !hash_is_sha256_sri(out->hash)) status = invalid(err, "hash", "must be a hash of the form sha256-BASE64");
    if (!status) status = need_amount(object, "bytes", &out->size_bytes, err);
    return status ? status : read_dependencies(out, object, position, arena, err);
}

static enum status read_packages(struct work_order *out, const json_t *root, struct arena *arena, struct error *err) {
    const json_t *list = NULL, *item;
    size_t i;
    enum status status = json_need_array(root, "packages", &list, err);
    if (status) return status;
    if (json_array_size(list) == 0 || json_array_size(list) > WORK_ORDER_PACKAGES_MAX)
        return error_set_at(err, STATUS_INVALID, "packages", "A work order must have 1 to %d packages.",
                            WORK_ORDER_PACKAGES_MAX);
    struct build_package *packages = arena_alloc(arena, json_array_size(list) * sizeof *packages);
    json_t *names = json_object();
    json_array_foreach(list, i, item) {
        status = read_package(&packages[i], item, i, arena, err);
        if (!status && json_object_get(names, packages[i].name))
            status = invalid(err, "name", "must not be the name of another package");
        if (!status) json_object_set_new(names, packages[i].name, json_true());
        if (status) {
            at_item(err, status, "packages", i);
            break;
        }
    }
    json_decref(names);
    out->packages = packages;
    out->package_count = json_array_size(list);
    return status;
}

static enum status read_others(struct work_order *out, const json_t *root, struct arena *arena, struct error *err) {
    const json_t *list = json_object_get(root, "others"), *item;
    size_t i;
    if (list && (!json_is_array(list) || json_array_size(list) > WORK_ORDER_OTHERS_MAX))
        return error_set_at(err, STATUS_INVALID, "others", "The field \"others\" must be an array of at most %d packages.",
                            WORK_ORDER_OTHERS_MAX);
    struct build_package *others = arena_alloc(arena, (json_array_size(list) + 1) * sizeof *others);
    json_array_foreach(list, i, item) {
        enum status status = read_package(&others[i], item, 0, arena, err);
        if (status) return at_item(err, status, "others", i);
    }
    out->others = others;
    out->other_count = json_array_size(list);
    return STATUS_OK;
}

/* ---- Jobs ---- */

static bool parse_how(const char *text, enum build_how *how) {
    for (unsigned i = 0; i < BUILD_HOW_COUNT; i++)
        if (text_equal(text, how_texts[i])) {
            *how = (enum build_how)i;
            return true;
        }
    return false;
}

static enum status read_job(struct build_job *out, const json_t *object, size_t package_count, struct error *err) {
    const char *id = NULL, *how = NULL;
    int64_t attempt = 0, package = 0;
    enum status status = json_must_be_object(object, "A job", err);
    if (!status) status = json_need_text(object, "jobId", &id, err);
    if (!status && (!*id || strlen(id) >= sizeof out->job_id || strspn(id, "0123456789abcdef-") != strlen(id)))
        status = invalid(err, "jobId", "must be the id of a job");
    if (!status) status = need_amount(object, "fence", &out->fence, err);
    if (!status) status = need_amount(object, "attempt", &attempt, err);
    if (!status && attempt > INT32_MAX) status = invalid(err, "attempt", "must not be above 2147483647");
    if (!status) status = need_amount(object, "package", &package, err);
    if (!status && (size_t)package >= package_count) status = invalid(err, "package", "must be the position of a package");
    if (!status) status = json_need_text(object, "how", &how, err);
    if (!status && !parse_how(how, &out->how)) status = invalid(err, "how", "must be reuse, again or verify");
    if (status) return status;
    memcpy(out->job_id, id, strlen(id) + 1);
    out->attempt = (int)attempt;
    out->package = (size_t)package;
    return STATUS_OK;
}

static enum status read_jobs(struct work_order *out, const json_t *root, struct arena *arena, struct error *err) {
    const json_t *list = NULL, *item;
    size_t i;
    enum status status = json_need_array(root, "jobs", &list, err);
    if (status) return status;
    if (json_array_size(list) == 0 || json_array_size(list) > WORK_ORDER_JOBS_MAX)
        return error_set_at(err, STATUS_INVALID, "jobs", "A work order must have 1 to %d jobs.", WORK_ORDER_JOBS_MAX);
    struct build_job *jobs = arena_alloc(arena, json_array_size(list) * sizeof *jobs);
    bool *is_taken = arena_alloc(arena, out->package_count * sizeof *is_taken);
    json_array_foreach(list, i, item) {
        status = read_job(&jobs[i], item, out->package_count, err);
        if (!status && is_taken[jobs[i].package]) status = invalid(err, "package", "must not be the package of another job");
        if (status) return at_item(err, status, "jobs", i);
        is_taken[jobs[i].package] = true;
    }
    out->jobs = jobs;
    out->job_count = json_array_size(list);
    return STATUS_OK;
}

/* ---- Work ---- */

enum status work_order_parse(struct work_order *out, const char *bytes, size_t length, struct arena *arena, struct error *err) {
    json_t *root = NULL;
    *out = (struct work_order){0};
    enum status status = json_read(&root, bytes, length, "The work", err);
    if (!status) status = json_must_be_object(root, "The work", err);
    if (!status) status = json_need_version(root, "compiler", &out->compiler, err);
    if (!status) status = need_amount(root, "timeLimitMs", &out->time_limit_ms, err);
    if (!status) status = need_amount(root, "leaseMs", &out->lease_ms, err);
    if (!status) status = json_need_copy(root, "downloads", &out->downloads, arena, err);
    if (!status) status = read_packages(out, root, arena, err);
    if (!status) status = read_jobs(out, root, arena, err);
    if (!status) status = read_others(out, root, arena, err);
    json_decref(root);
    return status;
}

static void write_version(struct json_writer *writer, const char *key, struct version version) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    json_writer_text_field(writer, key, text);
}

static void write_package(struct json_writer *writer, const struct build_package *package) {
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", package->name);
    write_version(writer, "version", package->version);
    json_writer_text_field(writer, "hash", package->hash);
    json_writer_integer_field(writer, "bytes", package->size_bytes);
    json_writer_key(writer, "dependencies");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < package->dependency_count; i++) {
        json_writer_item(writer);
        json_writer_integer(writer, (int64_t)package->dependencies[i]);
    }
    json_writer_close(writer, ']');
    json_writer_close(writer, '}');
}

static void write_job(struct json_writer *writer, const struct build_job *job) {
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "jobId", job->job_id);
    json_writer_integer_field(writer, "fence", job->fence);
    json_writer_integer_field(writer, "attempt", job->attempt);
    json_writer_integer_field(writer, "package", (int64_t)job->package);
    json_writer_text_field(writer, "how", how_texts[job->how]);
    json_writer_close(writer, '}');
}

void work_order_append_json(struct text *out, const struct work_order *work) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    write_version(&writer, "compiler", work->compiler);
    json_writer_integer_field(&writer, "timeLimitMs", work->time_limit_ms);
    json_writer_integer_field(&writer, "leaseMs", work->lease_ms);
    json_writer_text_field(&writer, "downloads", work->downloads);
    json_writer_key(&writer, "packages");
    json_writer_open(&writer, '[');
    for (size_t i = 0; i < work->package_count; i++)
        write_package(&writer, &work->packages[i]);
    json_writer_close(&writer, ']');
    json_writer_key(&writer, "jobs");
    json_writer_open(&writer, '[');
    for (size_t i = 0; i < work->job_count; i++)
        write_job(&writer, &work->jobs[i]);
    json_writer_close(&writer, ']');
    if (work->other_count > 0) {
        json_writer_key(&writer, "others");
        json_writer_open(&writer, '[');
        for (size_t i = 0; i < work->other_count; i++)
            write_package(&writer, &work->others[i]);
        json_writer_close(&writer, ']');
    }
    json_writer_close(&writer, '}');
}

/* Dependencies come earlier in the table, so one walk downwards finds all of them. */
size_t work_order_closure(size_t **out, const struct work_order *work, size_t package, struct arena *arena) {
    bool *is_needed = arena_alloc(arena, (package + 1) * sizeof *is_needed);
    size_t count = 0, found = 0;
    is_needed[package] = true;
    for (size_t i = package + 1; i-- > 0;) {
        if (!is_needed[i]) continue;
        for (size_t j = 0; j < work->packages[i].dependency_count; j++) {
            size_t dependency = work->packages[i].dependencies[j];
            count += !is_needed[dependency];
            is_needed[dependency] = true;
        }
    }
    *out = arena_alloc(arena, (count + 1) * sizeof **out);
    for (size_t i = 0; i < package; i++)
        if (is_needed[i]) (*out)[found++] = i;
    return found;
}

/* ---- Results ---- */

static enum status read_position(struct build_error *out, const json_t *object, struct error *err) {
    const json_t *position = NULL;
    enum status status = json_want_object(object, "position", &position, err);
    if (status || !position) return status;
    int *const fields[] = {&out->position.start_line, &out->position.start_column, &out->position.end_line,
                           &out->position.end_column};
    static const char *const keys[] = {"startLine", "startColumn", "endLine", "endColumn"};
    for (size_t i = 0; !status && i < sizeof keys / sizeof keys[0]; i++) {
        int64_t value = 0;
        status = need_amount(position, keys[i], &value, err);
        if (!status && value > INT32_MAX) status = invalid(err, keys[i], "must not be above 2147483647");
        *fields[i] = (int)value;
    }
    out->has_position = !status;
    if (status && err) error_under(err, "position");
    return status;
}

static enum status read_error(struct build_error *out, const json_t *object, struct arena *arena, struct error *err) {
    enum status status = json_must_be_object(object, "An error", err);
    if (!status) status = json_need_copy(object, "message", &out->message, arena, err);
    if (!status) status = json_need_copy(object, "errorCode", &out->code, arena, err);
    if (!status) status = json_want_copy(object, "errorLink", &out->link, arena, err);
    if (!status) status = json_want_copy(object, "filename", &out->filename, arena, err);
    if (!status) status = json_want_copy(object, "moduleName", &out->module, arena, err);
    return status ? status : read_position(out, object, err);
}

static enum status read_errors(struct build_result *out, const json_t *root, struct arena *arena, struct error *err) {
    const json_t *list = NULL, *item;
    size_t i;
    enum status status = json_want_array(root, "errors", &list, err);
    if (status || !list) return status;
    if (json_array_size(list) > BUILD_ERRORS_MAX)
        return error_set_at(err, STATUS_INVALID, "errors", "A result must have at most %d errors.", BUILD_ERRORS_MAX);
    struct build_error *errors = arena_alloc(arena, (json_array_size(list) + 1) * sizeof *errors);
    json_array_foreach(list, i, item) {
        status = read_error(&errors[i], item, arena, err);
        if (status) return at_item(err, status, "errors", i);
    }
    out->errors = errors;
    out->error_count = json_array_size(list);
    return STATUS_OK;
}

/* The counters of a result and their JSON keys. */
#define COUNT_TABLE(COUNT)                                                                                                     \
    COUNT(compiled_modules, "compiled")                                                                                        \
    COUNT(reused_modules, "reused")                                                                                            \
    COUNT(own_modules, "own")                                                                                                  \
    COUNT(compiler_ms, "compilerMs")                                                                                           \
    COUNT(own_ms, "ownMs")                                                                                                     \
    COUNT(batch_jobs, "batch")

enum status build_result_parse(struct build_result *out, const char *bytes, size_t length, struct arena *arena,
                               struct error *err) {
    json_t *root = NULL;
    int64_t left_out = 0;
    *out = (struct build_result){0};
    enum status status = json_read(&root, bytes, length, "The result", err);
    if (!status) status = json_must_be_object(root, "A result", err);
#define COUNT(field, key)                                                                                                      \
    if (!status) status = need_amount(root, key, &out->field, err);
    COUNT_TABLE(COUNT)
#undef COUNT
    if (!status) status = read_errors(out, root, arena, err);
    if (!status && json_object_get(root, "errorsLeftOut")) status = need_amount(root, "errorsLeftOut", &left_out, err);
    out->errors_left_out = (size_t)left_out;
    json_decref(root);
    return status;
}

static void write_error(struct json_writer *writer, const struct build_error *error) {
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "message", error->message);
    json_writer_text_field(writer, "errorCode", error->code);
    json_writer_text_field(writer, "errorLink", error->link);
    json_writer_text_field(writer, "filename", error->filename);
    json_writer_text_field(writer, "moduleName", error->module);
    if (error->has_position) {
        json_writer_key(writer, "position");
        json_writer_open(writer, '{');
        json_writer_integer_field(writer, "startLine", error->position.start_line);
        json_writer_integer_field(writer, "startColumn", error->position.start_column);
        json_writer_integer_field(writer, "endLine", error->position.end_line);
        json_writer_integer_field(writer, "endColumn", error->position.end_column);
        json_writer_close(writer, '}');
    }
    json_writer_close(writer, '}');
}

void build_result_append_json(struct text *out, const struct build_result *result) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
#define COUNT(field, key) json_writer_integer_field(&writer, key, result->field);
    COUNT_TABLE(COUNT)
#undef COUNT
    if (result->error_count > 0) {
        json_writer_key(&writer, "errors");
        json_writer_open(&writer, '[');
        for (size_t i = 0; i < result->error_count; i++)
            write_error(&writer, &result->errors[i]);
        json_writer_close(&writer, ']');
    }
    if (result->errors_left_out > 0) json_writer_integer_field(&writer, "errorsLeftOut", (int64_t)result->errors_left_out);
    json_writer_close(&writer, '}');
}
