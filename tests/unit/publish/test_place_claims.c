/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/publish/place_claims.h"

#include "tests/support/cmocka_all.h"

static struct place_claims *claims;

static int set_up(void **state) {
    (void)state;
    claims = place_claims_create();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    place_claims_free(claims);
    return 0;
}

static struct location at(const char *owner, const char *subdir) {
    return (struct location){.kind = LOCATION_GITHUB, .github_owner = owner, .github_repo = "repo", .subdir = subdir};
}

static void one_location_is_claimed_by_one_at_a_time(void **state) {
    (void)state;
    const struct location here = at("us", NULL), same = at("US", NULL);
    struct place_claim first = {0}, second = {0}, third = {0};
    assert_false(place_claims_add(claims, &first, &here));
    assert_true(place_claims_add(claims, &second, &same)); /* equal as GitHub compares names */
    place_claims_remove(claims, &first);
    assert_true(place_claims_add(claims, &third, &here)); /* still claimed by the second */
    place_claims_remove(claims, &second);
    place_claims_remove(claims, &third);
    assert_false(place_claims_add(claims, &first, &here));
}

static void other_locations_are_not_claimed_with_it(void **state) {
    (void)state;
    const struct location here = at("us", NULL), folder = at("us", "core"), there = at("them", NULL);
    struct place_claim first = {0}, second = {0}, third = {0};
    assert_false(place_claims_add(claims, &first, &here));
    assert_false(place_claims_add(claims, &second, &folder));
    assert_false(place_claims_add(claims, &third, &there));
}

static void a_claim_that_was_never_made_can_be_removed(void **state) {
    (void)state;
    const struct location here = at("us", NULL);
    struct place_claim first = {0}, never = {0};
    place_claims_add(claims, &first, &here);
    place_claims_remove(claims, &never);
    assert_true(place_claims_add(claims, &never, &here));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_location_is_claimed_by_one_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_locations_are_not_claimed_with_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_claim_that_was_never_made_can_be_removed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
