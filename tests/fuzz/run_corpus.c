/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Replaces libFuzzer for compilers without it: `fuzz_corpus TARGET FOLDER…` gives the target every file of the folders, once. All
 * targets are one program then (tests/fuzz/joined_target.h).
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/folder.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/joined_target.h"

enum { INPUT_MAX_BYTES = 1 << 20, TARGETS_MAX = 100 };

static struct {
    const char *name;
    fuzz_target *run;
} targets[TARGETS_MAX];
static int target_count;

void fuzz_target_add(const char *name, fuzz_target *run) {
    if (target_count == TARGETS_MAX) abort();
    targets[target_count].name = name;
    targets[target_count++].run = run;
}

static fuzz_target *find_target(const char *name) {
    for (int i = 0; i < target_count; i++)
        if (strcmp(targets[i].name, name) == 0) return targets[i].run;
    return NULL;
}

static bool run_file(fuzz_target *run, const char *path) {
    struct text bytes = {0};
    struct error err;
    bool is_read = file_read(path, INPUT_MAX_BYTES, &bytes, &err) == STATUS_OK;
    if (is_read) { /* from memory of just its size, so that a sanitizer reports reads beyond its end */
        uint8_t *exact = memory_alloc(bytes.length);
        memcpy(exact, text_view(&bytes), bytes.length);
        run(exact, bytes.length);
        free(exact);
    } else {
        fprintf(stderr, "%s\n", err.message);
    }
    text_release(&bytes);
    return is_read;
}

int main(int count, char **arguments) {
    int runs = 0, failures = 0;
    fuzz_target *run = count > 1 ? find_target(arguments[1]) : NULL;
    if (!run) {
        fprintf(stderr, "usage: fuzz_corpus TARGET FOLDER…\n");
        return EXIT_FAILURE;
    }
    for (int i = 2; i < count; i++) {
        DIR *folder = opendir(arguments[i]);
        if (!folder) {
            perror(arguments[i]);
            return EXIT_FAILURE;
        }
        for (struct dirent *entry; (entry = readdir(folder));) {
            if (entry->d_name[0] == '.') continue;
            struct text path = {0};
            text_append_format(&path, "%s/%s", arguments[i], entry->d_name);
            failures += !run_file(run, text_view(&path));
            runs++;
            text_release(&path);
        }
        closedir(folder);
    }
    printf("%d inputs\n", runs);
    return runs > 0 && failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
