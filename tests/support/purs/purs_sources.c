/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/purs/purs_sources.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/memory.h"
#include "lib/source/source_text.h"

json_t *purs_error(const char *code, const char *path, const char *module, struct source_position start,
                   struct source_position end, const char *message) {
    char link[200];
    snprintf(link, sizeof link, "https://github.com/purescript/documentation/blob/master/errors/%s.md", code);
    return json_pack("{s:{s:i,s:i,s:i,s:i},s:s,s:s,s:s,s:s,s:s?,s:n,s:[{s:[i,i],s:[i,i],s:s}]}", "position", "startLine",
                     start.line, "startColumn", start.column, "endLine", end.line, "endColumn", end.column, "message", message,
                     "errorCode", code, "errorLink", link, "filename", path, "moduleName", module, "suggestion", "allSpans",
                     "start", start.line, start.column, "end", end.line, end.column, "name", path);
}

void purs_error_add_span(json_t *error, const char *path, struct source_position start, struct source_position end) {
    json_array_append_new(
        json_object_get(error, "allSpans"),
        json_pack("{s:[i,i],s:[i,i],s:s}", "start", start.line, start.column, "end", end.line, end.column, "name", path));
}

_Noreturn void purs_die(const char *words) {
    fflush(stdout);
    fprintf(stderr, "purs: %s\n", words);
    exit(1);
}

void purs_must_be_text(const char *bytes, size_t length) {
    struct error err;
    if (source_text_check(bytes, length, &err)) purs_die("Cannot decode input: Data.Text.Encoding: Invalid UTF-8 stream");
}

/* A list of paths, growing. */
struct path_list {
    char **items;
    size_t count;
};

