/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/package-set/schedule.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/store/redis/matrix_store.h"
#include "lib/store/redis/set_store.h"
#include "lib/tools/http/health_check.h"
#include "services/package-set/schedule_parts.h"

enum {
    ROUND_MS = 1000, /* between looks at what is due, or PENDING_SCAN_MS if that is shorter */
    STORE_TIMEOUT_MS = 5000,
    LOCK_HOLD_MS = 60000,     /* an instance that is gone holds its daily work for so long */
    FAILURE_PAUSE_MS = 10000, /* before daily work that failed is begun again */
};

/* ---- The table of daily work ---- */

/* STATUS_UNAVAILABLE: the publish service has not reported any yet, so an update would fail. */
static enum status check_compilers(struct schedule *schedule, struct error *err) {
    struct arena arena = {0};
    struct version *compilers;
    size_t count = 0;
    enum status status = compiler_list_read(schedule->store, &arena, &compilers, &count, err);
    arena_release(&arena);
    if (!status && count == 0) status = error_set(err, STATUS_UNAVAILABLE, "No publish service has reported compilers yet.");
    return status;
}

static enum status begin_update(struct schedule *schedule, int64_t time_ms, char job_id[UUID_TEXT_MAX], struct text *report,
                                struct error *err) {
    char id[UUID_TEXT_MAX];
    struct arena arena = {0};
    bool is_any = registry_sets_newest(schedule->service->sets, &arena).is_any;
    arena_release(&arena);
    if (!is_any) {
        text_append(report, "There is no package set yet, so there is nothing to update.");
        return STATUS_OK;
    }
    bool is_new;
    schedule_derive_id("daily package set", time_ms, id);
    enum status status = check_compilers(schedule, err);
    if (!status) status = schedule_make_update(schedule, id, &is_new, err);
    if (status) return status;
    memcpy(job_id, id, UUID_TEXT_MAX);
    text_append_format(report, "The job %s updates the package set.", id);
    return STATUS_OK;
}

static const struct daily_work works[] = {
    {SCHEDULE_DAILY_UPDATE, "PACKAGE_SET_TIME", .begin = begin_update},
    {"new-tags", "NEW_TAGS_TIME", .look = &github_look_for_tags},
    {"moved-repositories", "MOVED_REPOSITORIES_TIME", .look = &github_look_for_moves},
};
#define WORKS (sizeof works / sizeof works[0])
static_assert(WORKS <= DAILY_COUNT_MAX, "struct schedule has room for all daily work");

static const char *time_setting(const struct package_set_service *service, size_t i) {
    const struct settings *settings = &service->settings;
    const char *const times[] = {settings->package_set_time, settings->new_tags_time, settings->moved_repositories_time};
    static_assert(sizeof times / sizeof times[0] == WORKS, "one setting for each row");
    return times[i];
}

enum status schedule_check_settings(const struct package_set_service *service, struct error *err) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < WORKS && !status; i++) {
        struct daily_time time;
        status = daily_time_parse(&time, time_setting(service, i), works[i].variable, err);
    }
    return status;
}

/* ---- Jobs ---- */

void schedule_derive_id(const char *what, int64_t number, char out[UUID_TEXT_MAX]) {
    struct text basis = {0};
    text_append_format(&basis, "%s %" PRId64, what, number);
    hash_uuid(basis.bytes, basis.length, out);
    text_release(&basis);
}

enum status schedule_make_update(struct schedule *schedule, const char *id, bool *is_new, struct error *err) {
    struct job_accepted accepted;
    struct job_request request = {.kind = JOB_KIND_PACKAGE_SET, .payload = "{\"packages\":{}}", .actor = "anonymous"};
    snprintf(request.id, sizeof request.id, "%s", id);
    enum status status = job_store_accept(schedule->store, &request, NULL, &accepted, err);
    *is_new = !status && accepted.created;
    return status;
}

/* ---- Daily work ---- */

/* Sends a ping of this run; a failure is logged and changes nothing. */
static void ping(struct schedule *schedule, const struct daily_state *state, const char *what, const char *body) {
    struct error err;
    const char *url = schedule->service->settings.healthchecks_url;
    if (!url) return;
    struct text suffix = {0};
    text_append_format(&suffix, "%s?rid=%s", what, state->run_id);
    if (health_check_ping(url, suffix.bytes, body, &err))
        log_line(LOG_WARN, "health_check_failed", log_field("error", err.message));
    text_release(&suffix);
}

