/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The texts are recognised by the real licensee where it is installed; how it is run, is for tests/unit/tools/test_licensee.c.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/deadline.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/source/licence_check.h"
#include "lib/source/package_files.h"
#include "lib/tools/licensee.h"
#include "lib/tools/sandbox.h"
#include "tests/support/temporary_folder.h"

static struct sandbox sandbox;
static struct licensee *installed, *missing;
static struct deadline deadline;
static struct arena arena;

static int set_up(void **state) {
    (void)state;
    struct error err;
    deadline_start(&deadline, 100000);
    assert_int_equal(sandbox_init(&sandbox, "nobody", &deadline, &err), STATUS_OK);
    installed = licensee_create(getenv("PATH"), &sandbox);
    missing = licensee_create("/nowhere", &sandbox);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    licensee_free(installed);
    licensee_free(missing);
    arena_release(&arena);
    return 0;
}

static enum status check_with(struct licensee *licensee, const char *file, const char *content, const char *expression,
                              const char **warning, struct error *err) {
    struct temporary_folder folder;
    temporary_folder_make(&folder);
    if (file) temporary_folder_write(&folder, file, content);
    struct package_files files = {.paths = &file, .count = file ? 1 : 0};
    const struct licence_check check = {.folder = folder.path,
                                        .files = &files,
                                        .expression = expression,
                                        .licensee = licensee,
                                        .work_folder = arena_format(&arena, "%s/licence", folder.path)};
    enum status status = licence_check_source(&check, warning, &arena, &deadline, err);
    temporary_folder_remove(&folder);
    return status;
}

/* What the check says of a manifest's licence beside a file with this content. */
static enum status check(const char *file, const char *content, const char *expression, struct error *err) {
    const char *warning = NULL;
    enum status status = check_with(installed, file, content, expression, &warning, err);
    assert_null(warning);
    return status;
}

/* ---- Fields ---- */

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

static void what_is_not_at_the_root_or_not_published_is_not_looked_at(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(check("src/package.json", "{\"license\":\"BSD-3-Clause\"}", "MIT", &err), STATUS_OK);
    const char *warning = NULL; /* nor is licensee missed for it */
    assert_int_equal(check_with(missing, "src/LICENSE", "MIT License\n", "MIT", &warning, &err), STATUS_OK);
    assert_null(warning);
}

/* ---- Texts ---- */

static char *read_text(const char *path) {
    struct text bytes = {0};
    struct error err;
    if (file_read(path, 1 << 20, &bytes, &err)) fail_msg("%s", err.message);
    char *copy = arena_copy(&arena, text_view(&bytes));
    text_release(&bytes);
    return copy;
}

static void a_recognised_text_must_be_the_manifests_licence(void **state) {
    (void)state;
    struct error err;
    if (!licensee_is_installed(installed)) skip();
    const char *bsd = read_text(SOURCE_DIR "/LICENSE");
    static const char *const names[] = {"LICENSE", "LICENCE", "license.md", "License.txt", "LICENSE-BSD"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(check(names[i], bsd, "BSD-3-Clause", &err), STATUS_OK);
        assert_int_equal(check(names[i], bsd, "MIT OR bsd-3-clause", &err), STATUS_OK); /* an odd manifest is not our affair */
        assert_int_equal(check(names[i], bsd, "MIT", &err), STATUS_REFUSED);
        assert_string_equal(err.path, "license");
        assert_non_null(strstr(err.message, names[i]));
        assert_non_null(strstr(err.message, "BSD-3-Clause"));
        assert_non_null(strstr(err.message, "\"MIT\""));
    }
    assert_int_equal(check("COPYING", bsd, "MIT", &err), STATUS_OK);
    assert_int_equal(check("LICENSE", "Do as you please.\n", "MIT", &err), STATUS_OK);
    assert_int_equal(check("LICENSE", "", "MIT", &err), STATUS_OK);
}

static void a_text_of_the_gpl_agrees_with_only_and_or_later(void **state) {
    (void)state;
    struct error err;
    static const char gpl[] = "/usr/share/common-licenses/GPL-3";
    struct text bytes = {0};
    bool is_there = !file_read(gpl, 1 << 20, &bytes, &err);
    text_release(&bytes);
    if (!licensee_is_installed(installed) || !is_there) skip();
    assert_int_equal(check("LICENSE", read_text(gpl), "GPL-3.0-only", &err), STATUS_OK);
    assert_int_equal(check("LICENSE", read_text(gpl), "GPL-3.0-or-later", &err), STATUS_OK);
    assert_int_equal(check("LICENSE", read_text(gpl), "GPL-3.0-or-later WITH Classpath-exception-2.0", &err), STATUS_OK);
    assert_int_equal(check("LICENSE", read_text(gpl), "GPL-2.0-or-later", &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, "GPL-3.0-only"));
}

static void without_licensee_the_texts_are_passed_over_with_a_warning(void **state) {
    (void)state;
    struct error err;
    const char *warning = NULL;
    assert_int_equal(check_with(missing, "LICENSE", read_text(SOURCE_DIR "/LICENSE"), "MIT", &warning, &err), STATUS_OK);
    assert_non_null(warning);
    assert_non_null(strstr(warning, "licensee is not installed"));
    assert_int_equal(check_with(missing, "package.json", "{\"license\":\"ISC\"}", "MIT", &warning, &err), STATUS_REFUSED);
    assert_null(warning);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agreeing_and_unreadable_licences_pass),
        cmocka_unit_test(a_licence_that_the_manifest_lacks_is_refused_by_name),
        cmocka_unit_test(what_is_not_at_the_root_or_not_published_is_not_looked_at),
        cmocka_unit_test(a_recognised_text_must_be_the_manifests_licence),
        cmocka_unit_test(a_text_of_the_gpl_agrees_with_only_and_or_later),
        cmocka_unit_test(without_licensee_the_texts_are_passed_over_with_a_warning),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
