/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Replaces libFuzzer for compilers without it: gives the target every file of the folders named as arguments, once.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/folder.h"
#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX_BYTES = 1 << 20 };

static bool run_file(const char *path) {
    struct text bytes = {0};
    struct error err;
    bool is_read = file_read(path, INPUT_MAX_BYTES, &bytes, &err) == STATUS_OK;
    if (is_read) { /* from memory of just its size, so that a sanitizer reports reads beyond its end */
        uint8_t *exact = memory_alloc(bytes.length);
        memcpy(exact, text_view(&bytes), bytes.length);
        LLVMFuzzerTestOneInput(exact, bytes.length);
        free(exact);
    } else {
        fprintf(stderr, "%s\n", err.message);
    }
    text_release(&bytes);
    return is_read;
}

int main(int count, char **folders) {
    int runs = 0, failures = 0;
    for (int i = 1; i < count; i++) {
        DIR *folder = opendir(folders[i]);
        if (!folder) {
            perror(folders[i]);
            return EXIT_FAILURE;
        }
        for (struct dirent *entry; (entry = readdir(folder));) {
            if (entry->d_name[0] == '.') continue;
            struct text path = {0};
            text_append_format(&path, "%s/%s", folders[i], entry->d_name);
            failures += !run_file(text_view(&path));
            runs++;
            text_release(&path);
        }
        closedir(folder);
    }
    printf("%d inputs\n", runs);
    return runs > 0 && failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
