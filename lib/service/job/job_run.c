/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One run of a job, on its slot's thread: calls the handler, maps its status to an outcome (the table in job_runner.h), and
 * stores that in Redis: first all log lines, then the end, each retried until Redis has answered.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/service/job/job_log.h"
#include "lib/service/job/job_slot.h"
#include "lib/store/job/job_waiting.h"
#include "lib/store/registry/registry_repo.h"

enum {
    POLL_MS = 50,        /* while a handler waits for Redis to come back */
    POLL_MARGIN_MS = 20, /* Redis measures the delay by its own clock */
    STEP_RETRY_MIN_MS = 20,
    STEP_RETRY_MAX_MS = 1000,
    TRY_AGAIN_MIN_MS = 1000, /* doubled with each try */
    TRY_AGAIN_MAX_MS = 60 * 1000,
    WAIT_MAX_MS = 10 * 1000, /* the maximum for a job that has not begun to write */
};

/* ---- For handlers ---- */

void job_run_log(struct job_run *run, enum log_level level, const char *format, ...) {
    struct text line = {0};
    va_list arguments;
    va_start(arguments, format);
    text_append_format_list(&line, format, arguments);
    va_end(arguments);
    text_append(&line, ""); /* so that `bytes` is not NULL */
    /* Clients print a line break after each line, and would show a trailing one as an empty line. */
    while (line.length > 0 && line.bytes[line.length - 1] == '\n')
        line.bytes[--line.length] = '\0';
    job_log_add(run->log, level, line.bytes);
}

static enum status stop_reason(struct job_run *run) {
    return (enum status)atomic_load(&run->deadline.cancelled);
}

/* If Redis is unreachable and the lease may still hold, sleeps POLL_MS and returns true (retry). */
static bool waited_for_redis(struct job_run *run, enum status status) {
    if (!job_store_is_away(status) || stop_reason(run)) return false; /* the housekeeper cancels when the lease expires */
    clock_sleep_ms(POLL_MS);
    return true;
}

enum status job_run_guard(struct job_run *run, int64_t needed_ms, struct error *err) {
    enum status status;
    int64_t left_ms = 0;
    do {
        if (stop_reason(run)) return deadline_check(&run->deadline, err);
        status = job_store_lease_left(run->store, &run->lease, &left_ms, err);
        if (!status && left_ms < needed_ms) {
            status = job_store_renew(run->store, &run->lease, run->lease_ms, err);
            if (!status) status = job_store_lease_left(run->store, &run->lease, &left_ms, err);
        }
    } while (waited_for_redis(run, status));
    if (status || left_ms >= needed_ms) return status;
    return error_set(err, STATUS_STALE, "The job's lease ends in %lld ms, but the next step may take %lld ms.",
                     (long long)left_ms, (long long)needed_ms);
}

/* Stores a value in the job; retries while Redis is unreachable and the lease may still hold. */
static enum status keep(struct job_run *run, const char *value, struct error *err,
                        enum status (*store)(struct job_store *store, const struct lease *lease, const char *value,
                                             struct error *err)) {
    enum status status;
    do {
        if (stop_reason(run)) return deadline_check(&run->deadline, err);
        status = store(run->store, &run->lease, value, err);
    } while (waited_for_redis(run, status));
    return status;
}

enum status job_run_keep_commit(struct job_run *run, const char *commit, struct error *err) {
    return keep(run, commit, err, job_store_keep_commit);
}

enum status job_run_add_commit(struct job_run *run, const char *name, struct registry_repo *repo,
                               const struct registry_change *change, struct error *err) {
    char commit[REGISTRY_COMMIT_MAX];
    memcpy(commit, change->commit, sizeof commit);
    if (!change->written) {
        enum status status = run->job.record ? registry_repo_find_commit(repo, change->message, commit, err) : STATUS_NOT_FOUND;
        if (status) return status == STATUS_NOT_FOUND ? STATUS_OK : status; /* not made by this job, or too old */
    }
    return keep(run, arena_format(&run->arena, "%s=%s", name, commit), err, job_store_add_commit);
}