static enum status begin(struct schedule *schedule, size_t i, int64_t time_ms, struct error *err) {
    struct daily_state *state = &schedule->daily[i];
    struct text report = {0};
    state->current_ms = time_ms;
    state->job_id[0] = '\0';
    schedule_derive_id(works[i].name, time_ms, state->run_id);
    log_line(LOG_INFO, "daily_work_started", log_field("work", works[i].name));
    ping(schedule, state, "/start", works[i].name);
    enum status status = works[i].look
                             ? github_look_start(&state->look, schedule->service, schedule->github, works[i].look, time_ms, err)
                             : works[i].begin(schedule, time_ms, state->job_id, &report, err);
    if (!status && !works[i].look) ping(schedule, state, "/log", text_view(&report));
    text_release(&report);
    return status;
}

static void stop_look(struct daily_state *state) {
    github_look_free(state->look);
    state->look = NULL;
}

/* Notes that the work for this time is done, so that no instance does it again, and lets go of it. */
static enum status finish(struct schedule *schedule, size_t i, bool is_success, const char *sentence, struct error *err) {
    struct daily_state *state = &schedule->daily[i];
    enum status status = daily_work_done(schedule->store, works[i].name, state->current_ms, err);
    if (status) return status;
    log_line(is_success ? LOG_INFO : LOG_ERROR, "daily_work_ended", log_field("work", works[i].name),
             log_field("outcome", is_success ? "succeeded" : "failed"), log_field("reason", sentence));
    ping(schedule, state, is_success ? "" : "/fail", sentence);
    state->is_ours = false;
    return lock_release(schedule->store, &state->lock, err);
}

/* Finishes the work if the awaited job has ended. */
static enum status check_job(struct schedule *schedule, size_t i, struct error *err) {
    struct daily_state *state = &schedule->daily[i];
    struct arena arena = {0};
    struct job job;
    enum status status = job_store_get(schedule->store, state->job_id, &arena, &job, err);
    if (!status && job_state_is_finished(job.state)) {
        bool has_succeeded = job.state == JOB_STATE_SUCCEEDED;
        const char *sentence =
            arena_format(&arena, "The job %s %s%s%s", job.id,
                         has_succeeded ? "succeeded." : "failed: ", has_succeeded || !job.error ? "" : job.error, "");
        status = finish(schedule, i, has_succeeded, sentence, err);
    }
    arena_release(&arena);
    return status;
}

/* The end of a look at GitHub, if it has come. */
static enum status check_look(struct schedule *schedule, size_t i, struct error *err) {
    struct daily_state *state = &schedule->daily[i];
    struct text sentence = {0}, lines = {0};
    if (!github_look_has_ended(state->look)) return STATUS_OK;
    bool is_success = github_look_report(state->look, &sentence, &lines);
    ping(schedule, state, "/log", text_view(&lines));
    enum status status = finish(schedule, i, is_success, sentence.bytes, err);
    if (!state->is_ours) stop_look(state);
    text_release(&lines);
    text_release(&sentence);
    return status;
}

static enum status do_ours(struct schedule *schedule, size_t i, struct error *err) {
    struct daily_state *state = &schedule->daily[i];
    enum status status = lock_keep(schedule->store, &state->lock, LOCK_HOLD_MS / 2, LOCK_HOLD_MS, err);
    if (status == STATUS_STALE) { /* another instance goes on */
        stop_look(state);
        state->is_ours = false;
        return STATUS_OK;
    }
    if (status) return status;
    if (state->look) return check_look(schedule, i, err);
    return *state->job_id ? check_job(schedule, i, err) : finish(schedule, i, true, "There was nothing to wait for.", err);
}

static enum status take(struct schedule *schedule, size_t i, int64_t time_ms, struct error *err) {
    struct daily_state *state = &schedule->daily[i];
    struct text name = {0};
    text_append_format(&name, "daily:%s", works[i].name);
    enum status status = lock_take(schedule->store, name.bytes, LOCK_HOLD_MS, 0, &state->lock, err);
    text_release(&name);
    if (status) return status == STATUS_BUSY ? STATUS_OK : status;
    state->is_ours = true;
    int64_t last_ms;
    status = daily_work_last(schedule->store, works[i].name, &last_ms, err);
    if (!status && last_ms < time_ms) status = begin(schedule, i, time_ms, err);
    if (!status && last_ms < time_ms) return STATUS_OK;
    state->is_ours = false; /* done by another instance meanwhile, or not begun */
    struct error ignored;
    enum status released = lock_release(schedule->store, &state->lock, &ignored);
    return status ? status : released;
}

