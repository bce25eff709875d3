/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A group commit. The leader takes the lock first and then the tickets that wait at that time: those that arrive while it waits
 * for the lock share its round.
 *
 * A caller usually wants its next change right after the last one. So after a round with other callers, the leader does not
 * release the lock at once, but waits a moment for one of them to come back and lead the next round under the same lock, which
 * saves Redis two writes; and the new leader waits a moment for the others, which saves pushes. After TURN_MS of such rounds
 * there is a pause in which other processes can take the lock.
 */
#include "lib/store/registry/change_queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/condition.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/queue.h"
#include "lib/store/redis/lock.h"

enum {
    ROUND_MAX = 1000,       /* changes in one round, unless one caller has more */
    AWAY_POLL_MS = 50,      /* while Redis is unreachable */
    PATIENCE_POLL_MS = 100, /* interval at which a waiting caller checks its deadline */
    LINGER_US = 2000,       /* how long a leader waits for a caller that takes the lock over */
    GATHER_US = 1000,       /* how long that caller waits for as many others as the last round had */
    TURN_MS = 1000,         /* how long rounds may follow each other without a pause */
    PAUSE_MS = 2 * LOCK_POLL_MS,
    PIECE_MIN = 16,      /* smallest piece of a push: fewer commits would not make it faster */
    REFUSALS_MAX = 60,   /* in a row: others push all the time */
    AWAIT_MOVE_MS = 300, /* how long to wait for the next push of a writer that pushes over and over */
    WAIT_MAX_MS = 20,    /* limit of the random pause between tries */
};

/* One call of change_queue_commit(), on its caller's stack. The queue's mutex guards it while it waits. */
struct ticket {
    struct queued_change *changes;
    size_t count;
    const struct round *outer; /* the round whose `first` changes these are: its lock must hold, too; NULL: none */
    bool is_alone, is_taken, is_done;
    pthread_cond_t woken; /* signalled when it is done, and when it should lead */
    struct queue_link link;
};

struct change_queue {
    struct change_queue_options options;
    pthread_mutex_t mutex; /* guards the members up to `counts` */
    struct queue waiting;  /* struct ticket */
    size_t expected_count; /* the number of callers that the leader waits for */
    pthread_cond_t came;   /* expected_count callers wait */
    bool is_led;
    struct change_queue_counts counts;

    /* Used by the leader alone: */
    struct lock lock;
    bool has_lock;
    size_t last_count;                  /* of callers in the last round */
    int64_t turn_began_ms, released_ms; /* the first of rounds in close succession; the last of them */
    int64_t swept_ms;                   /* when files of killed writers were last removed; 0: never */
};

struct entry {
    struct queued_change *change;
    const struct round *outer;
};

/* Used by the leader alone. */
struct round {
    struct change_queue *queue;
    struct job_store *store;
    struct entry *entries;
    size_t count;
    size_t pushed; /* the number of entries that are pushed, or have failed */
};

struct change_queue *change_queue_create(const struct change_queue_options *options) {
    assert(options->hold_ms > 1);
    struct change_queue *queue = memory_alloc(sizeof *queue);
    pthread_mutex_init(&queue->mutex, NULL);
    condition_init(&queue->came);
    queue->options = *options;
    return queue;
}

void change_queue_free(struct change_queue *queue) {
    if (!queue) return;
    assert(!queue->waiting.first && !queue->is_led && !queue->has_lock);
    pthread_cond_destroy(&queue->came);
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

/* The time limit of a step; the lock is held twice as long. */
static int64_t step_ms(const struct round *round) {
    return round->queue->options.hold_ms / 2;
}

/* Makes sure that the lock holds for a step. Retries while Redis is unreachable and the lock may still hold. */
static enum status keep_lock(const struct round *round, struct error *err) {
    const struct change_queue *queue = round->queue;
    int64_t until_ms = clock_monotonic_ms() + step_ms(round);
    enum status status;
    while (job_store_is_away(status = lock_keep(round->store, &queue->lock, step_ms(round), queue->options.hold_ms, err)) &&
           clock_monotonic_ms() < until_ms)
        clock_sleep_ms(AWAY_POLL_MS);
    if (status == STATUS_STALE)
        status = error_set(err, STATUS_BUSY, "The lock %s was lost; it is taken again.", queue->lock.name);
    return error_mark(err, status, TROUBLE_REPOSITORY);
}

/* Before a step that ends at `limit`: fails each change that must not be written for that long. Returns a failure if the
 * queue's own lock does not hold. */
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
        if (!status && change->guard) status = change->guard(change->guard_context, step_ms(round), err);
        if (status) fail(change, status, err);
    }
    return keep_lock(round, err);
}

