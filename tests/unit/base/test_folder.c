/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"

static void folders_are_made_and_removed_without_following_links(void **state) {
    (void)state;
    struct arena arena = {0};
    struct error err;
    struct text content = {0};
    char base[] = "/tmp/registry-folder-XXXXXX";
    assert_non_null(mkdtemp(base));
    const char *deep = arena_format(&arena, "%s/a/b/c", base);
    const char *kept = arena_format(&arena, "%s/kept", base), *file = arena_format(&arena, "%s/file", kept);
    assert_int_equal(folder_make(deep, &err), STATUS_OK);
    assert_int_equal(folder_make(deep, &err), STATUS_OK);
    assert_int_equal(folder_make(kept, &err), STATUS_OK);
    assert_int_equal(file_write(file, "first", 5, &err), STATUS_OK);
    assert_int_equal(file_write(file, "second", 6, &err), STATUS_OK);
    assert_int_equal(symlink(kept, arena_format(&arena, "%s/link", deep)), 0);

    folder_remove(arena_format(&arena, "%s/a", base));
    assert_int_not_equal(access(deep, F_OK), 0);
    assert_int_equal(file_read(file, 6, &content, &err), STATUS_OK);
    assert_string_equal(text_view(&content), "second");
    assert_int_equal(file_read(file, 5, &content, &err), STATUS_TOO_LARGE);
    assert_int_equal(file_read(deep, 5, &content, &err), STATUS_NOT_FOUND);
    assert_int_equal(folder_make(arena_format(&arena, "%s/below", file), &err), STATUS_INTERNAL);
    assert_non_null(strstr(err.message, file));

    folder_remove(base);
    folder_remove(base);
    assert_int_not_equal(access(base, F_OK), 0);
    text_release(&content);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(folders_are_made_and_removed_without_following_links)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
