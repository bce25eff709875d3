/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A lock in Redis: one holder, a deadline, and a fencing number that changes only when the lock is taken (lib/store/README.md,
 * Locks). Used for the repositories during a commit and push, and for moving old jobs (`keeping`); a package's lock is taken by
 * the claim of its job (lib/store/job/job_store.h), under the names `package:NAME` and, for the package sets, `package-set`. A
 * revision, which builds for a long time, takes `package:NAME` here, for its commit alone.
 */
#ifndef LIB_STORE_REDIS_LOCK_H
#define LIB_STORE_REDIS_LOCK_H

#include "lib/store/job/job_store.h"

enum { LOCK_POLL_MS = 20 }; /* polling interval of a waiter */

struct lock {
    char name[200];
    char token[UUID_TEXT_MAX];
    int64_t fence;
    int64_t hold_ms;
};

/* Waits up to `wait_ms` for the lock, then STATUS_BUSY, or, if Redis is unreachable, that failure. The lock is held for
 * `hold_ms` unless renewed. */
CHECK_RESULT enum status lock_take(struct job_store *store, const char *name, int64_t hold_ms, int64_t wait_ms,
                                   struct lock *out, struct error *err);
/* Continues to wait for a lock that was held, or for which Redis did not answer: then it may be ours already. */
CHECK_RESULT enum status lock_take_again(struct job_store *store, struct lock *lock, int64_t wait_ms, struct error *err);
/* Makes sure that the lock holds for `needed_ms` more: if it would not, it is renewed for `hold_ms`; if it would, nothing is
 * written, so there is no wait for Redis's disk. STATUS_STALE: it has expired. */
CHECK_RESULT enum status lock_keep(struct job_store *store, const struct lock *lock, int64_t needed_ms, int64_t hold_ms,
                                   struct error *err);
/* STATUS_STALE: it had expired. Retries for some seconds while Redis is unreachable: otherwise the next holder would have to
 * wait until the lock expires. */
CHECK_RESULT enum status lock_release(struct job_store *store, const struct lock *lock, struct error *err);

#endif
