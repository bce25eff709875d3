/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/small_registry.h"

#include <fts.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/domain/registry/index_file.h"

#define FIXED_LOCATION "\"location\":{\"githubOwner\":\"owner\",\"githubRepo\":\"repo\"}"
#define FIXED_HASH "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
enum { FILE_BYTES_MAX = 16 * 1024 * 1024 };

static void need(enum status status, const struct error *err, const char *what) {
    if (status == STATUS_OK) return;
    fprintf(stderr, "%s: %s %s\n", what, err->path, err->message);
    abort();
}

/* `NAME RANGE, NAME RANGE` as the inside of a JSON object */
static void append_dependencies(struct text *out, const char *text) {
    while (*text) {
        size_t name_length = strcspn(text, " ");
        size_t length = strcspn(text, ",");
        if (length <= name_length) abort();
        text_append_format(out, "\"%.*s\":\"%.*s\"", (int)name_length, text, (int)(length - name_length - 1),
                           text + name_length + 1);
        text += length;
        if (*text == ',') text_append_character(out, *text++);
        while (*text == ' ')
            text++;
    }
}

static void append_manifest(struct text *out, const char *name, const char *version, const char *dependencies) {
    text_append_format(
        out, "{\"name\":\"%s\",\"version\":\"%s\",\"license\":\"MIT\"," FIXED_LOCATION ",\"ref\":\"v%s\",\"dependencies\":{",
        name, version, version);
    append_dependencies(out, dependencies);
    text_append(out, "}}");
}

struct manifest small_registry_manifest(const char *name, const char *version, const char *dependencies, struct arena *arena) {
    struct text json = {0};
    struct error err = {0};
    struct manifest manifest = {0};
    append_manifest(&json, name, version, dependencies);
    need(manifest_parse(&manifest, text_view(&json), json.length, name, arena, &err), &err, dependencies);
    text_release(&json);
    return manifest;
}

struct dependency *small_registry_dependencies(const char *text, size_t *count, struct arena *arena) {
    struct manifest manifest = small_registry_manifest("any", "1.0.0", text, arena);
    *count = manifest.dependency_count;
    return manifest.dependencies;
}

/* One package's files, while they are being written. */
struct package_files {
    char name[64];
    struct text manifests;
    struct text published;
};

static void append_compilers(struct text *out, const char *text, size_t length) {
    for (const char *end = text + length; text < end;) {
        size_t word = strcspn(text, " ]");
        text_append_format(out, "\"%.*s\"", (int)word, text);
        text += word + 1;
        if (text < end) text_append_character(out, ',');
    }
}

static void add_row(struct package_files *files, const char *version, const char *compilers) {
    size_t compilers_length = strcspn(compilers, "]");
    const char *dependencies = compilers + compilers_length + 1;
    append_manifest(&files->manifests, files->name, version, dependencies + strspn(dependencies, " "));
    text_append_character(&files->manifests, '\n');
    if (compilers_length == 0) return;
    text_append_format(&files->published, "%s\"%s\":{\"bytes\":1000,\"compilers\":[", files->published.length ? "," : "",
                       version);
    append_compilers(&files->published, compilers, compilers_length);
    text_append(&files->published,
                "],\"hash\":\"" FIXED_HASH "\",\"publishedTime\":\"2026-01-01T00:00:00.000Z\",\"ref\":\"\"}");
}

static void finish_package(struct manifest_index *index, struct package_files *files) {
    struct error err = {0};
    struct text metadata = {0};
    text_append_format(&metadata, "{" FIXED_LOCATION ",\"published\":{%s},\"unpublished\":{}}", text_view(&files->published));
    need(manifest_index_set_manifests(index, files->name, text_view(&files->manifests), files->manifests.length, &err), &err,
         files->name);
    need(manifest_index_set_metadata(index, files->name, text_view(&metadata), metadata.length, &err), &err, files->name);
    text_release(&metadata);
    text_release(&files->manifests);
    text_release(&files->published);
    files->name[0] = '\0';
}

struct manifest_index *small_registry_create(const char *const *rows, size_t row_count) {
    struct manifest_index *index = manifest_index_create();
    struct package_files files = {0};
    for (size_t i = 0; i < row_count; i++) {
        char name[64];
        char version[VERSION_TEXT_MAX];
        int begin = 0;
        if (sscanf(rows[i], "%63s %32s [%n", name, version, &begin) != 2 || begin == 0) abort();
        if (files.name[0] && strcmp(files.name, name) != 0) finish_package(index, &files);
        snprintf(files.name, sizeof files.name, "%s", name);
        add_row(&files, version, rows[i] + begin);
    }
    if (files.name[0]) finish_package(index, &files);
    return index;
}

