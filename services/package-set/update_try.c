/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Finds out by builds which changes compile together: each group of changes by itself (lib/domain/set/set_trial.h), then all
 * that is kept in one run of the compiler, which also finds modules that two packages define.
 *
 *   same compiler     groups side by side
 *   new compiler      all changes at once; if that does not compile, the set before must compile with the compiler, and then the
 *                     changes are tried as above
 */
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "services/package-set/update.h"

enum { NAMES_SHOWN = 20 };

static const char *name_of(const struct update *u, uint32_t package) {
    return set_members_name(&u->members, package);
}

/* ---- Builds until all of a list are decided ---- */

/* The builds of a set that have no outcome and can have one, and those that failed. */
struct settled {
    struct set_builds open;
    const struct set_build **failed;
    size_t failed_count;
};

static void sort_out(struct update *u, const struct set_builds *builds, struct settled *out, struct arena *scratch) {
    bool *has_failed = arena_alloc(scratch, u->members.package_count * sizeof *has_failed);
    *out = (struct settled){.open.items = arena_alloc(scratch, builds->count * sizeof *out->open.items),
                            .failed = arena_alloc(scratch, builds->count * sizeof *out->failed)};
    for (size_t i = 0; i < builds->count; i++) {
        const struct set_build *build = &builds->items[i];
        bool needs_failed = false;
        for (size_t j = 1; j < build->version->need_count; j++)
            needs_failed |= has_failed[build->version->needs[j].package];
        enum set_outcome outcome = needs_failed ? SET_OUTCOME_FAILS : update_look_up(u, build, u->checked.compiler);
        has_failed[build->package] = outcome == SET_OUTCOME_FAILS;
        if (outcome == SET_OUTCOME_UNKNOWN) out->open.items[out->open.count++] = *build;
        if (outcome == SET_OUTCOME_FAILS && !needs_failed) out->failed[out->failed_count++] = build;
    }
}

/* Makes the builds that show that `after` compiles with the new compiler. `failed` lists those that do not, in the run's arena. */
static enum status compile_members(struct update *u, const struct set_members *after, struct settled *out, struct error *err) {
    struct set_builds builds;
    registry_view_lock(u->view);
    set_builds_find(&builds, &u->members, after, u->arena);
    registry_view_unlock(u->view);
    enum status status = STATUS_OK;
    for (;;) {
        registry_view_lock(u->view);
        sort_out(u, &builds, out, u->arena);
        registry_view_unlock(u->view);
        if (out->open.count == 0) return STATUS_OK;
        status = update_make_builds(u, &out->open, u->checked.compiler, err);
        if (status) return status;
    }
}

/* ---- A new compiler ---- */

static const char *list_failed(const struct update *u, const struct settled *settled) {
    struct text list = {0};
    for (size_t i = 0; i < settled->failed_count && i < NAMES_SHOWN; i++)
        text_append_format(&list, "%s%s", i ? ", " : "", name_of(u, settled->failed[i]->package));
    if (settled->failed_count > NAMES_SHOWN) text_append_format(&list, " and %zu more", settled->failed_count - NAMES_SHOWN);
    const char *copy = arena_copy(u->arena, text_view(&list));
    text_release(&list);
    return copy;
}