enum status job_run_identify(struct job_run *run, const struct job_identity *identity, char done_by[UUID_TEXT_MAX],
                             struct error *err) {
    enum status status;
    do {
        if (stop_reason(run)) return deadline_check(&run->deadline, err);
        status = job_store_identify(run->store, &run->lease, identity, done_by, err);
    } while (waited_for_redis(run, status));
    if (!status && !*done_by && !run->job.retry_of) run->job.actor = identity->actor;
    return status;
}

enum status job_run_list_earlier(struct job_run *run, const char *const *packages, size_t package_count,
                                 struct earlier_publication **out, size_t *count, struct error *err) {
    enum status status;
    do {
        if (stop_reason(run)) return deadline_check(&run->deadline, err);
        status = job_store_list_earlier(run->store, run->job.id, packages, package_count, &run->arena, out, count, err);
    } while (waited_for_redis(run, status));
    return status;
}

enum status job_run_get_job(struct job_run *run, const char *id, struct job *out, struct error *err) {
    enum status status;
    do {
        if (stop_reason(run)) return deadline_check(&run->deadline, err);
        status = job_store_get(run->store, id, &run->arena, out, err);
    } while (waited_for_redis(run, status));
    return status;
}

enum status job_run_record(struct job_run *run, const char *record, struct error *err) {
    enum status status = keep(run, record, err, job_store_record);
    if (!status) run->has_record = true;
    return status;
}

/* ---- The outcome of a run ---- */

enum outcome {
    OUTCOME_SUCCEEDED,
    OUTCOME_FAILED,
    OUTCOME_TRIED_AGAIN,
    OUTCOME_WAITS,
    OUTCOME_AWAITS_OTHERS,
    OUTCOME_HANDED_BACK,
    OUTCOME_LOST
};

static const char *const outcome_names[] = {
    [OUTCOME_SUCCEEDED] = "succeeded",
    [OUTCOME_FAILED] = "failed",
    [OUTCOME_TRIED_AGAIN] = "retried_later",
    [OUTCOME_WAITS] = "waits",
    [OUTCOME_LOST] = "lost",
    [OUTCOME_AWAITS_OTHERS] = "waits_for_others",
    [OUTCOME_HANDED_BACK] = "handed_back",
};

/* True: the job's time limit has passed, or would pass before the next try of a job that waits (job_store_put_back()). */
static bool is_over_limit(const struct job_run *run, enum status status, const struct error *err) {
    int64_t left_ms = run->deadline.at_ms - clock_monotonic_ms();
    if (status == STATUS_TIMEOUT && left_ms <= 0) return true;
    return status && err->trouble && !run->has_record && left_ms <= TRY_AGAIN_MIN_MS;
}

static enum outcome judge(const struct job_run *run, const struct error *err, enum status status, enum status stopped_for,
                          bool is_over) {
    if (status == STATUS_OK) return OUTCOME_SUCCEEDED;
    if (stopped_for) status = stopped_for;
    if (status == STATUS_STALE) return OUTCOME_LOST;
    if (status == STATUS_CANCELLED && stopped_for) return OUTCOME_HANDED_BACK;
    if (status == STATUS_BUSY && run->awaited_count) return OUTCOME_AWAITS_OTHERS;
    bool may_pass = status_is_temporary(status) || status == STATUS_INTERNAL || status == STATUS_CANCELLED;
    if (run->has_record && may_pass) return OUTCOME_TRIED_AGAIN;
    return err->trouble && !is_over ? OUTCOME_WAITS : OUTCOME_FAILED;
}

/* Tells the requester which time limit was hit, and what the job waited for; the step that was running is not their concern. */
static void name_limit(const struct job_run *run, const struct settings *settings, struct error *err) {
    int64_t timeout_ms = job_kind_timeout_ms(run->job.kind, settings);
    bool is_in_minutes = timeout_ms % 60000 == 0;
    long long limit = (long long)(is_in_minutes ? timeout_ms / 60000 : timeout_ms);
    const char *unit = is_in_minutes ? "minutes" : "ms", *kind = job_kind_text(run->job.kind);
    if (err->trouble)
        error_set(
            err, STATUS_TIMEOUT,
            "The job was stopped: it waited for %s, in all longer than the %lld %s that a %s job may take. Nothing is wrong "
            "with the request: please send it again later.",
            trouble_text(err->trouble), limit, unit, kind);
    else
        error_set(err, STATUS_TIMEOUT, "The job was stopped: it took longer than the %lld %s that a %s job may take.", limit,
                  unit, kind);
}

