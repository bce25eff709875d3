/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The search of an update (lib/domain/set/set_trial.h) with the outcomes that are kept in Redis, up to the builds that none is
 * known of. Redis is not asked while the registry is locked, so the search starts over with each batch of outcomes; that takes
 * some milliseconds.
 *
 *   lock, search ──► builds without an outcome ──► unlock, ask Redis ──► all were asked for: these would be made
 *         ▲                                              │
 *         └──────────────────────────────────────────────┘
 */
#include "services/package-set/query/dry_run_query.h"

#include <string.h>

#include "lib/base/map.h"
#include "lib/base/text.h"
#include "lib/domain/set/set_trial.h"
#include "lib/service/message/message_json.h"
#include "lib/store/job/connection_pool.h"
#include "lib/store/redis/set_store.h"
#include "services/package-set/query/set_json.h"
#include "services/package-set/update.h"

struct dry_run {
    struct package_set_service *service;
    struct arena *arena;
    struct package_set set;
    struct map outcomes; /* struct kept_outcome by key, of all that Redis was asked for */
    size_t known_count;

    /* While the view is locked; in the memory of one search. */
    struct set_members members;
    struct set_changes candidates;
    struct set_trial trial;
    struct set_oracle oracle;
    struct set_builds wanted; /* those without an outcome */
};

static void make_key(const struct dry_run *d, const struct set_build *build, char out[UUID_TEXT_MAX]) {
    update_build_key(out, set_members_name(&d->members, build->package), build->version->version, d->set.compiler,
                     &build->plan);
}

/* set_oracle.look_up */
static enum set_outcome look_up(void *context, const struct set_build *build, struct version compiler) {
    const struct dry_run *d = context;
    char key[UUID_TEXT_MAX];
    (void)compiler; /* the set's */
    make_key(d, build, key);
    const struct kept_outcome *outcome = map_find(&d->outcomes, key);
    if (!outcome || !outcome->is_known) return SET_OUTCOME_UNKNOWN;
    return outcome->compiles ? SET_OUTCOME_COMPILES : SET_OUTCOME_FAILS;
}

static void search(struct dry_run *d, const struct manifest_index *index, struct arena *scratch) {
    uint32_t dependant, missing;
    set_members_read(&d->members, index, &d->set, scratch);
    set_changes_find_candidates(&d->candidates, &d->members, scratch);
    if (set_members_find_hole(&d->members, &dependant, &missing)) set_changes_join_groups(&d->candidates);
    d->oracle = (struct set_oracle){look_up, d};
    set_trial_init(&d->trial, &d->members, &d->candidates, d->set.compiler, &d->oracle, scratch);
    if (!set_trial_next(&d->trial, &d->wanted, scratch)) d->wanted.count = 0;
}

/* Lists the wanted builds that Redis was not asked for yet. */
static size_t list_new(struct dry_run *d, struct kept_outcome **out) {
    size_t count = 0;
    *out = arena_alloc(d->arena, (d->wanted.count + 1) * sizeof **out);
    for (size_t i = 0; i < d->wanted.count; i++) {
        char key[UUID_TEXT_MAX];
        make_key(d, &d->wanted.items[i], key);
        if (map_find(&d->outcomes, key)) continue;
        struct kept_outcome *outcome = &(*out)[count++];
        *outcome = (struct kept_outcome){.key = arena_copy(d->arena, key)};
        map_put(&d->outcomes, key, outcome);
    }
    return count;
}

static enum status read_outcomes(struct dry_run *d, struct kept_outcome *outcomes, size_t count, struct error *err) {
    struct job_store *store = connection_pool_take(d->service->stores);
    enum status status = kept_outcomes_read(store, outcomes, count, d->arena, err);
    connection_pool_give_back(d->service->stores, store);
    for (size_t i = 0; i < count && !status; i++)
        d->known_count += outcomes[i].is_known;
    return status;
}

/* ---- The answer ---- */

/* What is known of a change: `outcome`, and `by`, the package because of which it is not taken. */
static void write_outcome(struct json_writer *writer, const struct dry_run *d, const struct set_trial_group *group,
                          size_t number) {
    static const char *const texts[] = {[SET_SEARCH_OPEN] = "to_try",
                                        [SET_SEARCH_KEPT] = "compiles",
                                        [SET_SEARCH_REFUSED] = "fails",
                                        [SET_SEARCH_BLOCKED] = "blocked"};
    enum set_search_state state = group->search.states[number];
    size_t change = group->changes[number];
    const struct set_failure *failure = &d->trial.failures[change];
    uint32_t by = PACKAGE_NONE;
    if (state == SET_SEARCH_BLOCKED)
        by = d->candidates.items[group->changes[group->search.causes[number]]].package;
    else if (state == SET_SEARCH_REFUSED)
        by = failure->package;
    bool breaks = state == SET_SEARCH_REFUSED && by != d->candidates.items[change].package;
    json_writer_text_field(writer, "outcome", breaks ? "breaks" : texts[state]);
    if (by != PACKAGE_NONE && (breaks || state == SET_SEARCH_BLOCKED))
        json_writer_text_field(writer, "by", set_members_name(&d->members, by));
}

