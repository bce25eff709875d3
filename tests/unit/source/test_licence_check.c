/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/folder.h"
#include "lib/source/licence_check.h"

/* What the check says of a manifest's licence beside a file with this content. */
static enum status check(const char *file, const char *content, const char *expression, struct error *err) {
    struct arena arena = {0};
    char folder[] = "/tmp/registry-licence-XXXXXX";
    assert_non_null(mkdtemp(folder));
    if (file)
        assert_int_equal(file_write(arena_format(&arena, "%s/%s", folder, file), content, strlen(content), err), STATUS_OK);
    enum status status = licence_check_folder(folder, expression, &arena, err);
    folder_remove(folder);
    arena_release(&arena);
    return status;
}

static void agreeing_and_unreadable_licences_pass(void **state) {
    (void)state;
    struct error err;
    static const char *const fine[] = {
        "{\"license\":\"MIT\"}",
        "{\"license\":\"mit\"}",
        "{\"license\":[\"MIT\"]}",
        "{\"license\":{\"type\":\"MIT\"}}",
        "{\"licenses\":[{\"type\":\"MIT\"}]}",
        "{\"license\":\"SEE LICENSE IN LICENSE.txt\"}",
        "{\"license\":7}",
        "{}",
        "no json",
    };
    assert_int_equal(check(NULL, NULL, "MIT", &err), STATUS_OK);
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        assert_int_equal(check("package.json", fine[i], "MIT OR Apache-2.0", &err), STATUS_OK);
        assert_int_equal(check("bower.json", fine[i], "MIT", &err), STATUS_OK);
    }
    assert_int_equal(check("package.json", "{\"license\":\"GPL-3.0\"}", "GPL-3.0-or-later", &err), STATUS_OK);
}

static void a_licence_that_the_manifest_lacks_is_refused_by_name(void **state) {
    (void)state;
    struct error err;
    static const char *const bad[] = {
        "{\"license\":\"BSD-3-Clause\"}",
        "{\"license\":[\"MIT\",\"BSD-3-Clause\"]}",
        "{\"license\":\"MIT AND BSD-3-Clause\"}",
        "{\"licenses\":[{\"type\":\"BSD-3-Clause\"}]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(check("package.json", bad[i], "MIT", &err), STATUS_REFUSED);
        assert_string_equal(err.path, "license");
        assert_non_null(strstr(err.message, "package.json"));
        assert_non_null(strstr(err.message, "BSD-3-Clause"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agreeing_and_unreadable_licences_pass),
        cmocka_unit_test(a_licence_that_the_manifest_lacks_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
