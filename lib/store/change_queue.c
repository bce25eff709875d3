/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The leader takes the lock first and then whoever waits by then: what comes while it waits for the lock shares its round.
 */
#include "lib/store/change_queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/store/lock.h"

enum {
    ROUND_MAX = 1000,       /* changes in one round, unless one caller has more */
    PATIENCE_POLL_MS = 100, /* how often a waiting caller looks at its deadline */
    REFUSALS_MAX = 20,      /* one after the other: the remote never stands still */
    FIRST_WAIT_MS = 5,      /* after a refused push; twice as long each time, up to */
    LONGEST_WAIT_MS = 200,
};

/* One call of change_queue_commit(), on its caller's stack. The queue's mutex guards it while it is in the list. */
struct ticket {
    struct queued_change *changes;
    size_t count;
    const struct round *outer; /* whose `first` changes these are: its lock must hold, too */
    bool is_alone, is_taken, is_done;
    struct ticket *next;
};

struct change_queue {
    struct change_queue_options options;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t moved;  /* a round ended, a leader gave up */
    struct ticket *waiting, **end;
    bool is_led;
    struct change_queue_counts counts;
};

struct entry {
    struct queued_change *change;
    const struct round *outer;
};

/* The leader's. */
struct round {
    struct change_queue *queue;
    struct job_store *store;
    struct lock lock;
    struct entry *entries;
    size_t count;
    size_t pushed; /* of the entries, so many are done with */
};

struct change_queue *change_queue_create(const struct change_queue_options *options) {
    assert(options->hold_ms > 1);
    struct change_queue *queue = memory_alloc(sizeof *queue);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->moved, &attributes);
    pthread_condattr_destroy(&attributes);
    queue->options = *options;
    queue->end = &queue->waiting;
    return queue;
}

void change_queue_free(struct change_queue *queue) {
    if (!queue) return;
    assert(!queue->waiting && !queue->is_led);
    pthread_cond_destroy(&queue->moved);
    pthread_mutex_destroy(&queue->mutex);
    free(queue);
}

struct change_queue_counts change_queue_counts(struct change_queue *queue) {
    pthread_mutex_lock(&queue->mutex);
    struct change_queue_counts counts = queue->counts;
    pthread_mutex_unlock(&queue->mutex);
    return counts;
}

static void count_one(struct change_queue *queue, int64_t *counter) {
    pthread_mutex_lock(&queue->mutex);
    ++*counter;
    pthread_mutex_unlock(&queue->mutex);
}

/* ---- One round ---- */

static void fail(struct queued_change *change, enum status status, const struct error *err) {
    change->change.status = status;
    change->change.written = false;
    if (change->change.err && change->change.err != err) *change->change.err = *err;
}

/* How long one step may take; the lock is held twice as long. */
static int64_t step_ms(const struct round *round) {
    return round->queue->options.hold_ms / 2;
}

static enum status keep_lock(const struct round *round, struct error *err) {
    enum status status = lock_renew(round->store, &round->lock, round->queue->options.hold_ms, err);
    return status == STATUS_STALE ? error_set(err, STATUS_BUSY, "The lock %s was lost: trying again.", round->lock.name)
                                  : status;
}

/* Before a step that ends at `limit`: whoever may not write for so long is left out. Fails where none of them may. */
static enum status guard(const struct round *round, const struct entry *entries, size_t count, struct deadline *limit,
                         struct error *err) {
    const struct round *outer = NULL; /* as seen last */
    enum status outer_status = STATUS_OK;
    deadline_start(limit, step_ms(round));
    for (size_t i = 0; i < count; i++) {
        struct queued_change *change = entries[i].change;
        if (change->change.status) continue;
        if (entries[i].outer && entries[i].outer != outer) {
            outer = entries[i].outer;
            outer_status = keep_lock(outer, err);
        }
        enum status status = entries[i].outer ? outer_status : STATUS_OK;
        if (!status && change->guard) status = change->guard(change->context, step_ms(round), err);
        if (status) fail(change, status, err);
    }
    return keep_lock(round, err);
}

static enum status begin_round(struct round *round, struct error *err) {
    const struct change_queue_options *options = &round->queue->options;
    struct deadline limit;
    deadline_start(&limit, step_ms(round));
    enum status status = registry_repo_remove_stale_locks(options->repo, options->hold_ms, NULL, err);
    if (!status && options->begin) status = options->begin(options->context, &limit, err);
    return status;
}

