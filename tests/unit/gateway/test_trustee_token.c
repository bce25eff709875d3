/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "services/gateway/trustee/trustee_token.h"

#define TOKEN "ghp_0123456789"
#define DIGEST "b1a1ce4e3d3b1d8c0b5a1c9b9c0de0f2b4f6a4ec0d0f5f7d3b1f0a2d9c8b7a6f"

static struct trustee_token token_of(const char *text) {
    struct trustee_token token = {0};
    hash_sha256(text, strlen(text), token.digest);
    return token;
}

static void a_digest_is_read_as_sha256sum_prints_it(void **state) {
    (void)state;
    char digest[SHA256_HEX_MAX], text[128];
    hash_sha256_hex(TOKEN, strlen(TOKEN), digest);
    static const char *const forms[] = {"%s", "%s  -", "%s  token.txt"};
    const struct trustee_token right = token_of(TOKEN), wrong = token_of(TOKEN "x");
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        memcpy(text, digest, sizeof digest);
        strcat(text, forms[i] + strlen("%s"));
        assert_true(trustee_token_is(&right, text));
        assert_false(trustee_token_is(&wrong, text));
    }
    for (char *c = digest; *c; c++)
        if (*c >= 'a') *c = (char)(*c - 'a' + 'A');
    assert_true(trustee_token_is(&right, digest));
}

static void a_malformed_digest_matches_nothing(void **state) {
    (void)state;
    char empty[SHA256_HEX_MAX];
    hash_sha256_hex("", 0, empty);
    const char *const settings[] = {"", "0", TOKEN, DIGEST "0", "x" DIGEST, empty};
    unsigned char digest[SHA256_BYTES];
    struct error err;
    const struct trustee_token nothing = token_of("");
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        assert_int_equal(trustee_digest_parse(digest, settings[i], &err), STATUS_INVALID);
        assert_string_equal(err.path, "PACCHETTIBOTTI_TOKEN_SHA256");
        assert_false(trustee_token_is(&nothing, settings[i]));
    }
    assert_false(trustee_token_is(&nothing, NULL));
    struct trustee_token malformed = token_of(TOKEN); /* the digest is ignored if something is wrong */
    char right[SHA256_HEX_MAX];
    hash_sha256_hex(TOKEN, strlen(TOKEN), right);
    malformed.problem = "Something.";
    assert_false(trustee_token_is(&malformed, right));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_digest_is_read_as_sha256sum_prints_it),
        cmocka_unit_test(a_malformed_digest_matches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
