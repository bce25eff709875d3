/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/temporary_folder.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "tests/support/cmocka_all.h"

enum { FILE_BYTES_MAX = 64 * 1024 * 1024 };

void temporary_folder_make(struct temporary_folder *out) {
    snprintf(out->path, sizeof out->path, "/tmp/registry-test-XXXXXX");
    test_folder_make(out->path);
}

void temporary_folder_remove(struct temporary_folder *folder) {
    if (folder->path[0]) test_folder_end(folder->path);
    folder->path[0] = '\0';
}

/* Sets the full path of a file, and makes the folders that lead to it. */
static void prepare(char out[PATH_MAX], const struct temporary_folder *folder, const char *path) {
    int length = snprintf(out, PATH_MAX, "%s/%s", folder->path, path);
    assert_in_range(length, 1, PATH_MAX - 1);
    char *slash = strrchr(out, '/');
    *slash = '\0';
    assert_int_equal(folder_make(out, NULL), STATUS_OK);
    *slash = '/';
}

void temporary_folder_write_bytes(const struct temporary_folder *folder, const char *path, const void *bytes, size_t length) {
    char full[PATH_MAX];
    prepare(full, folder, path);
    FILE *file = fopen(full, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

void temporary_folder_write(const struct temporary_folder *folder, const char *path, const char *content) {
    temporary_folder_write_bytes(folder, path, content, strlen(content));
}

void temporary_folder_link(const struct temporary_folder *folder, const char *path, const char *target) {
    char full[PATH_MAX];
    prepare(full, folder, path);
    assert_int_equal(symlink(target, full), 0);
}

char *temporary_folder_read(const struct temporary_folder *folder, const char *path) {
    char full[PATH_MAX];
    struct text content = {0};
    prepare(full, folder, path);
    enum status status = file_read(full, FILE_BYTES_MAX, &content, NULL);
    if (!status)
        text_append(&content, ""); /* makes an empty file a text, too */
    else
        text_release(&content);
    return content.bytes;
}
