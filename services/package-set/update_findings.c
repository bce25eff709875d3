/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What an update found out about the versions that it tried and did not take, kept in Redis for the excuses
 * (lib/domain/set/set_finding.h). An automatic update decides about all candidates, so its findings replace the earlier ones; a
 * requested one decides about its own packages alone.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/store/redis/set_store.h"
#include "services/package-set/update.h"

struct findings {
    struct set_findings found;   /* by this update */
    struct set_findings earlier; /* in Redis */
    struct set_update_state state;
};

/* A version that was found out about before with this compiler keeps its time. */
static void keep_time(struct set_finding *finding, const struct set_findings *earlier) {
    const struct set_finding *before = set_findings_find(earlier, finding->package);
    if (before && version_equal(before->version, finding->version) && version_equal(before->compiler, finding->compiler) &&
        before->breaks_others == finding->breaks_others && before->has_no_result == finding->has_no_result &&
        before->since_ms < finding->since_ms)
        finding->since_ms = before->since_ms;
}

/* The outcome of the build because of which the change was refused. */
static void take_failure(const struct kept_outcome *outcome, struct set_finding *finding) {
    finding->job = outcome->job_id;
    finding->detail = outcome->detail;
    finding->since_ms = outcome->time_ms;
    finding->has_no_result = outcome->has_no_result;
}

static void describe_failure(const struct update *u, size_t i, struct set_finding *finding) {
    const struct set_failure *failure = &u->trial.failures[i];
    const struct kept_outcome *outcome = update_find_failure(u, failure, &u->checked.changes.items[i]);
    finding->breaks_others = failure->package != u->checked.changes.items[i].package;
    if (!outcome) return;
    take_failure(outcome, finding);
    const char *name = set_members_name(&u->members, failure->package);
    if (finding->breaks_others)
        finding->detail = outcome->detail ? arena_format(u->arena, "%s: %s", name, outcome->detail) : name;
}

static void add_finding(const struct update *u, size_t i, struct set_findings *out) {
    const struct set_change *change = &u->checked.changes.items[i];
    if (!change->version || u->trial.states[i] != SET_SEARCH_REFUSED) return;
    struct set_finding finding = {.package = arena_copy(u->arena, set_members_name(&u->members, change->package)),
                                  .version = change->version->version,
                                  .compiler = u->checked.compiler,
                                  .since_ms = clock_now_ms()};
    const struct kept_outcome *whole = u->whole_failures ? u->whole_failures[i] : NULL;
    if (whole) {
        take_failure(whole, &finding);
    } else if (u->trial.failures[i].package == PACKAGE_NONE) {
        return; /* the set has a hole: nothing was found out about this version */
    } else {
        describe_failure(u, i, &finding);
    }
    out->items[out->count++] = finding;
}

static int compare(const void *a, const void *b) {
    return strcmp(((const struct set_finding *)a)->package, ((const struct set_finding *)b)->package);
}

static bool is_decided(const struct update *u, const char *package) {
    for (size_t i = 0; i < u->checked.changes.count; i++)
        if (text_equal(set_members_name(&u->members, u->checked.changes.items[i].package), package)) return true;
    return false;
}

static void collect(const struct update *u, struct findings *f) {
    const struct set_changes *changes = &u->checked.changes;
    f->found.items = arena_alloc(u->arena, (changes->count + f->earlier.count) * sizeof *f->found.items);
    for (size_t i = 0; i < changes->count; i++)
        add_finding(u, i, &f->found);
    for (size_t i = 0; i < f->found.count; i++)
        keep_time(&f->found.items[i], &f->earlier);
    for (size_t i = 0; i < f->earlier.count && !u->is_automatic; i++)
        if (!is_decided(u, f->earlier.items[i].package)) f->found.items[f->found.count++] = f->earlier.items[i];
    if (f->found.count > 1) qsort(f->found.items, f->found.count, sizeof *f->found.items, compare);
}

/* What is left after an automatic update has been decided about with it, so the scheduler starts none for that alone. */
static void print_candidates(const struct update *u, char out[SHA256_HEX_MAX]) {
    const struct set_members *members = update_has_release(u) && !u->run->is_readonly ? &u->after : &u->members;
    struct set_changes left;
    set_changes_find_candidates(&left, members, u->arena);
    set_changes_hash(&left, members, out);
}

static void describe_update(const struct update *u, const struct set_update_state *earlier, struct set_update_state *out) {
    *out = *earlier;
    out->time_ms = clock_now_ms();
    out->candidates[0] = '\0';
    memcpy(out->job_id, u->run->job.id, sizeof out->job_id);
    if (!u->is_automatic) return;
    print_candidates(u, out->candidates);
    memcpy(out->checked_job_id, out->job_id, sizeof out->checked_job_id);
    out->checked_ms = out->time_ms;
}

enum status update_keep_findings(void *context, struct error *err) {
    struct update *u = context;
    struct findings f = {0};
    enum status status;
    if (u->is_trial) return STATUS_OK; /* it is not about the latest set */
    while (job_store_is_away(status = set_findings_read(u->run->store, &f.earlier, &f.state, u->arena, err)))
        if (deadline_pause(&u->run->deadline, 500, err)) return err->status;
    if (status) return status;
    registry_view_lock(u->view);
    collect(u, &f);
    struct set_update_state state;
    describe_update(u, &f.state, &state);
    registry_view_unlock(u->view);
    while (job_store_is_away(status = set_findings_write(u->run->store, &f.found, &state, err)))
        if (deadline_pause(&u->run->deadline, 500, err)) return err->status;
    return status;
}
