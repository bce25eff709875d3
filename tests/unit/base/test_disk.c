/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Really full disks are tested by tests/flow/test_full_disks.c, which needs root.
 */
#include "lib/base/disk.h"

#include "tests/support/cmocka_all.h"

#include <string.h>

static void a_folder_that_can_be_written_to_is_fine(void **state) {
    (void)state;
    struct error err = {0};
    assert_int_equal(disk_check("WORK_DIR", "/tmp", &err), STATUS_OK);
}

static void a_folder_that_cannot_be_written_to_is_named_with_its_setting(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(disk_check("WORK_DIR", "/nowhere/work", &err), STATUS_INTERNAL);
    assert_string_equal(err.message, "WORK_DIR: The folder /nowhere/work cannot be written to: No such file or directory.");
    assert_int_equal(err.trouble, TROUBLE_MACHINE);
    assert_int_equal(disk_check(NULL, "/proc", &err), STATUS_INTERNAL); /* a file system without any free space */
    assert_non_null(strstr(err.message, "/proc"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_that_can_be_written_to_is_fine),
        cmocka_unit_test(a_folder_that_cannot_be_written_to_is_named_with_its_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
