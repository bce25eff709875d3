/* SPDX-License-Identifier: BSD-3-Clause
 *
 *   trustee:DIGEST   1, with an expiry
 */
#include "lib/store/redis/known_tokens.h"

#include <inttypes.h>

#include "lib/store/job/job_steps.h"

enum status known_token_keep(struct job_store *store, const unsigned char digest[SHA256_BYTES], struct error *err) {
    char hex[SHA256_HEX_MAX];
    struct redis_reply *reply;
    hash_hex(digest, SHA256_BYTES, hex);
    return redis_call(store->redis, &reply, err, "SET trustee:%s 1 PX %" PRId64, hex, KNOWN_TOKEN_MS);
}

enum status known_token_find(struct job_store *store, const unsigned char digest[SHA256_BYTES], bool *out, struct error *err) {
    char hex[SHA256_HEX_MAX];
    struct redis_reply *reply;
    hash_hex(digest, SHA256_BYTES, hex);
    enum status status = redis_call(store->redis, &reply, err, "EXISTS trustee:%s", hex);
    *out = !status && reply->integer == 1;
    return status;
}
