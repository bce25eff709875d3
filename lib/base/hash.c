/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/hash.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"

static void print_sri(const unsigned char digest[SHA256_BYTES], char out[SHA256_SRI_MAX]) {
    memcpy(out, "sha256-", 7);
    EVP_EncodeBlock((unsigned char *)out + 7, digest, SHA256_BYTES);
}

void hash_sha1(const void *bytes, size_t length, unsigned char out[SHA1_BYTES]) {
    int done = EVP_Digest(bytes, length, out, NULL, EVP_sha1(), NULL);
    assert(done == 1);
}

void hash_sha256(const void *bytes, size_t length, unsigned char out[SHA256_BYTES]) {
    int done = EVP_Digest(bytes, length, out, NULL, EVP_sha256(), NULL);
    assert(done == 1);
}

void hash_sha256_hex(const void *bytes, size_t length, char out[SHA256_HEX_MAX]) {
    unsigned char digest[SHA256_BYTES];
    hash_sha256(bytes, length, digest);
    hash_hex(digest, sizeof digest, out);
}

void hash_sha256_sri(const void *bytes, size_t length, char out[SHA256_SRI_MAX]) {
    unsigned char digest[SHA256_BYTES];
    hash_sha256(bytes, length, digest);
    print_sri(digest, out);
}

enum status hash_sha256_sri_descriptor(int descriptor, const char *path, char out[SHA256_SRI_MAX], int64_t *size_bytes,
                                       struct error *err) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert(context);
    int done = EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    assert(done == 1);
    unsigned char buffer[32768];
    int64_t total = 0;
    ssize_t count;
    while ((count = pread(descriptor, buffer, sizeof buffer, total)) > 0 || (count < 0 && errno == EINTR)) {
        if (count < 0) continue;
        EVP_DigestUpdate(context, buffer, (size_t)count);
        total += count;
    }
    int problem = errno;
    unsigned char digest[SHA256_BYTES];
    EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    if (count < 0) return error_set(err, STATUS_INTERNAL, "Cannot read %s to its end: %s.", path, strerror(problem));
    print_sri(digest, out);
    *size_bytes = total;
    return STATUS_OK;
}

enum status hash_sha256_sri_file(const char *path, char out[SHA256_SRI_MAX], int64_t *size_bytes, struct error *err) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for a writer; it cannot be read here */
    if (descriptor < 0)
        return error_set(err, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_INTERNAL, "Cannot read %s: %s.", path,
                         strerror(errno));
    enum status status = hash_sha256_sri_descriptor(descriptor, path, out, size_bytes, err);
    close(descriptor);
    return status;
}

bool hash_is_sha256_sri(const char *text) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return strncmp(text, "sha256-", 7) == 0 && strspn(text + 7, alphabet) == 43 && strcmp(text + 50, "=") == 0;
}

enum status hash_check_sha256_sri(const char *text, struct error *err) {
    if (hash_is_sha256_sri(text)) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "\"%s\" is not a hash: it must be \"sha256-\" and 44 characters of base64.", text);
}

void hash_hmac_sha256(const char *key, const void *bytes, size_t length, unsigned char out[SHA256_BYTES]) {
    unsigned char *done = HMAC(EVP_sha256(), key, (int)strlen(key), bytes, length, out, NULL);
    assert(done);
}

bool hash_equal(const unsigned char a[SHA256_BYTES], const unsigned char b[SHA256_BYTES]) {
    return CRYPTO_memcmp(a, b, SHA256_BYTES) == 0;
}

void hash_hex(const void *bytes, size_t length, char *out) {
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i++) {
        out[2 * i] = digits[at[i] >> 4];
        out[2 * i + 1] = digits[at[i] & 15];
    }
    out[2 * length] = '\0';
}

size_t hash_hex_decode(const char *text, size_t text_length, unsigned char *out, size_t most) {
    if (text_length % 2 || text_length / 2 > most) return 0;
    for (size_t i = 0; i < text_length; i++) {
        int digit = OPENSSL_hexchar2int((unsigned char)text[i]);
        if (digit < 0) return 0;
        out[i / 2] = (unsigned char)(i % 2 ? out[i / 2] | digit : digit << 4);
    }
    return text_length / 2;
}

bool hash_base64_decode(struct arena *arena, const char *text, unsigned char **out, size_t *length) {
    size_t size = strlen(text);
    if (size == 0 || size % 4 != 0 || size > 1 << 20) return false;
    size_t padding = text[size - 1] != '=' ? 0 : text[size - 2] != '=' ? 1 : 2;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (strspn(text, alphabet) != size - padding) return false;
    unsigned char *bytes = arena_alloc(arena, size / 4 * 3 + 1);
    int decoded = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)size);
    if (decoded < 0) return false;
    *out = bytes;
    *length = (size_t)decoded - padding;
    char *again = hash_base64_encode(arena, bytes, *length); /* rejects stray bits in the last character */
    return strcmp(again, text) == 0;
}

char *hash_base64_encode(struct arena *arena, const void *bytes, size_t length) {
    assert(length < 1 << 30);
    char *text = arena_alloc(arena, (length + 2) / 3 * 4 + 1);
    EVP_EncodeBlock((unsigned char *)text, bytes, (int)length);
    return text;
}

void hash_random_bytes(void *out, size_t length) {
    int done = RAND_bytes(out, (int)length);
    assert(done == 1);
}

static void print_uuid(unsigned char bytes[UUID_BYTES], unsigned char version, char out[UUID_TEXT_MAX]) {
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | version << 4);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    char hex[2 * UUID_BYTES + 1];
    hash_hex(bytes, UUID_BYTES, hex);
    snprintf(out, UUID_TEXT_MAX, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void hash_random_uuid(char out[UUID_TEXT_MAX]) {
    unsigned char bytes[UUID_BYTES];
    hash_random_bytes(bytes, sizeof bytes);
    print_uuid(bytes, 4, out);
}

void hash_uuid(const void *bytes, size_t length, char out[UUID_TEXT_MAX]) {
    unsigned char digest[SHA256_BYTES];
    hash_sha256(bytes, length, digest);
    print_uuid(digest, 8, out); /* the digest's first 16 bytes */
}
