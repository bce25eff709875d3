/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/purs/purs_publish.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "tests/support/purs/purs_sources.h"

#define PRAGMA "-- stand-in: fail-publish "

static const struct version first_to_read_purs_json = {0, 14, 7};

static bool complain(const char *sentence, const char *more) {
    fprintf(stderr, "There is a problem with your package, which meant that it could not be published.\n%s%s\n", sentence,
            more);
    return false;
}

/* The git program's output; false if it fails, as outside of a checkout or in one of another user. */
static bool ask_git(struct text *out, const char *command) {
    FILE *pipe = popen(command, "re");
    size_t length = 1;
    while (pipe && length > 0) {
        length = fread(text_reserve(out, 4096), 1, 4096, pipe);
        out->length += length;
        out->bytes[out->length] = '\0';
    }
    return pipe && pclose(pipe) == 0;
}

/* Checks that the checkout is as the compiler requires: no changes, a tag for the version at HEAD; and gets the tag's time. */
static bool check_checkout(const char *version, long *tagged_at) {
    struct text status = {0}, tags = {0}, time = {0}, tag = {0};
    bool is_good =
        ask_git(&status, "git status --porcelain") || complain("Git did not tell the state of the working tree.", "");
    if (is_good && status.length > 0) is_good = complain("Your git working tree is dirty:\n", text_view(&status));
    if (is_good) is_good = ask_git(&tags, "git tag --list --points-at HEAD") || complain("Git did not tell the tags.", "");
    text_append_format(&tag, "v%s\n", version);
    if (is_good && !strstr(text_view(&tags), text_view(&tag)))
        is_good = complain("There is no tag for this version at HEAD: ", text_view(&tag));
    if (is_good) is_good = ask_git(&time, "git log -1 --format=%ct HEAD") || complain("Git did not tell the tag's time.", "");
    *tagged_at = strtol(text_view(&time), NULL, 10);
    text_release(&status);
    text_release(&tags);
    text_release(&time);
    text_release(&tag);
    return is_good;
}

/* ---- Dependencies ---- */

struct package_globs {
    const char **items;
    size_t count;
    struct arena arena;
};

static void add_glob(struct package_globs *globs, const char *folder) {
    globs->items = memory_resize(globs->items, globs->count + 1, sizeof *globs->items);
    globs->items[globs->count++] = arena_format(&globs->arena, "%s%ssrc/**/*.purs", folder, *folder ? "/" : "");
}

/* Each dependency must be resolved to a folder; *resolved becomes the documentation's entry for them. */
static bool resolve(const json_t *manifest, const json_t *resolutions, struct package_globs *globs, json_t **resolved) {
    const char *name;
    const json_t *value;
    *resolved = json_object();
    json_object_foreach((json_t *)resolutions, name, value) {
        const char *path = json_string_value(json_object_get(value, "path"));
        json_t *version = json_object_get(value, "version");
        if (!text_starts_with(name, "purescript-") || !path || !json_is_string(version) || access(path, R_OK | X_OK) != 0)
            return complain("A resolution is not usable: ", name);
        json_object_set(*resolved, name, version);
        add_glob(globs, path);
    }
    json_object_foreach(json_object_get(manifest, "dependencies"), name, value) {
        const char *prefixed = arena_format(&globs->arena, "purescript-%s", name);
        if (!json_object_get(resolutions, prefixed)) return complain("A dependency has no resolution: ", name);
    }
    return true;
}

/* ---- Modules ---- */

static bool check_modules(struct purs_sources *sources) {
    json_t *errors = json_array();
    purs_sources_check(sources, errors);
    bool is_good = json_array_size(errors) == 0;
    if (!is_good) complain("It does not compile: ", json_string_value(json_object_get(json_array_get(errors, 0), "message")));
    for (size_t i = 0; i < sources->count && is_good; i++) {
        const char *pragma = strstr(text_view(&sources->items[i].content), PRAGMA);
        if (pragma) is_good = complain("", arena_format(&sources->arena, "%.*s", (int)strcspn(pragma, "\n"), pragma));
    }
    json_decref(errors);
    return is_good;
}

/* One declaration, with its position. Its path is absolute, as are those of the package's own sources in the real output. */
static json_t *make_declaration(const struct purs_source *source, const char *folder, struct arena *arena) {
    const char *path = arena_format(arena, "%s/%s", folder, source->path);
    json_t *span = json_pack("{s:s,s:[i,i],s:[i,i]}", "name", path, "start", source->header.start.line,
                             source->header.start.column, "end", source->header.end.line, source->header.end.column);
    json_t *children = json_pack("[{s:s,s:n,s:O,s:{s:s}}]", "title", "Part", "comments", "sourceSpan", span, "info", "declType",
                                 "dataConstructor");
    return json_pack("{s:s,s:n,s:o,s:o,s:{s:s}}", "title", "Whole", "comments", "sourceSpan", span, "children", children,
                     "info", "declType", "data");
}

