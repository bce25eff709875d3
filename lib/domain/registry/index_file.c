/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/registry/index_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"

void index_file_path(const char *name, char out[INDEX_PATH_MAX]) {
    size_t length = strlen(name);
    if (length <= 2)
        snprintf(out, INDEX_PATH_MAX, "%zu/%s", length, name);
    else if (length == 3)
        snprintf(out, INDEX_PATH_MAX, "3/%.1s/%s", name, name);
    else
        snprintf(out, INDEX_PATH_MAX, "%.2s/%.2s/%s", name, name + 2, name);
}

const char *index_file_package(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash || package_name_check(slash + 1, NULL)) return NULL;
    char expected[INDEX_PATH_MAX];
    index_file_path(slash + 1, expected);
    return text_equal(path, expected) ? slash + 1 : NULL;
}

/* A line of a file, without its newline. */
struct line {
    const char *bytes;
    size_t length;
};

/* Takes the next line that is not empty off the front of `rest`; false at the end. */
static bool take_line(struct line *rest, struct line *out) {
    while (rest->length > 0) {
        const char *newline = memchr(rest->bytes, '\n', rest->length);
        size_t length = newline ? (size_t)(newline - rest->bytes) : rest->length;
        size_t taken = newline ? length + 1 : length;
        *out = (struct line){rest->bytes, length};
        rest->bytes += taken;
        rest->length -= taken;
        if (length > 0) return true;
    }
    return false;
}

static enum status parse_line(struct manifest *out, struct line line, const char *name, size_t number, struct arena *arena,
                              struct error *err) {
    enum status status = manifest_parse(out, line.bytes, line.length, "The line", arena, err);
    if (!status && !text_equal(out->name, name))
        status = error_set_at(err, STATUS_INVALID, "name", "The manifest is of the package \"%s\".", out->name);
    if (!status) return STATUS_OK;
    if (err) error_prefix(err, "Manifest %zu in the index file of \"%s\" cannot be read", number, name);
    return status;
}

static int compare_manifests(const void *a, const void *b) {
    return version_compare(((const struct manifest *)a)->version, ((const struct manifest *)b)->version);
}

static enum status check_versions_differ(const struct manifest *manifests, size_t count, struct error *err) {
    for (size_t i = 1; i < count; i++) {
        if (compare_manifests(&manifests[i - 1], &manifests[i]) != 0) continue;
        char version[VERSION_TEXT_MAX];
        version_print(manifests[i].version, version);
        return error_set(err, STATUS_INVALID, "The index file of \"%s\" has version %s twice.", manifests[i].name, version);
    }
    return STATUS_OK;
}

enum status index_file_parse(struct manifest **out, size_t *count, const char *name, const char *bytes, size_t length,
                             struct arena *arena, struct error *err) {
    struct line rest = {bytes, length}, line;
    size_t line_count = 0;
    while (take_line(&rest, &line))
        line_count++;
    *out = arena_alloc(arena, line_count * sizeof **out);
    *count = 0;
    rest = (struct line){bytes, length};
    while (take_line(&rest, &line)) {
        enum status status = parse_line(&(*out)[*count], line, name, *count + 1, arena, err);
        if (status) return status;
        (*count)++;
    }
    if (*count > 1) qsort(*out, *count, sizeof **out, compare_manifests);
    return check_versions_differ(*out, *count, err);
}

static void append_line(struct text *out, struct line line) {
    text_append_bytes(out, line.bytes, line.length);
    text_append_character(out, '\n');
}

static void append_manifest(struct text *out, const struct manifest *manifest) {
    manifest_append_line(out, manifest);
    text_append_character(out, '\n');
}

enum status index_file_put(struct text *out, const char *bytes, size_t length, const struct manifest *manifest,
                           struct error *err) {
    struct arena scratch = {0};
    struct line rest = {bytes, length}, line;
    enum status status = manifest_check_readable(manifest, err);
    bool is_written = false;
    for (size_t number = 1; !status && take_line(&rest, &line); number++) {
        struct manifest other;
        status = parse_line(&other, line, manifest->name, number, &scratch, err);
        if (status) break;
        int order = compare_manifests(&other, manifest);
        if (order >= 0 && !is_written) {
            append_manifest(out, manifest);
            is_written = true;
        }
        if (order != 0) append_line(out, line);
    }
    if (!status && !is_written) append_manifest(out, manifest);
    arena_release(&scratch);
    return status;
}

enum status index_file_remove(struct text *out, const char *name, const char *bytes, size_t length, struct version version,
                              struct error *err) {
    struct arena scratch = {0};
    struct line rest = {bytes, length}, line;
    enum status status = STATUS_OK;
    bool is_found = false;
    for (size_t number = 1; take_line(&rest, &line); number++) {
        struct manifest manifest;
        status = parse_line(&manifest, line, name, number, &scratch, err);
        if (status) break;
        if (version_equal(manifest.version, version))
            is_found = true;
        else
            append_line(out, line);
    }
    if (!status && !is_found) {
        char text[VERSION_TEXT_MAX];
        version_print(version, text);
        status = error_set(err, STATUS_NOT_FOUND, "The index has no manifest of %s@%s.", name, text);
    }
    arena_release(&scratch);
    return status;
}
