/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/source_modules.h"

#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/source/module_header.h"

enum { FILE_BYTES_MAX = 16 * 1024 * 1024 };

/* Names that would clash in every project that used the package. */
static const char *const forbidden_names[] = {"Main", "Test.Main"};

/* What is not in src/ is never seen by the compiler, nor by those who use the package. */
static bool is_compiled(const char *path) {
    return text_starts_with(path, "src/");
}

static enum status check_name(const struct source_modules *modules, const char *const *paths_of, const char *name,
                              const char *path, struct error *err) {
    for (size_t i = 0; i < sizeof forbidden_names / sizeof forbidden_names[0]; i++)
        if (text_equal(name, forbidden_names[i]))
            return error_set(
                err, STATUS_REFUSED,
                "The file %s has a module called %s: a package may not have modules called Main or Test.Main, since "
                "they would clash with those of the projects that use it.",
                path, name);
    for (size_t i = 0; i < modules->count && is_compiled(path); i++)
        if (text_equal(name, modules->names[i]) && is_compiled(paths_of[i]))
            return error_set(err, STATUS_REFUSED, "The module %s is in two files: %s and %s.", name, paths_of[i], path);
    return STATUS_OK;
}

enum status source_modules_read(struct source_modules *out, struct arena *arena, const char *folder, const char *const *paths,
                                size_t path_count, bool headers_may_fail, struct error *err) {
    *out = (struct source_modules){.names = arena_alloc(arena, (path_count + 1) * sizeof(char *)),
                                   .problems = arena_alloc(arena, (path_count + 1) * sizeof(char *))};
    const char **paths_of = arena_alloc(arena, (path_count + 1) * sizeof *paths_of); /* of out->names */
    struct text content = {0}, full_path = {0};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < path_count && !status; i++) {
        struct module_header header;
        if (!text_ends_with(paths[i], ".purs")) continue;
        text_clear(&full_path);
        text_append_format(&full_path, "%s/%s", folder, paths[i]);
        text_clear(&content);
        status = file_read(full_path.bytes, FILE_BYTES_MAX, &content, err);
        if (status == STATUS_TOO_LARGE)
            status = error_set(err, STATUS_REFUSED, "The file %s is larger than the %d bytes that a module may have.", paths[i],
                               FILE_BYTES_MAX);
        if (status) break;
        struct error problem;
        if (module_header_parse(&header, arena, text_view(&content), content.length, &problem)) {
            if (!headers_may_fail) status = error_set(err, STATUS_REFUSED, "The file %s: %s", paths[i], problem.message);
            out->problems[out->problem_count++] = arena_format(arena, "The file %s: %s", paths[i], problem.message);
            continue;
        }
        status = check_name(out, paths_of, header.name, paths[i], err);
        paths_of[out->count] = paths[i];
        out->names[out->count++] = header.name;
    }
    text_release(&content);
    text_release(&full_path);
    return status;
}
