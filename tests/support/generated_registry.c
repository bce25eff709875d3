/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/generated_registry.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/domain/registry/index_file.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/registry/package_set.h"
#include "tests/support/generated_source.h"

enum { THREADS_MAX = 32, TARBALL_MAX_BYTES = 1 << 20 };
#define COMMIT_AUTHOR "pacchettibotti <pacchettibotti@purescript.org> 1767225600 +0000"

/* One version, with the size and hash of its tarball. */
struct made_version {
    const struct indexed_version *from;
    struct generated_source source;
    char hash[SHA256_SRI_MAX];
    int64_t size_bytes;
};

struct made_package {
    const struct indexed_package *from;
    struct made_version *versions; /* published ones only */
    size_t version_count;
};

struct making {
    const char *folder;
    const struct manifest_index *index;
    const struct generated_registry_options *options;
    struct arena arena;
    struct made_package *packages; /* by name */
    size_t package_count;
    atomic_size_t next; /* index of the next package for a thread to pack */
    pthread_mutex_t mutex;
    struct error *err; /* of the first failure */
    atomic_bool has_failed;
};

/* ---- Its content ---- */

/* Marks the package and all packages that its manifests name. */
static void keep(const struct manifest_index *index, bool *is_kept, uint32_t package) {
    if (package == PACKAGE_COMPILER || is_kept[package]) return;
    is_kept[package] = true;
    const struct indexed_package *from = manifest_index_package(index, package);
    for (size_t i = 0; i < from->mention_count; i++)
        keep(index, is_kept, from->mentions[i]);
}

static bool *choose_packages(const struct making *making, struct arena *arena) {
    const struct manifest_index *index = making->index;
    size_t count = manifest_index_package_count(index);
    bool *is_kept = arena_alloc(arena, count * sizeof *is_kept);
    for (uint32_t id = 0; id < count; id++) {
        uint64_t number = generated_number(making->options->seed, manifest_index_package(index, id)->name, NULL);
        if (making->options->one_in < 2 || number % (uint64_t)making->options->one_in == 0) keep(index, is_kept, id);
    }
    return is_kept;
}

static bool *find_needed(const struct manifest_index *index, struct arena *arena) {
    size_t count = manifest_index_package_count(index);
    bool *is_needed = arena_alloc(arena, count * sizeof *is_needed);
    for (uint32_t id = 0; id < count; id++) {
        const struct indexed_package *package = manifest_index_package(index, id);
        for (size_t i = 0; i < package->mention_count; i++)
            is_needed[package->mentions[i]] = true;
    }
    return is_needed;
}

static void add_extra(struct generated_source *source, const struct generated_registry_options *options) {
    char version[VERSION_TEXT_MAX];
    version_print(source->manifest->version, version);
    for (size_t i = 0; i < options->extra_count; i++) {
        const struct generated_extra *extra = &options->extras[i];
        if (!text_equal(extra->name, source->manifest->name) || !text_equal(extra->version, version)) continue;
        if (extra->module) source->extra_module = extra->module;
        if (extra->import) source->extra_import = extra->import;
        if (extra->pragma) source->extra_pragma = extra->pragma;
        if (!extra->fails_from) continue;
        source->fault = GENERATED_FAULT_TYPE;
        if (version_parse(&source->fails_from, extra->fails_from, NULL)) abort();
    }
}

static struct generated_source plan_source(const struct making *making, const struct indexed_version *version,
                                           const struct published_version *published, bool is_needed) {
    struct generated_source source = {
        .manifest = version->manifest, .seed = making->options->seed, .sleep_ms = making->options->sleep_ms};
    uint64_t broken = (uint64_t)making->options->broken_in_thousand;
    uint64_t number = generated_number(source.seed, version->manifest->name, &version->version) % 1000;
    if (number < broken)
        source.fault = GENERATED_FAULT_TYPE;
    else if (number < 2 * broken && !is_needed)
        source.fault = GENERATED_FAULT_IMPORT;
    source.fails_from = version_bump_patch(published->compilers[published->compiler_count - 1]);
    add_extra(&source, making->options);
    return source;
}

static void plan_package(struct making *making, const struct indexed_package *package, bool is_needed) {
    const struct generated_registry_options *options = making->options;
    struct made_package *made = &making->packages[making->package_count];
    if (!package->metadata) return;
    *made = (struct made_package){.from = package};
    made->versions = arena_alloc(&making->arena, package->version_count * sizeof *made->versions);
    for (size_t i = 0; i < package->version_count; i++) {
        const struct indexed_version *version = &package->versions[i];
        const struct published_version *published = metadata_find_published(package->metadata, version->version);
        if (!published || published->compiler_count == 0) continue;
        if (options->is_kept && !options->is_kept(options->context, package->name, version->version)) continue;
        struct made_version *out = &made->versions[made->version_count++];
        out->from = version;
        out->source = plan_source(making, version, published, is_needed);
    }
    making->package_count += made->version_count > 0;
}

