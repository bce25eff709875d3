/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A free slot is woken for two reasons: a message announced a job id, or Redis may hold work that was not announced to this
 * process. The second goes first, since Redis hands out jobs in order of acceptance. It is assumed after a periodic scan, after
 * every claim of the next job (there may be more, for other slots), after every run (the next job of the same package can run
 * now), and shortly after a claim that was refused because of a lock.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/condition.h"
#include "lib/base/memory.h"
#include "lib/service/job/job_slot.h"

enum {
    STORE_TIMEOUT_MIN_MS = 50, /* a quarter of the lease, so that a silent Redis is noticed in time */
    STORE_TIMEOUT_MAX_MS = 5000,
    CLAIM_RETRY_MS = 100, /* while Redis is unreachable */
    LOCK_POLL_MS = 50,    /* while a package's lock is held, which is brief */
};

bool job_runner_wait(struct job_runner *runner, pthread_cond_t *condition, int64_t until_ms) {
    if (until_ms == INT64_MAX) return pthread_cond_wait(condition, &runner->mutex) == 0;
    return condition_wait_until(condition, &runner->mutex, until_ms);
}

void job_runner_alarm(struct job_runner *runner, const char *event, const char *job_id, const char *why) {
    atomic_fetch_add(&runner->alarms, 1);
    log_line(LOG_ERROR, event, log_field("job", job_id), log_field("reason", why));
}

int64_t job_runner_alarms(const struct job_runner *runner) {
    return atomic_load(&runner->alarms);
}

int job_runner_slots(const struct job_runner *runner) {
    return runner->slot_count;
}

int job_runner_busy_slots(struct job_runner *runner) {
    pthread_mutex_lock(&runner->mutex);
    int running = runner->running;
    pthread_mutex_unlock(&runner->mutex);
    return running;
}

/* ---- Work ---- */

void job_runner_poll(struct job_runner *runner) {
    pthread_mutex_lock(&runner->mutex);
    runner->may_have_work = true;
    pthread_cond_signal(&runner->work_came);
    pthread_mutex_unlock(&runner->mutex);
}

/* Asks Redis again after a short pause: a job that could run waits for a lock that no job holds (lib/store/redis/lock.h). */
static void poll_soon(struct job_runner *runner) {
    int64_t at_ms = clock_monotonic_ms() + LOCK_POLL_MS;
    pthread_mutex_lock(&runner->mutex);
    if (at_ms < runner->poll_at_ms) runner->poll_at_ms = at_ms;
    pthread_cond_broadcast(&runner->state_moved);
    pthread_mutex_unlock(&runner->mutex);
}

int64_t job_runner_next_poll_ms(const struct job_runner *runner) {
    int64_t at_ms = runner->poll_at_ms;
    for (size_t i = 0; i < runner->polls.count; i++)
        if (runner->polls.items[i] < at_ms) at_ms = runner->polls.items[i];
    return at_ms;
}

void job_runner_announce(struct job_runner *runner, const char *job_id) {
    struct announcement *announcement = memory_alloc(sizeof *announcement);
    bool is_id = strlen(job_id) < UUID_TEXT_MAX;
    if (is_id) strcpy(announcement->job_id, job_id);
    pthread_mutex_lock(&runner->mutex);
    bool is_queued = is_id && queue_add(&runner->announced, &announcement->link);
    if (!is_queued) runner->may_have_work = true;
    pthread_cond_signal(&runner->work_came);
    pthread_mutex_unlock(&runner->mutex);
    if (!is_queued) free(announcement);
}

/* Moves the oldest announced id to `job_id`, with the runner's mutex held. False: there is none. */
static bool take_announced(struct job_runner *runner, char job_id[UUID_TEXT_MAX]) {
    struct announcement *announcement = QUEUE_ITEM(queue_take(&runner->announced), struct announcement, link);
    if (!announcement) return false;
    memcpy(job_id, announcement->job_id, UUID_TEXT_MAX);
    free(announcement);
    return true;
}

/* Waits for work: `job_id` gets an announced id, or "" for the next job that can run. False: draining. */
static bool take_work(struct job_runner *runner, char job_id[UUID_TEXT_MAX]) {
    pthread_mutex_lock(&runner->mutex);
    while (!runner->is_draining && !runner->may_have_work && !runner->announced.first)
        pthread_cond_wait(&runner->work_came, &runner->mutex);
    bool is_there = !runner->is_draining;
    job_id[0] = '\0';
    if (runner->may_have_work)
        runner->may_have_work = false;
    else if (is_there)
        take_announced(runner, job_id);
    pthread_mutex_unlock(&runner->mutex);
    return is_there;
}