/* Sets *compiles if all changes at once compile with the new compiler. Otherwise the set before must compile with it. */
static enum status change_compiler(struct update *u, bool *compiles, struct error *err) {
    struct set_members after, unchanged;
    struct settled settled;
    uint32_t dependant, missing;
    const char *compiler = update_print_version(u, u->checked.compiler);
    registry_view_lock(u->view);
    set_changes_apply(&after, &u->members, &u->checked.changes, NULL, u->checked.compiler, u->arena);
    set_changes_apply(&unchanged, &u->members, &(struct set_changes){0}, NULL, u->checked.compiler, u->arena);
    bool has_hole = set_members_find_hole(&after, &dependant, &missing);
    registry_view_unlock(u->view);
    job_run_log(u->run, LOG_INFO, "Building the set with compiler %s, with all changes.", compiler);
    *compiles = false;
    enum status status = has_hole ? STATUS_OK : compile_members(u, &after, &settled, err);
    if (status) return status;
    *compiles = !has_hole && settled.failed_count == 0;
    if (*compiles) {
        u->after = after;
        return STATUS_OK;
    }
    if (u->has_hole) return error_set(err, STATUS_REFUSED, "With these changes the package set is not self-contained.");
    job_run_log(u->run, LOG_WARN, "With all changes the set does not compile with compiler %s: building it without them.",
                compiler);
    status = compile_members(u, &unchanged, &settled, err);
    if (status || settled.failed_count == 0) return status;
    return error_set_at(
        err, STATUS_REFUSED, "compiler",
        "The package set %s does not compile with compiler %s, because of %s. Remove or change these in the same "
        "request.",
        update_print_version(u, u->before.version), compiler, list_failed(u, &settled));
}

/* ---- The changes ---- */

static void say_refused(struct update *u, size_t i) {
    const struct set_change *change = &u->checked.changes.items[i];
    const struct set_failure *failure = &u->trial.failures[i];
    const char *name = name_of(u, change->package);
    const char *version =
        change->version ? arena_format(u->arena, "@%s", update_print_version(u, change->version->version)) : "";
    const char *what = change->version ? "" : "Without it the set does not compile: ";
    if (u->trial.states[i] == SET_SEARCH_BLOCKED) {
        const struct set_change *cause = &u->checked.changes.items[u->trial.causes[i]];
        job_run_log(u->run, LOG_WARN, "%s%s is not changed: it needs %s, which is not changed either.", name, version,
                    name_of(u, cause->package));
    } else if (failure->package == PACKAGE_NONE) {
        job_run_log(u->run, LOG_WARN, "%s%s is not changed: the set would not be self-contained.", name, version);
    } else if (failure->package == change->package) {
        job_run_log(u->run, LOG_WARN, "%s%s is not changed: it does not compile with the versions of the set.", name, version);
    } else {
        job_run_log(u->run, LOG_WARN, "%s%s is not changed: %s%s does not compile with it.", name, version, what,
                    name_of(u, failure->package));
    }
}

static void say_outcome(struct update *u) {
    size_t count = u->checked.changes.count;
    u->kept_count = 0;
    for (size_t i = 0; i < count; i++) {
        u->kept_count += u->trial.states[i] == SET_SEARCH_KEPT;
        if (u->trial.states[i] != SET_SEARCH_KEPT) say_refused(u, i);
    }
    job_run_log(u->run, LOG_INFO, "%zu of %zu changes compile with the set, found in %zu attempts.", u->kept_count, count,
                u->trial.attempts);
}

static enum status try_groups(struct update *u, struct error *err) {
    registry_view_lock(u->view);
    set_trial_init(&u->trial, &u->members, &u->checked.changes, u->checked.compiler, &u->oracle, u->arena);
    registry_view_unlock(u->view);
    for (;;) {
        struct arena scratch = {0};
        struct set_builds wanted;
        registry_view_lock(u->view);
        bool is_open = set_trial_next(&u->trial, &wanted, &scratch);
        registry_view_unlock(u->view);
        enum status status = is_open ? update_make_builds(u, &wanted, u->checked.compiler, err) : STATUS_OK;
        arena_release(&scratch);
        if (status) return status;
        if (!is_open) break;
    }
    say_outcome(u);
    registry_view_lock(u->view);
    set_trial_result(&u->after, &u->trial, u->arena);
    registry_view_unlock(u->view);
    return STATUS_OK;
}

