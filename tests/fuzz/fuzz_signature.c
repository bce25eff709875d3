/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads owners' keys and signatures. An input has one of three forms:
 *
 *   "openssh-key-v1", …     a private key file without its base64: signatures of an accepted key are valid, for their payload
 *   only NUL, …                  a public key's wire form, whose type is also that of the owner anything else           three
 *   lines: an owner's line as in ".pub" files, a signature, and the payload
 */
#include <stdlib.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/domain/identity/owners_check.h"
#include "lib/domain/identity/signature.h"
#include "lib/domain/identity/ssh_key.h"
#include "tests/fuzz/fuzz.h"

/* A key with invalid numbers is refused when it signs, at the latest. */
static void sign_and_check(const struct signing_key *key) {
    static const char payload[] = "{\"name\":\"prelude\"}";
    struct text signature = {0};
    const struct owner *owner = signing_key_owner(key);
    if (!signing_key_sign(key, payload, strlen(payload), &signature, NULL)) {
        enum status right = signature_check(owner, payload, strlen(payload), signature.bytes, NULL);
        enum status wrong = signature_check(owner, payload, strlen(payload) - 1, signature.bytes, NULL);
        assert(right == STATUS_OK && wrong == STATUS_REFUSED);
    }
    text_release(&signature);
}

static void read_private(const uint8_t *bytes, size_t length, struct arena *arena) {
    struct signing_key *key = NULL;
    char *file = arena_format(arena, "-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n-----END OPENSSH PRIVATE KEY-----\n",
                              hash_base64_encode(arena, bytes, length));
    if (!signing_key_read(&key, file, NULL)) sign_and_check(key);
    signing_key_free(key);
}

static void use_owner(const struct owner *owner, const char *signature, const void *payload, size_t length,
                      struct arena *arena) {
    struct owners owners = {(struct owner *)owner, 1};
    struct ssh_key key;
    enum owner_key kind;
    unsigned char *wire;
    size_t wire_bytes;
    enum status whole = owners_check(&owners, NULL), decoded = owner_decode(owner, arena, &kind, &wire, &wire_bytes, NULL);
    assert(whole || !decoded);
    enum status readable = ssh_key_read_public(&key, owner, arena, NULL);
    bool is_weak = !readable && key.kind == OWNER_KEY_RSA && ssh_key_rsa_bits(&key) < SSH_RSA_BITS_MIN_NEW;
    assert((whole == STATUS_OK) == (!readable && !is_weak));
    enum status signed_by = signature_check(owner, payload, length, signature, NULL);
    assert(readable == STATUS_OK || signed_by == STATUS_INVALID);
}

static void read_wire(const uint8_t *bytes, size_t length, struct arena *arena) {
    struct owner owner = {.key_type = "", .public_key = hash_base64_encode(arena, bytes, length)};
    if (length > 4 && bytes[3] <= length - 4) owner.key_type = arena_copy_bytes(arena, bytes + 4, bytes[3]);
    use_owner(&owner, "00", "", 0, arena);
}

static void read_lines(const uint8_t *bytes, size_t length, struct arena *arena) {
    struct owner owner;
    char *line = fuzz_take_line(&bytes, &length), *signature = fuzz_take_line(&bytes, &length);
    if (!owner_parse_line(&owner, line, arena, NULL)) use_owner(&owner, signature, bytes, length, arena);
    free(line);
    free(signature);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static const char private_begin[] = "openssh-key-v1";
    struct arena arena = {0};
    if (length > strlen(private_begin) && memcmp(bytes, private_begin, strlen(private_begin)) == 0)
        read_private(bytes, length, &arena);
    else if (length > 0 && bytes[0] == 0)
        read_wire(bytes, length, &arena);
    else
        read_lines(bytes, length, &arena);
    arena_release(&arena);
    return 0;
}