static enum status prepare(const struct round *round, struct error *err) {
    for (size_t i = 0; i < round->count; i++) {
        struct queued_change *change = round->entries[i].change;
        struct deadline limit;
        if (change->change.status || !change->prepare) continue;
        enum status status = guard(round, &round->entries[i], 1, &limit, err);
        if (status) return status;
        if (change->change.status) continue;
        status = change->prepare(change->context, &limit, err);
        if (status) fail(change, status, err);
    }
    return STATUS_OK;
}

/* One try to make those that have not failed; what came of each stands in it. A status: none is known to be pushed. */
static enum status push(const struct round *round, const struct entry *entries, size_t count, struct error *err) {
    struct registry_change *changes = memory_alloc((count + 1) * sizeof *changes);
    struct deadline limit;
    size_t wanted = 0;
    enum status status = guard(round, entries, count, &limit, err);
    for (size_t i = 0; i < count; i++)
        if (!entries[i].change->change.status) changes[wanted++] = entries[i].change->change;
    if (!status && wanted) status = registry_repo_apply(round->queue->options.repo, changes, wanted, 1, &limit, err);
    for (size_t i = 0, j = 0; !status && i < count; i++)
        if (!entries[i].change->change.status) entries[i].change->change = changes[j++];
    free(changes);
    return status;
}

/* All of them, in pieces that get smaller while others are faster, and larger again. */
static enum status push_all(struct round *round, struct error *err) {
    struct change_queue *queue = round->queue;
    size_t piece = round->count;
    int refusals = 0, wait_ms = FIRST_WAIT_MS;
    while (round->pushed < round->count) {
        if (piece > round->count - round->pushed) piece = round->count - round->pushed;
        enum status status = push(round, round->entries + round->pushed, piece, err);
        if (status == STATUS_CONFLICT && ++refusals < REFUSALS_MAX) {
            count_one(queue, &queue->counts.refused_pushes);
            usleep((useconds_t)wait_ms * 1000);
            wait_ms = 2 * wait_ms < LONGEST_WAIT_MS ? 2 * wait_ms : LONGEST_WAIT_MS;
            piece = (piece + 1) / 2;
            continue;
        }
        if (status) return status;
        fault_point(queue->options.lock_name);
        count_one(queue, &queue->counts.pushes);
        round->pushed += piece;
        piece *= 2;
        refusals = 0;
        wait_ms = FIRST_WAIT_MS;
    }
    return STATUS_OK;
}

static void reset(struct registry_change *change, struct error *err) {
    change->status = STATUS_OK;
    change->written = false;
    change->commit[0] = '\0';
    if (!change->err) change->err = err;
}

static void run_ticket(struct change_queue *queue, struct ticket *ticket, struct job_store *store, struct deadline *deadline);

/* The `first` changes of those that are still in it, through their own queue; with one that failed, its second is left out. */
static void push_firsts(const struct round *round) {
    struct queued_change *firsts = memory_alloc((round->count + 1) * sizeof *firsts);
    struct ticket ticket = {.changes = firsts, .outer = round};
    struct deadline limit;
    for (size_t i = 0; i < round->count; i++) {
        struct queued_change *change = round->entries[i].change;
        if (change->change.status || !change->first) continue;
        reset(&change->first->change, change->change.err);
        firsts[ticket.count++] = *change->first;
    }
    deadline_start(&limit, step_ms(round));
    if (ticket.count) run_ticket(round->queue->options.first, &ticket, round->store, &limit);
    for (size_t i = 0, j = 0; i < round->count; i++) {
        struct queued_change *change = round->entries[i].change;
        if (change->change.status || !change->first) continue;
        *change->first = firsts[j++];
        if (change->first->change.status) fail(change, change->first->change.status, change->first->change.err);
    }
    free(firsts);
}

static void run_round(struct round *round, struct ticket *tickets) {
    struct error err = {0};
    for (struct ticket *ticket = tickets; ticket; ticket = ticket->next)
        round->count += ticket->count;
    round->entries = memory_alloc((round->count + 1) * sizeof *round->entries);
    size_t n = 0;
    for (struct ticket *ticket = tickets; ticket; ticket = ticket->next)
        for (size_t i = 0; i < ticket->count; i++)
            round->entries[n++] = (struct entry){.change = &ticket->changes[i], .outer = ticket->outer};

    enum status status = begin_round(round, &err);
    if (!status) status = prepare(round, &err);
    if (!status) push_firsts(round);
    if (!status) status = push_all(round, &err);
    for (size_t i = round->pushed; status && i < round->count; i++)
        if (!round->entries[i].change->change.status) fail(round->entries[i].change, status, &err);
    free(round->entries);
}

/* ---- Who leads ---- */

