/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/set/set_search.h"

#include <assert.h>
#include <string.h>

#include "lib/base/arena.h"

static void forget(struct set_search *search) {
    search->passed = 0;
    search->failed = search->open_count + 1;
    search->hint = SET_SEARCH_NONE;
}

void set_search_init(struct set_search *out, size_t count, const struct set_search_need *needs, size_t need_count,
                     struct arena *arena) {
    *out = (struct set_search){.count = count, .needs = needs, .need_count = need_count, .open_count = count};
    out->states = arena_alloc(arena, count * sizeof *out->states);
    out->causes = arena_alloc(arena, count * sizeof *out->causes);
    out->open = arena_alloc(arena, count * sizeof *out->open);
    for (size_t i = 0; i < count; i++) {
        out->causes[i] = SET_SEARCH_NONE;
        out->open[i] = i;
    }
    forget(out);
}

/* How many of the open changes the next attempt has. With a suspect first all before it, which should compile, then it as
 * well, which should not. */
static size_t choose_length(const struct set_search *search) {
    if (search->failed > search->open_count) return search->open_count;
    if (search->hint != SET_SEARCH_NONE) {
        if (search->hint > search->passed && search->hint < search->failed) return search->hint;
        if (search->hint + 1 > search->passed && search->hint + 1 < search->failed) return search->hint + 1;
    }
    return search->passed + (search->failed - search->passed) / 2;
}

bool set_search_next(struct set_search *search, bool *is_in) {
    if (search->open_count == 0) return false;
    for (size_t i = 0; i < search->count; i++)
        is_in[i] = search->states[i] == SET_SEARCH_KEPT;
    search->attempted = choose_length(search);
    for (size_t i = 0; i < search->attempted; i++)
        is_in[search->open[i]] = true;
    search->attempts++;
    return true;
}

/* Blocks the open changes that cannot be without one that is out. A need is of an earlier change, so one pass in order will
 * do. */
static void block(struct set_search *search) {
    for (size_t i = 0; i < search->open_count; i++)
        for (size_t j = 0; j < search->need_count; j++) {
            const struct set_search_need *need = &search->needs[j];
            if (need->change != search->open[i] || search->states[need->change] != SET_SEARCH_OPEN) continue;
            if (search->states[need->needed] != SET_SEARCH_REFUSED && search->states[need->needed] != SET_SEARCH_BLOCKED)
                continue;
            search->states[need->change] = SET_SEARCH_BLOCKED;
            search->causes[need->change] = need->needed;
        }
}

/* Removes the decided changes from the open ones; earlier results about the others are discarded. */
static void go_on(struct set_search *search) {
    size_t count = 0;
    for (size_t i = 0; i < search->open_count; i++)
        if (search->states[search->open[i]] == SET_SEARCH_OPEN) search->open[count++] = search->open[i];
    search->open_count = count;
    forget(search);
}

static void keep(struct set_search *search, size_t count) {
    for (size_t i = 0; i < count; i++)
        search->states[search->open[i]] = SET_SEARCH_KEPT;
}

/* The earliest suspect that is in the failed attempt and not among those that compile. */
static size_t find_suspect(const struct set_search *search, const bool *suspects) {
    for (size_t i = search->passed; suspects && i < search->failed; i++)
        if (suspects[search->open[i]]) return i;
    return SET_SEARCH_NONE;
}

size_t set_search_report(struct set_search *search, bool compiles, const bool *suspects) {
    assert(search->attempted <= search->open_count);
    size_t refused = SET_SEARCH_NONE;
    if (compiles) {
        search->passed = search->attempted;
    } else {
        search->failed = search->attempted;
        search->hint = find_suspect(search, suspects);
    }
    if (search->passed == search->open_count) {
        keep(search, search->passed);
        go_on(search);
    } else if (search->failed == search->passed + 1) {
        refused = search->open[search->passed];
        keep(search, search->passed);
        search->states[refused] = SET_SEARCH_REFUSED;
        block(search);
        go_on(search);
    }
    return refused;
}
