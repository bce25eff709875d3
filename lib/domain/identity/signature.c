/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/identity/signature.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/domain/identity/ssh_key.h"

enum {
    SIGNATURE_BYTES_MAX = SSH_RSA_BITS_MAX / 8, /* of the largest RSA key */
    DIGESTS_MAX = 3,
};

/* OpenSSL's parameters for each kind of key. */
static const struct algorithm {
    const char *type;
    const char *group;                           /* ECDSA */
    const EVP_MD *(*digests[DIGESTS_MAX])(void); /* accepted ones, the first for signing; none: built in */
} algorithms[OWNER_KEY_COUNT] = {
    [OWNER_KEY_ED25519] = {"ED25519", NULL, {NULL}},
    [OWNER_KEY_ECDSA_P256] = {"EC", "prime256v1", {EVP_sha256}},
    [OWNER_KEY_ECDSA_P384] = {"EC", "secp384r1", {EVP_sha384}},
    [OWNER_KEY_ECDSA_P521] = {"EC", "secp521r1", {EVP_sha512}},
    [OWNER_KEY_RSA] = {"RSA", NULL, {EVP_sha512, EVP_sha256, EVP_sha1}},
};

static const EVP_MD *digest_of(const struct algorithm *algorithm, int choice) {
    return algorithm->digests[choice] ? algorithm->digests[choice]() : NULL;
}

/* ---- Keys for OpenSSL ---- */

/* The numbers of a key; the parameter builder borrows them. */
struct key_numbers {
    BIGNUM *modulus, *exponent, *secret;
};

static bool push_number(OSSL_PARAM_BLD *builder, const char *name, BIGNUM **number, struct ssh_bytes bytes) {
    if (bytes.length == 0) return true;
    *number = BN_bin2bn(bytes.bytes, (int)bytes.length, NULL);
    return *number && OSSL_PARAM_BLD_push_BN(builder, name, *number);
}

static bool push_parameters(OSSL_PARAM_BLD *builder, struct key_numbers *numbers, const struct ssh_key *key) {
    const char *group = algorithms[key->kind].group;
    if (!group)
        return push_number(builder, OSSL_PKEY_PARAM_RSA_N, &numbers->modulus, key->modulus) &&
               push_number(builder, OSSL_PKEY_PARAM_RSA_E, &numbers->exponent, key->exponent) &&
               push_number(builder, OSSL_PKEY_PARAM_RSA_D, &numbers->secret, key->secret);
    return OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) &&
           OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, key->point.bytes, key->point.length) &&
           push_number(builder, OSSL_PKEY_PARAM_PRIV_KEY, &numbers->secret, key->secret);
}

/* For ECDSA and RSA. NULL if the numbers are not a valid key. */
static EVP_PKEY *key_from_numbers(const struct ssh_key *key) {
    EVP_PKEY *out = NULL;
    OSSL_PARAM *parameters = NULL;
    struct key_numbers numbers = {0};
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithms[key->kind].type, NULL);
    if (builder && context && push_parameters(builder, &numbers, key)) parameters = OSSL_PARAM_BLD_to_param(builder);
    int selection = key->secret.length ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
    if (parameters && EVP_PKEY_fromdata_init(context) == 1 && EVP_PKEY_fromdata(context, &out, selection, parameters) != 1)
        out = NULL;
    OSSL_PARAM_free(parameters);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_BLD_free(builder);
    BN_free(numbers.modulus);
    BN_free(numbers.exponent);
    BN_clear_free(numbers.secret);
    return out;
}

static EVP_PKEY *make_key(const struct ssh_key *key) {
    EVP_PKEY *out;
    if (key->kind != OWNER_KEY_ED25519)
        out = key_from_numbers(key);
    else if (key->secret.length)
        out = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key->secret.bytes, key->secret.length);
    else
        out = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->point.bytes, key->point.length);
    ERR_clear_error();
    return out;
}

/* ---- Checking ---- */

/* Returns the number of bytes; 0 if the text is not lower-case hex, or too long. */
static size_t decode_hex(const char *text, unsigned char out[SIGNATURE_BYTES_MAX]) {
    size_t length = strlen(text);
    return strspn(text, "0123456789abcdef") == length ? hash_hex_decode(text, length, out, SIGNATURE_BYTES_MAX) : 0;
}

