/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/solver/solver_state.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/memory.h"

/* Makes room for one more item. */
#define GROW(items, count, capacity) ((items) = array_grow((items), (count), &(capacity), sizeof(items)[0]))

/* Makes the compilers versions of a package without dependencies. */
static void init_compiler(struct solver *solver, const struct solver_request *request) {
    struct indexed_version *versions = memory_alloc((request->compiler_count + 1) * sizeof versions[0]);
    for (size_t i = 0; i < request->compiler_count; i++)
        versions[i] = (struct indexed_version){
            .packed = version_pack(request->compilers[i]), .version = request->compilers[i], .is_published = true};
    solver->compiler_versions = versions;
    solver->compiler = (struct indexed_package){.name = manifest_index_package(solver->index, PACKAGE_COMPILER)->name,
                                                .versions = versions,
                                                .version_count = request->compiler_count};
}

void solver_init(struct solver *solver, const struct manifest_index *index, const struct solver_request *request) {
    *solver = (struct solver){.index = index, .steps_left = request->step_limit ? request->step_limit : SOLVER_STEP_LIMIT};
    init_compiler(solver, request);
    solver->instead = request->instead;
    solver->instead_of = request->instead ? manifest_index_find_package(index, request->instead->name) : PACKAGE_NONE;
    size_t bytes = manifest_index_package_count(index) * sizeof solver->slot_of_package[0];
    solver->slot_of_package = memory_alloc(bytes);
    memset(solver->slot_of_package, 0xff, bytes); /* SLOT_NONE */
}

void solver_release(struct solver *solver) {
    free(solver->queue);
    free(solver->needed);
    free(solver->changes);
    free(solver->watches);
    free(solver->slots);
    free(solver->slot_of_package);
    free(solver->compiler_versions);
}

static const struct indexed_package *find_package(const struct solver *solver, uint32_t package) {
    if (package == PACKAGE_COMPILER) return &solver->compiler;
    return package == solver->instead_of ? solver->instead : manifest_index_package(solver->index, package);
}

uint32_t solver_find_slot(struct solver *solver, uint32_t package) {
    if (solver->slot_of_package[package] != SLOT_NONE) return solver->slot_of_package[package];
    GROW(solver->slots, solver->slot_count, solver->slot_capacity);
    uint32_t slot = (uint32_t)solver->slot_count++;
    solver->slots[slot] = (struct slot){.package = find_package(solver, package), .watchers = SLOT_NONE};
    solver->slot_of_package[package] = slot;
    return slot;
}

static void enqueue(struct solver *solver, uint32_t slot) {
    if (solver->slots[slot].is_queued) return;
    solver->slots[slot].is_queued = true;
    if (solver->queue_end == solver->queue_capacity && solver->queue_begin > solver->queue_capacity / 2) {
        solver->queue_end -=
            solver->queue_begin; /* a slot is queued at most once, so the queue never exceeds the number of slots */
        memmove(solver->queue, &solver->queue[solver->queue_begin], solver->queue_end * sizeof solver->queue[0]);
        solver->queue_begin = 0;
    }
    GROW(solver->queue, solver->queue_end, solver->queue_capacity);
    solver->queue[solver->queue_end++] = slot;
}

static void empty_queue(struct solver *solver) {
    while (solver->queue_begin < solver->queue_end)
        solver->slots[solver->queue[solver->queue_begin++]].is_queued = false;
    solver->queue_begin = solver->queue_end = 0;
}

/* Marks the slot as needed, and registers it as a watcher of all packages that its versions mention. */
static void become_needed(struct solver *solver, uint32_t slot) {
    const struct indexed_package *package = solver->slots[slot].package;
    solver->slots[slot].is_needed = true;
    solver->slots[slot].first = 0;
    solver->slots[slot].end = (uint32_t)package->version_count;
    GROW(solver->needed, solver->needed_count, solver->needed_capacity);
    solver->needed[solver->needed_count++] = slot;
    for (size_t i = 0; i < package->mention_count; i++) {
        uint32_t mentioned = solver_find_slot(solver, package->mentions[i]);
        GROW(solver->watches, solver->watch_count, solver->watch_capacity);
        solver->watches[solver->watch_count] =
            (struct watch){.watched = mentioned, .watcher = slot, .next = solver->slots[mentioned].watchers};
        solver->slots[mentioned].watchers = (uint32_t)solver->watch_count++;
    }
}

/* Drops the versions at both ends that are outside the bounds now; true if there were any. */
static bool narrow_window(struct slot *slot) {
    const struct indexed_version *versions = slot->package->versions;
    uint32_t first = slot->first;
    uint32_t end = slot->end;
    while (first < end && versions[first].packed < slot->bounds.range.low)
        first++;
    while (first < end && versions[end - 1].packed >= slot->bounds.range.high)
        end--;
    bool is_narrower = first != slot->first || end != slot->end;
    slot->first = first;
    slot->end = end;
    return is_narrower;
}

/* Intersects `known` with `bound`; true if that changes it. */
static bool tighten(struct sourced_range *known, const struct sourced_range *bound) {
    bool is_low_tighter = bound->range.low > known->range.low;
    bool is_high_tighter = bound->range.high < known->range.high;
    if (is_low_tighter) {
        known->range.low = bound->range.low;
        known->low_source = bound->low_source;
    }
    if (is_high_tighter) {
        known->range.high = bound->range.high;
        known->high_source = bound->high_source;
    }
    return is_low_tighter || is_high_tighter;
}

