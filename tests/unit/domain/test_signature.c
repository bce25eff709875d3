/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Keys made by ssh-keygen, signatures made here and by the openssl program, and damaged forms of them: one byte changed,
 * another length, another owner's key. SIGNATURE_MUTATIONS sets the number for each kind of key (default 20,000: a hundred
 * thousand in all). Most damages occur several times, and are checked once.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/base/map.h"
#include "lib/base/text.h"
#include "lib/domain/identity/owners_check.h"
#include "lib/domain/identity/signature.h"
#include "lib/domain/identity/ssh_key.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

static const char payload[] = "{\"name\":\"prelude\",\"version\":\"1.0.0\",\"reason\":\"a\\u00e4\"}";

/* Options of ssh-keygen and openssl for each kind of key (NULL: openssl needs a file of its own format). */
static const struct kind {
    const char *arguments;
    const char *type;
    const char *digests[3];
} kinds[OWNER_KEY_COUNT] = {
    [OWNER_KEY_ED25519] = {"-t ed25519", "ssh-ed25519", {NULL}},
    [OWNER_KEY_ECDSA_P256] = {"-t ecdsa -b 256", "ecdsa-sha2-nistp256", {"sha256"}},
    [OWNER_KEY_ECDSA_P384] = {"-t ecdsa -b 384", "ecdsa-sha2-nistp384", {"sha384"}},
    [OWNER_KEY_ECDSA_P521] = {"-t ecdsa -b 521", "ecdsa-sha2-nistp521", {"sha512"}},
    [OWNER_KEY_RSA] = {"-t rsa -b 2048", "ssh-rsa", {"sha1", "sha256", "sha512"}},
};

static struct temporary_folder folder;
static struct arena arena;
static struct owner owners[OWNER_KEY_COUNT];
static struct signing_key *keys[OWNER_KEY_COUNT];
static const char *private_texts[OWNER_KEY_COUNT];

static void make_key(const char *name, const char *arguments) {
    shell_run("ssh-keygen -q %s -N '' -C 'me at home' -f %s/%s", arguments, folder.path, name);
}

static const char *file_text(const char *name) {
    char *text = temporary_folder_read(&folder, name);
    assert_non_null(text);
    const char *copy = arena_copy(&arena, text);
    free(text);
    return copy;
}

static int make_keys(void **state) {
    (void)state;
    temporary_folder_make(&folder);
    for (int i = 0; i < OWNER_KEY_COUNT; i++) {
        char name[32];
        snprintf(name, sizeof name, "key%d", i);
        make_key(name, kinds[i].arguments);
        private_texts[i] = file_text(name);
        assert_int_equal(signing_key_read(&keys[i], private_texts[i], NULL), STATUS_OK);
        snprintf(name, sizeof name, "key%d.pub", i);
        assert_int_equal(owner_parse_line(&owners[i], file_text(name), &arena, NULL), STATUS_OK);
    }
    return 0;
}

static int forget_keys(void **state) {
    (void)state;
    for (int i = 0; i < OWNER_KEY_COUNT; i++)
        signing_key_free(keys[i]);
    arena_release(&arena);
    temporary_folder_remove(&folder);
    return 0;
}

static char *sign(int kind, const char *text) {
    struct text signature = {0};
    assert_int_equal(signing_key_sign(keys[kind], text, strlen(text), &signature, NULL), STATUS_OK);
    char *copy = arena_copy(&arena, text_view(&signature));
    text_release(&signature);
    return copy;
}

static enum status check(const struct owner *owner, const char *text, const char *signature, struct error *err) {
    return signature_check(owner, text, strlen(text), signature, err);
}