/* All changes are kept, without a trial of each. */
static void keep_all(struct update *u) {
    set_trial_init(&u->trial, &u->members, &u->checked.changes, u->checked.compiler, &u->oracle, u->arena);
    for (size_t i = 0; i < u->checked.changes.count; i++)
        u->trial.states[i] = SET_SEARCH_KEPT;
    u->kept_count = u->checked.changes.count;
}

enum status update_try(void *context, struct error *err) {
    struct update *u = context;
    bool is_decided = false;
    enum status status = STATUS_OK;
    u->oracle = (struct set_oracle){update_look_up, u};
    if (version_compare(u->checked.compiler, u->before.compiler) > 0) status = change_compiler(u, &is_decided, err);
    if (status) return status;
    if (is_decided)
        keep_all(u);
    else
        status = try_groups(u, err);
    bool has_compiler_change = version_compare(u->checked.compiler, u->before.compiler) > 0;
    if (!status && u->kept_count == 0 && !u->is_automatic && !has_compiler_change && !u->checked.removes_lost)
        status = error_set(err, STATUS_REFUSED, "None of the changes compiles with the package set %s, so it stays as it is.",
                           update_print_version(u, u->before.version));
    return status;
}

/* ---- The whole set ---- */

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

/* What is kept compiles package by package, but not as a whole: searches for the part that does, with whole builds. */
static enum status search_whole(struct update *u, struct error *err) {
    const struct set_changes *changes = &u->checked.changes;
    size_t *kept = arena_alloc(u->arena, changes->count * sizeof *kept), count = 0;
    struct set_search search;
    for (size_t i = 0; i < changes->count; i++)
        if (u->trial.states[i] == SET_SEARCH_KEPT) kept[count++] = i;
    bool *is_in = arena_alloc(u->arena, count * sizeof *is_in),
         *is_made = arena_alloc(u->arena, changes->count * sizeof *is_made);
    u->fails_whole = arena_alloc(u->arena, changes->count * sizeof *u->fails_whole);
    set_search_init(&search, count, NULL, 0, u->arena);
    while (set_search_next(&search, is_in)) {
        struct set_members attempt;
        uint32_t dependant, missing;
        bool compiles = false;
        for (size_t i = 0; i < count; i++)
            is_made[kept[i]] = is_in[i];
        registry_view_lock(u->view);
        set_changes_apply(&attempt, &u->members, changes, is_made, u->checked.compiler, u->arena);
        bool has_hole = set_members_find_hole(&attempt, &dependant, &missing);
        registry_view_unlock(u->view);
        enum status status = has_hole ? STATUS_OK : update_build_whole(u, &attempt, &compiles, err);
        if (status) return status;
        size_t refused = set_search_report(&search, compiles, NULL);
        if (refused == SET_SEARCH_NONE) continue;
        u->trial.states[kept[refused]] = SET_SEARCH_REFUSED;
        u->fails_whole[kept[refused]] = true;
        u->kept_count--;
        job_run_log(u->run, LOG_WARN, "%s is not changed: the whole set does not compile with it.",
                    name_of(u, changes->items[kept[refused]].package));
    }
    registry_view_lock(u->view);
    set_trial_result(&u->after, &u->trial, u->arena);
    registry_view_unlock(u->view);
    return STATUS_OK;
}

bool update_has_release(const void *context) {
    const struct update *u = context;
    return u->set.packages.count > 0 || u->run->has_record;
}

static bool is_changed(const struct update *u) {
    return u->kept_count > 0 || u->checked.removes_lost || version_compare(u->checked.compiler, u->before.compiler) > 0;
}

enum status update_whole(void *context, struct error *err) {
    struct update *u = context;
    bool compiles = true;
    enum status status = is_changed(u) ? update_build_whole(u, &u->after, &compiles, err) : STATUS_OK;
    if (!status && !compiles) {
        job_run_log(u->run, LOG_WARN, "Each package compiles, but not all of them together.");
        status = search_whole(u, err);
        if (!status && is_changed(u)) status = update_build_whole(u, &u->after, &compiles, err);
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
