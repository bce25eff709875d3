/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the latest set and the registry, and finds out what may be changed: the changes of a request, checked, or the
 * candidates of an automatic update.
 */
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/store/redis/matrix_store.h"
#include "services/package-set/update.h"

enum { NAMES_SHOWN = 40 };

const char *update_print_version(const struct update *u, struct version version) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    return arena_copy(u->arena, text);
}

/* ---- Reading ---- */

static enum status read_latest(struct update *u, struct error *err) {
    struct registry_sets *sets = u->service->sets;
    enum status status = registry_view_refresh(u->service->repositories.view, &u->run->deadline, err);
    if (!status) status = registry_sets_follow(sets, err);
    if (status) return status;
    struct newest_set newest = registry_sets_newest(sets, u->arena);
    status = package_set_service_check_newest(&newest, err);
    if (status) return status;
    u->before = (struct package_set){0};
    const struct set_history *history = registry_sets_lock(sets);
    bool is_found = newest.is_any && set_history_read(&u->before, history, newest.version, u->arena);
    registry_sets_unlock(sets);
    if (newest.is_any && !is_found) return update_start_over(u, err, "The latest package set was removed a moment ago.");
    if (!is_found && (u->is_automatic || !u->request.has_compiler))
        return error_set_at(err, STATUS_REFUSED, "compiler",
                            "There is no package set yet, so the first one must be requested with a compiler, by a trustee or "
                            "with pacchettibotti's signature.");
    return STATUS_OK;
}

void update_release_view(struct update *u) {
    registry_view_free(u->view);
    u->view = NULL;
}

static enum status read_registry(struct update *u, struct error *err) {
    update_forget_builds(u); /* they borrow names from the view */
    update_release_view(u);
    u->view = registry_view_create(u->service->repositories.registry, u->service->repositories.index);
    return registry_view_refresh(u->view, &u->run->deadline, err);
}

enum status update_read(void *context, struct error *err) {
    struct update *u = context;
    enum status status = read_latest(u, err);
    if (!status) status = compiler_list_read(u->run->store, u->arena, &u->compilers, &u->compiler_count, err);
    if (!status && u->compiler_count == 0)
        status = error_set(err, STATUS_UNAVAILABLE,
                           "No compilers are known yet: a publish service with REGISTRY_COMPILERS reports them.");
    if (!status) status = read_registry(u, err);
    if (status) return status;
    job_run_log(u->run, LOG_INFO, "The latest package set is %s: %zu packages, compiler %s.",
                update_print_version(u, u->before.version), u->before.packages.count,
                update_print_version(u, u->before.compiler));
    return STATUS_OK;
}

/* ---- Checking ---- */

static const char *list_changes(const struct update *u) {
    const struct set_changes *changes = &u->checked.changes;
    struct text list = {0};
    for (size_t i = 0; i < changes->count && i < NAMES_SHOWN; i++) {
        const struct set_change *change = &changes->items[i];
        const char *name = set_members_name(&u->members, change->package);
        text_append_format(&list, "%s%s", i ? ", " : "", change->version ? "" : "without ");
        text_append(&list, name);
        if (change->version) text_append_format(&list, "@%s", update_print_version(u, change->version->version));
    }
    if (changes->count > NAMES_SHOWN) text_append_format(&list, " and %zu more", changes->count - NAMES_SHOWN);
    const char *copy = arena_copy(u->arena, text_view(&list));
    text_release(&list);
    return copy;
}

static void say_lost(struct update *u) {
    struct text list = {0};
    for (size_t i = 0; i < u->members.lost_count; i++)
        text_append_format(&list, "%s%s@%s", i ? ", " : "", u->members.lost[i]->name,
                           update_print_version(u, u->members.lost[i]->version));
    if (list.length > 0) {
        job_run_log(
            u->run, LOG_ERROR,
            "The package set %s has versions that are not published any more, and counts as if it were without them: %s. "
            "A trustee can replace or remove them.",
            update_print_version(u, u->before.version), list.bytes);
        log_line(LOG_ERROR, "set_version_lost", log_field("job", u->run->job.id), log_field("versions", list.bytes));
    }
    text_release(&list);
}

static enum status check_request(struct update *u, struct error *err) {
    const struct set_request_rules rules = {.compilers = u->compilers,
                                            .compiler_count = u->compiler_count,
                                            .may_downgrade = u->is_trial || job_is_by_trustee(&u->run->job)};
    enum status status = set_request_check(&u->checked, &u->members, &u->before, &u->request, &rules, u->arena, err);
    for (size_t i = 0; i < u->checked.rejection_count; i++)
        job_run_log(u->run, LOG_WARN, "%s is not changed: %s", u->checked.rejections[i].package,
                    u->checked.rejections[i].reason);
    return status;
}

static void find_candidates(struct update *u) {
    u->checked = (struct set_request_result){.compiler = u->before.compiler};
    set_changes_find_candidates(&u->checked.changes, &u->members, u->arena);
}

enum status update_check(void *context, struct error *err) {
    struct update *u = context;
    uint32_t dependant, missing;
    enum status status = STATUS_OK;
    const struct manifest_index *index = registry_view_lock(u->view);
    set_members_read(&u->members, index, &u->before, u->arena);
    u->has_hole = set_members_find_hole(&u->members, &dependant, &missing);
    if (u->is_automatic)
        find_candidates(u);
    else
        status = check_request(u, err);
    if (u->has_hole) set_changes_join_groups(&u->checked.changes);
    const char *list = status ? NULL : list_changes(u);
    if (u->has_hole)
        job_run_log(u->run, LOG_ERROR, "The package set %s is not self-contained: %s depends on %s, which it does not have.",
                    update_print_version(u, u->before.version), set_members_name(&u->members, dependant),
                    set_members_name(&u->members, missing));
    registry_view_unlock(u->view);
    say_lost(u);
    if (status) return status;
    job_run_log(u->run, LOG_INFO, "%zu change%s to try, in %zu group%s: %s.", u->checked.changes.count,
                u->checked.changes.count == 1 ? "" : "s", u->checked.changes.group_count,
                u->checked.changes.group_count == 1 ? "" : "s", *list ? list : "none");
    return STATUS_OK;
}
