/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/identity/sealed_secret.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/base/secret.h"

enum { NONCE_BYTES = 12, TAG_BYTES = 16 };

static EVP_CIPHER_CTX *begin(const char *service_key, const char *purpose, const unsigned char nonce[NONCE_BYTES],
                             bool is_sealing) {
    unsigned char key[SHA256_BYTES];
    hash_hmac_sha256(service_key ? service_key : "", purpose, strlen(purpose), key);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    assert(context);
    int done = EVP_CipherInit_ex2(context, EVP_aes_256_gcm(), key, nonce, is_sealing, NULL);
    assert(done == 1);
    secret_wipe(key, sizeof key);
    return context;
}

char *secret_seal(struct arena *arena, const char *service_key, const char *purpose, const char *secret, size_t length) {
    assert(length <= SECRET_BYTES_MAX);
    unsigned char sealed[NONCE_BYTES + SECRET_BYTES_MAX + TAG_BYTES];
    int written = 0, rest = 0;
    hash_random_bytes(sealed, NONCE_BYTES);
    EVP_CIPHER_CTX *context = begin(service_key, purpose, sealed, true);
    int done = EVP_CipherUpdate(context, sealed + NONCE_BYTES, &written, (const unsigned char *)secret, (int)length) == 1 &&
               EVP_CipherFinal_ex(context, sealed + NONCE_BYTES + written, &rest) == 1 &&
               EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, sealed + NONCE_BYTES + length) == 1;
    assert(done && (size_t)(written + rest) == length);
    EVP_CIPHER_CTX_free(context);
    return hash_base64_encode(arena, sealed, NONCE_BYTES + length + TAG_BYTES);
}

enum status secret_unseal(char **out, struct arena *arena, const char *service_key, const char *purpose, const char *sealed,
                          struct error *err) {
    unsigned char *bytes;
    size_t length;
    bool is_whole = hash_base64_decode(arena, sealed, &bytes, &length) && length >= NONCE_BYTES + TAG_BYTES &&
                    length <= NONCE_BYTES + SECRET_BYTES_MAX + TAG_BYTES;
    if (!is_whole) return error_set(err, STATUS_UNAUTHORIZED, "The sealed secret is damaged.");
    size_t secret_bytes = length - NONCE_BYTES - TAG_BYTES;
    char *secret = arena_alloc(arena, secret_bytes + 1);
    int written = 0, rest = 0;
    EVP_CIPHER_CTX *context = begin(service_key, purpose, bytes, false);
    bool is_ours = EVP_CipherUpdate(context, (unsigned char *)secret, &written, bytes + NONCE_BYTES, (int)secret_bytes) == 1 &&
                   EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, bytes + NONCE_BYTES + secret_bytes) == 1 &&
                   EVP_CipherFinal_ex(context, (unsigned char *)secret + written, &rest) == 1;
    EVP_CIPHER_CTX_free(context);
    if (!is_ours) {
        secret_wipe(secret, secret_bytes);
        return error_set(err, STATUS_UNAUTHORIZED, "The secret was not sealed with this SERVICE_KEY.");
    }
    *out = secret;
    return STATUS_OK;
}
