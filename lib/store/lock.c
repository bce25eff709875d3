/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/lock.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/store/job_steps.h"

static int least(int64_t a, int64_t b, int64_t c) {
    int64_t result = a < b ? a : b;
    return (int)(result < c ? result : c);
}

enum status lock_take(struct job_store *store, const char *name, int64_t hold_ms, int64_t wait_ms, struct lock *out,
                      struct error *err) {
    if (strlen(name) >= sizeof out->name) return error_set(err, STATUS_INVALID, "The name of a lock is too long: %s", name);
    memset(out, 0, sizeof *out);
    memcpy(out->name, name, strlen(name) + 1);
    hash_random_uuid(out->token);
    int64_t until_ms = clock_monotonic_ms() + wait_ms;
    for (;;) {
        struct redis_reply *reply;
        enum status status = job_step(store, &reply, err, "lock_take %s %s %" PRId64, name, out->token, hold_ms);
        if (status != STATUS_OK) return status;
        out->fence = reply->integer;
        if (out->fence > 0) return STATUS_OK;
        int64_t left_ms = until_ms - clock_monotonic_ms();
        if (left_ms <= 0)
            return error_set(err, STATUS_BUSY, "The lock %s is held, for up to %" PRId64 " ms more", name, -out->fence);
        poll(NULL, 0, least(LOCK_POLL_MS, left_ms, -out->fence));
    }
}

enum status lock_keep(struct job_store *store, const struct lock *lock, int64_t needed_ms, int64_t hold_ms, struct error *err) {
    struct redis_reply *reply;
    return job_step(store, &reply, err, "lock_keep %s %s %" PRId64 " %" PRId64, lock->name, lock->token, needed_ms, hold_ms);
}

enum status lock_release(struct job_store *store, const struct lock *lock, struct error *err) {
    struct redis_reply *reply;
    return job_step(store, &reply, err, "lock_release %s %s", lock->name, lock->token);
}
