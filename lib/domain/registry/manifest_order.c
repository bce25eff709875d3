/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A depth-first search that emits a version after its dependencies, with an explicit stack, since a chain of dependencies may
 * be as long as the index. A dependency that closes a cycle is skipped.
 */
#include "lib/domain/registry/manifest_order.h"

#include "lib/base/arena.h"
#include "lib/base/text.h"

enum mark { MARK_NEW, MARK_OPEN, MARK_DONE }; /* MARK_OPEN: on the stack */

#define NOT_STARTED SIZE_MAX

/* A version whose needs are being visited. */
struct frame {
    size_t node;
    size_t need;     /* index of the current need */
    size_t position; /* of the next version in the package of that need; NOT_STARTED at first */
};

/* Versions are numbered consecutively, package by package, ascending. */
struct walk {
    const struct manifest_index *index;
    size_t *first_node; /* by package */
    struct ordered_version *nodes;
    enum mark *marks;
    struct frame *stack; /* has room for all versions: each is on it at most once */
    size_t depth;
    struct manifest_order *out;
    struct arena *arena;
};

static size_t number_versions(struct walk *walk, struct arena *scratch) {
    const struct manifest_index *index = walk->index;
    size_t package_count = manifest_index_package_count(index), count = 0;
    walk->first_node = arena_alloc(scratch, package_count * sizeof *walk->first_node);
    for (uint32_t package = 0; package < package_count; package++) {
        walk->first_node[package] = count;
        count += manifest_index_package(index, package)->version_count;
    }
    walk->nodes = arena_alloc(scratch, count * sizeof *walk->nodes);
    for (uint32_t package = 0; package < package_count; package++)
        for (size_t i = 0; i < manifest_index_package(index, package)->version_count; i++)
            walk->nodes[walk->first_node[package] + i] =
                (struct ordered_version){.package = package, .version = &manifest_index_package(index, package)->versions[i]};
    return count;
}

/* Takes the next version that the frame's version needs; false if there are no more. */
static bool take_needed(const struct walk *walk, struct frame *frame, size_t *out) {
    const struct indexed_version *version = walk->nodes[frame->node].version;
    for (; frame->need < version->need_count; frame->need++, frame->position = NOT_STARTED) {
        const struct indexed_need *need = &version->needs[frame->need];
        const struct indexed_package *package = manifest_index_package(walk->index, need->package);
        if (frame->position == NOT_STARTED) frame->position = indexed_package_position(package, need->range.low);
        if (frame->position == package->version_count || package->versions[frame->position].packed >= need->range.high)
            continue;
        *out = walk->first_node[need->package] + frame->position++;
        return true;
    }
    return false;
}

static void append_version(struct text *out, const struct walk *walk, size_t node) {
    char version[VERSION_TEXT_MAX];
    version_print(walk->nodes[node].version->version, version);
    text_append_format(out, "%s@%s", manifest_index_package(walk->index, walk->nodes[node].package)->name, version);
}

/* Records the cycle from `node`, which is on the stack, to the top of the stack, which needs `node`. */
static void note_cycle(struct walk *walk, size_t node) {
    if (walk->out->cycle_count++ >= ORDER_CYCLES_MAX) return;
    struct text cycle = {0};
    size_t begin = walk->depth;
    while (walk->stack[--begin].node != node)
        ;
    for (size_t i = begin; i < walk->depth; i++) {
        append_version(&cycle, walk, walk->stack[i].node);
        text_append(&cycle, " needs ");
    }
    append_version(&cycle, walk, node);
    walk->out->cycles[walk->out->cycle_count - 1] = arena_copy(walk->arena, text_view(&cycle));
    text_release(&cycle);
}

static void open_node(struct walk *walk, size_t node) {
    walk->marks[node] = MARK_OPEN;
    walk->stack[walk->depth++] = (struct frame){.node = node, .need = 1, .position = NOT_STARTED}; /* [0] is the compiler */
}

/* Emits the transitive dependencies of the version that are not emitted yet, and then the version. */
static void put_version(struct walk *walk, size_t start) {
    open_node(walk, start);
    while (walk->depth > 0) {
        struct frame *frame = &walk->stack[walk->depth - 1];
        size_t needed;
        if (!take_needed(walk, frame, &needed)) {
            walk->marks[frame->node] = MARK_DONE;
            walk->out->versions[walk->out->count++] = walk->nodes[frame->node];
            walk->depth--;
        } else if (walk->marks[needed] == MARK_NEW) {
            open_node(walk, needed);
        } else if (walk->marks[needed] == MARK_OPEN) {
            note_cycle(walk, needed);
        }
    }
}

void manifest_index_order(struct manifest_order *out, const struct manifest_index *index, struct arena *arena) {
    struct arena scratch = {0};
    struct walk walk = {.index = index, .out = out, .arena = arena};
    *out = (struct manifest_order){0};
    size_t count = number_versions(&walk, &scratch);
    walk.marks = arena_alloc(&scratch, count * sizeof *walk.marks);
    walk.stack = arena_alloc(&scratch, count * sizeof *walk.stack);
    out->versions = arena_alloc(arena, count * sizeof *out->versions);
    for (size_t position = 0; position < manifest_index_package_count(index); position++) {
        uint32_t package = manifest_index_by_name(index, position);
        for (size_t i = 0; i < manifest_index_package(index, package)->version_count; i++)
            if (walk.marks[walk.first_node[package] + i] == MARK_NEW) put_version(&walk, walk.first_node[package] + i);
    }
    arena_release(&scratch);
}
