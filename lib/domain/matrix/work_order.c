/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/matrix/work_order.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/map.h"
#include "lib/base/text.h"
#include "lib/domain/package/json_fields.h"
#include "lib/domain/package/package_name.h"

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

/* ---- Work ---- */

const char *build_how_text(enum build_how how) {
    return how_texts[how];
}

bool build_how_parse(const char *text, enum build_how *how) {
    for (unsigned i = 0; i < BUILD_HOW_COUNT; i++)
        if (text_equal(text, how_texts[i])) {
            *how = (enum build_how)i;
            return true;
        }
    return false;
}

static enum status check_count(const char *list, size_t count, size_t least, size_t most, struct error *err) {
    if (count >= least && count <= most) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, list, "A work order must have %zu to %zu %s; it has %zu.", least, most, list,
                        count);
}

static enum status check_amount(const char *field, int64_t amount, struct error *err) {
    return amount >= 0 ? STATUS_OK : invalid(err, field, "must not be negative");
}

static enum status check_package(const struct build_package *package, size_t position, struct error *err) {
    enum status status = package_name_check(package->name ? package->name : "", err);
    if (status) return error_set_at(err, status, "name", "%s", err ? err->message : "");
    if (!package->hash || !hash_is_sha256_sri(package->hash))
        return error_set_at(err, STATUS_INVALID, "hash", "The hash of %s must be of the form sha256-BASE64.", package->name);
    for (size_t i = 0; i < package->dependency_count; i++)
        if (package->dependencies[i] >= position)
            return error_set_at(err, STATUS_INVALID, "dependencies",
                                "Each dependency of %s must be the position of an earlier package.", package->name);
    return check_amount("size_bytes", package->size_bytes, err);
}

static enum status check_packages(const struct work_order *work, struct error *err) {
    enum status status = check_count("packages", work->package_count, 1, WORK_ORDER_PACKAGES_MAX, err);
    struct map names = {0};
    for (size_t i = 0; !status && i < work->package_count; i++) {
        status = check_package(&work->packages[i], i, err);
        if (!status && map_put(&names, work->packages[i].name, &names))
            status = error_set_at(err, STATUS_INVALID, "name", "Two packages have the name %s.", work->packages[i].name);
        if (status) at_item(err, status, "packages", i);
    }
    map_release(&names, NULL);
    return status;
}

static enum status check_others(const struct work_order *work, struct error *err) {
    enum status status = check_count("others", work->other_count, 0, WORK_ORDER_OTHERS_MAX, err);
    for (size_t i = 0; !status && i < work->other_count; i++) {
        status = check_package(&work->others[i], 0, err);
        if (status) at_item(err, status, "others", i);
    }
    return status;
}

static enum status check_job(const struct build_job *job, size_t package_count, struct error *err) {
    if (!*job->job_id || job->job_id[strspn(job->job_id, "0123456789abcdef-")])
        return error_set_at(err, STATUS_INVALID, "job_id", "A job cannot have the id \"%s\".", job->job_id);
    if (job->package >= package_count)
        return error_set_at(err, STATUS_INVALID, "package", "The package of the job %s must be the position of one.",
                            job->job_id);
    enum status status = check_amount("fence", job->fence, err);
    return status ? status : check_amount("attempt", job->attempt, err);
}

static enum status check_jobs(const struct work_order *work, struct error *err) {
    enum status status = check_count("jobs", work->job_count, 1, WORK_ORDER_JOBS_MAX, err);
    if (status) return status;
    struct arena arena = {0};
    bool *is_taken = arena_alloc(&arena, work->package_count * sizeof *is_taken);
    for (size_t i = 0; !status && i < work->job_count; i++) {
        const struct build_job *job = &work->jobs[i];
        status = check_job(job, work->package_count, err);
        if (!status && is_taken[job->package])
            status = error_set_at(err, STATUS_INVALID, "package", "The job %s has the same package as another.", job->job_id);
        if (!status) is_taken[job->package] = true;
        if (status) at_item(err, status, "jobs", i);
    }
    arena_release(&arena);
    return status;
}

enum status work_order_check(const struct work_order *work, struct error *err) {
    enum status status = check_amount("time_limit_ms", work->time_limit_ms, err);
    if (!status) status = check_amount("lease_ms", work->lease_ms, err);
    if (!status && !work->downloads)
        status = error_set_at(err, STATUS_INVALID, "downloads", "A work order must have an address for downloads.");
    if (!status) status = check_packages(work, err);
    if (!status) status = check_jobs(work, err);
    return status ? status : check_others(work, err);
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
