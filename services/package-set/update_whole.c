/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Builds all that is kept in one run of the compiler, which also finds modules that two packages define. If that fails, the part
 * of the changes that compiles as a whole is searched (lib/domain/set/set_search.h). What compiles is the new set.
 */
#include "lib/base/arena.h"
#include "lib/store/redis/set_store.h"
#include "services/package-set/update.h"

static bool is_empty(const struct set_members *members) {
    for (size_t i = 0; i < members->package_count; i++)
        if (members->chosen[i]) return false;
    return true;
}

static void read_set(struct update *u) {
    const struct set_members *after = &u->after;
    u->set = (struct package_set){.compiler = after->compiler};
    u->set.packages.items = arena_alloc(u->arena, after->package_count * sizeof *u->set.packages.items);
    for (size_t position = 0; position < after->package_count; position++) { /* sorted by name */
        uint32_t package = manifest_index_by_name(after->index, position);
        if (!after->chosen[package]) continue;
        u->set.packages.items[u->set.packages.count++] =
            (struct package_version){arena_copy(u->arena, set_members_name(after, package)), after->chosen[package]->version};
    }
    set_difference_find(&u->difference, &u->before, &u->set, u->arena);
    u->set.version = set_difference_next_version(&u->difference, u->before.version);
}

/* ---- The part that compiles ---- */

/* The kept changes, which compile package by package, but not as a whole. */
struct whole_search {
    size_t *kept; /* numbers of changes */
    size_t count;
    struct set_search search;          /* by number in `kept` */
    bool *is_in;                       /* the same */
    bool *is_made;                     /* by change */
    const struct kept_outcome *failed; /* the last attempt that failed; NULL: it had a hole */
};

static size_t find_kept(const struct whole_search *w, size_t change) {
    size_t i = 0;
    while (i < w->count && w->kept[i] != change)
        i++;
    return i;
}

/* What cannot be without what, of those that are kept: the trial has found it out for each group. */
static struct set_search_need *list_needs(const struct update *u, const struct whole_search *w, size_t *count) {
    const struct set_trial *trial = &u->trial;
    size_t capacity = 0;
    *count = 0;
    for (size_t i = 0; i < trial->changes->group_count; i++)
        capacity += trial->groups[i].search.need_count;
    struct set_search_need *needs = arena_alloc(u->arena, (capacity + 1) * sizeof *needs);
    for (size_t i = 0; i < trial->changes->group_count; i++) {
        const struct set_trial_group *group = &trial->groups[i];
        for (size_t j = 0; j < group->search.need_count; j++) {
            const struct set_search_need *need = &group->search.needs[j];
            size_t change = find_kept(w, group->changes[need->change]), needed = find_kept(w, group->changes[need->needed]);
            if (change < w->count && needed < w->count) needs[(*count)++] = (struct set_search_need){change, needed};
        }
    }
    return needs;
}

static void begin_whole_search(struct update *u, struct whole_search *w) {
    const struct set_changes *changes = &u->checked.changes;
    size_t need_count;
    *w = (struct whole_search){.kept = arena_alloc(u->arena, changes->count * sizeof *w->kept)};
    for (size_t i = 0; i < changes->count; i++)
        if (u->trial.states[i] == SET_SEARCH_KEPT) w->kept[w->count++] = i;
    w->is_in = arena_alloc(u->arena, w->count * sizeof *w->is_in);
    w->is_made = arena_alloc(u->arena, changes->count * sizeof *w->is_made);
    u->whole_failures = arena_alloc(u->arena, changes->count * sizeof *u->whole_failures);
    const struct set_search_need *needs = list_needs(u, w, &need_count);
    set_search_init(&w->search, w->count, needs, need_count, u->arena);
}

/* Builds the whole set with the changes of the attempt. */
static enum status attempt_whole(struct update *u, struct whole_search *w, bool *compiles, struct error *err) {
    struct set_members attempt;
    uint32_t dependant, missing;
    const struct kept_outcome *outcome = NULL;
    for (size_t i = 0; i < w->count; i++)
        w->is_made[w->kept[i]] = w->is_in[i];
    registry_view_lock(u->view);
    set_changes_apply(&attempt, &u->members, &u->checked.changes, w->is_made, u->checked.compiler, u->arena);
    bool has_hole = set_members_find_hole(&attempt, &dependant, &missing) || is_empty(&attempt);
    registry_view_unlock(u->view);
    enum status status = has_hole ? STATUS_OK : update_build_whole(u, &attempt, &outcome, err);
    *compiles = outcome && outcome->compiles;
    if (!*compiles) w->failed = outcome;
    return status;
}

