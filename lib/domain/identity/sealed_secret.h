/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Encryption of a secret in a message between two programs that share a key (SERVICE_KEY): AES-256-GCM, as base64 of
 *
 *   nonce (12 bytes, random), ciphertext, tag (16 bytes)
 *
 * The key is HMAC-SHA256 of `purpose` with SERVICE_KEY, so that it is used for nothing else. Without a SERVICE_KEY, which is
 * allowed only on one machine, this is mere obfuscation: it keeps the plain secret out of buffers.
 */
#ifndef LIB_DOMAIN_IDENTITY_SEALED_SECRET_H
#define LIB_DOMAIN_IDENTITY_SEALED_SECRET_H

#include <stddef.h>

#include "lib/base/error.h"

struct arena;

enum { SECRET_BYTES_MAX = 4096 };

/* Returns the sealed secret, in the arena. `service_key` may be NULL; `length` must be at most SECRET_BYTES_MAX. */
char *secret_seal(struct arena *arena, const char *service_key, const char *purpose, const char *secret, size_t length);

/* Returns the secret, in the arena and NUL-terminated; the caller wipes it (lib/base/secret.h). STATUS_UNAUTHORIZED: it was
 * sealed with another key or for another purpose, or is damaged. */
CHECK_RESULT enum status secret_unseal(char **out, struct arena *arena, const char *service_key, const char *purpose,
                                       const char *sealed, struct error *err);

#endif