static void a_public_key_line_is_an_owner(void **state) {
    (void)state;
    struct owner owner;
    for (int i = 0; i < OWNER_KEY_COUNT; i++) {
        assert_string_equal(owners[i].id, "me at home");
        assert_string_equal(owners[i].key_type, kinds[i].type);
        assert_string_equal(signing_key_owner(keys[i])->public_key, owners[i].public_key);
    }
    assert_int_equal(owner_parse_line(&owner, " ssh-ed25519\tAAAA  \r\n", &arena, NULL), STATUS_OK);
    assert_string_equal(owner.public_key, "AAAA");
    assert_null(owner.id);
    static const char *const bad[] = {"", "\n", "ssh-ed25519", "ssh-ed25519 \n", "ssh-ed25519 AAAA\nssh-ed25519 BBBB\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(owner_parse_line(&owner, bad[i], &arena, NULL), STATUS_INVALID);
}

static void each_kind_of_key_signs_and_checks(void **state) {
    (void)state;
    for (int i = 0; i < OWNER_KEY_COUNT; i++) {
        const char *signature = sign(i, payload);
        assert_int_equal(check(&owners[i], payload, signature, NULL), STATUS_OK);
        assert_int_equal(check(&owners[i], "", sign(i, ""), NULL), STATUS_OK);
        struct error err = {0};
        assert_int_equal(check(&owners[i], "", signature, &err), STATUS_REFUSED);
        assert_non_null(strstr(err.message, "me at home"));
        for (int other = 0; other < OWNER_KEY_COUNT; other++)
            if (other != i) assert_int_equal(check(&owners[other], payload, signature, NULL), STATUS_REFUSED);
    }
    assert_int_equal(strlen(sign(OWNER_KEY_ED25519, payload)), 128);
}

/* As other programs make them, RSA over each of its three digests. */
static void signatures_of_the_openssl_program_are_good(void **state) {
    (void)state;
    temporary_folder_write(&folder, "payload", payload);
    for (int i = 0; i < OWNER_KEY_COUNT; i++) {
        for (int choice = 0; choice < 3 && kinds[i].digests[choice]; choice++) {
            const char *signature = shell_output(&arena,
                                                 "cd %s && cp key%d pem && ssh-keygen -q -p -m PEM -N '' -f pem >pem.log && "
                                                 "openssl dgst -%s -sign pem payload | od -An -v -tx1 | tr -d ' \\n'",
                                                 folder.path, i, kinds[i].digests[choice]);
            assert_int_equal(check(&owners[i], payload, signature, NULL), STATUS_OK);
        }
    }
}

/* From RFC 8032, 7.1, the third test. */
static void the_published_example_of_ed25519_is_good(void **state) {
    (void)state;
    static const unsigned char wire[] = {0,    0,    0,    11,   's',  's',  'h',  '-',  'e',  'd',  '2',  '5',  '5',
                                         '1',  '9',  0,    0,    0,    32,   0xfc, 0x51, 0xcd, 0x8e, 0x62, 0x18, 0xa1,
                                         0xa3, 0x8d, 0xa4, 0x7e, 0xd0, 0x02, 0x30, 0xf0, 0x58, 0x08, 0x16, 0xed, 0x13,
                                         0xba, 0x33, 0x03, 0xac, 0x5d, 0xeb, 0x91, 0x15, 0x48, 0x90, 0x80, 0x25};
    struct owner owner = {.key_type = "ssh-ed25519", .public_key = hash_base64_encode(&arena, wire, sizeof wire)};
    assert_int_equal(check(&owner, "\xaf\x82",
                           "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                           "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
                           NULL),
                     STATUS_OK);
}

static void a_signature_that_is_no_hex_is_named(void **state) {
    (void)state;
    const char *good = sign(OWNER_KEY_ED25519, payload);
    const char *bad[] = {"", "0", "0g", "AB", arena_format(&arena, " %s", good), arena_format(&arena, "%s0", good)};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = {0};
        assert_int_equal(check(&owners[OWNER_KEY_ED25519], payload, bad[i], &err), STATUS_INVALID);
        assert_string_equal(err.path, "signature");
    }
    assert_int_equal(check(&owners[OWNER_KEY_ED25519], payload, arena_format(&arena, "%s00", good), NULL), STATUS_REFUSED);
}

static void weak_and_broken_rsa_keys_are_refused(void **state) {
    (void)state;
    static const struct {
        unsigned char exponent, first;
        size_t modulus_bytes;
    } rows[] = {{3, 0x7f, 64}, {1, 0x7f, 256}, {4, 0x7f, 256}, {0, 0x7f, 256}, {3, 0x7f, 2049}, {3, 0xff, 256}};
    static const unsigned char begin[] = {0, 0, 0, 7, 's', 's', 'h', '-', 'r', 's', 'a', 0, 0, 0, 1};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text wire = {0};
        struct error err = {0};
        text_append_bytes(&wire, begin, sizeof begin);
        text_append_character(&wire, (char)rows[i].exponent);
        for (int shift = 24; shift >= 0; shift -= 8)
            text_append_character(&wire, (char)(rows[i].modulus_bytes >> shift));
        text_append_character(&wire, (char)rows[i].first);
        for (size_t j = 1; j < rows[i].modulus_bytes; j++)
            text_append_character(&wire, (char)0xff);
        struct owner owner = {.key_type = "ssh-rsa", .public_key = hash_base64_encode(&arena, wire.bytes, wire.length)};
        assert_int_equal(check(&owner, payload, "ab", &err), STATUS_INVALID);
        assert_string_equal(err.path, "public");
        text_release(&wire);
    }
}

