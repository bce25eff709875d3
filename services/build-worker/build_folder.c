/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The folder of one run of the compiler, and the run (steps 1 to 3 of build_set.c):
 *
 *   .registry/NAME-VERSION  → the unpacked package          output/MODULE  → its folder in the store
 *   output/cache-db.json      joined from the store's parts; the compiler writes it anew
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "services/build-worker/build_parts.h"

enum { CACHE_BYTES_MAX = 64 << 20 };

static const char *const globs[] = {BUILD_PACKAGES_FOLDER "/*/src/**/*.purs", NULL};

/* ---- The folder ---- */

static enum status link_to(const char *target, const char *link, struct error *err) {
    if (symlink(target, link) == 0 || errno == EEXIST) return STATUS_OK; /* a module twice is the compiler's to report */
    return error_set(err, STATUS_INTERNAL, "cannot link %s to %s: %s", link, target, strerror(errno));
}

static enum status link_packages(struct set_run *run, struct error *err) {
    struct build *build = run->build;
    const char *packages = arena_format(build->arena, "%s/" BUILD_PACKAGES_FOLDER, run->folder);
    enum status status = folder_make(packages, err);
    for (size_t i = 0; !status && i < build->work->package_count; i++)
        if (run->is_in[i])
            status =
                link_to(build->sources[i].folder, arena_format(build->arena, "%s/%s", packages, build->sources[i].top), err);
    return status;
}

static enum status link_modules(struct set_run *run, const struct build_entry *entry, struct text *cache, struct error *err) {
    enum status status = STATUS_OK;
    struct arena *arena = run->build->arena;
    for (size_t i = 0; !status && i < entry->module_count; i++) {
        const struct built_module *module = &entry->modules[i];
        status = link_to(arena_format(arena, "%s/output/%s", entry->folder, module->name),
                         arena_format(arena, "%s/output/%s", run->folder, module->name), err);
        text_append(cache, cache->length > 1 ? "," : "");
        json_append(cache, module->name);
        text_append_character(cache, ':');
        text_append(cache, module->cache_entry);
    }
    return status;
}

/* The compiler writes this file anew. */
static enum status write_cache(struct set_run *run, const struct text *cache, struct error *err) {
    const struct sandbox *sandbox = &run->build->builder->sandbox;
    const char *path = arena_format(run->build->arena, "%s/output/cache-db.json", run->folder);
    enum status status = file_write(path, cache->bytes, cache->length, err);
    if (!status && sandbox->changes_user && chown(path, sandbox->user.user_id, sandbox->user.group_id))
        status = error_set(err, STATUS_INTERNAL, "cannot give %s to the compiler's user: %s", path, strerror(errno));
    return status;
}

static enum status link_outputs(struct set_run *run, struct error *err) {
    struct build *build = run->build;
    struct text cache = {0};
    text_append_character(&cache, '{');
    enum status status =
        sandbox_make_folder(&build->builder->sandbox, arena_format(build->arena, "%s/output", run->folder), err);
    for (size_t i = 0; !status && i < build->work->package_count; i++)
        if (run->is_in[i] && !run->is_compiled[i]) status = link_modules(run, &build->sources[i].entry, &cache, err);
    text_append_character(&cache, '}');
    if (!status && cache.length > 2) status = write_cache(run, &cache, err);
    text_release(&cache);
    return status;
}

enum status set_run_make_folder(struct set_run *run, struct error *err) {
    struct builder *builder = run->build->builder;
    long long number = atomic_fetch_add(&builder->runs, 1);
    run->folder = arena_format(run->build->arena, "%s/runs/%lld", builder->folder, number);
    enum status status = sandbox_make_folder(&builder->sandbox, run->folder, err);
    if (!status) status = link_packages(run, err);
    return status ? status : link_outputs(run, err);
}

/* ---- The compiler ---- */

enum status set_run_compile(struct set_run *run, struct error *err) {
    struct build *build = run->build;
    struct builder *builder = build->builder;
    const char *const readable[] = {package_cache_folder(builder->packages), build_store_folder(builder->store), NULL};
    enum status status = compiler_compile(&run->report, build->arena, build->compiler, &builder->sandbox, run->folder, globs,
                                          readable, build->deadline, err);
    run->compiler_ms += run->report.elapsed_ms;
    if (!status) run->compiled += run->report.compiled_count;
    return status;
}

void set_run_read_cache(struct set_run *run) {
    struct text text = {0};
    json_decref(run->cache);
    run->cache = NULL;
    if (file_read_below(run->folder, "output/cache-db.json", CACHE_BYTES_MAX, &text, NULL) == STATUS_OK &&
        json_read(&run->cache, text_view(&text), text.length, "cache-db.json", NULL))
        run->cache = NULL;
    text_release(&text);
}

/* How many modules the packages have that are to be compiled. */
