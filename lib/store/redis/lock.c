/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/redis/lock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/store/job/job_steps.h"

enum { RELEASE_MAX_MS = 10000 }; /* limit of retries while Redis is unreachable */

static int64_t least(int64_t a, int64_t b, int64_t c) {
    int64_t result = a < b ? a : b;
    return result < c ? result : c;
}

enum status lock_take(struct job_store *store, const char *name, int64_t hold_ms, int64_t wait_ms, struct lock *out,
                      struct error *err) {
    if (strlen(name) >= sizeof out->name) return error_set(err, STATUS_INVALID, "The name of a lock is too long: %s.", name);
    memset(out, 0, sizeof *out);
    memcpy(out->name, name, strlen(name) + 1);
    hash_random_uuid(out->token);
    out->hold_ms = hold_ms;
    return lock_take_again(store, out, wait_ms, err);
}

enum status lock_take_again(struct job_store *store, struct lock *lock, int64_t wait_ms, struct error *err) {
    int64_t until_ms = clock_monotonic_ms() + wait_ms;
    for (;;) {
        struct redis_reply *reply;
        enum status status = job_step(store, &reply, err, "lock_take %s %s %" PRId64, lock->name, lock->token, lock->hold_ms);
        if (status != STATUS_OK && !job_store_is_away(status)) return status;
        if (status == STATUS_OK) lock->fence = reply->integer;
        if (lock->fence > 0) return STATUS_OK;
        int64_t left_ms = until_ms - clock_monotonic_ms(), held_ms = status == STATUS_OK ? -lock->fence : LOCK_POLL_MS;
        if (left_ms <= 0 && status != STATUS_OK) return status;
        if (left_ms <= 0)
            return error_set(err, STATUS_BUSY, "The lock %s is held for up to %" PRId64 " ms more.", lock->name, held_ms);
        clock_sleep_ms(least(LOCK_POLL_MS, left_ms, held_ms));
    }
}

enum status lock_keep(struct job_store *store, const struct lock *lock, int64_t needed_ms, int64_t hold_ms, struct error *err) {
    struct redis_reply *reply;
    return job_step(store, &reply, err, "lock_keep %s %s %" PRId64 " %" PRId64, lock->name, lock->token, needed_ms, hold_ms);
}

enum status lock_release(struct job_store *store, const struct lock *lock, struct error *err) {
    int64_t until_ms = clock_monotonic_ms() + (lock->hold_ms < RELEASE_MAX_MS ? lock->hold_ms : RELEASE_MAX_MS);
    for (;;) {
        struct redis_reply *reply;
        enum status status = job_step(store, &reply, err, "lock_release %s %s", lock->name, lock->token);
        if (!job_store_is_away(status) || clock_monotonic_ms() >= until_ms) return status;
        clock_sleep_ms(LOCK_POLL_MS);
    }
}
