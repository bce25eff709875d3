/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/domain/identity/sealed_secret.h"

static const char key[] = "a key of two programs, long enough";

static void a_sealed_secret_opens_with_the_same_key_and_purpose_only(void **state) {
    (void)state;
    struct arena arena = {0};
    struct error err;
    char *out = NULL;
    static const char secret[] = "ghp_0123456789abcdef";
    const char *sealed = secret_seal(&arena, key, "one", secret, strlen(secret));
    assert_null(strstr(sealed, secret));
    assert_int_equal(secret_unseal(&out, &arena, key, "one", sealed, &err), STATUS_OK);
    assert_string_equal(out, secret);
    assert_int_equal(secret_unseal(&out, &arena, "another key of two programs", "one", sealed, &err), STATUS_UNAUTHORIZED);
    assert_int_equal(secret_unseal(&out, &arena, NULL, "one", sealed, &err), STATUS_UNAUTHORIZED);
    assert_int_equal(secret_unseal(&out, &arena, key, "two", sealed, &err), STATUS_UNAUTHORIZED);
    assert_null(strstr(err.message, secret));
    assert_string_not_equal(sealed, secret_seal(&arena, key, "one", secret, strlen(secret))); /* never the same twice */
    sealed = secret_seal(&arena, NULL, "one", "", 0);
    assert_int_equal(secret_unseal(&out, &arena, NULL, "one", sealed, &err), STATUS_OK);
    assert_string_equal(out, "");
    arena_release(&arena);
}

static void damaged_ones_are_refused(void **state) {
    (void)state;
    struct arena arena = {0};
    struct error err;
    char *out = NULL, *sealed = secret_seal(&arena, key, "one", "a secret", 8);
    size_t length = strlen(sealed);
    for (size_t i = 0; i < length; i++) {
        char *changed = arena_copy(&arena, sealed);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(secret_unseal(&out, &arena, key, "one", changed, &err), STATUS_UNAUTHORIZED);
        changed[i] = '\0';
        assert_int_equal(secret_unseal(&out, &arena, key, "one", changed, &err), STATUS_UNAUTHORIZED);
    }
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sealed_secret_opens_with_the_same_key_and_purpose_only),
        cmocka_unit_test(damaged_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
