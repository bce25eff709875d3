/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-matrix/plan/planning.h"

#include <stdint.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/job/matrix_build.h"
#include "lib/store/redis/matrix_store.h"

enum {
    STORE_TIMEOUT_MS = 5000,
    REFRESH_TIMEOUT_MS = 60000,
    PAUSE_MIN_MS = 50, /* backoff: first pause, doubled with each failure */
    PAUSE_MAX_MS = 5000,
    CHUNK_PLANS = 16, /* plans per chunk: their jobs are made before the next chunk is planned */
    CHUNK_US = 3000,  /* end a chunk after this long: writers of the in-memory registry wait meanwhile */
};

enum status planning_init(struct planning *out, const struct planning_place *place, struct error *err) {
    *out = (struct planning){.place = *place};
    thread_init(&out->thread);
    return job_store_create(&out->store, place->settings->redis_url, STORE_TIMEOUT_MS, err);
}

void planning_release(struct planning *planning) {
    thread_release(&planning->thread);
    job_store_free(planning->store);
    arena_release(&planning->compiler_memory);
}

/* ---- Waiting and stopping ---- */

void planning_stop(struct planning *planning) {
    thread_request_stop(&planning->thread);
    thread_lock(&planning->thread);
    deadline_cancel(&planning->limit, STATUS_CANCELLED);
    thread_unlock(&planning->thread);
}

bool planning_pause(struct planning *planning, const char *what, const struct error *err) {
    if (!thread_goes_on(&planning->thread)) return false;
    if (planning->pause_ms == 0) {
        planning->paused_at_ms = clock_monotonic_ms();
        log_line(LOG_WARN, "planner_paused", log_field("reason", what), log_field("error", err->message));
    }
    planning->pause_ms = planning->pause_ms ? 2 * planning->pause_ms : PAUSE_MIN_MS;
    if (planning->pause_ms > PAUSE_MAX_MS) planning->pause_ms = PAUSE_MAX_MS;
    return thread_pause(&planning->thread, planning->pause_ms);
}

void planning_goes_on(struct planning *planning) {
    if (planning->pause_ms > 0)
        log_line(LOG_INFO, "planner_resumed", log_field("waited_ms", clock_monotonic_ms() - planning->paused_at_ms));
    planning->pause_ms = 0;
}

/* ---- Registry and compilers ---- */

/* False: the planner was stopped. */
static bool start_limit(struct planning *planning) {
    thread_lock(&planning->thread);
    deadline_start(&planning->limit, REFRESH_TIMEOUT_MS);
    bool goes_on = !planning->thread.is_stopping;
    thread_unlock(&planning->thread);
    return goes_on;
}

bool planning_refresh(struct planning *planning) {
    struct error err;
    while (start_limit(planning)) {
        if (!registry_view_refresh(planning->place.repositories->view, &planning->limit, &err)) {
            planning_goes_on(planning);
            return true;
        }
        if (!planning_pause(planning, "The repositories cannot be read.", &err)) return false;
    }
    return false;
}

bool planning_read_compilers(struct planning *planning) {
    struct error err;
    struct arena memory = {0};
    struct version *compilers;
    size_t count;
    while (compiler_list_read(planning->store, &memory, &compilers, &count, &err)) {
        arena_release(&memory);
        if (!planning_pause(planning, "The list of compilers cannot be read.", &err)) return false;
    }
    planning_goes_on(planning);
    arena_release(&planning->compiler_memory);
    planning->compiler_memory = memory;
    planning->compilers = compilers;
    planning->compiler_count = count;
    return count > 0;
}

/* ---- Jobs ---- */

static void note_job(struct planning *planning, struct planning_result *result, const struct job_acceptance *acceptance) {
    const struct job_request *request = acceptance->request;
    result->found++;
    if (!acceptance->accepted.created) return;
    if (result->made++ == 0)
        snprintf(result->example, sizeof result->example, "%s@%s with %s", request->package, request->version,
                 request->compiler);
    atomic_fetch_add(&planning->counts.jobs, 1);
}

/* Takes the outcomes. Moves the temporary failures to the front and returns their number, for a retry. A permanent failure is
 * logged; the next sweep may try that pair again. */
static size_t take_acceptances(struct planning *planning, struct job_acceptance *acceptances, size_t count,
                               struct planning_result *result) {
    size_t again = 0;
    for (size_t i = 0; i < count; i++) {
        const struct job_acceptance *acceptance = &acceptances[i];
        if (!acceptance->status)
            note_job(planning, result, acceptance);
        else if (status_is_temporary(acceptance->status))
            acceptances[again++] = *acceptance;
        else
            log_line(LOG_ERROR, "matrix_job_not_created", log_field("package", acceptance->request->package),
                     log_field("error", acceptance->err.message));
    }
    return again;
}

/* Pairs for which a plan was found, and the plans. */
struct chunk {
    const struct matrix_pair *pairs[CHUNK_PLANS];
    struct build_plan plans[CHUNK_PLANS];
    size_t count;
};

/* The solver is deterministic: such a pair is left out until the index changes, and the next sweep tries it again. */
static void note_given_up(const struct matrix_pair *pair) {
    char version[VERSION_TEXT_MAX], compiler[VERSION_TEXT_MAX];
    version_print(pair->version, version);
    version_print(pair->compiler, compiler);
    log_line(LOG_WARN, "plan_given_up", log_field("package", pair->package), log_field("version", version),
             log_field("compiler", compiler), log_field("reason", "too many combinations of versions"));
}