/* Puts up with a lock that is held for as long as the caller may wait, and looks now and then whether it still may. */
static enum status take_lock(struct round *round, struct deadline *deadline, struct error *err) {
    const struct change_queue_options *options = &round->queue->options;
    int64_t until_ms = clock_monotonic_ms() + options->wait_ms;
    enum status status;
    do {
        status = deadline_check(deadline, err);
        if (status) return status;
        int64_t left_ms = until_ms - clock_monotonic_ms();
        status = lock_take(round->store, options->lock_name, options->hold_ms,
                           left_ms < PATIENCE_POLL_MS ? left_ms : PATIENCE_POLL_MS, &round->lock, err);
    } while (status == STATUS_BUSY && clock_monotonic_ms() < until_ms);
    return status;
}

/* With the mutex held: the tickets of the next round, out of the list. */
static struct ticket *take_tickets(struct change_queue *queue) {
    struct ticket *taken = queue->waiting, **end = &queue->waiting;
    size_t total = 0;
    for (const struct ticket *last = NULL; *end; last = *end, end = &(*end)->next) {
        total += (*end)->count;
        if (last && (last->is_alone || (*end)->is_alone || total > ROUND_MAX)) break;
        (*end)->is_taken = true;
    }
    queue->waiting = *end;
    *end = NULL;
    if (!queue->waiting) queue->end = &queue->waiting;
    return taken;
}

/* With the mutex held, which is let go meanwhile. */
static enum status lead_round(struct change_queue *queue, struct job_store *store, struct deadline *deadline,
                              struct error *err) {
    struct round round = {.queue = queue, .store = store};
    struct error ignored;
    pthread_mutex_unlock(&queue->mutex);
    enum status status = take_lock(&round, deadline, err);
    pthread_mutex_lock(&queue->mutex);
    if (status) return status;
    struct ticket *tickets = take_tickets(queue);
    queue->counts.rounds++;
    pthread_mutex_unlock(&queue->mutex);

    run_round(&round, tickets);
    pthread_mutex_lock(&queue->mutex);
    for (struct ticket *ticket = tickets; ticket; ticket = ticket->next)
        ticket->is_done = true; /* its owner is gone with it as soon as the mutex is free */
    pthread_cond_broadcast(&queue->moved);
    pthread_mutex_unlock(&queue->mutex);

    if (lock_release(store, &round.lock, &ignored))
        log_line(LOG_WARN, "lock not released", "lock=%s error=\"%s\"", round.lock.name, ignored.message);
    pthread_mutex_lock(&queue->mutex);
    return STATUS_OK;
}

/* With the mutex held: nobody has taken it up, and its caller does not wait any longer. */
static void withdraw(struct change_queue *queue, struct ticket *ticket, enum status status, const struct error *err) {
    struct ticket **link = &queue->waiting;
    while (*link != ticket)
        link = &(*link)->next;
    *link = ticket->next;
    if (queue->end == &ticket->next) queue->end = link;
    for (size_t i = 0; i < ticket->count; i++)
        fail(&ticket->changes[i], status, err);
    ticket->is_done = true;
}

static void wait_for_leader(struct change_queue *queue) {
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_POLL_MS;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    pthread_cond_timedwait(&queue->moved, &queue->mutex, &until);
}

static void run_ticket(struct change_queue *queue, struct ticket *ticket, struct job_store *store, struct deadline *deadline) {
    struct error err = {0};
    pthread_mutex_lock(&queue->mutex);
    *queue->end = ticket;
    queue->end = &ticket->next;
    while (!ticket->is_done) {
        enum status status = STATUS_OK;
        if (queue->is_led) {
            wait_for_leader(queue);
            if (!ticket->is_taken) status = deadline_check(deadline, &err);
        } else {
            queue->is_led = true;
            status = lead_round(queue, store, deadline, &err);
            queue->is_led = false;
            pthread_cond_broadcast(&queue->moved);
        }
        if (status) withdraw(queue, ticket, status, &err);
    }
    pthread_mutex_unlock(&queue->mutex);
}

enum status change_queue_commit(struct change_queue *queue, struct job_store *store, struct queued_change *changes,
                                size_t count, struct deadline *deadline, struct error *err) {
    struct ticket ticket = {.changes = changes, .count = count};
    for (size_t i = 0; i < count; i++) {
        reset(&changes[i].change, err);
        if (changes[i].is_alone) ticket.is_alone = true;
        assert(!changes[i].first || queue->options.first);
    }
    run_ticket(queue, &ticket, store, deadline);
    for (size_t i = 0; i < count; i++)
        if (changes[i].change.status) return changes[i].change.status;
    return STATUS_OK;
}