/* The package's modules, each with the first module that it imports from another package as a re-export. */
static json_t *list_modules(const struct purs_sources *sources, struct arena *arena) {
    char folder[4096] = "";
    json_t *modules = json_array();
    if (!getcwd(folder, sizeof folder)) return modules;
    for (size_t i = 0; i < sources->count; i++) {
        const struct purs_source *source = &sources->items[i];
        printf("Compiling documentation for %s\n", source->header.name);
        if (!text_starts_with(source->path, "src/")) continue;
        json_t *again = json_array();
        for (size_t j = 0; j < source->import_count && json_array_size(again) == 0; j++) {
            const struct purs_source *other = source->imports[j];
            if (text_starts_with(other->path, "src/")) continue;
            json_array_append_new(again, json_pack("{s:s,s:[{s:s,s:{s:s,s:[i,i],s:[i,i]}}]}", "moduleName", other->header.name,
                                                   "declarations", "title", "Whole", "sourceSpan", "name", other->path, "start",
                                                   1, 1, "end", 1, 2));
        }
        json_array_append_new(modules, json_pack("{s:s,s:n,s:o,s:[o]}", "name", source->header.name, "comments", "reExports",
                                                 again, "declarations", make_declaration(source, folder, arena)));
    }
    return modules;
}

/* ---- All of it ---- */

static void print_documentation(const struct purs_publish_options *options, const json_t *manifest, json_t *resolved,
                                const struct purs_sources *sources, long tagged_at) {
    char compiler[VERSION_TEXT_MAX], tag_time[64];
    struct tm parts;
    time_t seconds = (time_t)tagged_at;
    version_print(options->version, compiler);
    strftime(tag_time, sizeof tag_time, "%Y-%m-%dT%H:%M:%S+0000", gmtime_r(&seconds, &parts));
    const json_t *location = json_object_get(manifest, "location");
    const char *version = json_string_value(json_object_get(manifest, "version"));
    struct arena arena = {0};
    json_t *documentation =
        json_pack("{s:{s:s,s:[O]},s:s,s:s,s:s,s:o,s:{},s:O,s:[O,O],s:n,s:s}", "packageMeta", "name",
                  arena_format(&arena, "purescript-%s", json_string_value(json_object_get(manifest, "name"))), "license",
                  json_object_get(manifest, "license"), "version", version, "versionTag", arena_format(&arena, "v%s", version),
                  "tagTime", tag_time, "modules", list_modules(sources, &arena), "moduleMap", "resolvedDependencies", resolved,
                  "github", json_object_get(location, "githubOwner"), json_object_get(location, "githubRepo"), "uploader",
                  "compilerVersion", compiler);
    puts("Generating documentation for the current package...");
    json_dumpf(documentation, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(documentation);
    arena_release(&arena);
}

static bool make(const struct purs_publish_options *options, const json_t *manifest, const json_t *resolutions) {
    struct package_globs globs = {0};
    struct purs_sources sources = {0};
    json_t *resolved = NULL;
    long tagged_at = 0;
    const json_t *location = json_object_get(manifest, "location");
    bool is_good = check_checkout(json_string_value(json_object_get(manifest, "version")), &tagged_at);
    if (is_good && !json_object_get(location, "githubOwner"))
        is_good = complain("The package's repository is not on GitHub, which is all that Pursuit knows.", "");
    add_glob(&globs, "");
    if (is_good) is_good = resolve(manifest, resolutions, &globs, &resolved);
    if (is_good) is_good = access("output", W_OK | X_OK) == 0 || complain("output: permission denied", "");
    if (is_good) purs_sources_read(&sources, globs.items, globs.count);
    if (is_good) is_good = check_modules(&sources);
    if (is_good) print_documentation(options, manifest, resolved, &sources, tagged_at);
    json_decref(resolved);
    purs_sources_release(&sources);
    free(globs.items);
    arena_release(&globs.arena);
    return is_good;
}

int purs_publish(const struct purs_publish_options *options) {
    if (version_compare(options->version, first_to_read_purs_json) < 0 || !options->manifest || !options->resolutions) {
        fputs("Invalid option `--manifest'\n", stderr);
        return 1;
    }
    json_t *manifest = json_load_file(options->manifest, JSON_REJECT_DUPLICATES, NULL);
    json_t *resolutions = json_load_file(options->resolutions, JSON_REJECT_DUPLICATES, NULL);
    bool is_good = (json_is_object(manifest) && json_string_value(json_object_get(manifest, "version"))) ||
                   complain("The manifest cannot be read: ", options->manifest);
    if (is_good) is_good = json_is_object(resolutions) || complain("The resolutions cannot be read: ", options->resolutions);
    if (is_good) is_good = make(options, manifest, resolutions);
    json_decref(resolutions);
    json_decref(manifest);
    return is_good ? 0 : 1;
}
