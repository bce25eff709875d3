/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "services/gateway/web/build_state.h"

static struct text out;

static int release(void **state) {
    (void)state;
    text_release(&out);
    return 0;
}

static const char *show(const char *state, const char *job_id) {
    struct html html = {.out = &out};
    text_clear(&out);
    part_build_state(&html, state, job_id);
    return text_view(&out);
}

static void a_state_has_a_mark_and_a_word(void **state) {
    (void)state;
    assert_string_equal(show("succeeded", NULL), "<span class=\"state-succeeded\" title=\"It compiles.\">"
                                                 "<span aria-hidden=\"true\">✓ </span>builds</span>");
    assert_string_equal(show("pending", ""), "<span class=\"state-pending\" title=\"Its build waits for a worker.\">"
                                             "<span aria-hidden=\"true\">… </span>waiting</span>");
}

static void a_state_with_a_job_leads_to_it(void **state) {
    (void)state;
    assert_non_null(
        strstr(show("failed", "0191b2c3"), "<span aria-hidden=\"true\">✗ </span><a href=\"/jobs/0191b2c3\">fails</a>"));
}

static void a_state_of_a_later_release_is_shown_as_it_is(void **state) {
    (void)state;
    assert_string_equal(show("<later>", NULL), "<span>&lt;later&gt;</span>");
}

static void no_two_states_look_the_same(void **state) {
    (void)state;
    for (int i = 0; i < CELL_STATE_COUNT; i++) {
        const struct build_state *one = build_state_of((enum cell_state)i);
        assert_true(*one->word && *one->mark && *one->class);
        for (int j = 0; j < i; j++) {
            const struct build_state *other = build_state_of((enum cell_state)j);
            assert_string_not_equal(one->word, other->word);
            assert_string_not_equal(one->mark, other->mark);
            assert_string_not_equal(one->class, other->class);
        }
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_has_a_mark_and_a_word),
        cmocka_unit_test(a_state_with_a_job_leads_to_it),
        cmocka_unit_test(a_state_of_a_later_release_is_shown_as_it_is),
        cmocka_unit_test(no_two_states_look_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