static void write_candidate(struct json_writer *writer, const struct dry_run *d, const struct set_trial_group *group,
                            size_t number) {
    const struct set_change *change = &d->candidates.items[group->changes[number]];
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", set_members_name(&d->members, change->package));
    set_json_indexed(writer, "version", change->version);
    set_json_indexed(writer, "setVersion", change->replaced);
    json_writer_time_field(writer, "published", change->published_ms);
    write_outcome(writer, d, group, number);
    json_writer_close(writer, '}');
}

static void write_groups(struct json_writer *writer, const struct dry_run *d) {
    json_writer_key(writer, "groups");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < d->candidates.group_count; i++) {
        const struct set_trial_group *group = &d->trial.groups[i];
        json_writer_item(writer);
        json_writer_open(writer, '[');
        for (size_t j = 0; j < group->search.count; j++)
            write_candidate(writer, d, group, j);
        json_writer_close(writer, ']');
    }
    json_writer_close(writer, ']');
}

/* The candidates because of which the build is made: its own package, or those in its plan. */
static void write_reasons(struct json_writer *writer, const struct dry_run *d, const struct set_build *build) {
    uint32_t *packages = arena_alloc(d->arena, d->candidates.count * sizeof *packages);
    size_t count = 0;
    for (size_t i = 0; i < d->candidates.count; i++) {
        const struct set_change *change = &d->candidates.items[i];
        const struct package_version *planned =
            package_versions_find(&build->plan, set_members_name(&d->members, change->package));
        if (change->package == build->package || (planned && version_equal(planned->version, change->version->version)))
            packages[count++] = change->package;
    }
    set_json_names(writer, "because", &d->members, packages, count);
}

static void write_builds(struct json_writer *writer, const struct dry_run *d) {
    json_writer_key(writer, "builds");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < d->wanted.count; i++) {
        const struct set_build *build = &d->wanted.items[i];
        json_writer_item(writer);
        json_writer_open(writer, '{');
        json_writer_text_field(writer, "name", set_members_name(&d->members, build->package));
        set_json_indexed(writer, "version", build->version);
        write_reasons(writer, d, build);
        json_writer_close(writer, '}');
    }
    json_writer_close(writer, ']');
}

/* The versions of the set that are lost and for which there is no candidate: while there are any, no set is released by itself. */
static void write_lost(struct json_writer *writer, const struct dry_run *d) {
    json_writer_key(writer, "lost");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < d->members.lost_count; i++) {
        const struct package_version *lost = d->members.lost[i];
        uint32_t package = manifest_index_find_package(d->members.index, lost->name);
        bool has_candidate = false;
        for (size_t j = 0; j < d->candidates.count; j++)
            has_candidate |= d->candidates.items[j].package == package;
        if (has_candidate) continue;
        json_writer_item(writer);
        json_writer_open(writer, '{');
        json_writer_text_field(writer, "name", lost->name);
        set_json_version(writer, "version", lost->version);
        json_writer_close(writer, '}');
    }
    json_writer_close(writer, ']');
}

static void write_dry_run(struct json_writer *writer, const struct dry_run *d) {
    json_writer_open(writer, '{');
    set_json_set(writer, "packageSet", &d->set);
    json_writer_integer_field(writer, "candidates", (int64_t)d->candidates.count);
    write_lost(writer, d);
    write_groups(writer, d);
    json_writer_integer_field(writer, "knownBuilds", (int64_t)d->known_count);
    write_builds(writer, d);
    json_writer_close(writer, '}');
}

/* ---- The query ---- */

/* One search; appends the answer if no further outcome can be known: then *is_done. */
static enum status go_on(struct dry_run *d, struct text *json, bool *is_done, struct error *err) {
    struct arena scratch = {0};
    struct kept_outcome *outcomes;
    search(d, registry_view_lock(d->service->repositories.view), &scratch);
    size_t count = list_new(d, &outcomes);
    *is_done = count == 0;
    if (*is_done) write_dry_run(&(struct json_writer){.out = json}, d);
    registry_view_unlock(d->service->repositories.view);
    arena_release(&scratch);
    return *is_done ? STATUS_OK : read_outcomes(d, outcomes, count, err);
}

static enum status read_set(struct dry_run *d, struct error *err) {
    struct newest_set newest = registry_sets_newest(d->service->sets, d->arena);
    enum status status = package_set_service_check_newest(&newest, err);
    if (!status && !package_set_service_latest(d->service, &d->set, d->arena))
        status = error_set(err, STATUS_NOT_FOUND, "There is no package set yet.");
    return status;
}

enum status answer_set_dry_run_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                     struct error *err) {
    struct dry_run d = {.service = context, .arena = arena};
    struct text json = {0};
    bool is_done = false;
    (void)request;
    package_set_service_follow(d.service);
    enum status status = read_set(&d, err);
    while (!status && !is_done)
        status = go_on(&d, &json, &is_done, err);
    map_release(&d.outcomes, NULL);
    if (status)
        text_release(&json);
    else
        message_take_json(answer, &json, arena);
    return status;
}