struct package_set small_package_set(const char *members, struct arena *arena) {
    struct package_set set = {.version = {1, 0, 0}, .compiler = {0, 15, 15}, .published = "2026-07-29"};
    set.packages.items = arena_alloc(arena, (strlen(members) / 2 + 1) * sizeof *set.packages.items);
    char name[64], version[VERSION_TEXT_MAX];
    for (int length; sscanf(members, "%63s %32s%n", name, version, &length) == 2; members += length) {
        struct package_version *item = &set.packages.items[set.packages.count++];
        struct error err = {0};
        item->name = arena_copy(arena, name);
        need(version_parse(&item->version, version, &err), &err, members);
    }
    package_versions_sort(&set.packages);
    return set;
}

/* --- the real one --- */

static void load_file(struct manifest_index *index, const char *path, const char *root) {
    struct text text = {0};
    struct error err = {0};
    need(file_read(path, FILE_BYTES_MAX, &text, &err), &err, path);
    const char *inside = path + strlen(root) + 1;
    if (text_starts_with(inside, "registry/metadata/")) {
        char name[PACKAGE_NAME_MAX + 8];
        snprintf(name, sizeof name, "%s", strrchr(path, '/') + 1);
        *strrchr(name, '.') = '\0';
        need(manifest_index_set_metadata(index, name, text_view(&text), text.length, &err), &err, path);
    } else if (text_starts_with(inside, "registry-index/")) {
        const char *name = index_file_package(inside + strlen("registry-index/"));
        if (name) need(manifest_index_set_manifests(index, name, text_view(&text), text.length, &err), &err, path);
    }
    text_release(&text);
}

static int compare_names(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static struct manifest_index *load_folder(char *root) {
    struct manifest_index *index = manifest_index_create();
    char *const roots[] = {root, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, compare_names);
    if (!walk) abort();
    for (FTSENT *entry; (entry = fts_read(walk));)
        if (entry->fts_info == FTS_F) load_file(index, entry->fts_path, root);
    fts_close(walk);
    return index;
}

/* The path of the real data, in the arena; NULL, and a message on standard output, if there is none. */
static const char *find_archive(struct arena *arena) {
    const char *data = getenv("REGISTRY_DATA");
    const char *pattern = arena_format(arena, "%s/registry-*.tar.xz", data ? data : SOURCE_DIR "/../shared/data");
    glob_t found = {0};
    if (glob(pattern, 0, NULL, &found) != 0) {
        printf("There is no real registry data at %s (REGISTRY_DATA names the folder).\n", pattern);
        return NULL;
    }
    const char *path = arena_copy(arena, found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    return path;
}

struct manifest_index *real_registry_create(void) {
    struct arena arena = {0};
    struct manifest_index *index = NULL;
    const char *archive = find_archive(&arena);
    char folder[] = "/tmp/registry-data-XXXXXX";
    if (archive) {
        if (!mkdtemp(folder) || system(arena_format(&arena, "tar -xJf '%s' -C '%s'", archive, folder)) != 0) abort();
        index = load_folder(folder);
        folder_remove(folder);
    }
    arena_release(&arena);
    return index;
}

bool real_package_set_read(struct package_set *out, const char *version, struct arena *arena) {
    struct text text = {0};
    struct error err = {0};
    const char *archive = find_archive(arena);
    if (!archive) return false;
    FILE *file = popen(arena_format(arena, "tar -xJOf '%s' registry/package-sets/%s.json", archive, version), "r");
    if (!file) abort();
    for (size_t got = 1; got > 0; text.length += got)
        got = fread(text_reserve(&text, 65536), 1, 65536, file);
    if (pclose(file) != 0) abort();
    need(package_set_parse(out, text_view(&text), text.length, arena, &err), &err, version);
    text_release(&text);
    return true;
}

static int compare_versions(const void *a, const void *b) {
    return version_compare(*(const struct version *)a, *(const struct version *)b);
}

/* Adds the compilers of one version that are not in the list yet. */
static void add_compilers(struct version *all, size_t *count, size_t capacity, const struct published_version *published) {
    for (size_t i = 0; i < published->compiler_count; i++) {
        bool is_known = false;
        for (size_t j = 0; j < *count && !is_known; j++)
            is_known = version_equal(all[j], published->compilers[i]);
        if (is_known) continue;
        if (*count == capacity) abort();
        all[(*count)++] = published->compilers[i];
    }
}

struct version *registry_compilers(const struct manifest_index *index, size_t *count, struct arena *arena) {
    enum { COMPILERS_MAX = 1000 };
    struct version *all = arena_alloc(arena, COMPILERS_MAX * sizeof all[0]);
    *count = 0;
    for (uint32_t id = 0; id < manifest_index_package_count(index); id++) {
        const struct metadata *metadata = manifest_index_package(index, id)->metadata;
        for (size_t i = 0; metadata && i < metadata->published_count; i++)
            add_compilers(all, count, COMPILERS_MAX, &metadata->published[i]);
    }
    qsort(all, *count, sizeof all[0], compare_versions);
    return all;
}
