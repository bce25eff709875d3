/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The changes that the threads of one process want in one of the two repositories: those that wait at the same time are made
 * under one lock, a commit each, with one push (lib/store/README.md, Writing; lib/store/README.md, Locks).
 *
 *   caller ──┐                    ┌ the lock in Redis, stale *.lock files removed, options.begin
 *   caller ──┼──► waiting ──► one │ each change: its guard, its `prepare`
 *   caller ──┘     changes   round│ the `first` changes of them all: one round of the queue options.first
 *                                 └ each change: its guard, its commit; one push
 *
 * There is no thread of the queue's own: one of the waiting callers leads the round, for all of them; the others sleep, and
 * what they gave (callbacks, contexts, arenas, connections) is the leader's until they wake. A change that fails at any step is
 * left out of the rest, and no other with it. A refused push is done again on the newer base, a large one with fewer changes
 * each time, so that somebody who pushes all the time cannot keep it out for ever.
 *
 * Every push is made with a time-out of half the lock's time, after the lock was seen to hold for all of it, and renewed where
 * it would not. Rounds that follow each other share the lock, for a second at most: then other processes have a chance.
 */
#ifndef LIB_STORE_CHANGE_QUEUE_H
#define LIB_STORE_CHANGE_QUEUE_H

#include "lib/store/job_store.h"
#include "lib/store/registry_repo.h"

#define CHANGE_QUEUE_REGISTRY "repository:registry"    /* the locks' names: every process that writes */
#define CHANGE_QUEUE_INDEX "repository:registry-index" /* to a repository has to use the same */

struct change_queue;

struct change_queue_options {
    struct registry_repo *repo; /* borrowed, as all here, until change_queue_free() */
    const char *lock_name;
    int64_t hold_ms;            /* how long the lock is taken for; a push and a `prepare` have half of it */
    int64_t wait_ms;            /* for the lock, at most */
    struct change_queue *first; /* where the `first` changes go; NULL: there are none */

    /* Called once in each round, under the lock, before anything else; NULL: nothing is to be done. Its failure is everybody's.
     */
    enum status (*begin)(void *context, struct deadline *limit, struct error *err);
    void *context;
};

/* What one caller wants. Zero what is not needed. */
struct queued_change {
    /* What came of it stands here, too: `status` and `err` of whatever kept it out, not of `edit` alone. With STATUS_OK it is
     * pushed. With another, `written` false: it is not known to be pushed; `first` may be, where its own status says so. */
    struct registry_change change;

    /* Pushed to another repository before, under both locks; this one is made only if it succeeded. NULL: none. */
    struct queued_change *first;

    /* A rule that must hold under the lock, and what must be written before the commits; its time is up at `limit`. It is not
     * called again for a refused push: what depends on the file's content belongs into `edit`. */
    enum status (*prepare)(void *context, struct deadline *limit, struct error *err);
    /* Called right before `prepare` and each push: may the caller still write, for the next `needed_ms`? */
    enum status (*guard)(void *context, int64_t needed_ms, struct error *err);
    void *context; /* of these two */

    /* Never in one round with others: all are prepared before any is written, so a change whose rule could be broken by
     * another's (a version withdrawn, and one published that depends on it) must not share a round with it. */
    bool is_alone;
};

struct change_queue *change_queue_create(const struct change_queue_options *options);
void change_queue_free(struct change_queue *queue); /* when nobody waits any more */

/* Makes the changes, in their order; waits until they are pushed or cannot be. `store`: the calling thread's connection.
 * `deadline` is the caller's patience while its turn has not come: from then on the lock's time counts.
 * Answers the status of the first change that failed, with its sentence. STATUS_BUSY: somebody else held the lock for all of
 * wait_ms, or it was lost; STATUS_CONFLICT: others moved the branch each time. */
CHECK_RESULT enum status change_queue_commit(struct change_queue *queue, struct job_store *store, struct queued_change *changes,
                                             size_t count, struct deadline *deadline, struct error *err);

struct change_queue_counts {
    int64_t rounds; /* that took the lock */
    int64_t pushes; /* that were not refused */
    int64_t refused_pushes;
};

struct change_queue_counts change_queue_counts(struct change_queue *queue);

#endif