/* Solves plans from pairs[*next] on, within the limits of a chunk; pairs without a plan are left out. */
static void plan_chunk(struct planning *planning, const struct matrix_pairs *pairs, size_t *next, struct chunk *chunk,
                       struct arena *arena) {
    const struct manifest_index *index = registry_view_lock(planning->place.repositories->view);
    int64_t until_us = clock_monotonic_us() + CHUNK_US;
    chunk->count = 0;
    while (*next < pairs->count && chunk->count < CHUNK_PLANS && clock_monotonic_us() < until_us) {
        const struct matrix_pair *pair = &pairs->items[(*next)++];
        atomic_fetch_add(&planning->counts.solved, 1);
        enum status status = matrix_plan_solve(&chunk->plans[chunk->count], index, pair, 0, arena);
        if (status == STATUS_TOO_LARGE) note_given_up(pair);
        if (!status) chunk->pairs[chunk->count++] = pair;
    }
    registry_view_unlock(planning->place.repositories->view);
}

/* Makes the jobs of `count` plans from `first` on. False: the planner was stopped. A retried request keeps its id, because the
 * reply to a successful one may have been lost. */
static bool make_jobs(struct planning *planning, const struct chunk *chunk, size_t first, size_t count,
                      struct planning_result *result, struct arena *arena) {
    struct job_request requests[CHUNK_PLANS];
    struct job_acceptance acceptances[CHUNK_PLANS];
    for (size_t i = 0; i < count; i++) {
        const struct matrix_pair *pair = chunk->pairs[first + i];
        const struct build_plan *plan = &chunk->plans[first + i];
        const struct matrix_build build = {.package = pair->package,
                                           .version = pair->version,
                                           .compiler = plan->compiler,
                                           .plan = &plan->packages,
                                           .purpose = pair->purpose};
        matrix_build_request(&requests[i], &build, arena);
        acceptances[i] = (struct job_acceptance){.request = &requests[i]};
    }
    for (;;) {
        job_store_accept_some(planning->store, acceptances, count);
        count = take_acceptances(planning, acceptances, count, result);
        if (count == 0) break;
        if (!planning_pause(planning, "A matrix job cannot be created.", &acceptances[0].err)) return false;
    }
    planning_goes_on(planning);
    return true;
}

/* Makes the jobs of the chunk until `result` has `job_limit` new ones. False: the planner was stopped, or plans are left. */
static bool make_chunk(struct planning *planning, const struct chunk *chunk, size_t job_limit, struct planning_result *result,
                       struct arena *arena) {
    for (size_t at = 0, count; at < chunk->count; at += count) {
        if (result->made >= job_limit) return false;
        count = chunk->count - at < job_limit - result->made ? chunk->count - at : job_limit - result->made;
        if (!make_jobs(planning, chunk, at, count, result, arena)) return false;
    }
    return true;
}

bool planning_make(struct planning *planning, const struct matrix_pairs *pairs, size_t job_limit,
                   struct planning_result *result) {
    bool is_whole = true;
    atomic_fetch_add(&planning->counts.rejected, (long long)pairs->rejected);
    for (size_t next = 0; is_whole && next < pairs->count;) {
        struct arena arena = {0};
        struct chunk chunk;
        size_t made_before = result->made;
        plan_chunk(planning, pairs, &next, &chunk, &arena);
        is_whole = make_chunk(planning, &chunk, job_limit, result, &arena);
        arena_release(&arena);
        if (result->made > made_before) planning->place.wake(planning->place.context);
        if (next < pairs->count && planning->attend) planning->attend(planning->attend_context);
        if (!thread_goes_on(&planning->thread)) is_whole = false;
    }
    return is_whole;
}

void planning_measure(const struct planning *planning, struct metrics *metrics) {
    const struct {
        enum metric_kind kind;
        const char *name, *help;
        const atomic_llong *value;
        double unit;
    } rows[] = {
        {METRIC_COUNTER, "registry_matrix_events_total", "Events of finished jobs that were handled.", &planning->counts.events,
         1},
        {METRIC_COUNTER, "registry_matrix_solves_total", "Pairs of version and compiler for which a plan was sought.",
         &planning->counts.solved, 1},
        {METRIC_COUNTER, "registry_matrix_rejected_total", "Pairs that had no plan by a quick check.",
         &planning->counts.rejected, 1},
        {METRIC_COUNTER, "registry_matrix_jobs_made_total", "Matrix jobs that the planner has created.", &planning->counts.jobs,
         1},
        {METRIC_COUNTER, "registry_matrix_sweeps_total", "Sweeps for versions that no event announced.",
         &planning->counts.sweeps, 1},
        {METRIC_GAUGE, "registry_matrix_sweep_timestamp_seconds", "Time at which the last sweep of this process began.",
         &planning->counts.sweep_begun_ms, 1000},
        {METRIC_GAUGE, "registry_matrix_sweep_found", "Untried pairs with a plan that the last sweep found.",
         &planning->counts.sweep_found, 1},
        {METRIC_GAUGE, "registry_matrix_sweep_made", "Jobs that the last sweep created.", &planning->counts.sweep_made, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        metrics_add(metrics, rows[i].kind, rows[i].name, rows[i].help, NULL, (double)atomic_load(rows[i].value) / rows[i].unit);
}
