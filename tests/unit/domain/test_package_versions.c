/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/registry/package_versions.h"

static struct arena arena;

static int release_arena(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static enum status read_versions(struct package_versions *out, const char *text, struct error *err) {
    json_t *json = NULL;
    assert_int_equal(json_read(&json, text, strlen(text), "The test", NULL), STATUS_OK);
    enum status status = package_versions_read(out, json, &arena, err);
    json_decref(json);
    return status;
}

static void they_are_sorted_and_found_by_name(void **state) {
    (void)state;
    struct package_versions versions;
    struct text printed = {0};
    assert_int_equal(read_versions(&versions, "{\"b\":\"2.0.0\",\"a-b\":\"1.0.0\",\"a\":\"3.0.0\"}", NULL), STATUS_OK);
    package_versions_write(&(struct json_writer){.out = &printed}, &versions);
    assert_string_equal(text_view(&printed), "{\"a\":\"3.0.0\",\"a-b\":\"1.0.0\",\"b\":\"2.0.0\"}");
    assert_int_equal(package_versions_find(&versions, "b")->version.major, 2);
    assert_null(package_versions_find(&versions, "c"));
    text_release(&printed);
}

static void none_is_fine(void **state) {
    (void)state;
    struct package_versions versions;
    assert_int_equal(read_versions(&versions, "{}", NULL), STATUS_OK);
    assert_int_equal(versions.count, 0);
    assert_null(package_versions_find(&versions, "a"));
}

static void a_bad_entry_is_named(void **state) {
    (void)state;
    static const struct {
        const char *text, *path;
    } rows[] = {
        {"{\"a\":\"1.0\"}", "a"},
        {"{\"a\":1}", "a"},
        {"{\"a\":null}", "a"},
        {"{\"Not a name\":\"1.0.0\"}", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct package_versions versions;
        struct error err = {0};
        assert_int_equal(read_versions(&versions, rows[i].text, &err), STATUS_INVALID);
        assert_string_equal(err.path, rows[i].path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_sorted_and_found_by_name),
        cmocka_unit_test(none_is_fine),
        cmocka_unit_test(a_bad_entry_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, release_arena);
}
