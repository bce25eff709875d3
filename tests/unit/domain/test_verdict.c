/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The words of the build matrix that are stored and shown: verdicts, and the reasons why jobs were made.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/domain/job/job.h"
#include "lib/domain/matrix/verdict.h"

static void every_verdict_is_known_by_its_text_alone(void **state) {
    (void)state;
    enum verdict verdict = VERDICT_COUNT;
    for (int i = 0; i < VERDICT_COUNT; i++) {
        assert_true(verdict_parse(verdict_text((enum verdict)i), &verdict));
        assert_int_equal(verdict, i);
        assert_null(strpbrk(verdict_text((enum verdict)i), " :")); /* used in keys, and in lines split at blanks */
        assert_true(strlen(verdict_meaning((enum verdict)i)) > 0);
    }
    assert_false(verdict_parse("", &verdict));
    assert_false(verdict_parse("Succeeded", &verdict));
    assert_false(verdict_parse("succeeded ", &verdict));
}

static void verdicts_about_the_package_stand(void **state) {
    (void)state;
    assert_true(verdict_stands(VERDICT_SUCCEEDED) && verdict_stands(VERDICT_FAILED_TO_COMPILE));
    assert_true(verdict_stands(VERDICT_OUT_OF_MEMORY) && verdict_stands(VERDICT_TIMED_OUT));
    assert_false(verdict_stands(VERDICT_WORKER_LOST) || verdict_stands(VERDICT_COMPILER_MISSING));
    assert_false(verdict_stands(VERDICT_SPURIOUS) || verdict_stands(VERDICT_DIFFERS));
}

static void every_purpose_is_known_by_its_text_alone(void **state) {
    (void)state;
    enum matrix_purpose purpose = MATRIX_PURPOSE_COUNT;
    for (int i = MATRIX_PURPOSE_NONE + 1; i < MATRIX_PURPOSE_COUNT; i++) {
        assert_true(matrix_purpose_parse(matrix_purpose_text((enum matrix_purpose)i), &purpose));
        assert_int_equal(purpose, i);
        assert_in_range(matrix_purpose_priority(purpose), 0, MATRIX_PRIORITIES - 1);
    }
    assert_false(matrix_purpose_parse("", &purpose));
    assert_false(matrix_purpose_parse("waves", &purpose));
}

static void people_come_before_sets_sets_before_waves_and_waves_before_the_sweep(void **state) {
    (void)state;
    assert_int_equal(matrix_purpose_priority(MATRIX_PURPOSE_REQUEST), 0);
    assert_int_equal(matrix_purpose_priority(MATRIX_PURPOSE_PUBLICATION), 0);
    assert_true(matrix_purpose_priority(MATRIX_PURPOSE_SET) > 0);
    assert_true(matrix_purpose_priority(MATRIX_PURPOSE_WAVE) > matrix_purpose_priority(MATRIX_PURPOSE_SET));
    assert_true(matrix_purpose_priority(MATRIX_PURPOSE_SWEEP) > matrix_purpose_priority(MATRIX_PURPOSE_WAVE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verdict_is_known_by_its_text_alone),
        cmocka_unit_test(verdicts_about_the_package_stand),
        cmocka_unit_test(every_purpose_is_known_by_its_text_alone),
        cmocka_unit_test(people_come_before_sets_sets_before_waves_and_waves_before_the_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
