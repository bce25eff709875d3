/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Finds out by builds which changes compile together: each group of changes by itself (lib/domain/set/set_trial.h).
 *
 *   same compiler     groups side by side
 *   new compiler      all changes at once; if that does not compile, the set before must compile with the compiler, and then the
 *                     changes are tried as above
 */
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/store/redis/set_store.h"
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

/* `with`: what does not compile with all changes, none if they leave a hole; `without`: what does not without any of them. */
static enum status refuse_compiler(struct update *u, const struct settled *with, const struct settled *without,
                                   struct error *err) {
    const char *set = update_print_version(u, u->before.version), *compiler = update_print_version(u, u->checked.compiler);
    const char *blame = list_failed(u, without);
    if (u->checked.changes.count == 0 || with->failed_count == 0)
        return error_set_at(
            err, STATUS_REFUSED, "compiler",
            "The package set %s does not compile with compiler %s, because of %s. Remove or change these in the "
            "same request.",
            set, compiler, blame);
    return error_set_at(err, STATUS_REFUSED, "compiler",
                        "The package set %s does not compile with compiler %s, because of %s; nor does it with these changes, "
                        "because of %s.",
                        set, compiler, blame, list_failed(u, with));
}

/* A set that is not self-contained cannot be built, so with a new compiler all changes must be made. */
static enum status refuse_hole(struct update *u, bool has_hole, const struct settled *with, struct error *err) {
    if (has_hole)
        return error_set_at(err, STATUS_REFUSED, "packages", "With these changes the package set is not self-contained.");
    return error_set_at(err, STATUS_REFUSED, "compiler",
                        "With these changes the package set does not compile with compiler %s, because of %s.",
                        update_print_version(u, u->checked.compiler), list_failed(u, with));
}

/* Sets *compiles if all changes at once compile with the new compiler. Otherwise the set before must compile with it. */
static enum status change_compiler(struct update *u, bool *compiles, struct error *err) {
    struct set_members after, unchanged;
    struct settled with = {0}, without;
    uint32_t dependant, missing;
    const char *compiler = update_print_version(u, u->checked.compiler);
    registry_view_lock(u->view);
    set_changes_apply(&after, &u->members, &u->checked.changes, NULL, u->checked.compiler, u->arena);
    set_changes_apply(&unchanged, &u->members, &(struct set_changes){0}, NULL, u->checked.compiler, u->arena);
    bool has_hole = set_members_find_hole(&after, &dependant, &missing);
    registry_view_unlock(u->view);
    job_run_log(u->run, LOG_INFO, "Building the set with compiler %s, with all changes.", compiler);
    *compiles = false;
    enum status status = has_hole ? STATUS_OK : compile_members(u, &after, &with, err);
    if (status) return status;
    *compiles = !has_hole && with.failed_count == 0;
    if (*compiles) {
        u->after = after;
        return STATUS_OK;
    }
    if (u->has_hole) return refuse_hole(u, has_hole, &with, err);
    job_run_log(u->run, LOG_WARN, "With all changes the set does not compile with compiler %s: building it without them.",
                compiler);
    status = compile_members(u, &unchanged, &without, err);
    return status || without.failed_count == 0 ? status : refuse_compiler(u, &with, &without, err);
}

/* ---- The changes ---- */

/* The outcome of the build because of which the change was refused by itself; NULL: there is none. */
static const struct kept_outcome *find_failure(const struct update *u, size_t i) {
    const struct set_failure *failure = &u->trial.failures[i];
    bool is_refused = u->trial.states[i] == SET_SEARCH_REFUSED && failure->package != PACKAGE_NONE;
    return is_refused ? update_find_failure(u, failure, &u->checked.changes.items[i]) : NULL;
}

void update_say_refused(struct update *u, size_t i) {
    const struct set_change *change = &u->checked.changes.items[i];
    const struct set_failure *failure = &u->trial.failures[i];
    const struct kept_outcome *whole = u->whole_failures ? u->whole_failures[i] : NULL;
    const struct kept_outcome *build = whole ? whole : find_failure(u, i);
    const char *name = name_of(u, change->package);
    const char *version =
        change->version ? arena_format(u->arena, "@%s", update_print_version(u, change->version->version)) : "";
    if (u->trial.states[i] == SET_SEARCH_BLOCKED) {
        const struct set_change *cause = &u->checked.changes.items[u->trial.causes[i]];
        job_run_log(u->run, LOG_WARN, "%s%s is not changed: it needs %s, which is not changed either.", name, version,
                    name_of(u, cause->package));
    } else if (build && build->has_no_result) {
        job_run_log(u->run, LOG_WARN, "%s%s is not changed: a build that decides about it came to no result (job %s).", name,
                    version, build->job_id);
    } else if (whole) {
        job_run_log(u->run, LOG_WARN, "%s%s is not changed: the whole set does not compile with it (job %s).", name, version,
                    whole->job_id);
    } else if (failure->package == PACKAGE_NONE) {
        job_run_log(u->run, LOG_WARN, "%s%s is not changed: the set would not be self-contained.", name, version);
    } else if (failure->package == change->package) {
        job_run_log(u->run, LOG_WARN, "%s%s is not changed: it does not compile with the versions of the set.", name, version);
    } else {
        job_run_log(u->run, LOG_WARN, "%s%s is not changed: %s does not compile %s it.", name, version,
                    name_of(u, failure->package), change->version ? "with" : "without");
    }
}

static void say_outcome(struct update *u) {
    size_t count = u->checked.changes.count;
    u->kept_count = 0;
    for (size_t i = 0; i < count; i++) {
        u->kept_count += u->trial.states[i] == SET_SEARCH_KEPT;
        if (u->trial.states[i] != SET_SEARCH_KEPT) update_say_refused(u, i);
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
