/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A secret on its way between two programs that share a key (SERVICE_KEY): AES-256-GCM, as base64 of
 *
 *   nonce (12 bytes, random), ciphertext, tag (16 bytes)
 *
 * The key is HMAC-SHA256 of `purpose` with SERVICE_KEY, so nothing else that the two exchange helps with it. Without a
 * SERVICE_KEY, which is allowed only on one machine, this hides the secret from nobody who reads the message, and only keeps it
 * from standing in buffers as it is.
 */
#ifndef LIB_DOMAIN_SEALED_SECRET_H
#define LIB_DOMAIN_SEALED_SECRET_H

#include <stddef.h>

#include "lib/base/error.h"

struct arena;

enum { SECRET_BYTES_MAX = 4096 };

/* In the arena. `service_key` may be NULL; `length` is at most SECRET_BYTES_MAX. */
char *secret_seal(struct arena *arena, const char *service_key, const char *purpose, const char *secret, size_t length);

/* In the arena, with a NUL behind it; the caller wipes it (lib/base/secret.h). STATUS_UNAUTHORIZED: it was not sealed with this
 * key for this purpose, or is damaged. */
CHECK_RESULT enum status secret_unseal(char **out, struct arena *arena, const char *service_key, const char *purpose,
                                       const char *sealed, struct error *err);

#endif
