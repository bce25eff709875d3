/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Explains in text why there is no plan:
 *
 *   Every version of a was tried:
 *   - 2.0.0:
 *     No version of b is inside all its bounds:
 *       >=2.0.0 (wanted by a@2.0.0)
 *       <2.0.0 (a declared dependency)
 *   - 1.0.0:
 *     …
 */
#include <stdarg.h>

#include "lib/base/text.h"
#include "lib/domain/solver/solver_state.h"

enum {
    EXPLANATION_BYTES_ENOUGH = 5000, /* leaves room for one more explanation in an error's message */
    VERSIONS_LISTED_MAX = 10,
    INDENT = 2,
};

/* Begins a new line of the explanation. */
static __attribute__((format(printf, 3, 4))) void add_line(struct solver *solver, int indent, const char *format, ...) {
    struct text *out = solver->explanation;
    text_append_format(out, "%s%*s", out->length ? "\n" : "", INDENT * (solver->depth + indent), "");
    va_list arguments;
    va_start(arguments, format);
    text_append_format_list(out, format, arguments);
    va_end(arguments);
}

static bool is_compiler(const struct solver *solver, const struct slot *slot) {
    return slot->package == &solver->compiler;
}

static void add_bound(struct solver *solver, const struct slot *slot, const char *sign, unsigned __int128 bound,
                      struct bound_source source) {
    char version[VERSION_TEXT_MAX];
    version_print(version_unpack(bound), version);
    add_line(solver, 1, "%s%s ", sign, version);
    const char *declared = is_compiler(solver, slot) ? "(asked for)" : "(a declared dependency)";
    if (source.origin == BOUND_WANTED) {
        const struct indexed_package *wanter = solver->slots[source.slot].package;
        version_print(wanter->versions[source.version].version, version);
        text_append_format(solver->explanation, "(wanted by %s@%s)", wanter->name, version);
    } else {
        text_append(solver->explanation, source.origin == BOUND_TRIED ? "(the version being tried)" : declared);
    }
}

static void add_bounds(struct solver *solver, const struct slot *slot, const struct sourced_range *bounds) {
    add_bound(solver, slot, ">=", bounds->range.low, bounds->low_source);
    add_bound(solver, slot, "<", bounds->range.high, bounds->high_source);
}

static const char *name_slot(const struct solver *solver, const struct slot *slot) {
    return is_compiler(solver, slot) ? "the compiler" : slot->package->name;
}

void solver_explain_clash(struct solver *solver, uint32_t slot_number, const struct sourced_range *bounds) {
    if (!solver->explanation) return;
    const struct slot *slot = &solver->slots[slot_number];
    add_line(solver, 0, "No version of %s is inside all its bounds:", name_slot(solver, slot));
    add_bounds(solver, slot, bounds);
}

static void explain_obstacle(struct solver *solver, const struct indexed_version *version, const struct indexed_need *need) {
    const struct slot *wanted = solver_slot_of(solver, need->package);
    char version_text[VERSION_TEXT_MAX];
    char range_text[RANGE_TEXT_MAX];
    version_print(version->version, version_text);
    range_print((struct range){.low = version_unpack(need->range.low), .high = version_unpack(need->range.high)}, range_text);
    add_line(solver, 0, "- %s wants %s %s, which must be", version_text, name_slot(solver, wanted), range_text);
    add_bounds(solver, wanted, &wanted->bounds);
}

void solver_explain_dead_end(struct solver *solver, uint32_t slot_number) {
    if (!solver->explanation) return;
    const struct slot *slot = &solver->slots[slot_number];
    uint32_t candidates = 0;
    for (uint32_t i = slot->first; i < slot->end; i++)
        candidates += slot->package->versions[i].is_published;
    if (candidates == 0) {
        add_line(solver, 0, "The registry has no version of %s inside its bounds:", name_slot(solver, slot));
        add_bounds(solver, slot, &slot->bounds);
        return;
    }
    add_line(solver, 0, "No version of %s can be used within", name_slot(solver, slot));
    add_bounds(solver, slot, &slot->bounds);
    uint32_t listed = 0;
    for (uint32_t i = slot->end; i-- > slot->first && listed < VERSIONS_LISTED_MAX;) {
        const struct indexed_version *version = &slot->package->versions[i];
        if (!version->is_published) continue;
        explain_obstacle(solver, version, solver_find_obstacle(solver, version));
        listed++;
    }
    if (listed < candidates) add_line(solver, 0, "- and %u older ones for the same reason", candidates - listed);
}

void solver_explain_trials(struct solver *solver, uint32_t slot) {
    if (!solver->explanation) return;
    add_line(solver, 0, "Every version of %s was tried:", name_slot(solver, &solver->slots[slot]));
}

void solver_explain_trial(struct solver *solver, uint32_t slot, uint32_t version) {
    if (!solver->explanation) return;
    char text[VERSION_TEXT_MAX];
    version_print(solver->slots[slot].package->versions[version].version, text);
    add_line(solver, 0, "- %s:", text);
}

bool solver_is_explained(const struct solver *solver) {
    return solver->explanation && solver->explanation->length > EXPLANATION_BYTES_ENOUGH;
}