/* Pauses before a retry while Redis is unreachable. False: the runner is draining, and must not retry. */
static bool wait_for_redis(struct job_runner *runner) {
    return thread_pause(&runner->slot_threads, CLAIM_RETRY_MS);
}

/* ---- The slots' threads ---- */

static enum status try_claim(struct job_slot *slot, const char *job_id, struct job_run *run, struct error *err) {
    struct job_runner *runner = slot->runner;
    if (job_id[0])
        return job_store_claim(slot->store, job_id, slot->name, runner->lease_ms, &run->arena, &run->lease, &run->job, err);
    return job_store_claim_next(slot->store, runner->kinds, slot->name, runner->lease_ms, &run->arena, &run->lease, &run->job,
                                err);
}

/* A claim whose reply was lost may have been made some time ago, so its lease is renewed; retried for as long as the lease may
 * hold. */
static enum status renew_claimed(struct job_slot *slot, const struct job_run *run, int64_t *claimed_ms, struct error *err) {
    struct job_runner *runner = slot->runner;
    int64_t until_ms = clock_monotonic_ms() + runner->lease_ms;
    enum status status;
    do {
        *claimed_ms = clock_monotonic_ms();
        status = job_store_renew(slot->store, &run->lease, runner->lease_ms, err);
    } while (job_store_is_away(status) && *claimed_ms < until_ms && wait_for_redis(runner));
    return status;
}

/* Claims a job, retrying until Redis answers. *claimed_ms is a time before the lease began. */
static enum status claim(struct job_slot *slot, const char *job_id, struct job_run *run, int64_t *claimed_ms,
                         struct error *err) {
    struct job_runner *runner = slot->runner;
    bool was_away = false;
    enum status status;
    *claimed_ms = clock_monotonic_ms();
    while (job_store_is_away(status = try_claim(slot, job_id, run, err)) && wait_for_redis(runner)) {
        if (!was_away) log_line(LOG_DEBUG, "job_claim_failed", log_field("error", err->message));
        was_away = true;
    }
    return status || !was_away ? status : renew_claimed(slot, run, claimed_ms, err);
}

/* Claims a job and runs it. No job, or one that another runner has claimed, is no failure. */
static void try_work(struct job_slot *slot, const char *job_id) {
    struct job_runner *runner = slot->runner;
    struct job_run run = {0};
    struct error err = {0};
    int64_t claimed_ms;
    enum status status = claim(slot, job_id, &run, &claimed_ms, &err);
    if (!status) {
        if (!job_id[0]) job_runner_poll(runner); /* there may be more, for another slot */
        job_run_carry_out(slot, &run, claimed_ms);
        job_runner_poll(runner);
    } else if (status == STATUS_BUSY) {
        poll_soon(runner);
    } else if (status != STATUS_NOT_FOUND && !job_store_is_away(status)) {
        log_line(LOG_ERROR, "job_claim_failed", log_field("job", job_id), log_field("error", err.message));
    }
    arena_release(&run.arena);
}

static void slot_main(void *context) {
    struct job_slot *slot = context;
    char job_id[UUID_TEXT_MAX];
    while (take_work(slot->runner, job_id))
        try_work(slot, job_id);
}

/* ---- Beginning ---- */

static void init_locks(struct job_runner *runner) {
    pthread_mutex_init(&runner->mutex, NULL);
    condition_init(&runner->work_came);
    condition_init(&runner->state_moved);
    thread_init(&runner->slot_threads);
    thread_init(&runner->housekeeper);
    thread_init(&runner->retention);
    for (int i = 0; i < runner->slot_count; i++)
        pthread_mutex_init(&runner->slots[i].mutex, NULL);
}

static int store_timeout_ms(int64_t lease_ms) {
    int64_t timeout_ms = lease_ms / 4;
    if (timeout_ms < STORE_TIMEOUT_MIN_MS) return STORE_TIMEOUT_MIN_MS;
    return timeout_ms < STORE_TIMEOUT_MAX_MS ? (int)timeout_ms : STORE_TIMEOUT_MAX_MS;
}

