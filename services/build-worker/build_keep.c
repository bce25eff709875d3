/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a run of the compiler adds to the build store, and removes from it (step 5 of compiler_run.c).
 */
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "services/build-worker/build_parts.h"

static const char *print_json(struct build *build, const json_t *value) {
    struct text text = {0};
    json_append_value(&text, value, 0);
    const char *copy = arena_copy(build->arena, text_view(&text));
    text_release(&text);
    return copy;
}

/* True if every file that the cache entry names belongs to the package. */
static bool is_of_package(const struct build *build, const json_t *entry, size_t package) {
    const char *path;
    const json_t *value;
    bool has_any = false;
    json_object_foreach((json_t *)entry, path, value) {
        if (build_package_of_path(build, path, NULL) != package) return false;
        has_any = true;
    }
    return has_any;
}

static bool list_built_modules(struct compiler_run *run, size_t package, struct built_module *out) {
    struct build *build = run->build;
    const struct build_source *source = &build->sources[package];
    for (size_t i = 0; i < source->module_count; i++) {
        const struct source_module *module = &source->modules[i];
        const json_t *entry = module->name ? json_object_get(run->cache, module->name) : NULL;
        if (!json_is_object(entry) || !is_of_package(build, entry, package)) return false;
        out[i] = (struct built_module){
            .name = module->name, .imports = (const char *const *)module->imports, .cache_entry = print_json(build, entry)};
    }
    return true;
}

/* A package that cannot be added is only compiled again next time; the job does not fail. */
static void keep_package(struct compiler_run *run, size_t package) {
    struct build *build = run->build;
    const struct build_source *source = &build->sources[package];
    struct built_module *modules = arena_alloc(build->arena, (source->module_count + 1) * sizeof *modules);
    struct build_entry entry = {
        .succeeded = true, .folder = run->folder, .modules = modules, .module_count = source->module_count};
    struct error err;
    if (source->header_problem || !list_built_modules(run, package, modules)) return;
    if (build_store_add(build->environment->store, source->key, &entry, &err))
        log_line(LOG_WARN, "build_not_stored", log_field("package", source->top), log_field("error", err.message));
    build_forget_entry(build, package);
}

static void make_key(struct build *build, size_t package) {
    if (!*build->sources[package].key) build_store_key(build->sources[package].key, build->work, package);
}

void compiler_run_keep_packages(struct compiler_run *run) {
    if (run->set->keeps_nothing || !run->cache) return;
    for (size_t i = 0; i < run->build->work->package_count; i++) {
        if (!run->is_compiled[i] || run->is_left_out[i] || (run->is_unfit && run->is_unfit[i])) continue;
        make_key(run->build, i);
        keep_package(run, i);
    }
}

void compiler_run_keep_failure(struct compiler_run *run, size_t package, const struct build_result *result) {
    struct build *build = run->build;
    struct error err;
    if (run->set->keeps_nothing) return;
    make_key(build, package);
    const struct build_entry entry = {.errors = build_print_result(build, result)};
    if (build_store_add(build->environment->store, build->sources[package].key, &entry, &err))
        log_line(LOG_WARN, "build_not_stored", log_field("package", build->sources[package].top),
                 log_field("error", err.message));
    build_forget_entry(build, package);
}

void compiler_run_distrust_store(struct compiler_run *run, size_t expected) {
    struct build *build = run->build;
    for (size_t i = 0; i < build->work->package_count; i++)
        if (run->is_in[i] && !run->is_compiled[i]) {
            build_store_remove(build->environment->store, build->sources[i].key);
            build_forget_entry(build, i);
        }
    compiler_run_say(
        run, LOG_WARN,
        arena_format(build->arena,
                     "The compiler compiled %zu modules instead of %zu, so the outputs from the build store are not trusted: "
                     "everything is compiled again.",
                     run->report.compiled_count, expected));
}
