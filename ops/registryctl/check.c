/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `registryctl check`: reads every file of a registry and checks it against lib/domain/README.md: first each by itself (it can
 * be parsed, prints to the same bytes, and follows the rules that every client relies on), then against the others:
 *
 *   metadata/NAME.json     a published version has its manifest in the index, an unpublished one has none
 *   pr/el/prelude          every dependency has a matching version in the index, every manifest has its metadata
 *   package-sets/V.json    every version is known, and the set has the dependencies of its packages
 *
 * `registryctl solve --all` checks that every version still has a plan for each of its compilers.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/identity/owners_check.h"
#include "lib/domain/package/license.h"
#include "lib/domain/registry/index_file.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/registry/package_set.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/registry_files.h"

struct set_file {
    struct set_file *next;
    const char *path;
    struct package_set set;
};

struct check {
    struct arena arena;
    struct manifest_index *index;
    struct set_file *sets; /* in reverse order of reading */
    size_t metadata_count, manifest_count, set_count, problem_count;
};

/* ---- Reports ---- */

static void report_line(struct check *check, enum registry_part part, const char *path, const char *sentence) {
    printf("%s/%s: ", registry_part_names[part], path);
    for (const char *at = sentence; *at; at++) /* the sentence without its line breaks */
        putchar(*at == '\n' ? ' ' : *at);
    putchar('\n');
    check->problem_count++;
}

__attribute__((format(printf, 4, 5))) static void report(struct check *check, enum registry_part part, const char *path,
                                                         const char *format, ...) {
    struct text sentence = {0};
    va_list arguments;
    va_start(arguments, format);
    text_append_format_list(&sentence, format, arguments);
    va_end(arguments);
    report_line(check, part, path, text_view(&sentence));
    text_release(&sentence);
}

/* True if `status` is STATUS_OK; else reports the error, at `place` in the file unless that is NULL. */
static bool was_good(struct check *check, enum registry_part part, const char *path, const char *place, enum status status,
                     const struct error *err) {
    if (!status) return true;
    report(check, part, path, "%s%s%s%s%s", place ? place : "", place ? ": " : "", err->path, err->path[0] ? ": " : "",
           err->message);
    return false;
}

static void compare_bytes(struct check *check, enum registry_part part, const char *path, const struct registry_file *file,
                          const struct text *printed) {
    if (printed->length == file->length && memcmp(text_view(printed), file->bytes, file->length) == 0) return;
    size_t at = 0, line = 1;
    for (; at < printed->length && at < file->length && printed->bytes[at] == file->bytes[at]; at++)
        line += file->bytes[at] == '\n';
    report(check, part, path, "The file is not in its normal form: it differs first in line %zu.", line);
}

/* ---- The registry repository, file by file ---- */

static void check_metadata(struct check *check, const char *path, const struct registry_file *file) {
    struct arena arena = {0};
    struct metadata metadata;
    struct error err = {0};
    struct text printed = {0};
    const char *name = registry_metadata_package(path, &check->arena);
    check->metadata_count++;
    if (!name) {
        report(check, PART_REGISTRY, path, "The file's name must be a package's name and \".json\".");
        return;
    }
    enum status status = metadata_parse(&metadata, file->bytes, file->length, &arena, &err);
    if (was_good(check, PART_REGISTRY, path, NULL, status, &err)) {
        metadata_append_file(&printed, &metadata);
        compare_bytes(check, PART_REGISTRY, path, file, &printed);
        status = location_check_published(&metadata.location, &err);
        was_good(check, PART_REGISTRY, path, "location", status, &err);
        if (package_name_is_reserved(name) && metadata.published_count > 0)
            report(check, PART_REGISTRY, path, "The name \"%s\" is reserved, but the package has published versions.", name);
        status = owners_check(&metadata.owners, &err);
        was_good(check, PART_REGISTRY, path, "owners", status, &err);
        status = manifest_index_set_metadata(check->index, name, file->bytes, file->length, &err);
        was_good(check, PART_REGISTRY, path, NULL, status, &err);
    }
    text_release(&printed);
    arena_release(&arena);
}

