/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/package-set/query/excuse_inputs.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/store/job/connection_pool.h"
#include "lib/store/redis/matrix_store.h"
#include "services/package-set/package_set_service.h"
#include "services/package-set/schedule.h"

enum { DAY_MS = 24 * 3600 * 1000 };

/* ---- Builds ---- */

static void take_verdict(struct set_known_build *build, const struct matrix_verdict *verdict, struct arena *arena) {
    bool stands = verdict_stands(verdict->verdict);
    build->state = verdict->verdict == VERDICT_SUCCEEDED ? SET_BUILD_SUCCEEDED : stands ? SET_BUILD_FAILED : SET_BUILD_UNTRIED;
    build->job = arena_copy(arena, verdict->job_id);
    build->detail = verdict_meaning(verdict->verdict);
    build->since_ms = verdict->time_ms;
}

static enum status read_builds(struct excuse_inputs *inputs, struct job_store *store, struct arena *arena, struct error *err) {
    struct set_known_builds *builds = &inputs->builds;
    struct version_verdict *verdicts = arena_alloc(arena, (builds->count + 1) * sizeof *verdicts);
    for (size_t i = 0; i < builds->count; i++)
        verdicts[i] = (struct version_verdict){.package = builds->items[i].package, .version = builds->items[i].version};
    enum status status = verdicts_read_for_compiler(store, inputs->set.compiler, verdicts, builds->count, arena, err);
    for (size_t i = 0; i < builds->count && !status; i++)
        if (verdicts[i].is_known) take_verdict(&builds->items[i], &verdicts[i].verdict, arena);
    return status;
}

/* ---- The schedule ---- */

static enum status read_schedule(struct schedule_facts *out, const struct settings *settings, struct job_store *store,
                                 struct error *err) {
    *out = (struct schedule_facts){
        .now_ms = clock_now_ms(), .after_ms = settings->package_set_after_ms, .per_day = settings->package_sets_per_day};
    enum status status = daily_time_parse(&out->daily, settings->package_set_time, "PACKAGE_SET_TIME", err);
    if (!status) status = daily_work_last(store, SCHEDULE_DAILY_UPDATE, &out->daily_done_ms, err);
    return status ? status : set_updates_count(store, out->now_ms / DAY_MS, &out->made_today, err);
}

/* ---- All ---- */

static enum status read_store(struct excuse_inputs *inputs, struct package_set_service *service, struct arena *arena,
                              struct error *err) {
    struct job_store *store = connection_pool_take(service->stores);
    enum status status = set_findings_read(store, &inputs->findings, &inputs->update, arena, err);
    if (!status) status = read_builds(inputs, store, arena, err);
    if (!status) status = compiler_list_read(store, arena, &inputs->compilers, &inputs->compiler_count, err);
    if (!status) status = read_schedule(&inputs->schedule, &service->settings, store, err);
    connection_pool_give_back(service->stores, store);
    inputs->schedule.ended_ms = inputs->update.time_ms;
    return status;
}

enum status excuse_inputs_read(struct excuse_inputs *out, struct package_set_service *service, struct arena *arena,
                               struct error *err) {
    struct set_members members;
    struct newest_set newest = registry_sets_newest(service->sets, arena);
    *out = (struct excuse_inputs){.is_hidden = newest.problem, .unreadable = newest.version};
    if (!package_set_service_latest(service, &out->set, arena))
        return error_set(err, STATUS_NOT_FOUND, "There is no package set yet.");
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    set_members_read(&members, index, &out->set, arena);
    set_excuses_list_builds(&out->builds, &members, arena);
    registry_view_unlock(service->repositories.view);
    return read_store(out, service, arena, err);
}

/* As package_set_service_check_newest() says when an update fails for it. */
static const char *explain_hindrance(const struct excuse_inputs *inputs, struct arena *arena) {
    char version[VERSION_TEXT_MAX];
    version_print(inputs->unreadable, version);
    if (!inputs->is_hidden) return NULL;
    return arena_format(arena, "No update can start, since the latest package set, package-sets/%s.json, cannot be read.",
                        version);
}

struct set_knowledge excuse_inputs_knowledge(struct excuse_inputs *inputs, const struct set_members *members,
                                             const struct set_changes *candidates, struct arena *arena) {
    char hash[SHA256_HEX_MAX];
    set_changes_hash(candidates, members, hash);
    inputs->schedule.has_candidates =
        candidates->count > 0 && !inputs->is_hidden && !text_equal(inputs->update.candidates, hash);
    inputs->schedule.newest_ms = set_changes_newest_ms(candidates);
    return (struct set_knowledge){.findings = &inputs->findings,
                                  .builds = &inputs->builds,
                                  .now_ms = inputs->schedule.now_ms,
                                  .checked_ms = inputs->update.checked_ms,
                                  .next_ms = schedule_next_update(&inputs->schedule),
                                  .hindrance = explain_hindrance(inputs, arena)};
}
