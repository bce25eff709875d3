/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Digests, their text forms, and random bytes; the only part of lib/base that uses OpenSSL.
 */
#ifndef LIB_BASE_HASH_H
#define LIB_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

struct arena;

enum {
    SHA1_BYTES = 20,
    SHA1_HEX_MAX = 41,
    SHA256_BYTES = 32,
    SHA256_SRI_MAX = 52, /* "sha256-" and 44 characters of base64, with the NUL */
    SHA256_HEX_MAX = 65,
    UUID_BYTES = 16,
    UUID_TEXT_MAX = 37,
};

void hash_sha1(const void *bytes, size_t length, unsigned char out[SHA1_BYTES]); /* git object ids, Redis script ids */
void hash_sha256(const void *bytes, size_t length, unsigned char out[SHA256_BYTES]);
void hash_sha256_hex(const void *bytes, size_t length, char out[SHA256_HEX_MAX]);
void hash_sha256_sri(const void *bytes, size_t length, char out[SHA256_SRI_MAX]); /* lib/domain/README.md, Hash */
/* Of a file's content, whose size goes to *size_bytes. STATUS_NOT_FOUND, STATUS_INTERNAL. */
CHECK_RESULT enum status hash_sha256_sri_file(const char *path, char out[SHA256_SRI_MAX], int64_t *size_bytes,
                                              struct error *err);
/* The same for an open file, from its first byte, regardless of its offset; `path` is for the error message. */
CHECK_RESULT enum status hash_sha256_sri_descriptor(int descriptor, const char *path, char out[SHA256_SRI_MAX],
                                                    int64_t *size_bytes, struct error *err);
bool hash_is_sha256_sri(const char *text);
CHECK_RESULT enum status hash_check_sha256_sri(const char *text, struct error *err); /* STATUS_INVALID */

void hash_hmac_sha256(const char *key, const void *bytes, size_t length, unsigned char out[SHA256_BYTES]);

/* Constant-time comparison, required for digests that authenticate. */
bool hash_equal(const unsigned char a[SHA256_BYTES], const unsigned char b[SHA256_BYTES]);

void hash_hex(const void *bytes, size_t length, char *out); /* lower case; `out` holds 2 * length + 1 */

/* Decodes `text_length` hex digits of either case to `out`. Returns the number of bytes; 0 if the text is malformed or has more
 * than `most` bytes. */
size_t hash_hex_decode(const char *text, size_t text_length, unsigned char *out, size_t most);

/* Strict base64 with padding, 1 MiB of text at most: false for anything else, and for the empty text. The result is in the
 * arena. */
bool hash_base64_decode(struct arena *arena, const char *text, unsigned char **out, size_t *length);
char *hash_base64_encode(struct arena *arena, const void *bytes, size_t length);

void hash_random_bytes(void *out, size_t length);
void hash_random_uuid(char out[UUID_TEXT_MAX]); /* RFC 9562 version 4, lower case */

/* A deterministic id: RFC 9562 version 8, from the SHA-256 of the bytes. For objects that must be found again after a crash. */
void hash_uuid(const void *bytes, size_t length, char out[UUID_TEXT_MAX]);

#endif