static void add_path(struct path_list *list, const char *path) {
    list->items = memory_resize(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = memory_copy_text(path);
}

/* Whether the glob, of `*` within a name and `**` for any number of folders, matches the path. Stars do not match a dot at the
 * start of a name, except for folders further down below a `**`. */
static bool is_matched(const char *glob, const char *path, bool is_further_down) {
    char wanted[256], name[256];
    if (text_starts_with(glob, "**/")) {
        const char *slash = strchr(path, '/');
        bool may_go_down = slash && (is_further_down || *path != '.');
        return is_matched(glob + 3, path, false) || (may_go_down && is_matched(glob, slash + 1, true));
    }
    size_t wanted_length = strcspn(glob, "/"), length = strcspn(path, "/");
    bool is_last = !glob[wanted_length];
    if (is_last != !path[length]) return false;
    snprintf(wanted, sizeof wanted, "%.*s", (int)wanted_length, glob);
    snprintf(name, sizeof name, "%.*s", (int)length, path);
    if (fnmatch(wanted, name, FNM_PERIOD)) return false;
    return is_last || is_matched(glob + wanted_length + 1, path + length + 1, false);
}

/* Adds the files, and folders, below `folder` whose path from there on the glob matches. */
static void walk(struct path_list *list, const char *folder, const char *inner, const char *glob) {
    struct text path = {0}, below = {0};
    struct dirent *entry;
    DIR *entries = opendir(folder[0] ? folder : ".");
    while (entries && (entry = readdir(entries))) {
        struct stat information;
        if (text_equal(entry->d_name, ".") || text_equal(entry->d_name, "..")) continue;
        text_clear(&path);
        text_clear(&below);
        text_append_format(&path, "%s%s", folder, entry->d_name);
        text_append_format(&below, "%s%s", inner, entry->d_name);
        if (stat(path.bytes, &information)) continue;
        if (is_matched(glob, below.bytes, false)) add_path(list, path.bytes);
        if (S_ISDIR(information.st_mode)) {
            text_append(&path, "/");
            text_append(&below, "/");
            walk(list, path.bytes, below.bytes, glob);
        }
    }
    if (entries) closedir(entries);
    text_release(&path);
    text_release(&below);
}

/* The names before the first star are the folder to begin in. */
static void expand(struct path_list *list, const char *glob) {
    size_t fixed = strcspn(glob, "*");
    while (fixed > 0 && glob[fixed - 1] != '/')
        fixed--;
    char *folder = memory_copy_text(glob);
    folder[fixed] = '\0';
    walk(list, folder, "", glob + fixed);
    free(folder);
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool purs_read_file(struct text *out, const char *path) {
    FILE *file = fopen(path, "rbe");
    size_t length = file ? 1 : 0;
    while (length > 0) {
        length = fread(text_reserve(out, 65536), 1, 65536, file);
        out->length += length;
    }
    bool is_read = file && !ferror(file);
    if (file) fclose(file);
    if (out->bytes) out->bytes[out->length] = '\0';
    return is_read;
}

void purs_sources_read(struct purs_sources *out, const char *const *globs, size_t glob_count) {
    struct path_list list = {0};
    *out = (struct purs_sources){0};
    for (size_t i = 0; i < glob_count; i++)
        expand(&list, globs[i]);
    if (list.count) qsort(list.items, list.count, sizeof *list.items, compare_paths);
    out->items = memory_alloc((list.count + 1) * sizeof *out->items);
    for (size_t i = 0; i < list.count; i++) {
        if (i > 0 && strcmp(list.items[i - 1], list.items[i]) == 0) continue;
        struct purs_source *source = &out->items[out->count++];
        source->path = arena_copy(&out->arena, list.items[i]);
        if (!purs_read_file(&source->content, source->path)) purs_die("inappropriate type (is a directory)");
        purs_must_be_text(text_view(&source->content), source->content.length);
    }
    for (size_t i = 0; i < list.count; i++)
        free(list.items[i]);
    free(list.items);
}

static void add_error(json_t *errors, json_t *error) {
    json_array_append_new(errors, error);
}

static void parse_headers(struct purs_sources *sources, json_t *errors) {
    for (size_t i = 0; i < sources->count; i++) {
        struct purs_source *source = &sources->items[i];
        struct error err = {0};
        if (!module_header_parse(&source->header, &sources->arena, source->content.bytes ? source->content.bytes : "",
                                 source->content.length, &err))
            continue;
        struct source_position end = {source->header.problem.line, source->header.problem.column + 1};
        add_error(errors, purs_error("ErrorParsingModule", source->path, NULL, source->header.problem, end, err.message));
    }
}

static struct purs_source *find_module(const struct purs_sources *sources, const char *name) {
    for (size_t i = 0; i < sources->count; i++)
        if (text_equal(sources->items[i].header.name, name)) return &sources->items[i];
    return NULL;
}

static bool is_built_in(const char *module) {
    return text_equal(module, "Prim") || text_starts_with(module, "Prim.");
}

/* One error for each name that several modules share, with the places of all of them. */
static void check_duplicates(struct purs_sources *sources, json_t *errors) {
    for (size_t i = 0; i < sources->count; i++) {
        const struct purs_source *first = &sources->items[i];
        json_t *error = NULL;
        if (find_module(sources, first->header.name) != first) continue;
        for (size_t j = i + 1; j < sources->count; j++) {
            const struct purs_source *other = &sources->items[j];
            if (!text_equal(other->header.name, first->header.name)) continue;
            const char *message =
                arena_format(&sources->arena, "  Module %s has been defined multiple times\n", first->header.name);
            if (!error)
                error = purs_error("DuplicateModule", first->path, NULL, first->header.start, first->header.end, message);
            purs_error_add_span(error, other->path, other->header.start, other->header.end);
        }
        if (error) add_error(errors, error);
    }
}

static void resolve_imports(struct purs_sources *sources, struct purs_source *source, json_t *errors) {
    source->imports = arena_alloc(&sources->arena, (source->header.import_count + 1) * sizeof *source->imports);
    for (size_t i = 0; i < source->header.import_count; i++) {
        const struct module_import *import = &source->header.imports[i];
        struct purs_source *target = find_module(sources, import->module);
        bool is_known = is_built_in(import->module);
        for (size_t j = 0; j < source->import_count; j++)
            is_known |= source->imports[j] == target;
        if (is_known) continue;
        if (target) {
            source->imports[source->import_count++] = target;
            continue;
        }
        struct text message = {0};
        text_append_format(
            &message,
            "  Module %s was not found.\n  Make sure the source file exists, and that it has been provided as an "
            "input to the compiler.\n",
            import->module);
        add_error(errors,
                  purs_error("ModuleNotFound", source->path, source->header.name, import->start, import->end, message.bytes));
        text_release(&message);
    }
}

/* Depth first, from `source`; *count is the number already in order. False if it finds a cycle. */
static bool visit(struct purs_sources *sources, struct purs_source *source, size_t *count, json_t *errors) {
    if (source->visit == 2) return true;
    if (source->visit == 1) {
        struct text message = {0};
        text_append(&message, "  There is a cycle in module dependencies in these modules:\n\n");
        for (size_t i = 0; i < sources->count; i++)
            if (sources->items[i].visit == 1) text_append_format(&message, "    %s\n", sources->items[i].header.name);
        add_error(errors, purs_error("CycleInModules", source->path, source->header.name, source->header.start,
                                     source->header.end, message.bytes));
        text_release(&message);
        return false;
    }
    source->visit = 1;
    for (size_t i = 0; i < source->import_count; i++)
        if (!visit(sources, source->imports[i], count, errors)) return false;
    source->visit = 2;
    sources->order[(*count)++] = source;
    return true;
}

void purs_sources_check(struct purs_sources *sources, json_t *errors) {
    size_t ordered = 0;
    sources->order = arena_alloc(&sources->arena, (sources->count + 1) * sizeof(struct purs_source *));
    parse_headers(sources, errors);
    if (json_array_size(errors) == 0) check_duplicates(sources, errors);
    for (size_t i = 0; i < sources->count && json_array_size(errors) == 0; i++)
        resolve_imports(sources, &sources->items[i], errors);
    for (size_t i = 0; i < sources->count && json_array_size(errors) == 0; i++)
        visit(sources, &sources->items[i], &ordered, errors);
}

void purs_sources_release(struct purs_sources *sources) {
    for (size_t i = 0; i < sources->count; i++)
        text_release(&sources->items[i].content);
    free(sources->items);
    arena_release(&sources->arena);
}
