/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Faults that only a folder can have; the common contract is tested in test_tarball_store.c.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/settings.h"
#include "lib/base/text.h"
#include "lib/store/tarball/tarball_store.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

static void nothing_but_whole_objects_is_left_in_the_folder(void **state) {
    (void)state;
    struct temporary_folder folder;
    struct tarball_store *store;
    struct error err;
    temporary_folder_make(&folder);
    struct settings settings = {.storage_dir = folder.path};
    assert_int_equal(tarball_store_open(&store, &settings, &err), STATUS_OK);
    assert_int_equal(tarball_store_put(store, "prelude", "1.0.0", "one", 3, NULL, &err), STATUS_OK);
    assert_int_equal(tarball_store_put(store, "prelude", "1.0.0", "two", 3, NULL, &err), STATUS_REFUSED);
    struct arena arena = {0};
    assert_string_equal(shell_output(&arena, "ls -A %s/prelude", folder.path), "1.0.0.tar.gz\n");
    arena_release(&arena);
    tarball_store_free(store);
    temporary_folder_remove(&folder);
}

static void a_folder_that_is_gone_is_told_by_its_name(void **state) {
    (void)state;
    struct temporary_folder folder;
    struct tarball_store *store;
    struct error err;
    char path[80];
    temporary_folder_make(&folder);
    snprintf(path, sizeof path, "%s/new/storage", folder.path); /* the folder is made */
    struct settings settings = {.storage_dir = path};
    assert_int_equal(tarball_store_open(&store, &settings, &err), STATUS_OK);
    assert_int_equal(tarball_store_check(store, NULL, &err), STATUS_OK);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(tarball_store_check(store, NULL, &err), STATUS_UNAVAILABLE);
    assert_non_null(strstr(err.message, path));
    tarball_store_free(store);
    temporary_folder_remove(&folder);
}

static void the_gateway_opens_files_and_nothing_else(void **state) {
    (void)state;
    struct temporary_folder folder;
    struct error err;
    char bytes[8];
    int file;
    temporary_folder_make(&folder);
    struct settings settings = {.storage_dir = folder.path};
    shell_run(
        "mkdir -p %s/prelude/2.0.0.tar.gz && printf one >%s/prelude/1.0.0.tar.gz && ln -s 1.0.0.tar.gz %s/prelude/3.0.0.tar.gz",
        folder.path, folder.path, folder.path);
    shell_run("mkfifo %s/prelude/4.0.0.tar.gz", folder.path);
    assert_true(tarball_store_is_folder(&settings));
    assert_int_equal(tarball_store_check_folder(&settings, &err), STATUS_OK);
    assert_int_equal(tarball_store_open_file(&file, &settings, "prelude", "1.0.0", &err), STATUS_OK);
    assert_int_equal(read(file, bytes, sizeof bytes), 3);
    close(file);
    assert_int_equal(tarball_store_open_file(&file, &settings, "prelude", "1.0.1", &err), STATUS_NOT_FOUND);
    assert_string_equal(err.message, "There is no tarball of prelude 1.0.1.");
    assert_int_equal(tarball_store_open_file(&file, &settings, "effect", "1.0.0", &err), STATUS_NOT_FOUND);
    assert_int_equal(tarball_store_open_file(&file, &settings, "prelude", "2.0.0", &err), STATUS_INTERNAL);
    assert_non_null(strstr(err.message, "it is not a file"));
    assert_int_equal(tarball_store_open_file(&file, &settings, "prelude", "3.0.0", &err), STATUS_INTERNAL);
    assert_int_equal(file, -1);
    assert_int_equal(tarball_store_open_file(&file, &settings, "prelude", "4.0.0", &err), STATUS_INTERNAL);
    assert_non_null(strstr(err.message, "it is not a file"));
    temporary_folder_remove(&folder);
    assert_int_equal(tarball_store_check_folder(&settings, &err), STATUS_INTERNAL);
    assert_non_null(strstr(err.message, folder.path));
    settings.has_spaces_key = true;
    assert_false(tarball_store_is_folder(&settings));
}

/* Without the check each call would wait for ever. */
static void a_fifo_among_the_objects_is_no_tarball(void **state) {
    (void)state;
    struct temporary_folder folder;
    struct tarball_store *store;
    struct text bytes = {0};
    struct error err;
    char hash[SHA256_SRI_MAX];
    temporary_folder_make(&folder);
    hash_sha256_sri("one", 3, hash);
    struct settings settings = {.storage_dir = folder.path};
    assert_int_equal(tarball_store_open(&store, &settings, &err), STATUS_OK);
    shell_run("mkdir %s/prelude && mkfifo %s/prelude/1.0.0.tar.gz", folder.path, folder.path);
    assert_int_not_equal(tarball_store_read(store, "prelude", "1.0.0", hash, 3, &bytes, NULL, &err), STATUS_OK);
    assert_int_not_equal(tarball_store_put(store, "prelude", "1.0.0", "one", 3, NULL, &err), STATUS_OK);
    text_release(&bytes);
    tarball_store_free(store);
    temporary_folder_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_but_whole_objects_is_left_in_the_folder),
        cmocka_unit_test(a_folder_that_is_gone_is_told_by_its_name),
        cmocka_unit_test(the_gateway_opens_files_and_nothing_else),
        cmocka_unit_test(a_fifo_among_the_objects_is_no_tarball),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
