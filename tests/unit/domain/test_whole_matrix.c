/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/whole_matrix.h"
#include "tests/support/small_registry.h"

struct scene {
    struct manifest_index *index;
    struct arena arena;
    struct whole_matrix matrix;
};

static struct version version_of(const char *text) {
    struct version version;
    assert_int_equal(version_parse(&version, text, NULL), STATUS_OK);
    return version;
}

static void read_matrix(struct scene *s, const char *const *rows, size_t count) {
    const struct version compilers[] = {version_of("0.15.14"), version_of("0.15.15"), version_of("0.15.16")};
    s->index = small_registry_create(rows, count);
    whole_matrix_read(&s->matrix, s->index, compilers, 3, &s->arena);
}

static int release(void **state) {
    struct scene *s = *state;
    manifest_index_free(s->index);
    arena_release(&s->arena);
    *s = (struct scene){0};
    return 0;
}

static void plan_all(struct scene *s) {
    size_t row = 0;
    whole_matrix_plan(&s->matrix, s->index, &row, INT64_MAX);
    assert_int_equal(row, s->matrix.row_count);
}

static const char *const rows[] = {
    "aff 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0",
    "aff 2.0.0 [0.15.14 0.15.15] prelude >=6.0.0 <7.0.0",
    "hidden 1.0.0 []",
    "prelude 5.0.0 []",
    "prelude 6.0.0 [0.15.14 0.15.15]",
    "stuck 10.0.0 [0.15.14] aff >=2.0.0 <3.0.0, prelude >=6.0.0 <7.0.0",
    "stuck 9.0.0 [0.15.14] missing >=1.0.0 <2.0.0",
};

#define READ(s) read_matrix(s, rows, sizeof rows / sizeof *rows)

static void every_published_version_has_a_cell_for_each_compiler(void **state) {
    struct scene *s = *state;
    struct text json = {0};
    READ(s);
    plan_all(s);
    whole_matrix_append_json(&json, &s->matrix);
    assert_string_equal(json.bytes, "{\"compilers\":[\"0.15.14\",\"0.15.15\",\"0.15.16\"],"
                                    "\"states\":[\"untried\",\"succeeded\",\"failed\",\"no_plan\",\"pending\",\"running\"],"
                                    "\"names\":[\"aff\",\"prelude\",\"stuck\"],\"dependants\":[1,2,0],"
                                    "\"versions\":[\"2.0.0 1.0.0\",\"6.0.0\",\"10.0.0 9.0.0\"],"
                                    "\"cells\":[\"113 103\",\"110\",\"103 133\"]}");
    text_release(&json);
}

static void cells_are_found_by_version_and_compiler(void **state) {
    struct scene *s = *state;
    READ(s);
    unsigned char *cell = whole_matrix_find(&s->matrix, "aff", version_of("1.0.0"), version_of("0.15.15"));
    assert_int_equal(*cell, CELL_NO_PLAN); /* before plans are looked for */
    plan_all(s);
    assert_int_equal(*cell, CELL_UNTRIED);
    *cell = CELL_FAILED;
    assert_int_equal(whole_matrix_cell(&s->matrix, 1, 1), CELL_FAILED);
    assert_null(whole_matrix_find(&s->matrix, "aff", version_of("3.0.0"), version_of("0.15.15")));
    assert_null(whole_matrix_find(&s->matrix, "aff", version_of("1.0.0"), version_of("0.15.13")));
    assert_null(whole_matrix_find(&s->matrix, "hidden", version_of("1.0.0"), version_of("0.15.14")));
    for (size_t row = 0; row < s->matrix.row_count; row++) {
        const struct matrix_package *package = whole_matrix_package_of(&s->matrix, row);
        assert_true(package->first_row <= row && row < package->first_row + package->row_count);
    }
}

static void plans_are_looked_for_in_steps(void **state) {
    struct scene *s = *state;
    size_t row = 0;
    READ(s);
    whole_matrix_plan(&s->matrix, s->index, &row, clock_monotonic_us() - 1);
    assert_int_equal(row, 0);
    plan_all(s);
}

static void there_may_be_nothing_yet(void **state) {
    struct scene *s = *state;
    struct text json = {0};
    s->index = small_registry_create(NULL, 0);
    whole_matrix_read(&s->matrix, s->index, NULL, 0, &s->arena);
    plan_all(s);
    assert_null(whole_matrix_find(&s->matrix, "aff", version_of("1.0.0"), version_of("0.15.14")));
    whole_matrix_append_json(&json, &s->matrix);
    assert_non_null(strstr(json.bytes, "\"names\":[],\"dependants\":[],\"versions\":[],\"cells\":[]}"));
    text_release(&json);
}

int main(void) {
    static struct scene scene;
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(every_published_version_has_a_cell_for_each_compiler, NULL, release, &scene),
        cmocka_unit_test_prestate_setup_teardown(cells_are_found_by_version_and_compiler, NULL, release, &scene),
        cmocka_unit_test_prestate_setup_teardown(plans_are_looked_for_in_steps, NULL, release, &scene),
        cmocka_unit_test_prestate_setup_teardown(there_may_be_nothing_yet, NULL, release, &scene),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