/* A look needs a token. An instance has one at a time, so that it sends no more requests at once. */
static bool may_look(const struct schedule *schedule) {
    bool is_looking = false;
    for (size_t i = 0; i < WORKS; i++)
        is_looking |= schedule->daily[i].look != NULL;
    return schedule->service->settings.github_token && !is_looking;
}

static enum status do_daily(struct schedule *schedule, size_t i, struct error *err) {
    struct daily_state *state = &schedule->daily[i];
    int64_t time_ms = daily_time_last(&state->time, clock_now_ms()), last_ms;
    if (state->is_ours) return do_ours(schedule, i, err);
    if (works[i].look && !may_look(schedule)) return STATUS_OK;
    if (time_ms == 0 || clock_monotonic_ms() < state->pause_until_ms) return STATUS_OK;
    enum status status = daily_work_last(schedule->store, works[i].name, &last_ms, err);
    if (!status) atomic_store(&schedule->done_ms[i], last_ms);
    return status || last_ms >= time_ms ? status : take(schedule, i, time_ms, err);
}

/* ---- The thread ---- */

static void go_round(struct schedule *schedule) {
    struct error err = {0};
    for (size_t i = 0; i < WORKS && thread_goes_on(&schedule->thread); i++) {
        if (!do_daily(schedule, i, &err)) continue;
        log_line(LOG_WARN, "daily_work_delayed", log_field("work", works[i].name), log_field("error", err.message));
        schedule->daily[i].pause_until_ms = clock_monotonic_ms() + FAILURE_PAUSE_MS;
    }
    if (thread_goes_on(&schedule->thread) && schedule_follow(schedule, &err))
        log_line(LOG_WARN, "set_schedule_failed", log_field("error", err.message));
}

static void run(void *context) {
    struct schedule *schedule = context;
    int64_t scan_ms = schedule->service->settings.pending_scan_ms;
    do
        go_round(schedule);
    while (thread_pause(&schedule->thread, scan_ms > 0 && scan_ms < ROUND_MS ? scan_ms : ROUND_MS));
}

enum status schedule_create(struct schedule **out, struct package_set_service *service, struct error *err) {
    struct schedule *schedule = memory_alloc(sizeof *schedule);
    *out = NULL;
    schedule->service = service;
    schedule->github = github_repos_create(service->settings.github_api_url);
    thread_init(&schedule->thread);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < WORKS && !status; i++)
        status = daily_time_parse(&schedule->daily[i].time, time_setting(service, i), works[i].variable, err);
    if (!status) status = job_store_create(&schedule->store, service->settings.redis_url, STORE_TIMEOUT_MS, err);
    if (!status) status = thread_start(&schedule->thread, "schedule", run, schedule, err);
    if (status)
        schedule_free(schedule);
    else
        *out = schedule;
    return status;
}

/* Lets another instance go on at once. */
static void let_go(struct schedule *schedule, struct daily_state *state) {
    struct error err;
    stop_look(state);
    if (state->is_ours && lock_release(schedule->store, &state->lock, &err))
        log_line(LOG_DEBUG, "daily_work_not_released", log_field("error", err.message));
}

void schedule_free(struct schedule *schedule) {
    if (!schedule) return;
    thread_request_stop(&schedule->thread);
    thread_lock(&schedule->thread);
    deadline_cancel(&schedule->limit, STATUS_CANCELLED);
    thread_unlock(&schedule->thread);
    thread_release(&schedule->thread);
    for (size_t i = 0; i < WORKS; i++)
        let_go(schedule, &schedule->daily[i]);
    github_repos_free(schedule->github);
    job_store_free(schedule->store);
    free(schedule);
}

void schedule_measure(struct schedule *schedule, struct metrics *metrics) {
    for (size_t i = 0; i < WORKS; i++) {
        const char *const labels[] = {"work", works[i].name, NULL};
        metrics_add(metrics, METRIC_GAUGE, "registry_daily_work_seconds",
                    "When daily work was last for, in seconds since 1970.", labels,
                    (double)atomic_load(&schedule->done_ms[i]) / 1000);
    }
    github_repos_measure(schedule->github, metrics);
}
