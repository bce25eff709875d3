/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tokens that were seen to be a trustee's, so that restarted services know them: by their SHA-256, never the token itself. An
 * entry expires KNOWN_TOKEN_MS after it was last stored. Being known proves nothing: it only gives a token room to be looked
 * up.
 */
#ifndef LIB_STORE_REDIS_KNOWN_TOKENS_H
#define LIB_STORE_REDIS_KNOWN_TOKENS_H

#include "lib/base/hash.h"
#include "lib/store/job/job_store.h"

#define KNOWN_TOKEN_MS (INT64_C(30) * 24 * 3600 * 1000)

CHECK_RESULT enum status known_token_keep(struct job_store *store, const unsigned char digest[SHA256_BYTES], struct error *err);
CHECK_RESULT enum status known_token_find(struct job_store *store, const unsigned char digest[SHA256_BYTES], bool *out,
                                          struct error *err);

#endif
