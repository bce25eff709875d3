/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/registry/package_set.h"

static struct arena arena;

static int release_arena(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static void a_set_prints_in_the_order_of_the_format(void **state) {
    (void)state;
    static const char source[] = "{\"packages\":{\"b\":\"2.0.0\",\"a\":\"1.0.0\"},\"published\":\"2026-07-29\","
                                 "\"compiler\":\"0.15.15\",\"version\":\"80.2.0\",\"more\":1}";
    static const char expected[] = "{\n  \"version\": \"80.2.0\",\n  \"compiler\": \"0.15.15\",\n"
                                   "  \"published\": \"2026-07-29\",\n  \"packages\": {\n    \"a\": \"1.0.0\",\n"
                                   "    \"b\": \"2.0.0\"\n  }\n}\n";
    struct package_set set;
    struct text text = {0};
    assert_int_equal(package_set_parse(&set, source, strlen(source), &arena, NULL), STATUS_OK);
    package_set_append_file(&text, &set);
    assert_string_equal(text_view(&text), expected);
    text_release(&text);
}

static void a_bad_field_is_named_by_its_path(void **state) {
    (void)state;
    static const struct {
        const char *version, *compiler, *published, *packages, *path;
    } rows[] = {
        {"\"1.0\"", "\"0.15.0\"", "\"2026-07-29\"", "{}", "version"},
        {"\"1.0.0\"", "15", "\"2026-07-29\"", "{}", "compiler"},
        {"\"1.0.0\"", "\"0.15.0\"", "\"2026-02-30\"", "{}", "published"},
        {"\"1.0.0\"", "\"0.15.0\"", "\"2026-07-29T00:00:00Z\"", "{}", "published"},
        {"\"1.0.0\"", "\"0.15.0\"", "\"2026-7-29\"", "{}", "published"},
        {"\"1.0.0\"", "\"0.15.0\"", "\"2026-07-29\"", "[]", "packages"},
        {"\"1.0.0\"", "\"0.15.0\"", "\"2026-07-29\"", "{\"a\":\"1\"}", "packages.a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct package_set set;
        struct error err = {0};
        const char *text = arena_format(&arena, "{\"version\":%s,\"compiler\":%s,\"published\":%s,\"packages\":%s}",
                                        rows[i].version, rows[i].compiler, rows[i].published, rows[i].packages);
        assert_int_equal(package_set_parse(&set, text, strlen(text), &arena, &err), STATUS_INVALID);
        assert_string_equal(err.path, rows[i].path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_prints_in_the_order_of_the_format),
        cmocka_unit_test(a_bad_field_is_named_by_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, release_arena);
}