/* Schedules a check of the queue for the end of a job's delay, which no message announces. */
static void poll_after(struct job_runner *runner, int64_t delay_ms) {
    pthread_mutex_lock(&runner->mutex);
    *array_add(&runner->polls) = clock_monotonic_ms() + delay_ms + POLL_MARGIN_MS;
    pthread_cond_broadcast(&runner->state_moved);
    pthread_mutex_unlock(&runner->mutex);
}

static int64_t backoff_ms(int tries, int64_t most_ms) {
    int64_t delay_ms = TRY_AGAIN_MIN_MS;
    for (int i = 1; i < tries && delay_ms < most_ms; i++)
        delay_ms *= 2;
    return delay_ms < most_ms ? delay_ms : most_ms;
}

/* The delay before the next run: doubled with each run that was put back with one, by any runner. After a lost push race it
 * stays short, since waiting does not reduce the contention. A job that waits gets one more run before its time limit. */
static int64_t choose_delay(const struct job_run *run, enum outcome outcome, const struct error *err) {
    int tries = run->job.delays + 1;
    if (outcome == OUTCOME_TRIED_AGAIN)
        return err->status == STATUS_CONFLICT || err->status == STATUS_BUSY ? TRY_AGAIN_MIN_MS
                                                                            : backoff_ms(tries, TRY_AGAIN_MAX_MS);
    int64_t delay_ms = backoff_ms(tries, WAIT_MAX_MS), left_ms = run->deadline.at_ms - clock_monotonic_ms() - TRY_AGAIN_MIN_MS;
    return delay_ms < left_ms ? delay_ms : left_ms > 0 ? left_ms : 0;
}

/* ---- Ending or handing back ---- */

struct settlement {
    enum outcome outcome;
    int64_t delay_ms; /* OUTCOME_TRIED_AGAIN, OUTCOME_WAITS */
};

static enum status write_lines(struct job_slot *slot, struct job_run *run, const struct settlement *settlement,
                               struct error *err) {
    (void)settlement;
    pthread_mutex_lock(&slot->mutex); /* one writer at a time */
    enum status status = job_log_write(run->log, slot->store, &run->lease, err);
    pthread_mutex_unlock(&slot->mutex);
    return status;
}

static enum status tell_redis(struct job_slot *slot, struct job_run *run, const struct settlement *settlement,
                              struct error *err) {
    switch (settlement->outcome) {
    case OUTCOME_SUCCEEDED:
    case OUTCOME_FAILED: return job_store_finish(slot->store, &run->lease, &run->end, err);
    case OUTCOME_TRIED_AGAIN: return job_store_retry_later(slot->store, &run->lease, settlement->delay_ms, err);
    case OUTCOME_AWAITS_OTHERS: return job_store_wait_for(slot->store, &run->lease, run->awaited, run->awaited_count, err);
    case OUTCOME_WAITS: return job_store_put_back(slot->store, &run->lease, settlement->delay_ms, err);
    case OUTCOME_HANDED_BACK: return job_store_release(slot->store, &run->lease, err);
    case OUTCOME_LOST: break;
    }
    return STATUS_OK;
}

/* Stores the outcome. Then there is no lease left to renew, so the housekeeper no longer sees the run. */
static enum status write_outcome(struct job_slot *slot, struct job_run *run, const struct settlement *settlement,
                                 struct error *err) {
    pthread_mutex_lock(&slot->mutex);
    enum status status = tell_redis(slot, run, settlement, err);
    if (!job_store_is_away(status)) slot->run = NULL;
    pthread_mutex_unlock(&slot->mutex);
    return status;
}

