/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include "lib/base/text.h"
#include "lib/domain/matrix/matrix_causes.h"
#include "tests/support/small_registry.h"

/* `NAME VERSION STATE: NAME …; …`, with a * where the cause is itself the newest of its package. Rows of `failed` have failed. */
static void expect_causes(const char *const *rows, size_t count, const char *failed, const char *expected) {
    struct manifest_index *index = small_registry_create(rows, count);
    struct arena arena = {0};
    struct whole_matrix matrix;
    struct matrix_causes causes;
    struct text text = {0};
    const struct version compiler = {.major = 0, .minor = 15, .patch = 16};
    size_t row = 0;
    whole_matrix_read(&matrix, index, &compiler, 1, &arena);
    whole_matrix_plan(&matrix, index, &row, INT64_MAX);
    const struct matrix_package *package = failed ? whole_matrix_find_package(&matrix, failed) : NULL;
    if (package) matrix.cells[package->first_row] = CELL_FAILED;
    matrix_causes_find(&causes, &matrix, index, 0, &arena);
    for (size_t i = 0; i < causes.count; i++) {
        char version[VERSION_TEXT_MAX];
        const struct matrix_cause *cause = &causes.items[i];
        version_print(matrix.versions[cause->row], version);
        text_append_format(&text, "%s%s %s%s %s:", i ? "; " : "", whole_matrix_package_of(&matrix, cause->row)->name, version,
                           cause->is_stopped ? "*" : "", cell_state_text(whole_matrix_cell(&matrix, cause->row, 0)));
        for (size_t j = 0; j < cause->stopped_count; j++)
            text_append_format(&text, " %s", whole_matrix_package_of(&matrix, cause->stopped[j])->name);
    }
    assert_string_equal(text_view(&text), expected);
    text_release(&text);
    arena_release(&arena);
    manifest_index_free(index);
}

#define EXPECT(rows, failed, expected) expect_causes(rows, sizeof(rows) / sizeof *(rows), failed, expected)

static void those_that_need_each_other_have_the_cause_of_the_last(void **state) {
    (void)state;
    static const char *const rows[] = {
        "app 1.0.0 [0.15.15] web >=1.0.0 <2.0.0",
        "fine 1.0.0 [0.15.16] root >=1.0.0 <2.0.0",
        "lone 1.0.0 [0.15.15]",
        "root 1.0.0 [0.15.16]",
        "root 2.0.0 [0.15.15]",
        "web 1.0.0 [0.15.15] root >=2.0.0 <3.0.0",
    };
    EXPECT(rows, "root", "root 2.0.0* failed: app web");
    EXPECT(rows, "lone", "root 2.0.0 untried: app web; lone 1.0.0* failed:");
}

static void a_version_may_be_its_own_cause(void **state) {
    (void)state;
    static const char *const missing[] = {"app 1.0.0 [0.15.15] web >=2.0.0 <3.0.0", "web 1.0.0 [0.15.16]"};
    EXPECT(missing, NULL, "app 1.0.0* no_plan:");
    static const char *const apart[] = {"app 1.0.0 [0.15.15] a >=1.0.0 <2.0.0, b >=1.0.0 <2.0.0",
                                        "a 1.0.0 [0.15.16] c >=1.0.0 <2.0.0", "b 1.0.0 [0.15.16] c >=2.0.0 <3.0.0",
                                        "c 1.0.0 [0.15.16]", "c 2.0.0 [0.15.16]"};
    EXPECT(apart, NULL, "app 1.0.0* no_plan:");
}

static void of_a_circle_one_is_the_cause(void **state) {
    (void)state;
    static const char *const rows[] = {"a 1.0.0 [0.15.15] b >=1.0.0 <2.0.0", "b 1.0.0 [0.15.15] a >=1.0.0 <2.0.0",
                                       "c 1.0.0 [0.15.15] a >=1.0.0 <2.0.0"};
    EXPECT(rows, NULL, "a 1.0.0* no_plan: b c");
}

static void what_builds_has_no_cause(void **state) {
    (void)state;
    static const char *const rows[] = {"a 1.0.0 [0.15.15]", "a 2.0.0 [0.15.16]", "b 1.0.0 [0.15.15]"};
    EXPECT(rows, NULL, "");
}

/* Every stopped package has exactly one cause, which is no version that builds. */
static void in_the_real_registry_each_has_one_cause(void **state) {
    (void)state;
    struct manifest_index *index = real_registry_create();
    if (!index) skip();
    struct arena arena = {0};
    struct whole_matrix matrix;
    struct matrix_causes causes;
    size_t count, named = 0, stopped = 0, row = 0;
    const struct version *compilers = registry_compilers(index, &count, &arena);
    whole_matrix_read(&matrix, index, compilers, count, &arena);
    whole_matrix_plan(&matrix, index, &row, INT64_MAX);
    matrix_causes_find(&causes, &matrix, index, count - 1, &arena);
    for (size_t i = 0; i < matrix.package_count; i++)
        stopped += whole_matrix_cell(&matrix, matrix.packages[i].first_row, count - 1) == CELL_NO_PLAN;
    for (size_t i = 0; i < causes.count; i++) {
        named += causes.items[i].stopped_count + causes.items[i].is_stopped;
        assert_int_not_equal(whole_matrix_cell(&matrix, causes.items[i].row, count - 1), CELL_SUCCEEDED);
    }
    assert_int_equal(named, stopped);
    assert_true(stopped > 0);
    arena_release(&arena);
    manifest_index_free(index);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_need_each_other_have_the_cause_of_the_last),
        cmocka_unit_test(a_version_may_be_its_own_cause),
        cmocka_unit_test(of_a_circle_one_is_the_cause),
        cmocka_unit_test(what_builds_has_no_cause),
        cmocka_unit_test(in_the_real_registry_each_has_one_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
