/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `registryctl solve`: runs the solver (lib/domain/solver/solver.h) on a registry's files. The supported compilers are all
 * those in any metadata. --all is in solve_all.c.
 */
#include "ops/registryctl/solve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/number.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/supported_compilers.h"
#include "lib/domain/package/json_fields.h"
#include "lib/domain/package/package_name.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/solver/solver.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/registry_files.h"

/* ---- One plan ---- */

static void write_version(struct json_writer *writer, const char *key, const struct version *version) {
    char text[VERSION_TEXT_MAX];
    version_print(*version, text);
    json_writer_text_field(writer, key, text);
}

/* Appends a line with the plan, or with `failure` if that is not NULL. */
static void append_answer(struct text *out, const struct question *question, const struct build_plan *plan,
                          const char *failure) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    if (question->name) {
        json_writer_text_field(&writer, "name", question->name);
        write_version(&writer, "version", &question->version);
    }
    if (question->compiler || !failure)
        write_version(&writer, "compiler", question->compiler ? question->compiler : &plan->compiler);
    if (failure) {
        json_writer_text_field(&writer, "error", failure);
    } else {
        json_writer_key(&writer, "plan");
        package_versions_write(&writer, &plan->packages);
    }
    json_writer_close(&writer, '}');
    text_append_character(out, '\n');
}

void solve_append_absence(struct text *out, const struct question *question) {
    struct text failure = {0};
    char version[VERSION_TEXT_MAX];
    version_print(question->version, version);
    text_append_format(&failure, "The registry index has no %s@%s.", question->name, version);
    append_answer(out, question, NULL, text_view(&failure));
    text_release(&failure);
}

bool solve_append_answer(struct text *out, const struct manifest_index *index, const struct compilers *compilers,
                         const struct question *question) {
    struct arena arena = {0};
    struct error err; /* not zeroed: it is large, and read only if it was set */
    struct build_plan plan = {0};
    struct solver_request request = {.required = question->required,
                                     .required_count = question->required_count,
                                     .compilers = compilers->items,
                                     .compiler_count = compilers->count,
                                     .acceptable_compilers =
                                         question->compiler ? range_exact(*question->compiler) : SOLVER_ANY_COMPILER};
    bool is_solved = solver_solve(&plan, index, &request, &arena, &err) == STATUS_OK;
    append_answer(out, question, &plan, is_solved ? NULL : err.message);
    arena_release(&arena);
    return is_solved;
}

/* ---- The compilers ---- */

static int compare_versions(const void *a, const void *b) {
    return version_compare(*(const struct version *)a, *(const struct version *)b);
}

/* The compilers in all metadata, without duplicates. */
static struct compilers find_compilers(const struct manifest_index *index, struct arena *arena) {
    struct compilers out = {0};
    size_t capacity = 0;
    for (uint32_t id = 0; id < manifest_index_package_count(index); id++) {
        const struct metadata *metadata = manifest_index_package(index, id)->metadata;
        for (size_t i = 0; metadata && i < metadata->published_count; i++)
            capacity += metadata->published[i].compiler_count;
    }
    out.items = arena_alloc(arena, capacity * sizeof *out.items);
    for (uint32_t id = 0; id < manifest_index_package_count(index); id++) {
        const struct metadata *metadata = manifest_index_package(index, id)->metadata;
        for (size_t i = 0; metadata && i < metadata->published_count; i++)
            for (size_t j = 0; j < metadata->published[i].compiler_count; j++)
                out.items[out.count++] = metadata->published[i].compilers[j];
    }
    if (out.count > 1) qsort(out.items, out.count, sizeof *out.items, compare_versions);
    size_t kept = 0;
    for (size_t i = 0; i < out.count; i++)
        if (kept == 0 || !version_equal(out.items[kept - 1], out.items[i])) out.items[kept++] = out.items[i];
    out.count = kept;
    return out;
}

/* ---- Single questions ---- */

/* *is_indexed is false if the index lacks the version, which is an answer rather than an error. */
static enum status ask_for_version(struct question *out, bool *is_indexed, struct invocation *call,
                                   const struct manifest_index *index, const char *argument, struct error *err) {
    const char *at = strrchr(argument, '@');
    if (!at) return wrong_call(call, err, "The version must be of the form NAME@VERSION, but it is \"%s\".", argument);
    out->name = arena_copy_bytes(&call->arena, argument, (size_t)(at - argument));
    enum status status = package_name_check(out->name, err);
    if (!status) status = version_parse(&out->version, at + 1, err);
    if (status) return status;
    const struct indexed_version *indexed = manifest_index_find(index, out->name, out->version);
    *is_indexed = indexed != NULL;
    if (!indexed) return STATUS_OK;
    out->required = indexed->manifest->dependencies;
    out->required_count = indexed->manifest->dependency_count;
    return STATUS_OK;
}

