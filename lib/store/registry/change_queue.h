/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A group commit for one repository: changes that threads of one process want at the same time are made under one
 * lock, a commit each, with one push (lib/store/README.md, Writing; lib/store/README.md, Locks).
 *
 *   caller ──┐                    ┌ the lock in Redis, stale *.lock files removed, options.begin
 *   caller ──┼──► waiting ──► one │ each change: its guard, its `prepare`
 *   caller ──┘     changes   round│ the `first` changes of them all: one round of the queue options.first
 *                                 └ each change: its guard, its commit; one push
 *
 * The queue has no thread of its own: one of the waiting callers leads the round, for all of them; the others sleep, and
 * everything that they passed (callbacks, contexts, arenas, connections) is the leader's until they wake. A change that fails
 * at any step is left out of the rest, and fails no other. A refused push is retried on the newer base, a large one with fewer
 * changes each time, so that a writer that pushes all the time cannot keep it out for ever.
 *
 * Every push has a timeout of half the lock's time, and the lock is renewed before if it would not hold for that long. Rounds
 * that follow each other share the lock, for a second at most: then other processes can take it.
 */
#ifndef LIB_STORE_REGISTRY_CHANGE_QUEUE_H
#define LIB_STORE_REGISTRY_CHANGE_QUEUE_H

#include "lib/store/job/job_store.h"
#include "lib/store/registry/registry_repo.h"

/* The names of the locks: every process that writes to a repository must use the same. */
#define CHANGE_QUEUE_REGISTRY "repository:registry"
#define CHANGE_QUEUE_INDEX "repository:registry-index"
#define CHANGE_QUEUE_MIRROR "repository:package-sets" /* of package sets, for older tools */

struct change_queue;

struct change_queue_options {
    struct registry_repo *repo; /* borrowed, as all here, until change_queue_free() */
    const char *lock_name;
    int64_t hold_ms;            /* how long the lock is taken for; a push and a `prepare` may take half of it */
    int64_t wait_ms;            /* limit of the wait for the lock */
    struct change_queue *first; /* the queue for the `first` changes; NULL: there are none */

    /* Called once in each round, under the lock, before anything else; NULL: not called. Its failure fails the whole round. */
    enum status (*begin)(void *context, struct deadline *limit, struct error *err);
    void *context;
};

/* A caller's change. Unused members must be zero. */
struct queued_change {
    /* It receives the outcome, too: `status` and `err` are of the step that failed, not of `edit` alone. STATUS_OK: it is
     * pushed. Else `written` is false, and it is not known to be pushed; `first` may be, if its own status says so. */
    struct registry_change change;

    /* Pushed to another repository before, under both locks; this change is made only if that succeeded. NULL: none. */
    struct queued_change *first;

    /* Checks a rule that must hold under the lock, or writes data that must exist before the commits; ends by `limit`. Not
     * called again after a refused push: checks that depend on the file's content belong in `edit`. */
    enum status (*prepare)(void *context, struct deadline *limit, struct error *err);
    void *context;
    /* Called right before `prepare` and each push: may the caller still write, for the next `needed_ms`? */
    enum status (*guard)(void *guard_context, int64_t needed_ms, struct error *err);
    void *guard_context;

    /* Never in one round with others: all are prepared before any is written, so a change whose rule another one could break (a
     * version is unpublished, and one that depends on it is published) must not share a round with it. */
    bool is_alone;
};

struct change_queue *change_queue_create(const struct change_queue_options *options);
void change_queue_free(struct change_queue *queue); /* when no caller waits any more */

/* Makes the changes, in their order; returns when they are pushed or have failed. `store`: the calling thread's connection.
 * `deadline` bounds the wait for a round; from then on the lock's time counts. Returns the status of the first change that
 * failed, with its message. STATUS_BUSY: the lock was held by another process for all of wait_ms, or it was lost;
 * STATUS_CONFLICT: others moved the branch each time. */
CHECK_RESULT enum status change_queue_commit(struct change_queue *queue, struct job_store *store, struct queued_change *changes,
                                             size_t count, struct deadline *deadline, struct error *err);

struct change_queue_counts {
    int64_t rounds; /* that took the lock */
    int64_t pushes; /* that were not refused */
    int64_t refused_pushes;
};

struct change_queue_counts change_queue_counts(struct change_queue *queue);

#endif
