/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/source_modules.h"

#include "lib/base/folder.h"
#include "lib/base/map.h"
#include "lib/base/text.h"
#include "lib/source/module_header.h"
#include "lib/source/source_text.h"
#include "lib/source/source_walk.h"

enum { FILE_BYTES_MAX = 16 * 1024 * 1024 };

/* Module names that would clash in every project that uses the package. */
static const char *const forbidden_names[] = {"Main", "Test.Main"};

/* `paths` maps the modules of src/ to their files; the new one is added. */
static enum status check_name(struct map *paths, const char *name, const char *path, struct error *err) {
    for (size_t i = 0; i < sizeof forbidden_names / sizeof forbidden_names[0]; i++)
        if (text_equal(name, forbidden_names[i]))
            return error_set(err, STATUS_REFUSED,
                             "The file %s has a module called %s: a package may not have modules called Main or Test.Main, "
                             "because they would clash with those of projects that use it.",
                             path, name);
    const char *other = source_is_module(path) ? map_put(paths, name, (char *)path) : NULL;
    if (!other) return STATUS_OK;
    return error_set(err, STATUS_REFUSED, "The module %s is in two files: %s and %s.", name, other, path);
}

static enum status read_file(struct text *out, const char *folder, const char *path, struct error *err) {
    struct text full = {0};
    text_clear(out);
    text_append_format(&full, "%s/%s", folder, path);
    enum status status = file_read(full.bytes, FILE_BYTES_MAX, out, err);
    if (status == STATUS_TOO_LARGE)
        status = error_set(err, STATUS_REFUSED, "The file %s is larger than the %d bytes that a module may have.", path,
                           FILE_BYTES_MAX);
    text_release(&full);
    return status;
}

/* Refuses a module if the compiler could not read it or its foreign module. */
static enum status check_readable(const char *folder, const char *path, const struct text *content, struct error *err) {
    if (!source_is_module(path)) return STATUS_OK;
    enum status status = source_text_check(text_view(content), content->length, err);
    if (status) return error_set(err, status, "The file %s: %s", path, err->message);
    return source_check_foreign(folder, path, content, err);
}

static enum status read_module(struct source_modules *out, struct map *paths, struct arena *arena, const char *path,
                               const struct text *content, bool header_may_fail, struct error *err) {
    struct module_header header;
    struct error problem;
    if (module_header_parse(&header, arena, text_view(content), content->length, &problem)) {
        out->problems[out->problem_count++] = arena_format(arena, "The file %s: %s", path, problem.message);
        return header_may_fail ? STATUS_OK : error_set(err, STATUS_REFUSED, "The file %s: %s", path, problem.message);
    }
    enum status status = check_name(paths, header.name, path, err);
    out->paths[out->count] = path;
    out->names[out->count++] = header.name;
    return status;
}

enum status source_modules_read(struct source_modules *out, struct arena *arena, const char *folder, const char *const *paths,
                                size_t path_count, bool headers_may_fail, struct error *err) {
    *out = (struct source_modules){.names = arena_alloc(arena, (path_count + 1) * sizeof(char *)),
                                   .paths = arena_alloc(arena, (path_count + 1) * sizeof(char *)),
                                   .problems = arena_alloc(arena, (path_count + 1) * sizeof(char *))};
    struct text content = {0};
    struct map by_name = {0};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < path_count && !status; i++) {
        status = source_check_folders(paths[i], err);
        if (status || !text_ends_with(paths[i], ".purs")) continue;
        status = read_file(&content, folder, paths[i], err);
        if (!status) status = check_readable(folder, paths[i], &content, err);
        if (!status) status = read_module(out, &by_name, arena, paths[i], &content, headers_may_fail, err);
    }
    map_release(&by_name, NULL);
    text_release(&content);
    return status;
}
