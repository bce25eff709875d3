/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/package_source.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/git/bare_repository.h"
#include "tests/support/shell.h"

char *package_module(struct arena *arena, const char *name) {
    struct text module = {0};
    text_append(&module, "Flow.");
    bool starts_word = true;
    for (; *name != '\0'; name++) {
        if (*name != '-') text_append_character(&module, starts_word ? (char)toupper(*name) : *name);
        starts_word = *name == '-';
    }
    char *copy = arena_copy(arena, text_view(&module));
    text_release(&module);
    return copy;
}

/* `{"a": ">=1.0.0 <2.0.0"}` in the layout of the registry's files; `indent` is "" for compact JSON. */
static void append_dependencies(struct text *out, const struct package *package, const char *indent) {
    bool is_compact = indent[0] == '\0';
    text_append(out, "{");
    const char *separator = "";
    for (int i = 0; i < PACKAGE_DEPENDENCIES_MAX && package->dependencies[i].name != NULL; i++) {
        const struct package_dependency *dependency = &package->dependencies[i];
        text_append_format(out, is_compact ? "%s%s\"%s\":\"%s\"" : "%s\n%s\"%s\": \"%s\"", separator, indent, dependency->name,
                           dependency->range);
        separator = ",";
    }
    text_append(out, is_compact || separator[0] == '\0' ? "}" : "\n  }");
}

static char *take(struct arena *arena, struct text *text) {
    char *copy = arena_copy(arena, text_view(text));
    text_release(text);
    return copy;
}

char *package_manifest(struct arena *arena, const struct package *package) {
    struct text out = {0};
    text_append_format(&out,
                       "{\n  \"name\": \"%s\",\n  \"version\": \"%s\",\n  \"license\": \"" PACKAGE_LICENSE "\",\n"
                       "  \"location\": {\n    \"githubOwner\": \"" PACKAGE_OWNER "\",\n"
                       "    \"githubRepo\": \"purescript-%s\"\n  },\n  \"ref\": \"v%s\",\n  ",
                       package->name, package->version, package->name, package->version);
    if (package->owners != NULL) text_append_format(&out, "\"owners\": %s,\n  ", package->owners);
    text_append(&out, "\"dependencies\": ");
    append_dependencies(&out, package, "    ");
    text_append(&out, "\n}\n");
    return take(arena, &out);
}

char *package_index_line(struct arena *arena, const struct package *package) {
    struct text out = {0};
    text_append_format(&out,
                       "{\"name\":\"%s\",\"version\":\"%s\",\"license\":\"" PACKAGE_LICENSE "\","
                       "\"location\":{\"githubOwner\":\"" PACKAGE_OWNER "\",\"githubRepo\":\"purescript-%s\"},"
                       "\"ref\":\"v%s\",\"dependencies\":",
                       package->name, package->version, package->name, package->version);
    append_dependencies(&out, package, "");
    text_append(&out, "}\n");
    return take(arena, &out);
}

char *package_request(struct arena *arena, const struct package *package) {
    return arena_format(arena,
                        "{\"name\": \"%s\", \"version\": \"%s\", \"ref\": \"v%s\", \"compiler\": \"0.15.15\", "
                        "\"location\": {\"githubOwner\": \"" PACKAGE_OWNER "\", \"githubRepo\": \"purescript-%s\"}}",
                        package->name, package->version, package->version, package->name);
}

static char *source_text(struct arena *arena, const struct package *package) {
    struct text out = {0};
    if (package->pragma != NULL) text_append_format(&out, "-- stand-in: %s\n", package->pragma);
    text_append_format(&out, "module %s where\n\n", package_module(arena, package->name));
    for (int i = 0; i < PACKAGE_DEPENDENCIES_MAX && package->dependencies[i].name != NULL; i++)
        text_append_format(&out, "import %s\n", package_module(arena, package->dependencies[i].name));
    text_append_format(&out, "\nversion :: String\nversion = \"%s\"\n", package->version);
    return take(arena, &out);
}

/* The folder with the package's files, without those of the version before. */
static char *make_tree(const char *sources, const struct package *package, struct arena *arena) {
    char *tree = arena_format(arena, "%s/" PACKAGE_OWNER "/purescript-%s.tree", sources, package->name);
    folder_remove(tree);
    struct package_file standard[] = {
        {"purs.json", package_manifest(arena, package)},
        {"src/Main.purs", source_text(arena, package)},
        {"LICENSE", PACKAGE_LICENSE_TEXT},
    };
    for (size_t i = 0; i < sizeof standard / sizeof standard[0]; i++)
        write_file(arena_format(arena, "%s/%s", tree, standard[i].path), standard[i].content);
    for (int i = 0; i < PACKAGE_FILES_MAX && package->files[i].path != NULL; i++) {
        char *path = arena_format(arena, "%s/%s", tree, package->files[i].path);
        if (package->files[i].content != NULL)
            write_file(path, package->files[i].content);
        else
            assert_int_equal(unlink(path), 0);
    }
    if (package->script != NULL) shell_run("cd '%s' && %s", tree, package->script);
    return tree;
}

void package_push(const char *sources, const struct package *package) {
    struct arena arena = {0};
    bare_repository_commit_folder(arena_format(&arena, "%s/" PACKAGE_OWNER "/purescript-%s.git", sources, package->name),
                                  make_tree(sources, package, &arena), "flow", arena_format(&arena, "v%s", package->version));
    arena_release(&arena);
}
