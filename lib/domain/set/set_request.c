/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/set/set_request.h"

#include <stdio.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/job/operation.h"
#include "lib/domain/matrix/supported_compilers.h"

enum { REASONS_MAX = 10 }; /* that a sentence lists */

struct checking {
    const struct set_members *members;
    const struct package_set *set;
    const struct package_set_request *request;
    const struct set_request_rules *rules;
    struct set_request_result *out;
    struct arena *arena;
    struct error *err;
    char set_version[VERSION_TEXT_MAX];
};

static void reject(struct checking *checking, const char *package, const char *reason) {
    checking->out->rejections[checking->out->rejection_count++] = (struct set_rejection){package, reason};
}

/* ---- the compiler ---- */

static enum status check_compiler(struct checking *checking) {
    const struct package_set_request *request = checking->request;
    const struct set_request_rules *rules = checking->rules;
    checking->out->compiler = request->has_compiler ? request->compiler : checking->set->compiler;
    char asked[VERSION_TEXT_MAX], current[VERSION_TEXT_MAX];
    version_print(checking->out->compiler, asked);
    version_print(checking->set->compiler, current);
    if (version_compare(checking->out->compiler, checking->set->compiler) < 0)
        return error_set_at(checking->err, STATUS_REFUSED, "compiler",
                            "The package set %s is for compiler %s: it cannot go back to %s.", checking->set_version, current,
                            asked);
    return supported_compilers_check(rules->compilers, rules->compiler_count, checking->out->compiler, checking->err);
}

/* ---- each change by itself ---- */

static enum status refuse_downgrade(const struct checking *checking, const struct package_set_change *change,
                                    const struct package_version *member) {
    char asked[VERSION_TEXT_MAX], current[VERSION_TEXT_MAX], path[16 + 150];
    version_print(change->version, asked);
    version_print(member->version, current);
    snprintf(path, sizeof path, "packages.%s", change->name);
    return error_set_at(checking->err, STATUS_REFUSED, path,
                        "%s@%s is lower than %s in the package set %s: only a trustee can ask for a lower version.",
                        change->name, asked, current, checking->set_version);
}

/* The reason why this version cannot come into a set; NULL: it can. */
static const char *explain_absent(const struct checking *checking, const struct package_set_change *change,
                                  const char *version) {
    uint32_t package = manifest_index_find_package(checking->members->index, change->name);
    const struct indexed_package *indexed =
        package == PACKAGE_NONE ? NULL : manifest_index_package(checking->members->index, package);
    if (indexed && set_members_find_published(checking->members, package, change->version)) return NULL;
    if (!indexed || (!indexed->metadata && indexed->version_count == 0))
        return arena_format(checking->arena, "There is no package %s in the registry.", change->name);
    if (indexed->metadata && metadata_find_unpublished(indexed->metadata, change->version))
        return arena_format(checking->arena, "%s@%s was unpublished.", change->name, version);
    return arena_format(checking->arena, "%s@%s is not in the registry index.", change->name, version);
}

static enum status check_version(struct checking *checking, const struct package_set_change *change) {
    const struct package_version *member = package_versions_find(&checking->set->packages, change->name);
    char version[VERSION_TEXT_MAX];
    version_print(change->version, version);
    const char *absent = explain_absent(checking, change, version);
    if (absent) {
        reject(checking, change->name, absent);
        return STATUS_OK;
    }
    int order = member ? version_compare(change->version, member->version) : 1;
    if (order < 0 && !checking->rules->may_downgrade) return refuse_downgrade(checking, change, member);
    if (order == 0) {
        reject(checking, change->name,
               arena_format(checking->arena, "%s@%s is in the package set %s already.", change->name, version,
                            checking->set_version));
        return STATUS_OK;
    }
    uint32_t package = manifest_index_find_package(checking->members->index, change->name);
    checking->out->changes.items[checking->out->changes.count++] =
        (struct set_change){.package = package,
                            .version = set_members_find_published(checking->members, package, change->version),
                            .replaced = checking->members->chosen[package]};
    return STATUS_OK;
}

static void check_removal(struct checking *checking, const struct package_set_change *change) {
    uint32_t package = manifest_index_find_package(checking->members->index, change->name);
    if (!package_versions_find(&checking->set->packages, change->name)) {
        reject(checking, change->name,
               arena_format(checking->arena, "%s is not in the package set %s, so it cannot be removed.", change->name,
                            checking->set_version));
    } else if (package == PACKAGE_NONE) {
        checking->out->removes_lost = true;
    } else {
        checking->out->changes.items[checking->out->changes.count++] =
            (struct set_change){.package = package, .replaced = checking->members->chosen[package]};
    }
}

