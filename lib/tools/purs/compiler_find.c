/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Finds the compilers of this machine. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/array.h"
#include "lib/base/deadline.h"
#include "lib/base/inside.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/purs/compiler.h"
#include "lib/tools/sandbox/sandbox.h"

enum {
    VERSION_QUERY_MS = 10000,
    VERSION_OUTPUT_BYTES = 1000,
};

const struct compiler *compilers_get(const struct compilers *compilers, struct version version) {
    for (size_t i = 0; i < compilers->count; i++)
        if (version_equal(compilers->items[i].version, version)) return &compilers->items[i];
    return NULL;
}

const struct compiler *compilers_choose_for_graph(const struct compilers *compilers, struct version target) {
    static const struct version first_with_graph = {0, 14, 0};
    if (version_compare(target, first_with_graph) >= 0) return compilers_get(compilers, target);
    for (size_t i = 0; i < compilers->count; i++)
        if (version_compare(compilers->items[i].version, first_with_graph) >= 0) return &compilers->items[i];
    return NULL;
}

static void add_compiler(struct compilers *compilers, struct version version, const char *path) {
    if (compilers_get(compilers, version)) return;
    inside_keep("purs", path, true);
    *array_add(compilers) = (struct compiler){version, arena_copy(&compilers->arena, path)};
}

/* The version in `purs-0_15_15`; false for any other name. */
static bool version_of_name(const char *name, struct version *out) {
    static const char prefix[] = "purs-";
    char text[VERSION_TEXT_MAX];
    if (!text_starts_with(name, prefix) || strlen(name) - strlen(prefix) >= sizeof text) return false;
    if (strchr(name, '.')) return false;
    size_t length = 0;
    for (const char *at = name + strlen(prefix); *at; at++)
        text[length++] = *at == '_' ? '.' : *at;
    text[length] = '\0';
    return version_parse(out, text, NULL) == STATUS_OK;
}

/* The version that a plain `purs` prints, possibly followed by more text. False: no valid answer within VERSION_QUERY_MS. */
static bool version_of_program(const char *path, const struct sandbox *sandbox, struct deadline *deadline,
                               struct version *out) {
    struct command_result result = {0};
    struct command command = {
        .arguments = (const char *const[]){path, "--version", NULL},
        .user = sandbox->changes_user ? &sandbox->user : NULL,
        .output_limit_bytes = VERSION_OUTPUT_BYTES,
    };
    struct deadline query;
    deadline_start(&query, deadline_left_ms(deadline, VERSION_QUERY_MS));
    bool found = false;
    if (!command_run(&result, &command, &query, NULL) && result.exit_status == 0) {
        char *words = (char *)(uintptr_t)text_view(&result.output);
        if (result.output.length > 0) words[strcspn(words, " \r\n")] = '\0';
        found = version_parse(out, words, NULL) == STATUS_OK;
    }
    command_result_release(&result);
    return found;
}

static void search_folder(struct compilers *out, const char *folder, const struct sandbox *sandbox, struct deadline *deadline) {
    char *absolute = realpath(folder, NULL);
    DIR *entries = absolute ? opendir(absolute) : NULL;
    struct text path = {0};
    struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        struct version version;
        bool is_plain = text_equal(entry->d_name, "purs");
        if (!is_plain && !version_of_name(entry->d_name, &version)) continue;
        text_clear(&path);
        text_append_format(&path, "%s/%s", absolute, entry->d_name);
        if (access(path.bytes, X_OK)) continue;
        if (is_plain && !version_of_program(path.bytes, sandbox, deadline, &version)) continue;
        add_compiler(out, version, path.bytes);
    }
    if (entries) closedir(entries);
    free(absolute);
    text_release(&path);
}

static int compare_compilers(const void *a, const void *b) {
    return version_compare(((const struct compiler *)a)->version, ((const struct compiler *)b)->version);
}

enum status compilers_find(struct compilers *out, const char *folder, const char *search_path, const struct sandbox *sandbox,
                           struct deadline *deadline, struct error *err) {
    *out = (struct compilers){0};
    enum status status = STATUS_OK;
    if (folder) {
        if (access(folder, F_OK))
            return error_set(err, STATUS_NOT_FOUND, "The folder for compilers, %s, cannot be opened: %s.", folder,
                             strerror(errno));
        status = sandbox_check_reachable(sandbox, folder, false, err);
        if (!status) search_folder(out, folder, sandbox, deadline);
    } else {
        char *copy = memory_copy_text(search_path ? search_path : ""), *rest = NULL;
        for (char *part = strtok_r(copy, ":", &rest); part; part = strtok_r(NULL, ":", &rest))
            if (part[0] == '/' && !sandbox_check_reachable(sandbox, part, false, NULL))
                search_folder(out, part, sandbox, deadline);
        free(copy);
    }
    if (out->count) qsort(out->items, out->count, sizeof *out->items, compare_compilers);
    if (!status) status = deadline_check(deadline, err);
    return status;
}

void compilers_release(struct compilers *compilers) {
    free(compilers->items);
    arena_release(&compilers->arena);
    *compilers = (struct compilers){0};
}
