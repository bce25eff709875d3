/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The token that a trustee's request comes with (`Authorization: Bearer TOKEN`), and whether it is the one that was configured.
 * The gateway knows only SHA-256 of that one, and compares digests, in constant time. A token that is only known to GitHub
 * leaves here sealed, for the service that looks it up; nothing else that was copied from the header does. The header's own
 * bytes are wiped as soon as they were read, but over HTTP/2, where they can be part of a table that later requests refer to.
 */
#ifndef SERVICES_GATEWAY_TRUSTEE_TOKEN_H
#define SERVICES_GATEWAY_TRUSTEE_TOKEN_H

#include <stdbool.h>

#include "lib/base/hash.h"

struct call;

struct trustee_token {
    const char *problem; /* what is wrong with the header, as a sentence; NULL: nothing */
    unsigned char digest[SHA256_BYTES];
    const char *sealed; /* in the call's arena, where the look-up is on and it is shaped like a token of GitHub's; else NULL */
};

/* On the loop's thread, once: the header is empty then. */
void trustee_token_take(struct trustee_token *out, struct call *call);

/* Reads the setting PACCHETTIBOTTI_TOKEN_SHA256: 64 hex digits, and what `sha256sum` prints behind them. STATUS_INVALID with
 * the variable as path: it is something else, or the digest of no token at all. */
CHECK_RESULT enum status trustee_digest_parse(unsigned char out[SHA256_BYTES], const char *setting, struct error *err);

/* Is it the configured one? `setting` may be NULL, or malformed by now: then it is not. */
bool trustee_token_is(const struct trustee_token *token, const char *setting);

#endif