static void plan_packages(struct making *making) {
    struct arena arena = {0};
    size_t count = manifest_index_package_count(making->index);
    const bool *is_kept = choose_packages(making, &arena), *is_needed = find_needed(making->index, &arena);
    making->packages = arena_alloc(&making->arena, count * sizeof *making->packages);
    for (size_t i = 0; i < count; i++) {
        uint32_t id = manifest_index_by_name(making->index, i);
        if (is_kept[id]) plan_package(making, manifest_index_package(making->index, id), is_needed[id]);
    }
    arena_release(&arena);
}

/* ---- Tarballs, by several threads ---- */

static enum status write_plainly(const char *path, const void *bytes, size_t length, struct error *err) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool is_written = file >= 0 && file_write_all(file, bytes, length);
    int cause = errno;
    if (file >= 0) close(file);
    return is_written ? STATUS_OK : error_set(err, STATUS_INTERNAL, "Cannot write %s: %s.", path, strerror(cause));
}

static enum status make_tarball(const struct making *making, struct made_version *version, struct error *err) {
    struct arena arena = {0};
    struct text tarball = {0};
    struct archive_item items[GENERATED_FILES_MAX];
    char printed[VERSION_TEXT_MAX];
    const char *name = version->from->manifest->name;
    version_print(version->from->version, printed);
    size_t count = generated_files(items, &version->source, &arena);
    enum status status = archive_pack(&tarball, making->folder, arena_format(&arena, "%s-%s", name, printed), items, count,
                                      TARBALL_MAX_BYTES, err);
    if (!status) {
        hash_sha256_sri(tarball.bytes, tarball.length, version->hash);
        version->size_bytes = (int64_t)tarball.length;
        status = write_plainly(arena_format(&arena, "%s/storage/%s/%s.tar.gz", making->folder, name, printed), tarball.bytes,
                               tarball.length, err);
    }
    text_release(&tarball);
    arena_release(&arena);
    return status;
}

static enum status make_tarballs(const struct making *making, const struct made_package *package, struct error *err) {
    struct text folder = {0};
    text_append_format(&folder, "%s/storage/%s", making->folder, package->from->name);
    enum status status = STATUS_OK;
    if (mkdir(folder.bytes, 0755) != 0)
        status = error_set(err, STATUS_INTERNAL, "Cannot create the folder %s: %s.", folder.bytes, strerror(errno));
    for (size_t i = 0; i < package->version_count && !status; i++)
        status = make_tarball(making, &package->versions[i], err);
    text_release(&folder);
    return status;
}

static void *work(void *argument) {
    struct making *making = argument;
    struct error err = {0};
    for (size_t i; (i = atomic_fetch_add(&making->next, 1)) < making->package_count && !atomic_load(&making->has_failed);) {
        if (!make_tarballs(making, &making->packages[i], &err)) continue;
        pthread_mutex_lock(&making->mutex);
        if (!atomic_exchange(&making->has_failed, true) && making->err) *making->err = err;
        pthread_mutex_unlock(&making->mutex);
    }
    return NULL;
}

