/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The search for the changes of a package set that compile together, compared with adding one after the other.
 *
 * SET_SEARCH_COUNT: number of random cases (default 3000).
 */
#include "tests/support/cmocka_all.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/domain/set/set_search.h"

enum { CHANGES_MAX = 24, CONFLICTS_MAX = 6 };

/* Which changes compile: a bad one never, the two of a conflict not together, and a change only with those that it needs. */
struct world {
    size_t count;
    bool is_bad[CHANGES_MAX];
    struct set_search_need needs[CHANGES_MAX * 2];
    size_t need_count;
    size_t conflicts[CONFLICTS_MAX][2]; /* the first is the earlier one */
    size_t conflict_count;
};

static bool compiles(const struct world *world, const bool *is_in, bool *suspects) {
    bool does = true;
    if (suspects) memset(suspects, 0, world->count * sizeof *suspects);
    for (size_t i = 0; i < world->count; i++)
        if (is_in[i] && world->is_bad[i]) {
            does = false;
            if (suspects) suspects[i] = true;
        }
    for (size_t i = 0; i < world->conflict_count; i++)
        if (is_in[world->conflicts[i][0]] && is_in[world->conflicts[i][1]]) {
            does = false;
            if (suspects) suspects[world->conflicts[i][1]] = true;
        }
    for (size_t i = 0; i < world->need_count; i++)
        if (is_in[world->needs[i].change] && !is_in[world->needs[i].needed]) does = false;
    return does;
}

static void one_by_one(const struct world *world, bool *is_in) {
    memset(is_in, 0, world->count * sizeof *is_in);
    for (size_t i = 0; i < world->count; i++) {
        is_in[i] = true;
        is_in[i] = compiles(world, is_in, NULL);
    }
}

enum pointing { NO_SUSPECTS, RIGHT_SUSPECTS, WRONG_SUSPECTS };

static void search(const struct world *world, struct set_search *out, enum pointing pointing, struct arena *arena) {
    bool is_in[CHANGES_MAX], suspects[CHANGES_MAX];
    set_search_init(out, world->count, world->needs, world->need_count, arena);
    while (set_search_next(out, is_in)) {
        bool does = compiles(world, is_in, suspects);
        for (size_t i = 0; pointing == WRONG_SUSPECTS && i < world->count; i++)
            suspects[i] = rand() % 3 == 0;
        set_search_report(out, does, pointing == NO_SUSPECTS ? NULL : suspects);
    }
}

static void assert_agrees(const struct world *world, const struct set_search *found) {
    bool expected[CHANGES_MAX];
    one_by_one(world, expected);
    for (size_t i = 0; i < world->count; i++) {
        assert_int_equal(found->states[i] == SET_SEARCH_KEPT, expected[i]);
        assert_int_not_equal(found->states[i], SET_SEARCH_OPEN);
        if (found->states[i] == SET_SEARCH_BLOCKED) assert_false(expected[found->causes[i]]);
    }
}

static size_t log2_up(size_t n) {
    size_t log = 0;
    while ((size_t)1 << log < n)
        log++;
    return log;
}

static size_t count_of(const struct set_search *search, enum set_search_state state) {
    size_t count = 0;
    for (size_t i = 0; i < search->count; i++)
        count += search->states[i] == state;
    return count;
}

static void random_world(struct world *out) {
    *out = (struct world){.count = 1 + (size_t)rand() % CHANGES_MAX};
    for (size_t i = 0; i < out->count; i++) {
        out->is_bad[i] = rand() % 8 == 0;
        if (i > 0 && rand() % 3 == 0)
            out->needs[out->need_count++] = (struct set_search_need){.change = i, .needed = (size_t)rand() % i};
    }
    for (int i = rand() % CONFLICTS_MAX; i > 0 && out->count > 1; i--) {
        size_t later = 1 + (size_t)rand() % (out->count - 1);
        out->conflicts[out->conflict_count][0] = (size_t)rand() % later;
        out->conflicts[out->conflict_count++][1] = later;
    }
}

static void gives_what_adding_one_by_one_gives(void **state) {
    (void)state;
    const char *text = getenv("SET_SEARCH_COUNT");
    srand(1);
    for (int i = text ? atoi(text) : 3000; i > 0; i--) {
        struct world world;
        random_world(&world);
        for (enum pointing pointing = NO_SUSPECTS; pointing <= WRONG_SUSPECTS; pointing++) {
            struct arena arena = {0};
            struct set_search found;
            search(&world, &found, pointing, &arena);
            assert_agrees(&world, &found);
            size_t refused = count_of(&found, SET_SEARCH_REFUSED);
            if (pointing != WRONG_SUSPECTS) assert_in_range(found.attempts, 0, refused * (2 + log2_up(world.count)) + 1);
            arena_release(&arena);
        }
    }
}

static void is_over_at_once_without_changes(void **state) {
    (void)state;
    struct arena arena = {0};
    struct set_search search;
    set_search_init(&search, 0, NULL, 0, &arena);
    assert_false(set_search_next(&search, NULL));
    arena_release(&arena);
}

static void tries_all_at_once_first(void **state) {
    (void)state;
    struct arena arena = {0};
    struct set_search found;
    const struct world world = {.count = 20};
    search(&world, &found, RIGHT_SUSPECTS, &arena);
    assert_int_equal(found.attempts, 1);
    assert_int_equal(count_of(&found, SET_SEARCH_KEPT), 20);
    arena_release(&arena);
}

static void takes_three_attempts_for_each_that_the_errors_point_at(void **state) {
    (void)state;
    struct arena arena = {0};
    struct set_search found;
    const struct world world = {.count = 20, .is_bad = {[4] = true, [11] = true, [17] = true}};
    search(&world, &found, RIGHT_SUSPECTS, &arena);
    assert_in_range(found.attempts, 4, 10);
    assert_int_equal(count_of(&found, SET_SEARCH_REFUSED), 3);
    assert_int_equal(count_of(&found, SET_SEARCH_KEPT), 17);
    arena_release(&arena);
}

static void blocks_what_cannot_be_without_a_refused_change(void **state) {
    (void)state;
    struct arena arena = {0};
    struct set_search found;
    const struct world world = {.count = 4, .is_bad = {true}, .needs = {{1, 0}, {2, 1}}, .need_count = 2};
    search(&world, &found, RIGHT_SUSPECTS, &arena);
    const enum set_search_state expected[] = {SET_SEARCH_REFUSED, SET_SEARCH_BLOCKED, SET_SEARCH_BLOCKED, SET_SEARCH_KEPT};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(found.states[i], expected[i]);
    assert_int_equal(found.causes[1], 0);
    assert_int_equal(found.causes[2], 1);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_what_adding_one_by_one_gives),
        cmocka_unit_test(is_over_at_once_without_changes),
        cmocka_unit_test(tries_all_at_once_first),
        cmocka_unit_test(takes_three_attempts_for_each_that_the_errors_point_at),
        cmocka_unit_test(blocks_what_cannot_be_without_a_refused_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
