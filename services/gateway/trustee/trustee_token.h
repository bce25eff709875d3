/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The token of a trustee's request (`Authorization: Bearer TOKEN`), and whether it is the configured one. The gateway knows
 * only the SHA-256 of the configured token and compares digests, in constant time. A token that must be looked up at GitHub
 * leaves this file only encrypted, for the publish service. The header's bytes are wiped after reading, except over HTTP/2,
 * where they may be in the header compression table that later requests refer to.
 */
#ifndef SERVICES_GATEWAY_TRUSTEE_TRUSTEE_TOKEN_H
#define SERVICES_GATEWAY_TRUSTEE_TRUSTEE_TOKEN_H

#include <stdbool.h>

#include "lib/base/hash.h"

struct call;

struct trustee_token {
    const char *problem; /* error message about the header; NULL: it is well-formed */
    unsigned char digest[SHA256_BYTES];
    const char *sealed; /* encrypted, in the call's arena; NULL: look-ups are off, or it has not the form of a GitHub token */
};

/* Reads and wipes the header. On the loop's thread, once per request. */
void trustee_token_take(struct trustee_token *out, struct call *call);

/* Parses the setting PACCHETTIBOTTI_TOKEN_SHA256: 64 hex digits; text after a space, as `sha256sum` prints it, is ignored.
 * STATUS_INVALID with the variable as path: malformed, or the digest of the empty string. */
CHECK_RESULT enum status trustee_digest_parse(unsigned char out[SHA256_BYTES], const char *setting, struct error *err);

/* True if the token is the configured one. False if `setting` is NULL or malformed. */
bool trustee_token_is(const struct trustee_token *token, const char *setting);

#endif