bool solver_put_bound(struct solver *solver, uint32_t slot, const struct sourced_range *bound) {
    struct slot *changed = &solver->slots[slot];
    bool was_needed = changed->is_needed;
    struct sourced_range bounds = was_needed ? changed->bounds : *bound;
    if (was_needed && !tighten(&bounds, bound)) return true;
    if (bounds.range.low >= bounds.range.high) {
        solver_explain_clash(solver, slot, &bounds);
        return false;
    }
    GROW(solver->changes, solver->change_count, solver->change_capacity);
    solver->changes[solver->change_count++] = (struct change){
        .slot = slot, .first = changed->first, .end = changed->end, .was_needed = was_needed, .bounds = changed->bounds};
    if (!was_needed) become_needed(solver, slot);
    changed = &solver->slots[slot]; /* solver->slots may have been reallocated */
    changed->bounds = bounds;
    if (narrow_window(changed) || !was_needed) enqueue(solver, slot);
    for (uint32_t i = changed->watchers; i != SLOT_NONE; i = solver->watches[i].next)
        enqueue(solver, solver->watches[i].watcher);
    return true;
}

const struct indexed_need *solver_find_obstacle(const struct solver *solver, const struct indexed_version *version) {
    for (size_t i = 0; i < version->need_count; i++) {
        const struct indexed_need *need = &version->needs[i];
        const struct slot *slot = solver_slot_of(solver, need->package);
        if (!slot->is_needed) continue;
        if (need->range.low >= slot->bounds.range.high || slot->bounds.range.low >= need->range.high) return need;
    }
    return NULL;
}

/* Widens the loosest bounds by the needs of one more counting version. Packages that the first version does not need are
 * skipped: not all versions need them. */
static void loosen(struct solver *solver, const struct indexed_version *version, struct bound_source source, bool is_first) {
    for (size_t i = 0; i < version->need_count; i++) {
        const struct indexed_need *need = &version->needs[i];
        struct slot *slot = solver_slot_of(solver, need->package);
        if (is_first) {
            slot->inspection = solver->inspection;
            slot->wanted_by_count = 1;
            slot->loosest = (struct sourced_range){.range = need->range, .low_source = source, .high_source = source};
            continue;
        }
        if (slot->inspection != solver->inspection) continue;
        slot->wanted_by_count++;
        if (need->range.low <= slot->loosest.range.low) {
            slot->loosest.range.low = need->range.low;
            slot->loosest.low_source = source;
        }
        if (need->range.high >= slot->loosest.range.high) {
            slot->loosest.range.high = need->range.high;
            slot->loosest.high_source = source;
        }
    }
}

/* Checks the versions of one package, and puts the loosest bounds of the needs common to all counting versions on the needed
 * packages. False: a conflict, or no steps are left. */
static bool inspect_package(struct solver *solver, uint32_t slot) {
    const struct slot *inspected = &solver->slots[slot];
    const struct indexed_version *versions = inspected->package->versions;
    const struct indexed_version *any = NULL; /* any counting version; the common needs are among its needs */
    uint32_t count = 0;
    solver->inspection++;
    for (uint32_t i = inspected->first; i < inspected->end; i++) {
        if (solver->steps_left == 0) return false;
        solver->steps_left--;
        if (!versions[i].is_published || solver_find_obstacle(solver, &versions[i])) continue;
        loosen(solver, &versions[i], (struct bound_source){.origin = BOUND_WANTED, .slot = slot, .version = i}, count == 0);
        count++;
        any = &versions[i];
    }
    if (!any) {
        solver_explain_dead_end(solver, slot);
        return false;
    }
    for (size_t i = 0; i < any->need_count; i++) {
        uint32_t needed = solver->slot_of_package[any->needs[i].package];
        if (solver->slots[needed].inspection != solver->inspection || solver->slots[needed].wanted_by_count != count) continue;
        struct sourced_range loosest = solver->slots[needed].loosest;
        if (!solver_put_bound(solver, needed, &loosest)) return false;
    }
    return true;
}

bool solver_carry_bounds(struct solver *solver) {
    bool is_possible = true;
    while (is_possible && solver->queue_begin < solver->queue_end) {
        uint32_t slot = solver->queue[solver->queue_begin++];
        solver->slots[slot].is_queued = false;
        is_possible = inspect_package(solver, slot);
    }
    empty_queue(solver);
    return is_possible;
}

struct solver_mark solver_mark(const struct solver *solver) {
    return (struct solver_mark){
        .change_count = solver->change_count, .watch_count = solver->watch_count, .needed_count = solver->needed_count};
}

void solver_undo(struct solver *solver, struct solver_mark mark) {
    empty_queue(solver);
    while (solver->change_count > mark.change_count) {
        const struct change *change = &solver->changes[--solver->change_count];
        struct slot *slot = &solver->slots[change->slot];
        slot->bounds = change->bounds;
        slot->first = change->first;
        slot->end = change->end;
        slot->is_needed = change->was_needed;
    }
    while (solver->watch_count > mark.watch_count) {
        const struct watch *watch = &solver->watches[--solver->watch_count];
        solver->slots[watch->watched].watchers = watch->next;
    }
    solver->needed_count = mark.needed_count;
}
