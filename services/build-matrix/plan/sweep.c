/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-matrix/plan/sweep.h"

#include <stdint.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/redis/matrix_store.h"

enum {
    WAVE_CLAIM_MS = 60000, /* first jobs take seconds; after this time another instance may begin the wave again */
    LOOKS = 2000,          /* versions per chunk of a sweep: less than 2 ms */
};

/* ---- Waves ---- */

static bool is_new(struct planning *planning, struct version compiler) {
    const struct manifest_index *index = registry_view_lock(planning->place.repositories->view);
    bool is_new = matrix_plan_is_new_compiler(index, compiler);
    registry_view_unlock(planning->place.repositories->view);
    return is_new;
}

static bool claim_wave(struct planning *planning, const char *compiler) {
    struct error err;
    bool is_ours = false;
    while (matrix_wave_claim(planning->store, compiler, WAVE_CLAIM_MS, &is_ours, &err))
        if (!planning_pause(planning, "A wave cannot be started.", &err)) return false;
    planning_goes_on(planning);
    return is_ours;
}

static void begin_wave(struct planning *planning, struct version compiler) {
    char text[VERSION_TEXT_MAX];
    version_print(compiler, text);
    /* Another instance may have finished the wave, with results newer than this view. */
    if (!claim_wave(planning, text) || !planning_refresh(planning) || !is_new(planning, compiler)) return;
    struct matrix_pairs pairs = {0};
    struct planning_result result = {0};
    struct error err;
    matrix_plan_begin_wave(&pairs, registry_view_lock(planning->place.repositories->view), compiler);
    registry_view_unlock(planning->place.repositories->view);
    bool is_whole = planning_make(planning, &pairs, SIZE_MAX, &result);
    matrix_pairs_release(&pairs);
    log_line(LOG_NOTICE, "compiler_added", log_field("compiler", text), log_field("first_jobs", result.made));
    while (is_whole && matrix_wave_begun(planning->store, text, &err))
        is_whole = planning_pause(planning, "The start of a wave cannot be recorded.", &err);
}

void sweep_begin_waves(struct planning *planning) {
    for (size_t i = 0; i < planning->compiler_count && thread_goes_on(&planning->thread); i++)
        if (is_new(planning, planning->compilers[i])) begin_wave(planning, planning->compilers[i]);
}

/* ---- The sweep ---- */

static bool claim_sweep(struct planning *planning) {
    struct error err;
    bool is_ours = false;
    while (matrix_sweep_claim(planning->store, planning->place.settings->matrix_sweep_interval_ms, &is_ours, &err))
        if (!planning_pause(planning, "A sweep cannot be started.", &err)) return false;
    planning_goes_on(planning);
    return is_ours;
}

static bool sweep_chunk(struct planning *planning, struct matrix_sweep *sweep, size_t job_limit,
                        struct planning_result *result) {
    struct matrix_pairs pairs = {0};
    matrix_plan_sweep(&pairs, sweep, registry_view_lock(planning->place.repositories->view), planning->compilers,
                      planning->compiler_count, LOOKS);
    registry_view_unlock(planning->place.repositories->view);
    bool is_whole = planning_make(planning, &pairs, job_limit, result);
    matrix_pairs_release(&pairs);
    return is_whole;
}

void sweep_if_due(struct planning *planning) {
    size_t job_limit = (size_t)planning->place.settings->matrix_sweep_jobs;
    if (job_limit == 0 || !claim_sweep(planning) || !planning_refresh(planning)) return;
    int64_t begun_ms = clock_monotonic_ms();
    struct matrix_sweep sweep = {0};
    struct planning_result result = {0};
    atomic_store(&planning->counts.sweep_begun_ms, clock_now_ms());
    while (!sweep.is_over && sweep_chunk(planning, &sweep, job_limit, &result)) {
    }
    atomic_fetch_add(&planning->counts.sweeps, 1);
    atomic_store(&planning->counts.sweep_found, (long long)result.found);
    atomic_store(&planning->counts.sweep_made, (long long)result.made);
    log_line(LOG_NOTICE, "sweep_ended", log_field("found", result.found), log_field("made", result.made),
             log_field("example", result.example), log_field("is_complete", sweep.is_over),
             log_field("took_ms", clock_monotonic_ms() - begun_ms));
}
