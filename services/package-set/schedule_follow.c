/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Updates of the package set after publications: due when the candidates are others than those that the last update decided
 * about, and PACKAGE_SET_AFTER_MS have passed since the newest of them was published and since the last such update ended.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/domain/set/set_changes.h"
#include "lib/store/redis/set_store.h"
#include "services/package-set/schedule_parts.h"

enum {
    LOOK_MS = 60000, /* at the repositories, for changes by others; those of this server's jobs are seen at once */
    READ_LIMIT_MS = 60000,
    DAY_MS = 24 * 3600 * 1000,
};

/* ---- The candidates ---- */

/* The latest set; false: there is none, or its file cannot be read, so no update can start. */
static bool read_latest(struct schedule *schedule, struct package_set *out, struct arena *arena) {
    struct newest_set newest = registry_sets_newest(schedule->service->sets, arena);
    return !newest.problem && package_set_service_latest(schedule->service, out, arena);
}

/* Finds the candidates in the current view. */
static void find_candidates(struct schedule *schedule) {
    struct registry_view *view = schedule->service->repositories.view;
    struct arena arena = {0};
    struct set_members members;
    struct set_changes changes = {0};
    struct package_set set;
    if (!read_latest(schedule, &set, &arena)) {
        schedule->candidate_count = 0;
        arena_release(&arena);
        return;
    }
    const struct manifest_index *index = registry_view_lock(view);
    set_members_read(&members, index, &set, &arena);
    set_changes_find_candidates(&changes, &members, &arena);
    set_changes_hash(&changes, &members, schedule->candidates);
    schedule->candidate_count = changes.count;
    schedule->newest_ms = set_changes_newest_ms(&changes);
    registry_view_unlock(view);
    arena_release(&arena);
}

static enum status read_registry(struct schedule *schedule, struct error *err) {
    thread_lock(&schedule->thread);
    deadline_start(&schedule->limit, READ_LIMIT_MS);
    if (schedule->thread.is_stopping) deadline_cancel(&schedule->limit, STATUS_CANCELLED);
    thread_unlock(&schedule->thread);
    enum status status = registry_view_refresh(schedule->service->repositories.view, &schedule->limit, err);
    return status ? status : registry_sets_follow(schedule->service->sets, err);
}

/* Reads the repositories if this server's jobs have committed since, or after LOOK_MS, and recomputes the candidates if
 * anything has changed. */
static enum status look(struct schedule *schedule, struct error *err) {
    struct job_heads heads;
    int64_t now_ms = clock_monotonic_ms();
    enum status status = job_store_heads(schedule->store, &heads, err);
    if (status) return status;
    bool is_due = schedule->looked_ms == 0 || now_ms - schedule->looked_ms >= LOOK_MS;
    if (is_due || heads.count != schedule->heads_count) {
        status = read_registry(schedule, err);
        if (status) return status;
        schedule->looked_ms = now_ms;
        schedule->heads_count = heads.count;
    }
    struct registry_view_state state = registry_view_state(schedule->service->repositories.view);
    if (text_equal(state.registry_commit, schedule->decided_registry) &&
        text_equal(state.index_commit, schedule->decided_index))
        return STATUS_OK;
    find_candidates(schedule);
    memcpy(schedule->decided_registry, state.registry_commit, sizeof state.registry_commit);
    memcpy(schedule->decided_index, state.index_commit, sizeof state.index_commit);
    return STATUS_OK;
}

/* ---- The update ---- */

/* Sets *is_free unless the last such update of the day is unfinished, or ended less than PACKAGE_SET_AFTER_MS ago. */
static enum status check_last(struct schedule *schedule, const char *id, bool *is_free, struct error *err) {
    struct arena arena = {0};
    struct job job;
    enum status status = job_store_get(schedule->store, id, &arena, &job, err);
    if (!status)
        *is_free = job_state_is_finished(job.state) &&
                   clock_now_ms() - job.finished_ms >= schedule->service->settings.package_set_after_ms;
    arena_release(&arena);
    if (status == STATUS_NOT_FOUND) *is_free = true;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Sets *out if the last update decided about the same candidates, or ended less than PACKAGE_SET_AFTER_MS ago. */
static enum status is_decided(struct schedule *schedule, bool *out, struct error *err) {
    struct arena arena = {0};
    struct set_findings findings;
    struct set_update_state state;
    enum status status = set_findings_read(schedule->store, &findings, &state, &arena, err);
    *out = text_equal(state.candidates, schedule->candidates) ||
           clock_now_ms() - state.time_ms < schedule->service->settings.package_set_after_ms;
    arena_release(&arena);
    return status;
}

/* Makes the day's next update, if there may be one more. The number of updates is counted in Redis, and ids are derived from
 * day and number, so several instances make one job. */
static enum status make_update(struct schedule *schedule, struct error *err) {
    const struct settings *settings = &schedule->service->settings;
    int64_t day = clock_now_ms() / DAY_MS, count = 0;
    char last[UUID_TEXT_MAX], next[UUID_TEXT_MAX];
    bool is_free = true;
    enum status status = set_updates_count(schedule->store, day, &count, err);
    if (status || count >= settings->package_sets_per_day) return status;
    schedule_derive_id("package set after a publication", day * 1000 + count, last);
    schedule_derive_id("package set after a publication", day * 1000 + count + 1, next);
    if (count > 0) status = check_last(schedule, last, &is_free, err);
    if (status || !is_free) return status;
    bool is_new = false;
    status = schedule_make_update(schedule, next, &is_new, err);
    if (!status) status = set_updates_note(schedule->store, day, count + 1, err);
    if (is_new)
        log_line(LOG_INFO, "set_update_made", log_field("job", next), log_field("candidates", schedule->candidate_count));
    return status;
}

enum status schedule_follow(struct schedule *schedule, struct error *err) {
    int64_t after_ms = schedule->service->settings.package_set_after_ms;
    bool is_known = false;
    if (after_ms == 0) return STATUS_OK;
    enum status status = look(schedule, err);
    if (status || schedule->candidate_count == 0 || clock_now_ms() < schedule->newest_ms + after_ms) return status;
    status = is_decided(schedule, &is_known, err);
    return status || is_known ? status : make_update(schedule, err);
}