/* Retries the step until Redis has answered, or the drain's time is over. */
static enum status until_answered(struct job_slot *slot, struct job_run *run, const struct settlement *settlement,
                                  enum status (*step)(struct job_slot *, struct job_run *, const struct settlement *,
                                                      struct error *),
                                  struct error *err) {
    struct job_runner *runner = slot->runner;
    enum status status;
    for (int64_t delay_ms = STEP_RETRY_MIN_MS; job_store_is_away(status = step(slot, run, settlement, err));) {
        if (delay_ms == STEP_RETRY_MIN_MS)
            log_line(LOG_WARN, "redis_awaited", log_field("job", run->job.id),
                     log_field("outcome", outcome_names[settlement->outcome]), log_field("error", err->message));
        pthread_mutex_lock(&runner->mutex);
        int64_t until_ms = clock_monotonic_ms() + delay_ms;
        while (!runner->has_given_up && job_runner_wait(runner, &runner->state_moved, until_ms)) {
        }
        bool is_over = runner->has_given_up;
        pthread_mutex_unlock(&runner->mutex);
        if (is_over) break;
        delay_ms = delay_ms * 2 < STEP_RETRY_MAX_MS ? delay_ms * 2 : STEP_RETRY_MAX_MS;
    }
    return status;
}

/* Adds the last line of a failed job's log, or the reason for a retry. The job's log names the trouble in general terms; the
 * details go to the program's log, for operators. */
static void say_outcome(struct job_slot *slot, struct job_run *run, const struct settlement *settlement,
                        const struct error *err) {
    double delay_s = (double)settlement->delay_ms / 1000;
    switch (settlement->outcome) {
    case OUTCOME_FAILED: job_run_log(run, LOG_ERROR, "%s", err->message); break;
    case OUTCOME_TRIED_AGAIN:
        if (err->status == STATUS_INTERNAL && err->trouble)
            job_run_log(
                run, LOG_WARN,
                "The job is waiting for %s, which cannot be used now. It has begun to write, so it is retried in %.0f s.",
                trouble_text(err->trouble), delay_s);
        else
            job_run_log(run, LOG_WARN, "%s\nThe job has begun to write, so it is retried in %.0f s.", err->message, delay_s);
        job_runner_alarm(slot->runner, "job_retried", run->job.id, err->message);
        break;
    case OUTCOME_WAITS:
        job_run_log(
            run, LOG_WARN,
            "The job is waiting for %s, which cannot be used now; nothing is wrong with the request. It is retried in %.1f s.",
            trouble_text(err->trouble), delay_s);
        job_runner_alarm(slot->runner, "job_waits", run->job.id, err->message);
        break;
    case OUTCOME_SUCCEEDED:
    case OUTCOME_AWAITS_OTHERS:
    case OUTCOME_HANDED_BACK:
    case OUTCOME_LOST: break;
    }
}

static void settle(struct job_slot *slot, struct job_run *run, struct settlement *settlement, bool is_over, struct error *err) {
    bool comes_again = settlement->outcome == OUTCOME_TRIED_AGAIN || settlement->outcome == OUTCOME_WAITS;
    if (comes_again) settlement->delay_ms = choose_delay(run, settlement->outcome, err);
    run->end.success = settlement->outcome == OUTCOME_SUCCEEDED;
    run->end.error = settlement->outcome == OUTCOME_FAILED ? err->message : NULL;
    if (settlement->outcome == OUTCOME_FAILED) run->end.ending = is_over ? JOB_ENDING_TIMEOUT : NULL;
    say_outcome(slot, run, settlement, err);
    struct error problem = {0};
    enum status status = STATUS_OK;
    if (settlement->outcome != OUTCOME_LOST) status = until_answered(slot, run, settlement, write_lines, &problem);
    if (!status) status = until_answered(slot, run, settlement, write_outcome, &problem);
    if (!status) fault_point("end");
    if (!status && comes_again) poll_after(slot->runner, settlement->delay_ms);
    if (status == STATUS_STALE) settlement->outcome = OUTCOME_LOST;
    if (status && status != STATUS_STALE)
        log_line(LOG_ERROR, "job_outcome_not_stored", log_field("job", run->job.id),
                 log_field("outcome", outcome_names[settlement->outcome]), log_field("error", problem.message));
}

/* ---- One run ---- */

static const struct job_handler *find_handler(const struct job_runner *runner, enum job_kind kind) {
    for (const struct job_handler *handler = runner->handlers; handler->run; handler++)
        if (handler->kind == kind) return handler;
    return NULL;
}