static enum status create_stores(struct job_runner *runner, const char *name, struct error *err) {
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    int timeout_ms = store_timeout_ms(runner->lease_ms);
    enum status status = job_store_create(&runner->store, runner->settings->redis_url, timeout_ms, err);
    if (!status && runner->settings->storage_dir)
        status = job_store_create(&runner->retention_store, runner->settings->redis_url, timeout_ms, err);
    for (int i = 0; i < runner->slot_count && !status; i++) {
        struct job_slot *slot = &runner->slots[i];
        slot->runner = runner;
        snprintf(slot->name, sizeof slot->name, "%s/%s/%d/%d", name, host, (int)getpid(), i);
        status = job_store_create(&slot->store, runner->settings->redis_url, timeout_ms, err);
    }
    return status;
}

static enum status start_threads(struct job_runner *runner, struct error *err) {
    enum status status = thread_start(&runner->housekeeper, "housekeeper", job_lease_thread, runner, err);
    if (!status && runner->retention_store)
        status = thread_start(&runner->retention, "retention", job_retention_thread, runner, err);
    for (int i = 0; i < runner->slot_count && !status; i++)
        status = thread_start(&runner->slot_threads, "job-slot", slot_main, &runner->slots[i], err);
    return status;
}

enum status job_runner_create(struct job_runner **out, const struct settings *settings, const char *name, int slots,
                              const struct job_handler *handlers, void *context, struct error *err) {
    assert(slots > 0);
    struct job_runner *runner = memory_alloc(sizeof *runner);
    runner->settings = settings;
    runner->handlers = handlers;
    runner->context = context;
    runner->lease_ms = settings->lease_ms;
    runner->poll_at_ms = INT64_MAX;
    runner->announced.limit = ANNOUNCED_MAX;
    runner->slots = memory_alloc((size_t)slots * sizeof *runner->slots);
    runner->slot_count = slots;
    for (const struct job_handler *handler = handlers; handler->run; handler++) {
        assert(job_kind_timeout_ms(handler->kind, settings) > 0);
        runner->kinds |= 1U << handler->kind;
    }
    init_locks(runner);
    enum status status = create_stores(runner, name, err);
    if (!status) status = start_threads(runner, err);
    if (status)
        job_runner_free(runner, 0);
    else
        *out = runner;
    return status;
}

/* ---- End ---- */

static void drain(struct job_runner *runner, int64_t drain_ms) {
    int64_t until_ms = clock_monotonic_ms() + drain_ms;
    thread_request_stop(&runner->slot_threads);
    thread_request_stop(&runner->retention);
    pthread_mutex_lock(&runner->mutex);
    runner->is_draining = true;
    pthread_cond_broadcast(&runner->work_came);
    pthread_cond_broadcast(&runner->state_moved);
    while (runner->running > 0 && job_runner_wait(runner, &runner->state_moved, until_ms)) {
    }
    runner->has_given_up = true;
    pthread_cond_broadcast(&runner->state_moved);
    pthread_mutex_unlock(&runner->mutex);
}

static void hand_back(struct job_slot *slot) {
    pthread_mutex_lock(&slot->mutex);
    if (slot->run) deadline_cancel(&slot->run->deadline, STATUS_CANCELLED);
    pthread_mutex_unlock(&slot->mutex);
}

static void stop_threads(struct job_runner *runner) {
    for (int i = 0; i < runner->slot_count; i++)
        hand_back(&runner->slots[i]);
    thread_release(&runner->slot_threads);
    pthread_mutex_lock(&runner->mutex);
    runner->is_stopped = true;
    pthread_cond_broadcast(&runner->state_moved);
    pthread_mutex_unlock(&runner->mutex);
    thread_release(&runner->housekeeper);
    thread_release(&runner->retention);
}

void job_runner_free(struct job_runner *runner, int64_t drain_ms) {
    if (!runner) return;
    drain(runner, drain_ms);
    stop_threads(runner);
    for (char job_id[UUID_TEXT_MAX]; take_announced(runner, job_id);)
        continue;
    for (int i = 0; i < runner->slot_count; i++) {
        job_store_free(runner->slots[i].store);
        pthread_mutex_destroy(&runner->slots[i].mutex);
    }
    job_store_free(runner->retention_store);
    job_store_free(runner->store);
    pthread_cond_destroy(&runner->work_came);
    pthread_cond_destroy(&runner->state_moved);
    pthread_mutex_destroy(&runner->mutex);
    free(runner->polls.items);
    free(runner->slots);
    free(runner);
}
