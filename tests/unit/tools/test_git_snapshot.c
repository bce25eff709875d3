/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A folder that was turned into a repository, checked with the git program.
 */
#include "tests/support/cmocka_all.h"

#include "lib/base/arena.h"
#include "lib/tools/git/git_snapshot.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

static void the_git_program_sees_one_tagged_commit_and_no_changes(void **state) {
    (void)state;
    static const char *const excluded[] = {"/output/", "/.registry/", NULL};
    struct temporary_folder folder;
    struct arena arena = {0};
    struct error err;
    temporary_folder_make(&folder);
    temporary_folder_write(&folder, "src/Main.purs", "module Main where\r\n");
    temporary_folder_write(&folder, "src/deep/er/$Id$.purs", "-- $Id$\n");
    temporary_folder_write(&folder, "ignored.txt", "all the same\n");
    temporary_folder_write(&folder, ".gitignore", "*.txt\n");
    temporary_folder_write(&folder, ".gitattributes",
                           "* text eol=crlf ident working-tree-encoding=UTF-16\n*.purs filter=lfs\n");
    assert_int_equal(git_snapshot_make(folder.path, "v1.2.3", 1700000000999, excluded, &err), STATUS_OK);
    temporary_folder_write(&folder, "output/Main/index.js", "");
    temporary_folder_write(&folder, ".registry/other-1.0.0/purs.json", "{}");

    const char *git = arena_format(&arena, "git -c safe.directory='*' -C '%s'", folder.path);
    assert_string_equal(shell_output(&arena, "%s status --porcelain", git), "");
    shell_run("find '%s' -name .git -prune -o -exec touch '{}' +", folder.path); /* so that contents are compared */
    assert_string_equal(shell_output(&arena, "%s status --porcelain", git), "");
    assert_string_equal(shell_output(&arena, "%s tag --list --points-at HEAD", git), "v1.2.3\n");
    assert_string_equal(shell_output(&arena, "%s log -1 --format='%%ct %%at %%cn <%%ce>' v1.2.3", git),
                        "1700000000 1700000000 pacchettibotti <pacchettibotti@purescript.org>\n");
    assert_string_equal(shell_output(&arena, "%s rev-list --all --count", git), "1\n");
    assert_string_equal(shell_output(&arena, "%s ls-tree -r --name-only HEAD", git),
                        ".gitattributes\n.gitignore\nignored.txt\nsrc/Main.purs\nsrc/deep/er/$Id$.purs\n");
    shell_run("%s fsck --strict 2>&1", git);
    temporary_folder_write(&folder, "src/Main.purs", "module Main where\n");
    assert_string_equal(shell_output(&arena, "%s status --porcelain", git), " M src/Main.purs\n");
    arena_release(&arena);
    temporary_folder_remove(&folder);
}

static void a_folder_that_is_not_there_is_an_error(void **state) {
    (void)state;
    static const char *const excluded[] = {NULL};
    struct error err;
    assert_int_equal(git_snapshot_make("/proc/nowhere", "v1.0.0", 0, excluded, &err), STATUS_INTERNAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_git_program_sees_one_tagged_commit_and_no_changes),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