/* Removes the files that killed writers left. While pushes succeed, they are harmless. */
static enum status sweep(struct change_queue *queue, struct error *err) {
    queue->swept_ms = clock_monotonic_ms();
    return registry_repo_remove_stale_locks(queue->options.repo, queue->options.hold_ms, NULL, err);
}

static enum status begin_round(struct round *round, struct error *err) {
    struct change_queue *queue = round->queue;
    const struct change_queue_options *options = &queue->options;
    struct deadline limit;
    enum status status = STATUS_OK;
    deadline_start(&limit, step_ms(round));
    if (!queue->swept_ms || clock_monotonic_ms() - queue->swept_ms >= options->hold_ms) status = sweep(queue, err);
    if (!status && options->begin) status = options->begin(options->context, &limit, err);
    return registry_repo_as_trouble(status, err);
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

/* Tries once to make the changes that have not failed, and stores each outcome. A failure: none is known to be pushed. */
static enum status push(const struct round *round, const struct entry *entries, size_t count, struct error *err) {
    struct registry_change *changes = memory_alloc((count + 1) * sizeof *changes);
    struct deadline limit;
    size_t wanted = 0;
    enum status status = guard(round, entries, count, &limit, err);
    for (size_t i = 0; i < count; i++)
        if (!entries[i].change->change.status) changes[wanted++] = entries[i].change->change;
    if (!status && wanted)
        status =
            registry_repo_as_trouble(registry_repo_apply(round->queue->options.repo, changes, wanted, 1, &limit, err), err);
    for (size_t i = 0, j = 0; !status && i < count; i++)
        if (!entries[i].change->change.status) entries[i].change->change = changes[j++];
    free(changes);
    return status;
}

/* Waits before the next try. Against a writer that pushes over and over, the best moment is right after one of its pushes,
 * which registry_repo_await_move() has then fetched already: our fetch and push need only be faster than that writer's period,
 * while the risk of a try at any other moment is its share of the period. A random pause keeps similar services apart. */
static void give_way(const struct round *round, int refusals) {
    struct error ignored; /* the next push reports it */
    struct deadline limit;
    deadline_start(&limit, step_ms(round));
    if (refusals > 1 && refusals % 4 != 0 &&
        !registry_repo_await_move(round->queue->options.repo, AWAIT_MOVE_MS, &limit, &ignored))
        return;
    clock_sleep_ms(clock_monotonic_us() % WAIT_MAX_MS);
}

/* Pushes all changes, in pieces that are halved after a refusal, since a shorter push is more likely to fit between those of
 * others, and doubled after a success. */
static enum status push_all(struct round *round, struct error *err) {
    struct change_queue *queue = round->queue;
    size_t piece = round->count;
    int refusals = 0;
    while (round->pushed < round->count) {
        if (piece > round->count - round->pushed) piece = round->count - round->pushed;
        enum status status = push(round, round->entries + round->pushed, piece, err);
        if (status == STATUS_CONFLICT && ++refusals < REFUSALS_MAX) {
            count_one(queue, &queue->counts.refused_pushes);
            if (refusals > 1) status = sweep(queue, err);
            if (refusals > 1 && status) return status;
            give_way(round, refusals);
            piece = piece / 2 > PIECE_MIN ? piece / 2 : PIECE_MIN;
            continue;
        }
        if (status) return status;
        fault_point(queue->options.lock_name);
        count_one(queue, &queue->counts.pushes);
        round->pushed += piece;
        piece *= 2;
        refusals = 0;
    }
    return STATUS_OK;
}

static void reset(struct registry_change *change, struct error *err) {
    change->status = STATUS_OK;
    change->written = change->is_tag_taken = false;
    change->commit[0] = '\0';
    if (!change->err) change->err = err;
}

static void run_ticket(struct change_queue *queue, struct ticket *ticket, struct job_store *store, struct deadline *deadline);

/* Makes the `first` changes of the entries that have not failed, through their own queue; each that fails fails its entry. */
static void push_firsts(const struct round *round) {
    struct queued_change *firsts = memory_alloc((round->count + 1) * sizeof *firsts);
    struct ticket ticket = {.changes = firsts, .outer = round};
    struct deadline limit;
    for (size_t i = 0; i < round->count; i++) {
        struct queued_change *change = round->entries[i].change;
        if (change->change.status || !change->first) continue;
        reset(&change->first->change, change->change.err);
        if (change->first->is_alone) ticket.is_alone = true;
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

static struct ticket *ticket_at(struct queue_link *link) {
    return QUEUE_ITEM(link, struct ticket, link);
}

static void run_round(struct round *round, const struct queue *tickets) {
    struct error err = {0};
    for (struct queue_link *at = tickets->first; at; at = at->next)
        round->count += ticket_at(at)->count;
    round->entries = memory_alloc((round->count + 1) * sizeof *round->entries);
    size_t n = 0;
    for (struct queue_link *at = tickets->first; at; at = at->next) {
        const struct ticket *ticket = ticket_at(at);
        for (size_t i = 0; i < ticket->count; i++)
            round->entries[n++] = (struct entry){.change = &ticket->changes[i], .outer = ticket->outer};
    }

    enum status status = begin_round(round, &err);
    if (!status) status = prepare(round, &err);
    if (!status) push_firsts(round);
    if (!status) status = push_all(round, &err);
    for (size_t i = round->pushed; status && i < round->count; i++)
        if (!round->entries[i].change->change.status) fail(round->entries[i].change, status, &err);
    free(round->entries);
}

/* ---- The lock, over several rounds ---- */

/* Waits for a lock that is held, or while Redis is unreachable, up to wait_ms, and checks the caller's deadline meanwhile. */
static enum status wait_for_lock(struct change_queue *queue, struct job_store *store, struct deadline *deadline,
                                 struct error *err) {
    const struct change_queue_options *options = &queue->options;
    int64_t until_ms = clock_monotonic_ms() + options->wait_ms;
    bool is_begun = false;
    enum status status;
    do {
        status = deadline_check(deadline, err);
        if (status) return status;
        int64_t left_ms = until_ms - clock_monotonic_ms();
        if (left_ms > PATIENCE_POLL_MS) left_ms = PATIENCE_POLL_MS;
        status = is_begun ? lock_take_again(store, &queue->lock, left_ms, err)
                          : lock_take(store, options->lock_name, options->hold_ms, left_ms, &queue->lock, err);
        is_begun = true;
    } while ((status == STATUS_BUSY || job_store_is_away(status)) && clock_monotonic_ms() < until_ms);
    return error_mark(err, status, TROUBLE_REPOSITORY);
}

/* A turn ends with a pause, or when the queue was idle for the length of a pause. */
static void begin_turn(struct change_queue *queue) {
    int64_t now_ms = clock_monotonic_ms();
    bool is_over = now_ms - queue->turn_began_ms >= TURN_MS;
    bool was_idle = now_ms - queue->released_ms >= PAUSE_MS;
    if (is_over && !was_idle) clock_sleep_ms(PAUSE_MS - (now_ms - queue->released_ms));
    if (is_over || was_idle) queue->turn_began_ms = clock_monotonic_ms();
}

/* Keeps the lock that the last round left, if it still holds; else takes it. */
static enum status hold_lock(struct change_queue *queue, struct job_store *store, struct deadline *deadline,
                             struct error *err) {
    const struct change_queue_options *options = &queue->options;
    if (queue->has_lock && lock_keep(store, &queue->lock, options->hold_ms / 2, options->hold_ms, err) == STATUS_OK)
        return STATUS_OK;
    queue->has_lock = false;
    begin_turn(queue);
    enum status status = wait_for_lock(queue, store, deadline, err);
    queue->has_lock = status == STATUS_OK;
    return status;
}

static void release_lock(struct change_queue *queue, struct job_store *store) {
    struct error ignored;
    queue->has_lock = false;
    if (lock_release(store, &queue->lock, &ignored))
        log_line(LOG_WARN, "lock_release_failed", log_field("lock", queue->lock.name), log_field("error", ignored.message));
    queue->released_ms = clock_monotonic_ms();
}

/* ---- Leading ---- */

static struct timespec time_after(int64_t us) {
    int64_t at_us = clock_monotonic_us() + us;
    return (struct timespec){.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
}

/* Waits until `count` tickets wait, for at most `limit_us`; with the mutex held, which is released meanwhile. */
static void wait_for_callers(struct change_queue *queue, size_t count, int64_t limit_us) {
    struct timespec until = time_after(limit_us);
    queue->expected_count = count;
    while (queue->waiting.count < count && pthread_cond_timedwait(&queue->came, &queue->mutex, &until) == 0)
        continue;
}

/* Takes the tickets of the next round; with the mutex held. */
static struct queue take_tickets(struct change_queue *queue) {
    struct queue taken = {0};
    size_t total = 0;
    const struct ticket *last = NULL;
    for (struct ticket *ticket; (ticket = ticket_at(queue->waiting.first)); last = ticket) {
        total += ticket->count;
        if (last && (last->is_alone || ticket->is_alone || total > ROUND_MAX)) break;
        ticket->is_taken = true;
        queue_remove(&queue->waiting, &ticket->link);
        queue_add(&taken, &ticket->link);
    }
    return taken;
}

/* Wakes the tickets' callers; with the mutex held: once it is released, the tickets may be gone. */
static void finish_tickets(const struct queue *tickets) {
    for (struct queue_link *at = tickets->first; at; at = at->next) {
        struct ticket *ticket = ticket_at(at);
        ticket->is_done = true;
        pthread_cond_signal(&ticket->woken);
    }
}

/* Leads one round; with the mutex held, which is released meanwhile. `is_inner`: for another queue's leader, without delay. */
static enum status lead_round(struct change_queue *queue, struct job_store *store, bool is_inner, struct deadline *deadline,
                              struct error *err) {
    struct round round = {.queue = queue, .store = store};
    bool is_passed_on = queue->has_lock;
    pthread_mutex_unlock(&queue->mutex);
    enum status status = hold_lock(queue, store, deadline, err);
    pthread_mutex_lock(&queue->mutex);
    if (status) return status;
    if (is_passed_on) wait_for_callers(queue, queue->last_count, GATHER_US);
    const struct queue tickets = take_tickets(queue);
    queue->counts.rounds++;
    pthread_mutex_unlock(&queue->mutex);

    run_round(&round, &tickets);
    pthread_mutex_lock(&queue->mutex);
    finish_tickets(&tickets);
    queue->last_count = tickets.count;
    bool has_time = clock_monotonic_ms() - queue->turn_began_ms < TURN_MS;
    if (has_time && !is_inner && queue->last_count > 1) wait_for_callers(queue, 1, LINGER_US);
    if (has_time && queue->waiting.first) return STATUS_OK; /* one of these callers takes the lock over */
    pthread_mutex_unlock(&queue->mutex);
    release_lock(queue, store);
    pthread_mutex_lock(&queue->mutex);
    return STATUS_OK;
}

/* Lets a waiting caller lead the next round; without one, releases the lock. The mutex is held, and released meanwhile. */
static void hand_on(struct change_queue *queue, struct job_store *store) {
    while (!queue->waiting.first && queue->has_lock) {
        pthread_mutex_unlock(&queue->mutex);
        release_lock(queue, store);
        pthread_mutex_lock(&queue->mutex);
    }
    queue->is_led = false;
    if (queue->waiting.first) pthread_cond_signal(&ticket_at(queue->waiting.first)->woken);
}

/* Takes a ticket out of the queue that no leader has taken, and fails its changes; with the mutex held. */
static void withdraw(struct change_queue *queue, struct ticket *ticket, enum status status, const struct error *err) {
    queue_remove(&queue->waiting, &ticket->link);
    for (size_t i = 0; i < ticket->count; i++)
        fail(&ticket->changes[i], status, err);
    ticket->is_done = true;
}

static void append(struct change_queue *queue, struct ticket *ticket) {
    queue_add(&queue->waiting, &ticket->link);
    if (queue->is_led && queue->waiting.count >= queue->expected_count) pthread_cond_signal(&queue->came);
}

static void run_ticket(struct change_queue *queue, struct ticket *ticket, struct job_store *store, struct deadline *deadline) {
    struct error err = {0};
    condition_init(&ticket->woken);
    pthread_mutex_lock(&queue->mutex);
    append(queue, ticket);
    while (!ticket->is_done) {
        enum status status = STATUS_OK;
        bool leads = !queue->is_led;
        if (leads) {
            queue->is_led = true;
            status = lead_round(queue, store, ticket->outer != NULL, deadline, &err);
        } else {
            struct timespec until = time_after(PATIENCE_POLL_MS * 1000);
            pthread_cond_timedwait(&ticket->woken, &queue->mutex, &until);
            if (!ticket->is_taken) status = deadline_check(deadline, &err);
        }
        if (status) withdraw(queue, ticket, status, &err);
        if (leads) hand_on(queue, store);
    }
    pthread_mutex_unlock(&queue->mutex);
    pthread_cond_destroy(&ticket->woken);
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
