/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/rate_limit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"

enum { SLOTS = 65536, PROBES = 8, MINUTE_MS = 60000 };

struct bucket {
    uint64_t address; /* keyed hash of the address; 0: free slot */
    int64_t used;     /* tokens taken, in milliseconds until they are refilled */
    int64_t at_ms;    /* time to which `used` refers */
};

struct rate_limit {
    pthread_mutex_t mutex;
    int64_t per_minute;
    char key[UUID_TEXT_MAX]; /* random, so that clients cannot choose addresses that share a slot */
    struct bucket buckets[SLOTS];
};

struct rate_limit *rate_limit_create(int64_t per_minute) {
    struct rate_limit *limit = memory_alloc(sizeof *limit);
    limit->per_minute = per_minute;
    hash_random_uuid(limit->key);
    pthread_mutex_init(&limit->mutex, NULL);
    return limit;
}

void rate_limit_free(struct rate_limit *limit) {
    if (!limit) return;
    pthread_mutex_destroy(&limit->mutex);
    free(limit);
}

static uint64_t hash_address(const struct rate_limit *limit, const char *address) {
    unsigned char digest[SHA256_BYTES];
    uint64_t hash;
    hash_hmac_sha256(limit->key, address, strlen(address), digest);
    memcpy(&hash, digest, sizeof hash);
    return hash ? hash : 1;
}

static void refill(struct bucket *bucket, int64_t now_ms) {
    int64_t passed_ms = now_ms - bucket->at_ms;
    bucket->used = passed_ms >= bucket->used ? 0 : bucket->used - passed_ms;
    bucket->at_ms = now_ms;
}

/* The address's bucket; otherwise one of its possible slots is taken: a free one, or the one with the most tokens left. */
static struct bucket *find_bucket(struct rate_limit *limit, uint64_t address, int64_t now_ms) {
    struct bucket *best = NULL;
    for (uint64_t i = 0; i < PROBES; i++) {
        struct bucket *bucket = &limit->buckets[(address + i) % SLOTS];
        if (bucket->address == address) {
            refill(bucket, now_ms);
            return bucket;
        }
        if (bucket->address) refill(bucket, now_ms);
        if (!best || bucket->used < best->used) best = bucket;
    }
    *best = (struct bucket){.address = address, .at_ms = now_ms};
    return best;
}

static int64_t token_ms(const struct rate_limit *limit) {
    return MINUTE_MS / limit->per_minute > 0 ? MINUTE_MS / limit->per_minute : 1;
}

bool rate_limit_take(struct rate_limit *limit, const char *address, int64_t now_ms, int64_t *retry_after_s) {
    if (limit->per_minute == 0) return true;
    uint64_t hash = hash_address(limit, address);
    int64_t token = token_ms(limit);
    pthread_mutex_lock(&limit->mutex);
    struct bucket *bucket = find_bucket(limit, hash, now_ms);
    bool is_allowed = bucket->used + token <= MINUTE_MS;
    if (is_allowed)
        bucket->used += token;
    else
        *retry_after_s = (bucket->used + token - MINUTE_MS + 999) / 1000;
    pthread_mutex_unlock(&limit->mutex);
    return is_allowed;
}

bool rate_limit_has_room(struct rate_limit *limit, const char *address, int64_t now_ms) {
    if (limit->per_minute == 0) return true;
    uint64_t hash = hash_address(limit, address);
    pthread_mutex_lock(&limit->mutex);
    bool has_room = find_bucket(limit, hash, now_ms)->used + token_ms(limit) <= MINUTE_MS;
    pthread_mutex_unlock(&limit->mutex);
    return has_room;
}

void rate_limit_give_back(struct rate_limit *limit, const char *address, int64_t now_ms) {
    if (limit->per_minute == 0) return;
    uint64_t hash = hash_address(limit, address);
    pthread_mutex_lock(&limit->mutex);
    struct bucket *bucket = find_bucket(limit, hash, now_ms);
    bucket->used = bucket->used > token_ms(limit) ? bucket->used - token_ms(limit) : 0;
    pthread_mutex_unlock(&limit->mutex);
}