static enum status make_all_tarballs(struct making *making) {
    pthread_t threads[THREADS_MAX];
    long wanted = making->options->thread_count > 0 ? making->options->thread_count : sysconf(_SC_NPROCESSORS_ONLN);
    long count = 0;
    while (count < wanted && count < THREADS_MAX && pthread_create(&threads[count], NULL, work, making) == 0)
        count++;
    if (count == 0) work(making);
    for (long i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return atomic_load(&making->has_failed) ? STATUS_INTERNAL : STATUS_OK;
}

/* ---- Repositories, by `git fast-import` ---- */

static void append_metadata(struct text *path, struct text *content, const struct made_package *package) {
    struct metadata metadata = *package->from->metadata;
    metadata.published = memory_alloc(package->version_count * sizeof *metadata.published);
    metadata.published_count = package->version_count;
    for (size_t i = 0; i < package->version_count; i++) {
        const struct made_version *version = &package->versions[i];
        metadata.published[i] = *metadata_find_published(package->from->metadata, version->from->version);
        metadata.published[i].hash = version->hash;
        metadata.published[i].size_bytes = version->size_bytes;
    }
    text_append_format(path, "metadata/%s.json", package->from->name);
    metadata_append_file(content, &metadata);
    free(metadata.published);
}

static void append_manifests(struct text *path, struct text *content, const struct made_package *package) {
    char name[INDEX_PATH_MAX];
    index_file_path(package->from->name, name);
    text_append(path, name);
    for (size_t i = 0; i < package->version_count; i++) {
        manifest_append_line(content, package->versions[i].from->manifest);
        text_append_character(content, '\n');
    }
}

static void print_sets(const struct making *making, FILE *git) {
    for (size_t i = 0; i < making->options->set_count; i++) {
        struct text file = {0};
        char version[VERSION_TEXT_MAX];
        version_print(making->options->sets[i].version, version);
        package_set_append_file(&file, &making->options->sets[i]);
        fprintf(git, "M 100644 inline package-sets/%s.json\ndata %zu\n%s\n", version, file.length, file.bytes);
        text_release(&file);
    }
}

/* `append` tells a package's file: its path and its content. */
static enum status make_repository(const struct making *making, const char *name,
                                   void (*append)(struct text *path, struct text *content, const struct made_package *package),
                                   struct error *err) {
    struct text command = {0}, path = {0}, content = {0};
    enum status status = STATUS_OK;
    text_append_format(&command,
                       "cd '%s' && git init -q --bare -b main %s && git -C %s config http.receivepack true && "
                       "git -C %s fast-import --quiet",
                       making->folder, name, name, name);
    FILE *git = popen(command.bytes, "we");
    if (!git) {
        status = error_set(err, STATUS_INTERNAL, "cannot run git: %s", strerror(errno));
        goto out;
    }
    fputs("commit refs/heads/main\ncommitter " COMMIT_AUTHOR "\ndata 18\nGenerated registry\n", git);
    for (size_t i = 0; i < making->package_count; i++) {
        text_clear(&path);
        text_clear(&content);
        append(&path, &content, &making->packages[i]);
        fprintf(git, "M 100644 inline %s\ndata %zu\n%s\n", path.bytes, content.length, content.bytes);
    }
    if (append == append_metadata) print_sets(making, git);
    if (pclose(git) != 0) status = error_set(err, STATUS_INTERNAL, "git cannot make %s/%s", making->folder, name);
out:
    text_release(&command);
    text_release(&path);
    text_release(&content);
    return status;
}

/* ---- The result ---- */

static enum status write_broken(const struct making *making, struct error *err) {
    struct text lines = {0}, path = {0};
    char printed[VERSION_TEXT_MAX];
    for (size_t i = 0; i < making->package_count; i++)
        for (size_t j = 0; j < making->packages[i].version_count; j++) {
            const struct made_version *version = &making->packages[i].versions[j];
            if (version->source.fault == GENERATED_FAULT_NONE) continue;
            version_print(version->from->version, printed);
            text_append_format(&lines, "%s@%s %s\n", making->packages[i].from->name, printed,
                               generated_fault_text(version->source.fault));
        }
    text_append_format(&path, "%s/broken", making->folder);
    enum status status = write_plainly(path.bytes, text_view(&lines), lines.length, err);
    text_release(&lines);
    text_release(&path);
    return status;
}

static struct generated_registry_counts count_all(const struct making *making) {
    struct generated_registry_counts counts = {.packages = making->package_count};
    for (size_t i = 0; i < making->package_count; i++)
        for (size_t j = 0; j < making->packages[i].version_count; j++) {
            const struct made_version *version = &making->packages[i].versions[j];
            counts.versions++;
            counts.modules += generated_module_count(&version->source);
            counts.broken[version->source.fault]++;
            counts.tarball_bytes += version->size_bytes;
        }
    return counts;
}

enum status generated_registry_make(const char *folder, const struct manifest_index *index,
                                    const struct generated_registry_options *options, struct generated_registry_counts *counts,
                                    struct error *err) {
    struct making making = {.folder = folder, .index = index, .options = options, .err = err};
    struct text storage = {0};
    text_append_format(&storage, "%s/storage", folder);
    pthread_mutex_init(&making.mutex, NULL);
    enum status status = folder_make(storage.bytes, err);
    if (!status) plan_packages(&making);
    if (!status) status = make_all_tarballs(&making);
    if (!status) status = make_repository(&making, "registry.git", append_metadata, err);
    if (!status) status = make_repository(&making, "registry-index.git", append_manifests, err);
    if (!status) status = write_broken(&making, err);
    if (!status) *counts = count_all(&making);
    pthread_mutex_destroy(&making.mutex);
    text_release(&storage);
    arena_release(&making.arena);
    return status;
}
