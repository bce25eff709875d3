/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/solver/solver.h"

#include <assert.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/solver/solver_state.h"

/* The position of the newest version that counts, before the position `below`; SLOT_NONE if there is none. After
 * solver_carry_bounds() every needed package has one. */
static uint32_t find_latest(const struct solver *solver, const struct slot *slot, uint32_t below) {
    for (uint32_t i = below; i-- > slot->first;) {
        const struct indexed_version *version = &slot->package->versions[i];
        if (version->is_published && !solver_find_obstacle(solver, version)) return i;
    }
    return SLOT_NONE;
}

/* True if the newest counting versions of all needed packages are compatible with each other. Sets `latest` of each slot. */
static bool latest_is_solution(struct solver *solver) {
    for (size_t i = 0; i < solver->needed_count; i++) {
        struct slot *slot = &solver->slots[solver->needed[i]];
        slot->latest = find_latest(solver, slot, slot->end);
        assert(slot->latest != SLOT_NONE);
    }
    for (size_t i = 0; i < solver->needed_count; i++) {
        const struct slot *slot = &solver->slots[solver->needed[i]];
        const struct indexed_version *version = &slot->package->versions[slot->latest];
        for (size_t j = 0; j < version->need_count; j++) {
            const struct slot *other = solver_slot_of(solver, version->needs[j].package);
            if (!other->is_needed) return false;
            if (!packed_range_includes(version->needs[j].range, other->package->versions[other->latest].packed)) return false;
        }
    }
    return true;
}

/* The alphabetically first needed package that still has more than one possible version. */
static uint32_t find_choice(const struct solver *solver) {
    uint32_t choice = SLOT_NONE;
    for (size_t i = 0; i < solver->needed_count; i++) {
        const struct slot *slot = &solver->slots[solver->needed[i]];
        if (choice != SLOT_NONE && strcmp(slot->package->name, solver->slots[choice].package->name) > 0) continue;
        if (find_latest(solver, slot, slot->latest) != SLOT_NONE) choice = solver->needed[i];
    }
    return choice;
}

static bool put_trial(struct solver *solver, uint32_t slot, uint32_t version) {
    unsigned __int128 packed = solver->slots[slot].package->versions[version].packed;
    struct bound_source source = {.origin = BOUND_TRIED, .slot = slot, .version = version};
    struct sourced_range exactly = {.range = {.low = packed, .high = packed + 1}, .low_source = source, .high_source = source};
    return solver_put_bound(solver, slot, &exactly);
}

/* True: `latest` of each needed slot is the answer. False: there is none, or no steps are left. The recursion depth is at most
 * the number of packages. */
static bool search(struct solver *solver) {
    if (!solver_carry_bounds(solver)) return false;
    if (latest_is_solution(solver)) return true;

    /* If every needed package had only one version that counts, their carried-over bounds would have made a solution above. */
    uint32_t choice = find_choice(solver);
    assert(choice != SLOT_NONE);
    solver_explain_trials(solver, choice);
    struct solver_mark mark = solver_mark(solver);
    uint32_t version = solver->slots[choice].end;
    while ((version = find_latest(solver, &solver->slots[choice], version)) != SLOT_NONE) {
        solver_explain_trial(solver, choice, version);
        solver->depth++;
        if (put_trial(solver, choice, version) && search(solver)) return true;
        solver->depth--;
        solver_undo(solver, mark);
        if (solver->steps_left == 0 || solver_is_explained(solver)) return false;
    }
    return false;
}

static struct sourced_range declare_bound(struct range range) {
    return (struct sourced_range){.range = range_pack(range)}; /* BOUND_DECLARED */
}

/* Puts the request's bounds on its packages. False: the bounds of one of them are empty. */
static bool put_request(struct solver *solver, const struct solver_request *request) {
    struct sourced_range compilers = declare_bound(request->acceptable_compilers);
    bool is_possible = solver_put_bound(solver, solver_find_slot(solver, PACKAGE_COMPILER), &compilers);
    for (size_t i = 0; is_possible && i < request->required_count; i++) {
        uint32_t package = manifest_index_find_package(solver->index, request->required[i].name);
        if (package == PACKAGE_COMPILER) continue; /* bounded by acceptable_compilers instead */
        struct sourced_range bound = declare_bound(request->required[i].range);
        is_possible = solver_put_bound(solver, solver_find_slot(solver, package), &bound);
    }
    return is_possible;
}

static void take_answer(struct build_plan *out, const struct solver *solver, struct arena *arena) {
    out->packages.items = arena_alloc(arena, solver->needed_count * sizeof out->packages.items[0]);
    out->packages.count = 0;
    for (size_t i = 0; i < solver->needed_count; i++) {
        const struct slot *slot = &solver->slots[solver->needed[i]];
        struct version version = slot->package->versions[slot->latest].version;
        if (slot->package == &solver->compiler)
            out->compiler = version;
        else
            out->packages.items[out->packages.count++] =
                (struct package_version){.name = arena_copy(arena, slot->package->name), .version = version};
    }
    package_versions_sort(&out->packages);
}

/* Runs the solver once; the reasons for a failure are appended to `explanation` unless that is NULL. */
static enum status run(struct build_plan *out, const struct manifest_index *index, const struct solver_request *request,
                       struct text *explanation, struct arena *arena) {
    struct solver solver;
    solver_init(&solver, index, request);
    solver.explanation = explanation;
    enum status status = STATUS_OK;
    if (put_request(&solver, request) && search(&solver))
        take_answer(out, &solver, arena);
    else
        status = solver.steps_left == 0 ? STATUS_TOO_LARGE : STATUS_REFUSED;
    if (solver_is_explained(&solver)) text_append(explanation, "\n(Further attempts are left out.)");
    solver_release(&solver);
    return status;
}

static enum status explain(const struct manifest_index *index, const struct solver_request *request, struct arena *arena,
                           struct error *err) {
    struct build_plan none = {0};
    struct text explanation = {0};
    enum status status = run(&none, index, request, &explanation, arena); /* deterministic: fails in the same way */
    assert(status == STATUS_REFUSED);
    error_set(err, status, "%s", text_view(&explanation));
    text_release(&explanation);
    return status;
}

enum status solver_solve(struct build_plan *out, const struct manifest_index *index, const struct solver_request *request,
                         struct arena *arena, struct error *err) {
    *out = (struct build_plan){0};
    for (size_t i = 0; i < request->required_count; i++) {
        const char *name = request->required[i].name;
        if (manifest_index_find_package(index, name) == PACKAGE_NONE)
            return error_set(err, STATUS_REFUSED, "There is no package %s in the registry (a declared dependency).", name);
    }
    enum status status = run(out, index, request, NULL, arena);
    if (status == STATUS_REFUSED && request->is_quiet) return error_set(err, status, "There is no plan.");
    if (status == STATUS_REFUSED) return explain(index, request, arena, err);
    if (status == STATUS_TOO_LARGE)
        return error_set(err, status,
                         "No plan was found: too many combinations of versions would have to be tried. Narrower ranges for the "
                         "dependencies help.");
    return STATUS_OK;
}
