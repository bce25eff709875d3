/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdio.h>

#include "services/gateway/http/rate_limit.h"

static void after_the_limit_comes_a_refusal_with_the_time_to_wait(void **state) {
    (void)state;
    struct rate_limit *limit = rate_limit_create(6);
    int64_t wait_s = 0;
    for (int i = 0; i < 6; i++)
        assert_true(rate_limit_take(limit, "192.0.2.1", 1000, &wait_s));
    assert_false(rate_limit_take(limit, "192.0.2.1", 1000, &wait_s));
    assert_int_equal(wait_s, 10);
    assert_false(rate_limit_take(limit, "192.0.2.1", 1000 + 9000, &wait_s));
    assert_int_equal(wait_s, 1);
    assert_true(rate_limit_take(limit, "192.0.2.1", 1000 + 10000, &wait_s));
    rate_limit_free(limit);
}

static void asking_for_room_takes_none(void **state) {
    (void)state;
    struct rate_limit *limit = rate_limit_create(2);
    int64_t wait_s;
    for (int i = 0; i < 5; i++)
        assert_true(rate_limit_has_room(limit, "a", 1000));
    assert_true(rate_limit_take(limit, "a", 1000, &wait_s) && rate_limit_take(limit, "a", 1000, &wait_s));
    assert_false(rate_limit_has_room(limit, "a", 1000));
    assert_true(rate_limit_has_room(limit, "b", 1000));
    assert_true(rate_limit_has_room(limit, "a", 31000));
    rate_limit_free(limit);
}

static void addresses_do_not_share(void **state) {
    (void)state;
    struct rate_limit *limit = rate_limit_create(1);
    int64_t wait_s = 0;
    assert_true(rate_limit_take(limit, "192.0.2.1", 5, &wait_s));
    assert_true(rate_limit_take(limit, "192.0.2.2", 5, &wait_s));
    assert_false(rate_limit_take(limit, "192.0.2.1", 6, &wait_s));
    rate_limit_free(limit);
}

static void zero_is_no_limit(void **state) {
    (void)state;
    struct rate_limit *limit = rate_limit_create(0);
    int64_t wait_s = 0;
    for (int i = 0; i < 1000; i++)
        assert_true(rate_limit_take(limit, "192.0.2.1", 5, &wait_s));
    rate_limit_free(limit);
}

static void a_flood_of_addresses_hits_nobody_else(void **state) {
    (void)state;
    struct rate_limit *limit = rate_limit_create(10);
    int64_t wait_s = 0;
    char address[32];
    for (int i = 0; i < 200000; i++) {
        snprintf(address, sizeof address, "10.%d.%d.%d", i >> 16, (i >> 8) & 255, i & 255);
        assert_true(rate_limit_take(limit, address, 5, &wait_s));
    }
    assert_true(rate_limit_take(limit, "192.0.2.1", 5, &wait_s));
    rate_limit_free(limit);
}

static void returned_tokens_can_be_taken_again(void **state) {
    (void)state;
    struct rate_limit *limit = rate_limit_create(2);
    int64_t wait_s;
    rate_limit_give_back(limit, "a", 1000); /* nothing was taken */
    assert_true(rate_limit_take(limit, "a", 1000, &wait_s) && rate_limit_take(limit, "a", 1000, &wait_s));
    assert_false(rate_limit_take(limit, "a", 1000, &wait_s));
    rate_limit_give_back(limit, "a", 1000);
    assert_true(rate_limit_take(limit, "a", 1000, &wait_s));
    assert_false(rate_limit_take(limit, "a", 1000, &wait_s));
    rate_limit_free(limit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_the_limit_comes_a_refusal_with_the_time_to_wait),
        cmocka_unit_test(asking_for_room_takes_none),
        cmocka_unit_test(returned_tokens_can_be_taken_again),
        cmocka_unit_test(addresses_do_not_share),
        cmocka_unit_test(zero_is_no_limit),
        cmocka_unit_test(a_flood_of_addresses_hits_nobody_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
