/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/domain/matrix/cell_state.h"

static void every_state_is_known_by_its_text_alone(void **state) {
    (void)state;
    enum cell_state cell = CELL_STATE_COUNT;
    for (int i = 0; i < CELL_STATE_COUNT; i++) {
        assert_true(cell_state_parse(cell_state_text((enum cell_state)i), &cell));
        assert_int_equal(cell, i);
        assert_true(strlen(cell_state_meaning((enum cell_state)i)) > 0);
    }
    assert_false(cell_state_parse(NULL, &cell));
    assert_false(cell_state_parse("", &cell));
    assert_false(cell_state_parse("Failed", &cell));
}

/* Clients keep files with these numbers. */
static void the_numbers_never_change(void **state) {
    (void)state;
    assert_string_equal(cell_state_text(0), "untried");
    assert_string_equal(cell_state_text(1), "succeeded");
    assert_string_equal(cell_state_text(2), "failed");
    assert_string_equal(cell_state_text(3), "no_plan");
    assert_string_equal(cell_state_text(4), "pending");
    assert_string_equal(cell_state_text(5), "running");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_is_known_by_its_text_alone),
        cmocka_unit_test(the_numbers_never_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