static void check_set(struct check *check, const char *path, const struct registry_file *file) {
    struct set_file *entry = arena_alloc(&check->arena, sizeof *entry);
    struct error err = {0};
    struct text printed = {0};
    char version[VERSION_TEXT_MAX];
    check->set_count++;
    entry->path = arena_copy(&check->arena, path);
    enum status status = package_set_parse(&entry->set, file->bytes, file->length, &check->arena, &err);
    if (!was_good(check, PART_REGISTRY, path, NULL, status, &err)) return;
    package_set_append_file(&printed, &entry->set);
    compare_bytes(check, PART_REGISTRY, path, file, &printed);
    text_release(&printed);
    version_print(entry->set.version, version);
    if (!text_equal(path, arena_format(&check->arena, "package-sets/%s.json", version)))
        report(check, PART_REGISTRY, path, "The file has the package set %s.", version);
    entry->next = check->sets;
    check->sets = entry;
}

/* Callbacks of registry_files_visit(). */
static enum status visit_metadata(const char *path, const struct registry_file *file, void *context, struct error *err) {
    (void)err;
    check_metadata(context, path, file);
    return STATUS_OK;
}

static enum status visit_set(const char *path, const struct registry_file *file, void *context, struct error *err) {
    (void)err;
    check_set(context, path, file);
    return STATUS_OK;
}

/* ---- The index, file by file ---- */

/* Checks a manifest of the index. Licenses are checked leniently: some are old. */
static void check_manifest(struct check *check, const char *path, const struct manifest *manifest) {
    struct arena scratch = {0};
    struct error err = {0};
    const char *canonical;
    char version[VERSION_TEXT_MAX];
    version_print(manifest->version, version);
    enum status status = license_canonicalise(&canonical, manifest->license, &scratch, &err);
    was_good(check, PART_INDEX, path, version, status, &err);
    status = location_check_published(&manifest->location, &err);
    was_good(check, PART_INDEX, path, version, status, &err);
    status = owners_check(&manifest->owners, &err);
    was_good(check, PART_INDEX, path, version, status, &err);
    status = manifest_check_readable(manifest, &err);
    was_good(check, PART_INDEX, path, version, status, &err);
    arena_release(&scratch);
    check->manifest_count++;
}

static void check_manifests(struct check *check, const char *path, const char *name, const struct registry_file *file) {
    struct arena arena = {0};
    struct manifest *manifests;
    size_t count;
    struct error err = {0};
    struct text printed = {0};
    enum status status = index_file_parse(&manifests, &count, name, file->bytes, file->length, &arena, &err);
    if (was_good(check, PART_INDEX, path, NULL, status, &err)) {
        for (size_t i = 0; i < count; i++) {
            check_manifest(check, path, &manifests[i]);
            manifest_append_line(&printed, &manifests[i]);
            text_append_character(&printed, '\n');
        }
        compare_bytes(check, PART_INDEX, path, file, &printed);
        if (count == 0)
            report(check, PART_INDEX, path, "The file is empty, but a package without manifests must have no file.");
        status = manifest_index_set_manifests(check->index, name, file->bytes, file->length, &err);
        was_good(check, PART_INDEX, path, NULL, status, &err);
    }
    text_release(&printed);
    arena_release(&arena);
}

static enum status visit_index_file(const char *path, const struct registry_file *file, void *context, struct error *err) {
    (void)err;
    struct check *check = context;
    const char *name = index_file_package(path);
    if (name) {
        if (package_name_is_reserved(name)) report(check, PART_INDEX, path, "The name \"%s\" is reserved.", name);
        check_manifests(check, path, name, file);
    } else if (!text_equal(path, "README.md") && !text_equal(path, "config.json")) {
        report(check, PART_INDEX, path, "A package's manifests cannot be at this path.");
    }
    return STATUS_OK;
}

