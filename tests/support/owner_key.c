/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/owner_key.h"

#include "tests/support/cmocka_all.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/identity/signature.h"
#include "tests/support/shell.h"

enum { SIGNATURE_BYTES_MAX = 256 };

static char *without_line_break(char *text) {
    text[strcspn(text, "\n")] = '\0';
    return text;
}

struct owner_key_pair owner_key_make(struct arena *arena, const char *folder, const char *name, const char *arguments,
                                     const char *comment) {
    struct owner_key_pair key = {.path = arena_format(arena, "%s/%s", folder, name)};
    shell_run("ssh-keygen -q %s -N '' -C '%s' -f '%s'", arguments, comment, key.path);
    key.fingerprint = without_line_break(shell_output(arena, "ssh-keygen -lf '%s.pub' | cut -d' ' -f2", key.path));
    key.line = without_line_break(shell_output(arena, "cat '%s.pub'", key.path));
    char *words = arena_copy(arena, key.line), *rest = NULL;
    const char *type = strtok_r(words, " ", &rest), *public_key = strtok_r(NULL, " ", &rest);
    key.json = arena_format(arena, "{\"id\":\"%s\",\"keytype\":\"%s\",\"public\":\"%s\"}", comment, type, public_key);
    return key;
}

const char *owner_key_sign(struct arena *arena, const struct owner_key_pair *key, const char *payload) {
    struct signing_key *signing_key = NULL;
    struct text signature = {0};
    struct error err = {0};
    if (signing_key_read(&signing_key, read_file(arena, key->path), &err) ||
        signing_key_sign(signing_key, payload, strlen(payload), &signature, &err))
        fail_msg("%s", err.message);
    const char *copy = arena_copy(arena, text_view(&signature));
    signing_key_free(signing_key);
    text_release(&signature);
    return copy;
}

const char *owner_key_sign_by_openssl(struct arena *arena, const struct owner_key_pair *key, const char *digest,
                                      const char *payload) {
    write_file(arena_format(arena, "%s.payload", key->path), payload);
    return shell_output(arena,
                        "cp '%s' '%s.pem' && ssh-keygen -q -p -m PEM -N '' -f '%s.pem' >/dev/null && "
                        "openssl dgst -%s -sign '%s.pem' '%s.payload' | od -An -v -tx1 | tr -d ' \\n'",
                        key->path, key->path, key->path, digest, key->path, key->path);
}

const char *ecdsa_p256_make_another(struct arena *arena, const char *signature) {
    unsigned char der[SIGNATURE_BYTES_MAX];
    size_t length = strlen(signature) / 2;
    assert_true(length <= sizeof der);
    for (size_t i = 0; i < length; i++)
        assert_int_equal(sscanf(signature + 2 * i, "%2hhx", &der[i]), 1);
    const unsigned char *at = der;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)length);
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    assert_true(pair != NULL && group != NULL);
    BIGNUM *r = BN_dup(ECDSA_SIG_get0_r(pair)), *s = BN_new();
    assert_int_equal(BN_sub(s, EC_GROUP_get0_order(group), ECDSA_SIG_get0_s(pair)), 1);
    assert_int_equal(ECDSA_SIG_set0(pair, r, s), 1);
    unsigned char *out = der;
    int made = i2d_ECDSA_SIG(pair, &out);
    assert_in_range(made, 1, sizeof der);
    char *hex = arena_alloc(arena, 2 * (size_t)made + 1);
    hash_hex(der, (size_t)made, hex);
    ECDSA_SIG_free(pair);
    EC_GROUP_free(group);
    return hex;
}

const char *signed_request_body(struct arena *arena, const char *payload, const char *signature) {
    struct text body = {0};
    text_append(&body, "{\"payload\":");
    json_append(&body, payload);
    text_append(&body, ",\"signature\":");
    json_append(&body, signature);
    text_append(&body, "}");
    const char *copy = arena_copy(arena, text_view(&body));
    text_release(&body);
    return copy;
}
