/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/message/message_work.h"

#include <stdio.h>
#include <string.h>

/* Puts `LIST[POSITION].` before the path of `err`, which may be NULL. Returns `status`. */
static enum status at_item(struct error *err, enum status status, const char *list, size_t position) {
    char path[64];
    snprintf(path, sizeof path, "%s[%zu]", list, position);
    if (err) error_under(err, path);
    return status;
}

/* ---- Writing a work order ---- */

static const char *print_version(struct version version, struct arena *arena) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    return arena_copy(arena, text);
}

static struct record_dependency_list list_dependencies(const struct build_package *package, struct arena *arena) {
    struct record_dependency *items = arena_alloc(arena, (package->dependency_count + 1) * sizeof *items);
    for (size_t i = 0; i < package->dependency_count; i++)
        items[i].package = (int64_t)package->dependencies[i];
    return (struct record_dependency_list){items, package->dependency_count};
}

static struct record_package_list list_packages(const struct build_package *packages, size_t count, struct arena *arena) {
    struct record_package *items = arena_alloc(arena, (count + 1) * sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct record_package){.name = packages[i].name,
                                           .version = print_version(packages[i].version, arena),
                                           .hash = packages[i].hash,
                                           .size_bytes = packages[i].size_bytes,
                                           .dependencies = list_dependencies(&packages[i], arena)};
    return (struct record_package_list){items, count};
}

static struct record_build_list list_jobs(const struct work_order *work, struct arena *arena) {
    struct record_build *items = arena_alloc(arena, (work->job_count + 1) * sizeof *items);
    for (size_t i = 0; i < work->job_count; i++) {
        const struct build_job *job = &work->jobs[i];
        items[i] = (struct record_build){.job_id = job->job_id,
                                         .fence = job->fence,
                                         .attempt = job->attempt,
                                         .package = (int64_t)job->package,
                                         .how = build_how_text(job->how)};
    }
    return (struct record_build_list){items, work->job_count};
}

void message_write_work(struct message *out, const struct work_order *work, struct arena *arena) {
    *out = (struct message){.tag = MESSAGE_work_order,
                            .work_order = {.compiler = print_version(work->compiler, arena),
                                           .time_limit_ms = work->time_limit_ms,
                                           .lease_ms = work->lease_ms,
                                           .downloads = work->downloads,
                                           .packages = list_packages(work->packages, work->package_count, arena),
                                           .jobs = list_jobs(work, arena),
                                           .others = list_packages(work->others, work->other_count, arena)}};
}

/* ---- Reading one ---- */

static enum status read_version(struct version *out, const char *text, const char *field, struct error *err) {
    enum status status = version_parse(out, text ? text : "", err);
    return status ? error_set_at(err, status, field, "%s", err ? err->message : "") : STATUS_OK;
}

/* A position that does not fit, like a negative one, is beyond any list. */
static size_t read_position(int64_t position) {
    return position < 0 ? SIZE_MAX : (size_t)position;
}

static const size_t *read_dependencies(struct record_dependency_list list, struct arena *arena) {
    size_t *positions = arena_alloc(arena, (list.count + 1) * sizeof *positions);
    for (size_t i = 0; i < list.count; i++)
        positions[i] = read_position(list.items[i].package);
    return positions;
}

static enum status read_packages(const struct build_package **out, struct record_package_list list, const char *name,
                                 struct arena *arena, struct error *err) {
    struct build_package *packages = arena_alloc(arena, (list.count + 1) * sizeof *packages);
    for (size_t i = 0; i < list.count; i++) {
        const struct record_package *record = &list.items[i];
        packages[i] = (struct build_package){.name = record->name,
                                             .hash = record->hash,
                                             .size_bytes = record->size_bytes,
                                             .dependencies = read_dependencies(record->dependencies, arena),
                                             .dependency_count = record->dependencies.count};
        enum status status = read_version(&packages[i].version, record->version, "version", err);
        if (status) return at_item(err, status, name, i);
    }
    *out = packages;
    return STATUS_OK;
}

static enum status read_job(struct build_job *out, const struct record_build *record, struct error *err) {
    if (!record->job_id || strlen(record->job_id) >= sizeof out->job_id)
        return error_set_at(err, STATUS_INVALID, "job_id", "A job of the work order has no id, or too long a one.");
    if (record->attempt < 0 || record->attempt > INT32_MAX)
        return error_set_at(err, STATUS_INVALID, "attempt", "The attempt of the job %s must be from 0 to %d.", record->job_id,
                            INT32_MAX);
    *out =
        (struct build_job){.fence = record->fence, .attempt = (int)record->attempt, .package = read_position(record->package)};
    memcpy(out->job_id, record->job_id, strlen(record->job_id) + 1);
    if (build_how_parse(record->how, &out->how)) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, "how", "The job %s must be built in one of the ways reuse, again and verify.",
                        record->job_id);
}

