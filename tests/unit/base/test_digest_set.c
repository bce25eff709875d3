/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include "lib/base/digest_set.h"

static void make(unsigned number, unsigned char out[SHA256_BYTES]) {
    hash_sha256(&number, sizeof number, out);
}

static void the_one_not_seen_for_longest_is_forgotten(void **state) {
    (void)state;
    unsigned char digest[SHA256_BYTES], first[SHA256_BYTES];
    struct digest_set *set = digest_set_create();
    make(0, first);
    assert_false(digest_set_has(set, first));
    for (unsigned i = 0; i < DIGEST_SET_MAX; i++) {
        make(i, digest);
        digest_set_add(set, digest);
    }
    digest_set_add(set, first); /* seen again: the second is the oldest now */
    make(DIGEST_SET_MAX, digest);
    digest_set_add(set, digest);
    assert_true(digest_set_has(set, digest) && digest_set_has(set, first));
    make(1, digest);
    assert_false(digest_set_has(set, digest));
    make(2, digest);
    assert_true(digest_set_has(set, digest));
    digest_set_free(set);
    digest_set_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_one_not_seen_for_longest_is_forgotten)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
