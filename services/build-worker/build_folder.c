/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The folder of one run of the compiler, and the run itself (steps 1 to 3 of compiler_run.c):
 *
 *   .registry/NAME-VERSION  → the unpacked package          output/MODULE  → its folder in the store
 *   output/cache-db.json      joined from the store's parts; the compiler replaces it
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "services/build-worker/build_parts.h"

enum {
    CACHE_BYTES_MAX = 64 << 20,
    LINKS_KEPT_MAX = 100000, /* then all are removed: links to evicted store entries are not removed one by one */
};

static const char *const globs[] = {BUILD_PACKAGES_FOLDER "/*/src/**/*.purs", NULL};

/* ---- The folder ---- */

static void keep_link(struct build_environment *environment, const char *target, const char *kept) {
    if (symlink(target, kept) || atomic_fetch_add(&environment->kept_links, 1) != LINKS_KEPT_MAX) return;
    struct arena arena = {0};
    const char *folder = arena_format(&arena, "%s/links", environment->folder);
    struct error err;
    folder_remove(folder);
    if (folder_make(folder, &err)) log_line(LOG_WARN, "links_not_kept", log_field("error", err.message));
    atomic_store(&environment->kept_links, 0);
    arena_release(&arena);
}

/* Makes `link` a symbolic link to `target`. Each symbolic link is created once in BUILD_DIR/links and hard-linked into every
 * run: creating and freeing hundreds of inodes per run costs a file system most (ext4 skips all inodes freed in the last
 * seconds). */
static enum status link_to(struct compiler_run *run, const char *target, const char *link, struct error *err) {
    struct build_environment *environment = run->build->environment;
    char name[SHA256_HEX_MAX];
    hash_sha256_hex(target, strlen(target), name);
    const char *kept = arena_format(run->build->arena, "%s/links/%s", environment->folder, name);
    if (linkat(AT_FDCWD, kept, AT_FDCWD, link, 0) == 0) return STATUS_OK;
    if (errno == ENOENT) {
        keep_link(environment, target, kept);
        if (linkat(AT_FDCWD, kept, AT_FDCWD, link, 0) == 0) return STATUS_OK;
    }
    if (errno == EEXIST || symlink(target, link) == 0 || errno == EEXIST)
        return STATUS_OK; /* a module defined twice: the compiler reports it */
    return error_set(err, STATUS_INTERNAL, "Cannot link %s to %s: %s.", link, target, strerror(errno));
}

static enum status link_packages(struct compiler_run *run, struct error *err) {
    struct build *build = run->build;
    const char *packages = arena_format(build->arena, "%s/" BUILD_PACKAGES_FOLDER, run->folder);
    enum status status = STATUS_OK;
    if (mkdir(packages, 0755)) status = error_set(err, STATUS_INTERNAL, "Cannot create %s: %s.", packages, strerror(errno));
    for (size_t i = 0; !status && i < build->work->package_count; i++)
        if (run->is_in[i])
            status = link_to(run, build->sources[i].folder,
                             arena_format(build->arena, "%s/%s", packages, build->sources[i].top), err);
    return status;
}

static enum status link_modules(struct compiler_run *run, const struct build_entry *entry, struct json_writer *cache,
                                struct error *err) {
    enum status status = STATUS_OK;
    struct arena *arena = run->build->arena;
    for (size_t i = 0; !status && i < entry->module_count; i++) {
        const struct built_module *module = &entry->modules[i];
        status = link_to(run, arena_format(arena, "%s/output/%s", entry->folder, module->name),
                         arena_format(arena, "%s/output/%s", run->folder, module->name), err);
        json_writer_raw_field(cache, module->name, module->cache_entry);
    }
    return status;
}

/* The compiler replaces this file, and a run leaves no state behind, so there is no fsync. */
static enum status write_cache(struct compiler_run *run, const struct text *cache, struct error *err) {
    const struct sandbox *sandbox = &run->build->environment->sandbox;
    const char *path = arena_format(run->build->arena, "%s/output/cache-db.json", run->folder);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool is_written = file >= 0 && file_write_all(file, cache->bytes, cache->length) &&
                      (!sandbox->changes_user || fchown(file, sandbox->user.user_id, sandbox->user.group_id) == 0);
    int problem = errno;
    if (file >= 0) close(file);
    return is_written ? STATUS_OK : error_set(err, STATUS_INTERNAL, "Cannot write %s: %s.", path, strerror(problem));
}

static enum status link_outputs(struct compiler_run *run, struct error *err) {
    struct build *build = run->build;
    struct text cache = {0};
    struct json_writer writer = {.out = &cache};
    json_writer_open(&writer, '{');
    enum status status =
        sandbox_make_folder(&build->environment->sandbox, arena_format(build->arena, "%s/output", run->folder), err);
    for (size_t i = 0; !status && i < build->work->package_count; i++)
        if (run->is_in[i] && !run->is_compiled[i]) status = link_modules(run, &build->sources[i].entry, &writer, err);
    bool has_modules = writer.has_items;
    json_writer_close(&writer, '}');
    if (!status && has_modules) status = write_cache(run, &cache, err);
    text_release(&cache);
    return status;
}

enum status compiler_run_make_folder(struct compiler_run *run, struct error *err) {
    struct build_environment *environment = run->build->environment;
    long long number = atomic_fetch_add(&environment->runs, 1);
    run->folder = arena_format(run->build->arena, "%s/runs/%lld", environment->folder, number);
    enum status status = sandbox_make_folder(&environment->sandbox, run->folder, err);
    if (!status) status = link_packages(run, err);
    return status ? status : link_outputs(run, err);
}

/* ---- The compiler ---- */

enum status compiler_run_compile(struct compiler_run *run, struct error *err) {
    struct build *build = run->build;
    struct build_environment *environment = build->environment;
    const char *const readable[] = {package_cache_folder(environment->packages), build_store_folder(environment->store), NULL};
    const struct compiler_request request = {.compiler = build->compiler,
                                             .sandbox = &environment->sandbox,
                                             .folder = run->folder,
                                             .globs = globs,
                                             .readable = readable,
                                             .deadline = build->deadline};
    enum status status = compiler_compile(&run->report, build->arena, &request, err);
    run->compiler_ms += run->report.elapsed_ms;
    if (!status) run->compiled += run->report.compiled_count;
    return status;
}

void compiler_run_read_cache(struct compiler_run *run) {
    struct text text = {0};
    json_decref(run->cache);
    run->cache = NULL;
    if (file_read_below(run->folder, "output/cache-db.json", CACHE_BYTES_MAX, &text, NULL) == STATUS_OK &&
        json_read(&run->cache, text_view(&text), text.length, "cache-db.json", NULL))
        run->cache = NULL;
    text_release(&text);
}