/* ---- the changes together ---- */

/* The first dependency of the change's version that is not in the set with all changes; PACKAGE_NONE: all are. */
static uint32_t find_missing(const struct set_members *after, const struct set_change *change) {
    for (size_t i = 1; change->version && i < change->version->need_count; i++)
        if (!after->chosen[change->version->needs[i].package]) return change->version->needs[i].package;
    return PACKAGE_NONE;
}

/* The members that depend on the removed package, as text; NULL: none do. */
static const char *list_dependants(const struct checking *checking, const struct set_members *after, uint32_t removed) {
    const struct indexed_package *package = manifest_index_package(after->index, removed);
    uint32_t *dependants = arena_alloc(checking->arena, package->user_count * sizeof *dependants);
    size_t count = 0;
    for (size_t i = 0; i < package->user_count; i++) {
        const struct indexed_version *user = after->chosen[package->users[i]];
        if (user && set_members_needs(user, removed)) dependants[count++] = package->users[i];
    }
    return count ? set_members_list(after, dependants, count, checking->arena) : NULL;
}

/* The reason why the change leaves a set that is not self-contained; NULL: it does not. */
static const char *explain_hole(const struct checking *checking, const struct set_members *after,
                                const struct set_change *change) {
    const char *name = set_members_name(after, change->package);
    const char *dependants = change->version ? NULL : list_dependants(checking, after, change->package);
    if (dependants) return arena_format(checking->arena, "%s cannot be removed: it is needed by %s.", name, dependants);
    uint32_t missing = find_missing(after, change);
    if (missing == PACKAGE_NONE) return NULL;
    char version[VERSION_TEXT_MAX];
    version_print(change->version->version, version);
    return arena_format(checking->arena,
                        "%s@%s depends on %s, which is neither in the package set %s nor added by this request.", name, version,
                        set_members_name(after, missing), checking->set_version);
}

/* Rejects the changes that leave a hole. True if there were any. */
static bool reject_some(struct checking *checking) {
    struct set_changes *changes = &checking->out->changes;
    struct arena scratch = {0};
    struct set_members after;
    set_changes_apply(&after, checking->members, changes, NULL, checking->out->compiler, &scratch);
    size_t kept = 0, count = changes->count;
    for (size_t i = 0; i < count; i++) {
        const char *reason = explain_hole(checking, &after, &changes->items[i]);
        if (reason)
            reject(checking, set_members_name(checking->members, changes->items[i].package), reason);
        else
            changes->items[kept++] = changes->items[i];
    }
    changes->count = kept;
    arena_release(&scratch);
    return kept < count;
}

static enum status refuse_all(const struct checking *checking) {
    struct text reasons = {0};
    for (size_t i = 0; i < checking->out->rejection_count && i < REASONS_MAX; i++)
        text_append_format(&reasons, " %s", checking->out->rejections[i].reason);
    error_set_at(checking->err, STATUS_REFUSED, "packages", "None of these changes of the package set %s can be made.%s",
                 checking->set_version, text_view(&reasons));
    text_release(&reasons);
    return STATUS_REFUSED;
}

enum status set_request_check(struct set_request_result *out, const struct set_members *members, const struct package_set *set,
                              const struct package_set_request *request, const struct set_request_rules *rules,
                              struct arena *arena, struct error *err) {
    *out = (struct set_request_result){0};
    out->changes.items = arena_alloc(arena, request->change_count * sizeof *out->changes.items);
    out->rejections = arena_alloc(arena, request->change_count * sizeof *out->rejections);
    struct checking checking = {members, set, request, rules, out, arena, err, ""};
    version_print(set->version, checking.set_version);
    enum status status = check_compiler(&checking);
    for (size_t i = 0; i < request->change_count && !status; i++) {
        if (request->changes[i].is_removal)
            check_removal(&checking, &request->changes[i]);
        else
            status = check_version(&checking, &request->changes[i]);
    }
    if (status) return status;
    while (reject_some(&checking)) /* another change may have needed a rejected one */
        ;
    bool is_higher = version_compare(out->compiler, set->compiler) > 0;
    if (out->changes.count == 0 && !out->removes_lost && !is_higher) return refuse_all(&checking);
    set_changes_arrange(&out->changes, members);
    return STATUS_OK;
}