static enum status read_dependency(struct dependency *out, const json_t *object, const char *name, struct arena *arena,
                                   struct error *err) {
    const char *range;
    enum status status = package_name_check(name, err);
    if (!status) status = json_need_text(object, name, &range, err);
    if (status) return status;
    out->name = arena_copy(arena, name);
    return within_field(name, range_parse(&out->range, range, err), err);
}

static enum status read_dependencies(struct manifest *out, json_t *object, struct arena *arena, struct error *err) {
    json_t *value;
    const char *name;
    enum status status = json_must_be_object(object, "The value of --dependencies", err);
    if (status) return status;
    out->dependencies = arena_alloc(arena, json_object_size(object) * sizeof *out->dependencies);
    json_object_foreach(object, name, value) {
        status = read_dependency(&out->dependencies[out->dependency_count++], object, name, arena, err);
        if (status) return status;
    }
    manifest_sort_dependencies(out);
    return STATUS_OK;
}

/* Parses `{NAME: RANGE}`, as in a manifest. */
static enum status ask_for_dependencies(struct question *out, struct arena *arena, const char *argument, struct error *err) {
    json_t *object = NULL;
    struct manifest manifest = {0};
    enum status status = json_read(&object, argument, strlen(argument), "The value of --dependencies", err);
    if (!status) status = read_dependencies(&manifest, object, arena, err);
    json_decref(object);
    out->required = manifest.dependencies;
    out->required_count = manifest.dependency_count;
    return status;
}

/* ---- The command ---- */

/* The command's options. */
struct solve_options {
    const char *dependencies; /* NULL: none */
    const char *version;      /* NAME@VERSION; NULL: none */
    bool is_all;
    bool has_compiler;
    struct version compiler;
    int thread_count;
};

static enum status take_options(struct solve_options *out, struct invocation *call, struct error *err) {
    *out = (struct solve_options){.dependencies = take_option(call, "dependencies")};
    out->is_all = take_flag(call, "all");
    const char *compiler = take_option(call, "compiler"), *threads = take_option(call, "threads");
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t thread_count = processors < 1 ? 1 : processors;
    out->version = call->count > 1 ? call->arguments[1] : NULL;
    if (out->is_all + (out->dependencies != NULL) + (out->version != NULL) != 1)
        return wrong_call(call, err, "One of NAME@VERSION, --dependencies and --all is required.");
    if (threads && !number_parse_within(&thread_count, threads, 1, SOLVE_THREADS_MAX))
        return wrong_call(call, err, "--threads must be a whole number from 1 to %d, but it is \"%s\".", SOLVE_THREADS_MAX,
                          threads);
    out->thread_count = (int)(thread_count > SOLVE_THREADS_MAX ? SOLVE_THREADS_MAX : thread_count);
    out->has_compiler = compiler != NULL;
    return compiler ? version_parse(&out->compiler, compiler, err) : STATUS_OK;
}

static enum status solve_one(struct invocation *call, const struct manifest_index *index, const struct compilers *compilers,
                             const struct solve_options *options, struct error *err) {
    struct question question = {.compiler = options->has_compiler ? &options->compiler : NULL};
    struct text line = {0};
    bool is_indexed = true;
    enum status status = options->version ? ask_for_version(&question, &is_indexed, call, index, options->version, err)
                                          : ask_for_dependencies(&question, &call->arena, options->dependencies, err);
    if (status) return status;
    if (!is_indexed) solve_append_absence(&line, &question);
    if (!is_indexed || !solve_append_answer(&line, index, compilers, &question)) call->exit_status = 1;
    fputs(text_view(&line), stdout);
    text_release(&line);
    return STATUS_OK;
}

enum status command_solve(struct invocation *call, struct error *err) {
    struct solve_options options;
    struct manifest_index *index = NULL;
    struct compilers compilers;
    enum status status = take_options(&options, call, err);
    if (!status) status = registry_files_load(&index, call->arguments[0], err);
    if (status) return status;
    compilers = find_compilers(index, &call->arena);
    if (options.has_compiler) status = supported_compilers_check(compilers.items, compilers.count, options.compiler, err);
    if (!status && !options.is_all) status = solve_one(call, index, &compilers, &options, err);
    if (!status && options.is_all &&
        !solve_all(index, &compilers, options.has_compiler ? &options.compiler : NULL, options.thread_count))
        call->exit_status = 1;
    manifest_index_free(index);
    return status;
}