/* Too weak for a new owner; signatures of an existing owner with such a key are still valid. */
static void a_short_rsa_key_is_no_new_owners_but_verifies(void **state) {
    (void)state;
    static const struct {
        const char *bits;
        enum status as_new;
    } rows[] = {{"1024", STATUS_INVALID}, {"2047", STATUS_INVALID}, {"2048", STATUS_OK}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *name = arena_format(&arena, "rsa-%s", rows[i].bits);
        struct owner owner;
        struct owners list = {&owner, 1};
        struct signing_key *key;
        struct text signature = {0};
        struct error err = {0};
        make_key(name, arena_format(&arena, "-t rsa -b %s", rows[i].bits));
        assert_int_equal(owner_parse_line(&owner, file_text(arena_format(&arena, "%s.pub", name)), &arena, NULL), STATUS_OK);
        assert_int_equal(owners_check(&list, &err), rows[i].as_new);
        if (rows[i].as_new) {
            assert_string_equal(err.path, "[0].public");
            assert_non_null(strstr(err.message, arena_format(&arena, "has %s bits", rows[i].bits)));
            assert_non_null(strstr(err.message, "ssh-ed25519"));
        }
        assert_int_equal(signing_key_read(&key, file_text(name), NULL), STATUS_OK);
        assert_int_equal(signing_key_sign(key, payload, strlen(payload), &signature, NULL), STATUS_OK);
        assert_int_equal(check(&owner, payload, text_view(&signature), NULL), STATUS_OK);
        text_release(&signature);
        signing_key_free(key);
    }
}

static void a_point_off_its_curve_is_refused(void **state) {
    (void)state;
    unsigned char *wire;
    size_t length;
    assert_true(hash_base64_decode(&arena, owners[OWNER_KEY_ECDSA_P256].public_key, &wire, &length));
    wire[length - 1] ^= 1;
    struct owner owner = {.key_type = "ecdsa-sha2-nistp256", .public_key = hash_base64_encode(&arena, wire, length)};
    struct error err = {0};
    assert_int_equal(check(&owner, payload, sign(OWNER_KEY_ECDSA_P256, payload), &err), STATUS_INVALID);
    assert_string_equal(err.path, "public");
}

static void a_private_key_that_cannot_be_used_says_why(void **state) {
    (void)state;
    struct signing_key *key = NULL;
    struct error err = {0};
    assert_int_equal(signing_key_read(&key, "", &err), STATUS_INVALID);
    assert_non_null(strstr(err.message, "OPENSSH PRIVATE KEY"));
    shell_run("ssh-keygen -q -t ed25519 -N 'open sesame' -f %s/locked", folder.path);
    assert_int_equal(signing_key_read(&key, file_text("locked"), &err), STATUS_INVALID);
    assert_non_null(strstr(err.message, "passphrase"));
    assert_int_equal(signing_key_read(&key, file_text("key0.pub"), &err), STATUS_INVALID);
    assert_null(key);
}

/* ---- Damage ---- */

static int mutation_count(void) {
    const char *setting = getenv("SIGNATURE_MUTATIONS");
    return setting ? atoi(setting) : 20000;
}

/* Changes one byte, or drops or adds one. The result, which always differs, is in `scratch`. */
static unsigned char *damage(struct arena *scratch, const void *bytes, size_t *length) {
    unsigned char *out = (unsigned char *)arena_copy_bytes(scratch, bytes, *length + 1);
    size_t at = (size_t)rand() % *length;
    switch (rand() % 8) {
    case 0: out[(*length)++] = (unsigned char)rand(); break;
    case 1: *length = at; break;
    case 2: out[at] = (unsigned char)(out[at] + 1 + rand() % 255); break;
    default: out[at] = (unsigned char)(out[at] ^ (1 << rand() % 8)); break;
    }
    return out;
}

/* `tried` is a set; `what` identifies the damage among those to the same kind of key. */
static bool is_new(struct map *tried, const char *what) {
    return map_put(tried, what, tried) == NULL;
}

