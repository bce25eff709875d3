/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"

/* The digests are those of the standard's examples (FIPS 180-4, RFC 4231). */
static void digests_are_those_of_the_standard(void **state) {
    (void)state;
    char hex[SHA256_HEX_MAX], sri[SHA256_SRI_MAX];
    unsigned char mac[SHA256_BYTES];
    hash_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_sha256_sri("abc", 3, sri);
    assert_string_equal(sri, "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    assert_true(hash_is_sha256_sri(sri));
    hash_hmac_sha256("Jefe", "what do ya want for nothing?", 28, mac);
    hash_hex(mac, sizeof mac, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void malformed_hashes_are_recognised(void **state) {
    (void)state;
    assert_false(hash_is_sha256_sri(""));
    assert_false(hash_is_sha256_sri("sha256-"));
    assert_false(hash_is_sha256_sri("sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0"));
    assert_false(hash_is_sha256_sri("sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=="));
    assert_false(hash_is_sha256_sri("sha512-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="));
    assert_false(hash_is_sha256_sri("sha256-ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="));
}

static void base64_is_read_strictly(void **state) {
    (void)state;
    struct arena arena = {0};
    unsigned char *bytes = NULL;
    size_t length = 0;
    assert_true(hash_base64_decode(&arena, "aGVsbG8=", &bytes, &length));
    assert_int_equal(length, 5);
    assert_memory_equal(bytes, "hello", 5);
    static const char *const bad[] = {"", "aGVsbG8", "aGVsbG9=", "aGVs bG8", "aGVsbG8=\n", "====", "a=b=", "aGVsbG8-"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(hash_base64_decode(&arena, bad[i], &bytes, &length));
    arena_release(&arena);
}

static void random_ids_have_the_form_of_uuids_and_differ(void **state) {
    (void)state;
    char first[UUID_TEXT_MAX], second[UUID_TEXT_MAX];
    hash_random_uuid(first);
    hash_random_uuid(second);
    assert_string_not_equal(first, second);
    assert_int_equal(strlen(first), 36);
    assert_int_equal(first[14], '4');
    assert_non_null(strchr("89ab", first[19]));
    assert_int_equal(strspn(first, "0123456789abcdef-"), 36);
}

static void an_id_of_bytes_is_always_the_same(void **state) {
    (void)state;
    char id[UUID_TEXT_MAX], other[UUID_TEXT_MAX];
    hash_uuid("abc", 3, id);
    assert_string_equal(id, "ba7816bf-8f01-8fea-8141-40de5dae2223"); /* the digest's first half, marked */
    hash_uuid("abd", 3, other);
    assert_string_not_equal(id, other);
}

static void hex_is_read_in_either_case_and_nothing_else_is(void **state) {
    (void)state;
    unsigned char bytes[2] = {0};
    assert_int_equal(hash_hex_decode("0aFf", 4, bytes, sizeof bytes), 2);
    assert_int_equal(bytes[0], 0x0a);
    assert_int_equal(bytes[1], 0xff);
    static const char *const wrong[] = {"", "0", "0g", " 0", "0x", "000000"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(hash_hex_decode(wrong[i], strlen(wrong[i]), bytes, sizeof bytes), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_is_read_in_either_case_and_nothing_else_is),
        cmocka_unit_test(digests_are_those_of_the_standard),
        cmocka_unit_test(malformed_hashes_are_recognised),
        cmocka_unit_test(base64_is_read_strictly),
        cmocka_unit_test(random_ids_have_the_form_of_uuids_and_differ),
        cmocka_unit_test(an_id_of_bytes_is_always_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