static bool verifies(EVP_PKEY *key, const EVP_MD *digest, const unsigned char *signature, size_t signature_bytes,
                     const void *payload, size_t payload_bytes) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good = context && EVP_DigestVerifyInit(context, NULL, digest, NULL, key) == 1 &&
                   EVP_DigestVerify(context, signature, signature_bytes, payload, payload_bytes) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return is_good;
}

static enum status refuse_key(const struct owner *owner, struct error *err) {
    return error_set_at(err, STATUS_INVALID, "public",
                        "The public key of type \"%s\" is malformed, or is not a point on its curve.", owner->key_type);
}

enum status signature_check(const struct owner *owner, const void *payload, size_t payload_bytes, const char *signature,
                            struct error *err) {
    struct arena scratch = {0};
    struct ssh_key parts;
    EVP_PKEY *key = NULL;
    unsigned char bytes[SIGNATURE_BYTES_MAX];
    size_t length = decode_hex(signature, bytes);
    bool is_good = false;
    enum status status = STATUS_OK;
    if (length == 0)
        status = error_set_at(err, STATUS_INVALID, "signature",
                              "The signature must be an SSH key's signature of the payload in lower-case hexadecimal digits.");
    if (!status) status = ssh_key_read_public(&parts, owner, &scratch, err);
    if (status) goto out;
    key = make_key(&parts);
    if (!key) {
        status = refuse_key(owner, err);
        goto out;
    }
    const struct algorithm *algorithm = &algorithms[parts.kind];
    for (int i = 0; i < DIGESTS_MAX && !is_good && (i == 0 || algorithm->digests[i]); i++)
        is_good = verifies(key, digest_of(algorithm, i), bytes, length, payload, payload_bytes);
    if (!is_good)
        status = error_set(err, STATUS_REFUSED, "The %s key \"%s\" has not signed exactly this payload.", owner->key_type,
                           owner->id ? owner->id : owner->public_key);
out:
    EVP_PKEY_free(key);
    arena_release(&scratch);
    return status;
}

/* ---- Signing ---- */

struct signing_key {
    struct arena arena;
    struct owner owner;
    enum owner_key kind;
    EVP_PKEY *key;
};

/* True if an ed25519 key's point matches its seed. For the other kinds signing_key_sign() verifies its own result. */
static bool has_point(const EVP_PKEY *key, const struct ssh_key *parts) {
    unsigned char point[SSH_ED25519_BYTES];
    size_t length = sizeof point;
    if (parts->kind != OWNER_KEY_ED25519) return true;
    return EVP_PKEY_get_raw_public_key(key, point, &length) == 1 && memcmp(point, parts->point.bytes, sizeof point) == 0;
}

enum status signing_key_read(struct signing_key **out, const char *text, struct error *err) {
    struct ssh_key parts;
    struct signing_key *key = memory_alloc(sizeof *key);
    enum status status = ssh_key_read_private(&parts, &key->owner, text, &key->arena, err);
    if (!status) {
        key->kind = parts.kind;
        key->key = make_key(&parts);
        if (!key->key || !has_point(key->key, &parts)) status = error_set(err, STATUS_INVALID, "The private key is damaged.");
    }
    if (status)
        signing_key_free(key);
    else
        *out = key;
    return status;
}

void signing_key_free(struct signing_key *key) {
    if (!key) return;
    EVP_PKEY_free(key->key);
    arena_release(&key->arena);
    free(key);
}

const struct owner *signing_key_owner(const struct signing_key *key) {
    return &key->owner;
}

enum status signing_key_sign(const struct signing_key *key, const void *payload, size_t payload_bytes, struct text *out,
                             struct error *err) {
    unsigned char bytes[SIGNATURE_BYTES_MAX];
    char hex[2 * SIGNATURE_BYTES_MAX + 1];
    size_t length = sizeof bytes;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_done = context && EVP_DigestSignInit(context, NULL, digest_of(&algorithms[key->kind], 0), NULL, key->key) == 1 &&
                   EVP_DigestSign(context, bytes, &length, payload, payload_bytes) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    if (!is_done) return error_set(err, STATUS_INTERNAL, "Signing with the %s key failed.", key->owner.key_type);
    hash_hex(bytes, length, hex);
    enum status status = signature_check(&key->owner, payload, payload_bytes, hex, NULL);
    if (status) return error_set(err, STATUS_INTERNAL, "The private key does not belong to its public key.");
    text_append(out, hex);
    return STATUS_OK;
}