/* Makes the run visible to the housekeeper, which renews its lease, writes its lines and cancels its deadline from now on. */
static void begin_run(struct job_slot *slot, struct job_run *run, int64_t claimed_ms) {
    struct job_runner *runner = slot->runner;
    pthread_mutex_lock(&slot->mutex);
    slot->run = run;
    slot->held_until_ms = claimed_ms + runner->lease_ms;
    slot->renew_at_ms = claimed_ms + runner->lease_ms / 3;
    pthread_mutex_unlock(&slot->mutex);
    pthread_mutex_lock(&runner->mutex);
    runner->running++;
    if (runner->has_given_up) deadline_cancel(&run->deadline, STATUS_CANCELLED);
    pthread_cond_broadcast(&runner->state_moved);
    pthread_mutex_unlock(&runner->mutex);
}

static void end_run(struct job_slot *slot) {
    struct job_runner *runner = slot->runner;
    pthread_mutex_lock(&slot->mutex);
    slot->run = NULL;
    pthread_mutex_unlock(&slot->mutex);
    pthread_mutex_lock(&runner->mutex);
    runner->running--;
    pthread_cond_broadcast(&runner->state_moved);
    pthread_mutex_unlock(&runner->mutex);
}

static void release_other_kind(struct job_slot *slot, const struct job_run *run) {
    struct error err = {0};
    log_line(LOG_WARN, "job_kind_mismatch", log_field("job", run->job.id), log_field("kind", job_kind_text(run->job.kind)));
    if (job_store_release(slot->store, &run->lease, &err))
        log_line(LOG_WARN, "job_release_failed", log_field("job", run->job.id), log_field("error", err.message));
}

/* The part of the job's time limit that was used before this run: since the start of the first run that was put back. */
static int64_t waited_ms(const struct job *job) {
    return job->waiting_ms && job->started_ms > job->waiting_ms ? job->started_ms - job->waiting_ms : 0;
}

/* Under READONLY, a job for which an earlier run has begun to write cannot be ended. */
static enum status check_may_go_on(const struct job_run *run, const struct settings *settings, struct error *err) {
    if (!settings->readonly || !run->has_record) return STATUS_OK;
    return error_set(err, STATUS_UNAVAILABLE, "This server is read-only (READONLY).");
}

void job_run_carry_out(struct job_slot *slot, struct job_run *run, int64_t claimed_ms) {
    struct job_runner *runner = slot->runner;
    const struct job_handler *handler = find_handler(runner, run->job.kind);
    if (!handler) {
        release_other_kind(slot, run);
        return;
    }
    const struct settings *settings = runner->settings;
    run->store = slot->store;
    run->lease_ms = runner->lease_ms;
    run->has_record = run->job.record != NULL;
    run->is_readonly = run->end.readonly = settings->readonly;
    run->log = job_log_create(run->job.attempts, settings->log_limit_lines, settings->log_limit_bytes);
    deadline_start(&run->deadline, job_kind_timeout_ms(run->job.kind, settings) - waited_ms(&run->job));
    begin_run(slot, run, claimed_ms);
    log_line(LOG_INFO, "job_started", log_field("job", run->job.id), log_field("kind", job_kind_text(run->job.kind)),
             log_field("package", run->job.package ? run->job.package : "-"), log_field("attempt", run->job.attempts),
             log_field("waited_ms", clock_now_ms() - run->job.created_ms));

    struct error err = {0};
    enum status status = check_may_go_on(run, settings, &err);
    if (!status) status = handler->run(runner->context, run, &err);
    bool is_over = is_over_limit(run, status, &err);
    if (is_over) name_limit(run, settings, &err);
    if (status && !err.message[0]) error_set(&err, status, "The job failed (%s).", status_code(status));
    struct settlement settlement = {.outcome = judge(run, &err, status, stop_reason(run), is_over)};
    settle(slot, run, &settlement, is_over, &err);
    if (run->work_folder) folder_remove(run->work_folder);

    end_run(slot);
    log_line(LOG_INFO, "job_ended", log_field("job", run->job.id), log_field("kind", job_kind_text(run->job.kind)),
             log_field("outcome", outcome_names[settlement.outcome]), log_field("took_ms", clock_monotonic_ms() - claimed_ms),
             log_field("error", status ? err.message : ""));
    job_log_free(run->log);
}
