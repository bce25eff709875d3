/* SPDX-License-Identifier: BSD-3-Clause
 *
 * select-files: which files of a folder are packed for a glob. Reads lines of JSON from standard input, {"folder": PATH,
 * "include": GLOB}, and answers each with {"files": [PATH…]} or {"error": SENTENCE}. For tests/clients/globs_test.js.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/package/manifest.h"
#include "lib/source/package_files.h"

static json_t *answer(const char *folder, const char *include) {
    struct arena arena = {0};
    struct error err = {0};
    struct package_files files;
    const char *items[] = {include};
    json_t *out = json_object();
    if (package_files_select(&files, &arena, folder, &(struct globs){items, 1}, &(struct globs){0}, &err)) {
        json_object_set_new(out, "error", json_string(err.message));
    } else {
        json_t *list = json_array();
        for (size_t i = 0; i < files.count; i++)
            json_array_append_new(list, json_string(files.paths[i]));
        json_object_set_new(out, "files", list);
    }
    arena_release(&arena);
    return out;
}

int main(void) {
    char *line = NULL;
    size_t size = 0;
    int result = 0;
    while (!result && getline(&line, &size, stdin) > 0) {
        json_t *question = json_loads(line, 0, NULL);
        const char *folder = json_string_value(json_object_get(question, "folder"));
        const char *include = json_string_value(json_object_get(question, "include"));
        json_t *out = folder && include ? answer(folder, include) : NULL;
        if (!out || json_dumpf(out, stdout, JSON_COMPACT)) result = 2;
        putchar('\n');
        fflush(stdout);
        json_decref(out);
        json_decref(question);
    }
    free(line);
    return result;
}