/* ---- Cross-checks ---- */

static void check_indexed_version(struct check *check, const char *path, const struct indexed_package *package,
                                  const struct indexed_version *version) {
    struct error err = {0};
    char text[VERSION_TEXT_MAX];
    version_print(version->version, text);
    enum status status = manifest_index_check_dependencies(check->index, version->manifest, &err);
    was_good(check, PART_INDEX, path, text, status, &err);
    if (version->is_published) return;
    bool is_unpublished = package->metadata && metadata_find_unpublished(package->metadata, version->version);
    report(check, PART_INDEX, path, "%s: The version is in the index, but %s.", text,
           is_unpublished ? "its metadata says that it is unpublished" : "not in any metadata");
}

static void check_package(struct check *check, const struct indexed_package *package) {
    char path[INDEX_PATH_MAX], text[VERSION_TEXT_MAX];
    index_file_path(package->name, path);
    for (size_t i = 0; i < package->version_count; i++)
        check_indexed_version(check, path, package, &package->versions[i]);
    for (size_t i = 0; package->metadata && i < package->metadata->published_count; i++) {
        struct version version = package->metadata->published[i].version;
        if (manifest_index_find(check->index, package->name, version)) continue;
        version_print(version, text);
        report(check, PART_REGISTRY, arena_format(&check->arena, "metadata/%s.json", package->name),
               "%s: The version is published but not in the index: its publication was not completed.", text);
    }
}

/* An old set may contain a version that was unpublished later. */
static bool is_known(const struct check *check, const struct package_version *member) {
    const struct metadata *metadata = manifest_index_find_metadata(check->index, member->name);
    return metadata &&
           (metadata_find_published(metadata, member->version) || metadata_find_unpublished(metadata, member->version));
}

static void check_set_member(struct check *check, const struct set_file *file, const struct package_version *member) {
    char text[VERSION_TEXT_MAX];
    version_print(member->version, text);
    if (!is_known(check, member)) report(check, PART_REGISTRY, file->path, "%s@%s was never published.", member->name, text);
    const struct indexed_version *version = manifest_index_find(check->index, member->name, member->version);
    for (size_t i = 0; version && i < version->manifest->dependency_count; i++) {
        const char *dependency = version->manifest->dependencies[i].name;
        if (package_versions_find(&file->set.packages, dependency)) continue;
        report(check, PART_REGISTRY, file->path, "%s@%s depends on %s, which is not in the set.", member->name, text,
               dependency);
    }
}

static void check_together(struct check *check) {
    size_t package_count = manifest_index_package_count(check->index);
    for (size_t i = 0; i < package_count; i++)
        check_package(check, manifest_index_package(check->index, manifest_index_by_name(check->index, i)));
    for (const struct set_file *file = check->sets; file; file = file->next)
        for (size_t i = 0; i < file->set.packages.count; i++)
            check_set_member(check, file, &file->set.packages.items[i]);
}

enum status command_check(struct invocation *call, struct error *err) {
    const char *registry = call->arguments[0];
    struct check check = {.index = manifest_index_create()};
    enum status status = registry_files_visit(registry, PART_REGISTRY, "metadata", visit_metadata, &check, err);
    if (!status) status = registry_files_visit(registry, PART_REGISTRY, "package-sets", visit_set, &check, err);
    if (!status) status = registry_files_visit(registry, PART_INDEX, NULL, visit_index_file, &check, err);
    if (!status) {
        check_together(&check);
        fprintf(stderr, "metadata_files=%zu package_sets=%zu manifests=%zu problems=%zu\n", check.metadata_count,
                check.set_count, check.manifest_count, check.problem_count);
        if (check.problem_count > 0) call->exit_status = 1;
    }
    manifest_index_free(check.index);
    arena_release(&check.arena);
    return status;
}
