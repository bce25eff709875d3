/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Stands in for libFuzzer where the compiler has none: gives the target every file of the folders that are its arguments, once.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/text.h"
#include "tests/fuzz/fuzz.h"

static int run_file(const char *path) {
    FILE *file = fopen(path, "rbe");
    if (!file) {
        perror(path);
        return 1;
    }
    struct text bytes = {0};
    char part[4096];
    for (size_t count; (count = fread(part, 1, sizeof part, file)) > 0;)
        text_append_bytes(&bytes, part, count);
    fclose(file);
    LLVMFuzzerTestOneInput((const uint8_t *)text_view(&bytes), bytes.length);
    text_release(&bytes);
    return 0;
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
            failures += run_file(text_view(&path));
            runs++;
            text_release(&path);
        }
        closedir(folder);
    }
    printf("%d inputs\n", runs);
    return runs > 0 && failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
