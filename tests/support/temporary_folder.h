/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A folder for one test's files, below /tmp so that any user can get to it; with functions that fill it and stop the test if
 * they fail.
 */
#ifndef TESTS_SUPPORT_TEMPORARY_FOLDER_H
#define TESTS_SUPPORT_TEMPORARY_FOLDER_H

#include <stddef.h>

struct temporary_folder {
    char path[64];
};

void temporary_folder_make(struct temporary_folder *out); /* mode 0755 */
void temporary_folder_remove(struct temporary_folder *folder);

/* All paths are relative to the folder; the folders that lead to a file are made. */
void temporary_folder_write(const struct temporary_folder *folder, const char *path, const char *content);
void temporary_folder_write_bytes(const struct temporary_folder *folder, const char *path, const void *bytes, size_t length);
void temporary_folder_link(const struct temporary_folder *folder, const char *path, const char *target);

/* The whole content, NUL at the end; the caller frees it. NULL if there is no such file. */
char *temporary_folder_read(const struct temporary_folder *folder, const char *path);

#endif