static void check_damaged_signature(int kind, const char *signature, struct map *tried, struct arena *scratch) {
    unsigned char bytes[2048];
    size_t length = strlen(signature) / 2;
    for (size_t i = 0; i < length; i++) {
        unsigned value;
        assert_int_equal(sscanf(signature + 2 * i, "%2x", &value), 1);
        bytes[i] = (unsigned char)value;
    }
    unsigned char *damaged = damage(scratch, bytes, &length);
    char *hex = arena_alloc(scratch, 2 * length + 1);
    hash_hex(damaged, length, hex);
    if (is_new(tried, arena_format(scratch, "signature %s", hex)))
        assert_int_not_equal(check(&owners[kind], payload, hex, NULL), STATUS_OK);
}

static void check_damaged_key(int kind, const char *signature, struct map *tried, struct arena *scratch) {
    unsigned char *wire;
    size_t length;
    assert_true(hash_base64_decode(scratch, owners[kind].public_key, &wire, &length));
    wire = damage(scratch, wire, &length);
    struct owner owner = {.key_type = kinds[rand() % 10 ? kind : rand() % OWNER_KEY_COUNT].type,
                          .public_key = hash_base64_encode(scratch, wire, length)};
    if (is_new(tried, arena_format(scratch, "%s %s", owner.key_type, owner.public_key)))
        assert_int_not_equal(check(&owner, payload, signature, NULL), STATUS_OK);
}

static void check_damaged_payload(int kind, const char *signature, struct map *tried, struct arena *scratch) {
    size_t length = strlen(payload);
    unsigned char *damaged = damage(scratch, payload, &length);
    if (is_new(tried, arena_format(scratch, "payload %s", hash_base64_encode(scratch, damaged, length))))
        assert_int_equal(signature_check(&owners[kind], damaged, length, signature, NULL), STATUS_REFUSED);
}

/* A damaged private key file is refused, or (if only its comment was damaged) still signs for the same public key. */
static void check_damaged_private_key(int kind, struct arena *scratch) {
    size_t length = strlen(private_texts[kind]);
    unsigned char *damaged = damage(scratch, private_texts[kind], &length);
    damaged[length] = '\0';
    struct signing_key *key = NULL;
    struct text signature = {0};
    struct error err = {0};
    enum status status = signing_key_read(&key, (const char *)damaged, &err);
    if (!status) status = signing_key_sign(key, payload, strlen(payload), &signature, &err);
    if (!status) assert_int_equal(check(signing_key_owner(key), payload, text_view(&signature), NULL), STATUS_OK);
    if (status) assert_true(err.message[0] != '\0');
    text_release(&signature);
    signing_key_free(key);
}

static void nothing_damaged_verifies(void **state) {
    (void)state;
    srand(23);
    for (int kind = 0; kind < OWNER_KEY_COUNT; kind++) {
        const char *signature = sign(kind, payload);
        struct map tried = {0};
        for (int i = mutation_count(); i > 0; i--) {
            struct arena scratch = {0};
            switch (i % 4) {
            case 0: check_damaged_key(kind, signature, &tried, &scratch); break;
            case 1: check_damaged_payload(kind, signature, &tried, &scratch); break;
            default: check_damaged_signature(kind, signature, &tried, &scratch); break;
            }
            arena_release(&scratch);
        }
        map_release(&tried, NULL);
    }
}

static void no_damaged_private_key_signs_for_another(void **state) {
    (void)state;
    srand(24);
    for (int kind = 0; kind < OWNER_KEY_COUNT; kind++) {
        for (int i = mutation_count() / 20; i > 0; i--) {
            struct arena scratch = {0};
            check_damaged_private_key(kind, &scratch);
            arena_release(&scratch);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_public_key_line_is_an_owner),
        cmocka_unit_test(each_kind_of_key_signs_and_checks),
        cmocka_unit_test(signatures_of_the_openssl_program_are_good),
        cmocka_unit_test(the_published_example_of_ed25519_is_good),
        cmocka_unit_test(a_signature_that_is_no_hex_is_named),
        cmocka_unit_test(weak_and_broken_rsa_keys_are_refused),
        cmocka_unit_test(a_short_rsa_key_is_no_new_owners_but_verifies),
        cmocka_unit_test(a_point_off_its_curve_is_refused),
        cmocka_unit_test(a_private_key_that_cannot_be_used_says_why),
        cmocka_unit_test(nothing_damaged_verifies),
        cmocka_unit_test(no_damaged_private_key_signs_for_another),
    };
    return cmocka_run_group_tests(tests, make_keys, forget_keys);
}