static void refuse_for_whole(struct update *u, const struct whole_search *w, size_t change) {
    u->whole_failures[change] = w->failed;
    u->trial.failures[change].package = PACKAGE_NONE;
}

/* Brings the outcome into the trial's. */
static void end_whole_search(struct update *u, const struct whole_search *w) {
    for (size_t i = 0; i < w->count; i++) {
        size_t change = w->kept[i];
        enum set_search_state state = u->trial.states[change] = w->search.states[i];
        if (state == SET_SEARCH_KEPT) continue;
        u->kept_count--;
        if (state == SET_SEARCH_BLOCKED) u->trial.causes[change] = w->kept[w->search.causes[i]];
        update_say_refused(u, change);
    }
    registry_view_lock(u->view);
    set_trial_result(&u->after, &u->trial, u->arena);
    registry_view_unlock(u->view);
}

/* Searches for the part of the kept changes that compiles as a whole, with builds of whole sets. */
static enum status search_whole(struct update *u, struct error *err) {
    struct whole_search w;
    begin_whole_search(u, &w);
    while (set_search_next(&w.search, w.is_in)) {
        bool compiles;
        enum status status = attempt_whole(u, &w, &compiles, err);
        if (status) return status;
        size_t refused = set_search_report(&w.search, compiles, NULL);
        if (refused != SET_SEARCH_NONE) refuse_for_whole(u, &w, w.kept[refused]);
    }
    end_whole_search(u, &w);
    return STATUS_OK;
}

/* ---- All together ---- */

bool update_has_release(const void *context) {
    const struct update *u = context;
    return !u->is_trial && (u->set.packages.count > 0 || u->run->has_record);
}

const char *update_list_unreplaced(const struct update *u) {
    struct text list = {0};
    for (size_t i = 0; i < u->members.lost_count; i++) {
        const struct package_version *lost = u->members.lost[i];
        uint32_t package = manifest_index_find_package(u->members.index, lost->name);
        bool is_replaced = package != PACKAGE_NONE && u->after.chosen && u->after.chosen[package];
        if (!is_replaced)
            text_append_format(&list, "%s%s@%s", list.length ? ", " : "", lost->name, update_print_version(u, lost->version));
    }
    const char *copy = list.length ? arena_copy(u->arena, list.bytes) : NULL;
    text_release(&list);
    return copy;
}

/* True if there is a new set to release. Nothing is removed without a request, so no automatic update drops a lost version. */
static bool is_changed(const struct update *u) {
    if (u->is_automatic && update_list_unreplaced(u)) return false;
    return u->kept_count > 0 || u->checked.removes_lost || version_compare(u->checked.compiler, u->before.compiler) > 0;
}

static enum status build_after(struct update *u, bool *compiles, struct error *err) {
    const struct kept_outcome *outcome;
    *compiles = true;
    if (!is_changed(u)) return STATUS_OK;
    if (is_empty(&u->after))
        return error_set_at(err, STATUS_REFUSED, "packages", "With these changes the package set would have no packages.");
    enum status status = update_build_whole(u, &u->after, &outcome, err);
    if (!status) *compiles = outcome->compiles;
    return status;
}

enum status update_whole(void *context, struct error *err) {
    struct update *u = context;
    bool compiles;
    enum status status = build_after(u, &compiles, err);
    if (!status && !compiles) {
        job_run_log(u->run, LOG_WARN, "Each package compiles, but the build of the whole set has not succeeded.");
        status = search_whole(u, err);
        if (!status) status = build_after(u, &compiles, err);
        if (!status && (!compiles || !is_changed(u)) && !u->is_automatic)
            status = error_set(err, STATUS_REFUSED,
                               "The whole package set compiles with none of the changes, so it stays as it is.");
    }
    if (status || !compiles || !is_changed(u)) return status;
    registry_view_lock(u->view);
    read_set(u);
    registry_view_unlock(u->view);
    return STATUS_OK;
}