static enum status read_jobs(struct work_order *out, struct record_build_list list, struct arena *arena, struct error *err) {
    struct build_job *jobs = arena_alloc(arena, (list.count + 1) * sizeof *jobs);
    for (size_t i = 0; i < list.count; i++) {
        enum status status = read_job(&jobs[i], &list.items[i], err);
        if (status) return at_item(err, status, "jobs", i);
    }
    out->jobs = jobs;
    out->job_count = list.count;
    return STATUS_OK;
}

enum status message_read_work(struct work_order *out, const struct message_work_order *message, struct arena *arena,
                              struct error *err) {
    *out = (struct work_order){.time_limit_ms = message->time_limit_ms,
                               .lease_ms = message->lease_ms,
                               .downloads = message->downloads,
                               .package_count = message->packages.count,
                               .other_count = message->others.count};
    enum status status = read_version(&out->compiler, message->compiler, "compiler", err);
    if (!status) status = read_packages(&out->packages, message->packages, "packages", arena, err);
    if (!status) status = read_packages(&out->others, message->others, "others", arena, err);
    if (!status) status = read_jobs(out, message->jobs, arena, err);
    return status ? status : work_order_check(out, err);
}

/* ---- Results ---- */

/* The counters of a result, which its record has under the same names. */
#define COUNT_TABLE(COUNT)                                                                                                     \
    COUNT(compiled_modules)                                                                                                    \
    COUNT(reused_modules)                                                                                                      \
    COUNT(own_modules)                                                                                                         \
    COUNT(compiler_ms)                                                                                                         \
    COUNT(own_ms)                                                                                                              \
    COUNT(batch_jobs)

static const struct record_source_position *write_position(const struct build_error *error, struct arena *arena) {
    if (!error->has_position) return NULL;
    struct record_source_position *record = arena_alloc(arena, sizeof *record);
    *record = (struct record_source_position){error->position.start_line, error->position.start_column,
                                              error->position.end_line, error->position.end_column};
    return record;
}

const struct record_build_result *message_write_result(const struct build_result *result, struct arena *arena) {
    struct record_build_result *record = arena_alloc(arena, sizeof *record);
    struct record_compiler_error *errors = arena_alloc(arena, (result->error_count + 1) * sizeof *errors);
#define COUNT(field) record->field = result->field;
    COUNT_TABLE(COUNT)
#undef COUNT
    for (size_t i = 0; i < result->error_count; i++) {
        const struct build_error *error = &result->errors[i];
        errors[i] = (struct record_compiler_error){.message = error->message,
                                                   .code = error->code,
                                                   .link = error->link,
                                                   .filename = error->filename,
                                                   .module = error->module,
                                                   .position = write_position(error, arena)};
    }
    record->errors = (struct record_compiler_error_list){errors, result->error_count};
    record->errors_left_out = (int64_t)result->errors_left_out;
    return record;
}

/* Checks a number of at most `most`. */
static enum status check_amount(const char *field, int64_t amount, int64_t most, struct error *err) {
    if (amount >= 0 && amount <= most) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, field, "The field \"%s\" must be from 0 to %lld.", field, (long long)most);
}

static enum status read_place(struct build_error *out, const struct record_source_position *record, struct error *err) {
    if (!record) return STATUS_OK;
    enum status status = check_amount("start_line", record->start_line, INT32_MAX, err);
    if (!status) status = check_amount("start_column", record->start_column, INT32_MAX, err);
    if (!status) status = check_amount("end_line", record->end_line, INT32_MAX, err);
    if (!status) status = check_amount("end_column", record->end_column, INT32_MAX, err);
    if (status && err) error_under(err, "position");
    out->has_position = !status;
    out->position = (struct build_error_position){(int)record->start_line, (int)record->start_column, (int)record->end_line,
                                                  (int)record->end_column};
    return status;
}

static enum status read_error(struct build_error *out, const struct record_compiler_error *record, struct error *err) {
    if (!record->message || !record->code)
        return error_set_at(err, STATUS_INVALID, record->message ? "code" : "message",
                            "An error of the compiler must have a message and a code.");
    *out = (struct build_error){.message = record->message,
                                .code = record->code,
                                .link = record->link,
                                .filename = record->filename,
                                .module = record->module};
    return read_place(out, record->position, err);
}

enum status message_read_result(struct build_result *out, const struct record_build_result *record, struct arena *arena,
                                struct error *err) {
    struct build_error *errors = arena_alloc(arena, (record->errors.count + 1) * sizeof *errors);
    enum status status = check_amount("errors_left_out", record->errors_left_out, INT64_MAX, err);
    *out = (struct build_result){
        .errors = errors, .error_count = record->errors.count, .errors_left_out = (size_t)record->errors_left_out};
#define COUNT(field)                                                                                                           \
    out->field = record->field;                                                                                                \
    if (!status) status = check_amount(#field, record->field, INT64_MAX, err);
    COUNT_TABLE(COUNT)
#undef COUNT
    for (size_t i = 0; !status && i < record->errors.count; i++) {
        status = read_error(&errors[i], &record->errors.items[i], err);
        if (status) at_item(err, status, "errors", i);
    }
    return status;
}
