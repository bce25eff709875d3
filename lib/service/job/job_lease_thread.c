/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The runner's lease thread. While jobs run, it visits every slot each FLUSH_MS: it renews leases after a third of their
 * length and writes buffered log lines. Periodically it has a slot look for pending jobs, and takes back the expired leases of
 * all runners. While Redis is unreachable, it still detects that a lease has expired.
 */
#include "lib/base/clock.h"
#include "lib/service/job/job_log.h"
#include "lib/service/job/job_slot.h"

enum {
    FLUSH_MS = 20,
    RENEW_AGAIN_MIN_MS = 20, /* after a failed renewal; else a tenth of the lease */
};

struct rounds {
    int64_t scan_at_ms; /* INT64_MAX: never */
    int64_t reap_at_ms;
};

/* ---- Runs ---- */

static enum status renew(struct job_slot *slot, int64_t now_ms) {
    struct job_runner *runner = slot->runner;
    struct error err = {0};
    enum status status = job_store_renew(runner->store, &slot->run->lease, runner->lease_ms, &err);
    if (!status) {
        slot->held_until_ms = now_ms + runner->lease_ms;
        slot->renew_at_ms = now_ms + runner->lease_ms / 3;
    } else if (status == STATUS_STALE) {
        slot->renew_at_ms = INT64_MAX;
        deadline_cancel(&slot->run->deadline, STATUS_STALE);
        log_line(LOG_WARN, "lease_lost", log_field("job", slot->run->job.id), log_field("reason", err.message));
    } else {
        int64_t pause_ms = runner->lease_ms / 10;
        slot->renew_at_ms = now_ms + (pause_ms > RENEW_AGAIN_MIN_MS ? pause_ms : RENEW_AGAIN_MIN_MS);
    }
    return status;
}

static void notice_lost_lease(struct job_slot *slot) {
    if (slot->renew_at_ms == INT64_MAX || clock_monotonic_ms() < slot->held_until_ms) return;
    slot->renew_at_ms = INT64_MAX;
    deadline_cancel(&slot->run->deadline, STATUS_STALE);
    log_line(LOG_WARN, "lease_lost", log_field("job", slot->run->job.id),
             log_field("reason", "Redis did not answer while the lease lasted."));
}

/* Renews the lease and writes the log of the slot's run, if it has one. False: Redis is unreachable. */
static bool tend_run(struct job_slot *slot, bool redis_answers) {
    pthread_mutex_lock(&slot->mutex);
    if (slot->run) {
        int64_t now_ms = clock_monotonic_ms();
        struct error err = {0};
        if (redis_answers && now_ms >= slot->renew_at_ms) redis_answers = !job_store_is_away(renew(slot, now_ms));
        if (redis_answers)
            redis_answers = !job_store_is_away(job_log_write(slot->run->log, slot->runner->store, &slot->run->lease, &err));
        notice_lost_lease(slot);
    }
    pthread_mutex_unlock(&slot->mutex);
    return redis_answers;
}

/* ---- Expired leases ---- */

static void reap(struct job_runner *runner) {
    struct error err = {0};
    struct job_reaped reaped;
    enum status status = job_store_reap(runner->store, runner->lease_ms, &reaped, &err);
    if (status && !job_store_is_away(status)) log_line(LOG_ERROR, "lease_check_failed", log_field("error", err.message));
    if (status) return; /* retried in the next round */
    for (size_t i = 0; i < reaped.failed; i++)
        job_runner_alarm(runner, "job_given_up", reaped.failed_ids[i], "Its runners were lost three times.");
    for (size_t i = 0; i < reaped.alarming; i++)
        job_runner_alarm(runner, "job_retried", reaped.alarming_ids[i], "Its runners were lost three times.");
    if (reaped.logs_removed > 0)
        log_line(LOG_WARN, "logs_removed", log_field("count", reaped.logs_removed),
                 log_field("reason", "Redis is short of memory."));
    if (reaped.returned > 0) log_line(LOG_WARN, "leases_expired", log_field("count", reaped.returned));
    if (reaped.returned + reaped.failed > 0 && runner->settings->pending_scan_ms > 0) job_runner_poll(runner);
}

/* ---- The thread ---- */

/* Wakes a slot if a lock poll or a delayed job is due. */
static void poll_again(struct job_runner *runner, int64_t now_ms) {
    pthread_mutex_lock(&runner->mutex);
    bool is_due = now_ms >= job_runner_next_poll_ms(runner);
    if (now_ms >= runner->poll_at_ms) runner->poll_at_ms = INT64_MAX;
    for (size_t i = runner->polls.count; i-- > 0;)
        if (now_ms >= runner->polls.items[i]) runner->polls.items[i] = runner->polls.items[--runner->polls.count];
    pthread_mutex_unlock(&runner->mutex);
    if (is_due) job_runner_poll(runner);
}

static void go_round(struct job_runner *runner, struct rounds *rounds) {
    bool redis_answers = true;
    for (int i = 0; i < runner->slot_count; i++)
        redis_answers = tend_run(&runner->slots[i], redis_answers);
    int64_t now_ms = clock_monotonic_ms();
    poll_again(runner, now_ms);
    if (now_ms >= rounds->scan_at_ms) {
        rounds->scan_at_ms = now_ms + runner->settings->pending_scan_ms;
        job_runner_poll(runner);
    }
    if (now_ms >= rounds->reap_at_ms && redis_answers) {
        rounds->reap_at_ms = now_ms + runner->lease_ms / 3;
        reap(runner);
    }
}

/* Waits until the next action is due. False: the runner has stopped. */
static bool wait_for_next(struct job_runner *runner, const struct rounds *rounds) {
    int64_t due_ms = rounds->scan_at_ms < rounds->reap_at_ms ? rounds->scan_at_ms : rounds->reap_at_ms;
    int64_t flush_ms = clock_monotonic_ms() + FLUSH_MS;
    pthread_mutex_lock(&runner->mutex);
    bool is_in_time = true;
    while (!runner->is_stopped && is_in_time) {
        int64_t poll_ms = job_runner_next_poll_ms(runner), until_ms = poll_ms < due_ms ? poll_ms : due_ms;
        if (runner->running > 0 && flush_ms < until_ms) until_ms = flush_ms;
        is_in_time = job_runner_wait(runner, &runner->state_moved, until_ms);
    }
    bool is_stopped = runner->is_stopped;
    pthread_mutex_unlock(&runner->mutex);
    return !is_stopped;
}

void job_lease_thread(void *context) {
    struct job_runner *runner = context;
    int64_t now_ms = clock_monotonic_ms();
    struct rounds rounds = {
        .scan_at_ms = runner->settings->pending_scan_ms > 0 ? now_ms : INT64_MAX,
        .reap_at_ms = now_ms,
    };
    do
        go_round(runner, &rounds);
    while (wait_for_next(runner, &rounds));
}
