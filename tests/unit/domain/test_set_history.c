/* SPDX-License-Identifier: BSD-3-Clause
 *
 * All package sets in little memory: the sets added can be read again, whichever sets were added, replaced and removed in which
 * order. Random histories are compared with a list of whole sets.
 *
 * SET_HISTORY_COUNT: how many random histories (100 where it is not set).
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/set/set_history.h"
#include "tests/support/small_registry.h"

static struct version version_of(const char *text) {
    struct version version;
    assert_int_equal(version_parse(&version, text, NULL), STATUS_OK);
    return version;
}

static void put(struct set_history *history, const char *version, const char *members) {
    struct arena arena = {0};
    struct package_set set = small_package_set(members, &arena);
    set.version = version_of(version);
    set_history_put(history, &set);
    arena_release(&arena); /* the history must not need it */
}

/* `NAME VERSION NAME VERSION …`; "none" where there is no such set. */
static void assert_members(const struct set_history *history, const char *version, const char *expected) {
    struct arena arena = {0};
    struct package_set set;
    struct text text = {0};
    if (!set_history_read(&set, history, version_of(version), &arena)) text_append(&text, "none");
    for (size_t i = 0; i < set.packages.count; i++) {
        char printed[VERSION_TEXT_MAX];
        version_print(set.packages.items[i].version, printed);
        text_append_format(&text, "%s%s %s", i > 0 ? " " : "", set.packages.items[i].name, printed);
    }
    assert_string_equal(text_view(&text), expected);
    text_release(&text);
    arena_release(&arena);
}

static void append_version(struct text *text, struct version version) {
    char printed[VERSION_TEXT_MAX];
    version_print(version, printed);
    text_append_format(text, "%s%s", text->length > 0 ? " " : "", printed);
}

/* All sets, newest first. */
static void assert_sets(const struct set_history *history, const char *expected) {
    struct text text = {0};
    for (size_t i = 0; i < set_history_count(history); i++)
        append_version(&text, set_history_at(history, i)->version);
    assert_string_equal(text_view(&text), expected);
    assert_null(set_history_at(history, set_history_count(history)));
    text_release(&text);
}

/* The sets that have the version, newest first. */
static void assert_membership(const struct set_history *history, const char *name, const char *version, const char *expected) {
    struct arena arena = {0};
    struct text text = {0};
    struct set_membership membership = set_history_find_membership(history, name, version_of(version), &arena);
    for (size_t i = 0; i < membership.count; i++)
        append_version(&text, membership.sets[i]);
    assert_string_equal(text_view(&text), expected);
    text_release(&text);
    arena_release(&arena);
}

static void an_empty_history_has_nothing(void **state) {
    (void)state;
    struct set_history *history = set_history_create();
    assert_sets(history, "");
    assert_members(history, "1.0.0", "none");
    assert_membership(history, "a", "1.0.0", "");
    assert_null(set_history_find(history, (struct version){1, 0, 0}));
    assert_int_equal(set_history_position_below(history, (struct version){1, 0, 0}), 0);
    set_history_remove(history, (struct version){1, 0, 0});
    set_history_free(history);
    set_history_free(NULL);
}

static void any_order_gives_the_same_history(void **state) {
    (void)state;
    static const char *const orders[] = {"123", "132", "213", "231", "312", "321"};
    static const char *const versions[] = {"1.9.0", "1.10.0", "2.0.0"};
    static const char *const members[] = {"a 1.0.0 b 1.0.0", "a 1.1.0 c 1.0.0", "a 1.0.0 b 1.0.0 c 1.0.0"};
    for (size_t order = 0; order < sizeof orders / sizeof orders[0]; order++) {
        struct set_history *history = set_history_create();
        for (int i = 0; i < 3; i++)
            put(history, versions[orders[order][i] - '1'], members[orders[order][i] - '1']);
        assert_sets(history, "2.0.0 1.10.0 1.9.0");
        for (int i = 0; i < 3; i++)
            assert_members(history, versions[i], members[i]);
        assert_membership(history, "a", "1.0.0", "2.0.0 1.9.0");
        assert_membership(history, "a", "1.1.0", "1.10.0");
        assert_membership(history, "b", "1.0.0", "2.0.0 1.9.0");
        assert_membership(history, "c", "1.0.0", "2.0.0 1.10.0");
        assert_membership(history, "c", "2.0.0", "");
        assert_membership(history, "d", "1.0.0", "");
        set_history_free(history);
    }
}

static void a_set_keeps_all_its_fields(void **state) {
    (void)state;
    struct arena arena = {0};
    struct set_history *history = set_history_create();
    struct package_set set = small_package_set("a 1.0.0 b 2.0.0", &arena), read;
    set.version = (struct version){7, 1, 2};
    set.compiler = (struct version){0, 14, 5};
    memcpy(set.published, "2022-12-31", sizeof set.published);
    set_history_put(history, &set);
    put(history, "7.1.1", "a 1.0.0");

    const struct released_set *released = set_history_find(history, set.version);
    assert_true(version_equal(released->version, set.version));
    assert_true(version_equal(released->compiler, set.compiler));
    assert_string_equal(released->published, "2022-12-31");
    assert_int_equal(released->package_count, 2);
    assert_true(set_history_read(&read, history, set.version, &arena));
    assert_true(version_equal(read.version, set.version));
    assert_true(version_equal(read.compiler, set.compiler));
    assert_string_equal(read.published, "2022-12-31");
    set_history_free(history);
    assert_string_equal(read.packages.items[0].name, "a"); /* a copy */
    arena_release(&arena);
}

static void a_set_is_replaced_in_its_place(void **state) {
    (void)state;
    struct set_history *history = set_history_create();
    put(history, "1.0.0", "a 1.0.0 b 1.0.0");
    put(history, "2.0.0", "a 1.0.0 b 1.0.0");
    put(history, "3.0.0", "a 1.0.0");
    put(history, "2.0.0", "a 1.0.1 c 1.0.0");
    assert_sets(history, "3.0.0 2.0.0 1.0.0");
    assert_members(history, "2.0.0", "a 1.0.1 c 1.0.0");
    assert_membership(history, "a", "1.0.0", "3.0.0 1.0.0");
    assert_membership(history, "b", "1.0.0", "1.0.0");
    set_history_free(history);
}

static void a_removed_set_leaves_no_trace(void **state) {
    (void)state;
    struct set_history *history = set_history_create();
    put(history, "1.0.0", "a 1.0.0");
    put(history, "2.0.0", "a 2.0.0 b 1.0.0");
    put(history, "3.0.0", "a 1.0.0");
    set_history_remove(history, (struct version){2, 0, 0});
    set_history_remove(history, (struct version){2, 5, 0}); /* there is none */
    assert_sets(history, "3.0.0 1.0.0");
    assert_members(history, "2.0.0", "none");
    assert_members(history, "3.0.0", "a 1.0.0");
    assert_membership(history, "a", "1.0.0", "3.0.0 1.0.0");
    assert_membership(history, "a", "2.0.0", "");
    assert_membership(history, "b", "1.0.0", "");
    set_history_free(history);
}

static void a_page_begins_below_any_version(void **state) {
    (void)state;
    struct set_history *history = set_history_create();
    put(history, "1.0.0", "a 1.0.0");
    put(history, "2.0.0", "a 1.0.0");
    put(history, "3.0.0", "a 1.0.0");
    assert_int_equal(set_history_position_below(history, (struct version){9, 0, 0}), 0);
    assert_int_equal(set_history_position_below(history, (struct version){3, 0, 0}), 1);
    assert_int_equal(set_history_position_below(history, (struct version){2, 5, 0}), 1);
    assert_int_equal(set_history_position_below(history, (struct version){2, 0, 0}), 2);
    assert_int_equal(set_history_position_below(history, (struct version){1, 0, 0}), 3);
    assert_int_equal(set_history_position_below(history, (struct version){0, 9, 9}), 3);
    set_history_free(history);
}

static void equal_sets_take_no_more_memory_than_one(void **state) {
    (void)state;
    enum { EQUAL_SETS = 10 }; /* few enough for the first allocation of the list of sets */
    static const char members[] = "a 1.0.0 b 1.0.0 c 1.0.0", others[] = "a 2.0.0 b 2.0.0 c 2.0.0";
    struct arena arena = {0};
    struct set_history *history = set_history_create();
    put(history, "5.0.0", members);
    size_t one_bytes = set_history_memory_bytes(history);
    for (int i = 0; i < EQUAL_SETS; i++) { /* each between others, and different for a moment */
        const char *version = arena_format(&arena, "%d.0.0", i * 7 % EQUAL_SETS);
        put(history, version, others);
        put(history, version, members);
    }
    for (uint32_t i = 0; i < EQUAL_SETS; i++) {
        put(history, arena_format(&arena, "%u.5.0", i), others);
        set_history_remove(history, (struct version){i, 5, 0});
    }
    assert_int_equal(set_history_count(history), EQUAL_SETS);
    assert_int_equal(set_history_memory_bytes(history), one_bytes);
    set_history_free(history);
    arena_release(&arena);
}

/* ---- Random histories ---- */

enum { PACKAGES = 5, VERSIONS = 3, SETS = 8, CHANGES = 40 };

/* versions[set][package]: 0 where the package is not in the set. */
struct table {
    bool is_there[SETS];
    int versions[SETS][PACKAGES];
};

static void make_set(struct table *table, int set) {
    int like = rand() % SETS; /* mostly as some other, as real ones are */
    table->is_there[set] = true;
    for (int package = 0; package < PACKAGES; package++)
        table->versions[set][package] = rand() % 3 == 0 ? rand() % (VERSIONS + 1) : table->versions[like][package];
}

static const char *members_of(const struct table *table, int set, struct arena *arena) {
    const char *members = "";
    for (int package = 0; package < PACKAGES; package++)
        if (table->versions[set][package] > 0)
            members =
                arena_format(arena, "%s%sp%d %d.0.0", members, *members ? " " : "", package, table->versions[set][package]);
    return members;
}

static void check_membership(const struct table *table, const struct set_history *history, int package, int version,
                             struct arena *arena) {
    const char *expected = "";
    for (int set = SETS; set-- > 0;)
        if (table->is_there[set] && table->versions[set][package] == version)
            expected = arena_format(arena, "%s%s%d.0.0", expected, *expected ? " " : "", set);
    assert_membership(history, arena_format(arena, "p%d", package), arena_format(arena, "%d.0.0", version), expected);
}

static void check_history(const struct table *table, const struct set_history *history) {
    struct arena arena = {0};
    const char *sets = "";
    for (int set = SETS; set-- > 0;) {
        const char *version = arena_format(&arena, "%d.0.0", set);
        assert_members(history, version, table->is_there[set] ? members_of(table, set, &arena) : "none");
        if (table->is_there[set]) sets = arena_format(&arena, "%s%s%s", sets, *sets ? " " : "", version);
    }
    assert_sets(history, sets);
    for (int package = 0; package < PACKAGES; package++)
        for (int version = 1; version <= VERSIONS; version++)
            check_membership(table, history, package, version, &arena);
    arena_release(&arena);
}

static void change(struct table *table, struct set_history *history) {
    struct arena arena = {0};
    int set = rand() % SETS;
    if (rand() % 4 == 0) {
        table->is_there[set] = false;
        set_history_remove(history, (struct version){(uint32_t)set, 0, 0});
    } else {
        make_set(table, set);
        put(history, arena_format(&arena, "%d.0.0", set), members_of(table, set, &arena));
    }
    arena_release(&arena);
}

static void random_changes_are_those_of_a_list_of_sets(void **state) {
    (void)state;
    const char *count = getenv("SET_HISTORY_COUNT");
    for (int i = 0; i < (count ? atoi(count) : 100); i++) {
        struct table table = {0};
        struct set_history *history = set_history_create();
        srand((unsigned)i);
        for (int step = 0; step < CHANGES; step++) {
            change(&table, history);
            check_history(&table, history);
        }
        set_history_free(history);
    }
}

/* ---- Real sets ---- */

static void real_sets_come_out_as_they_were(void **state) {
    (void)state;
    static const char *const versions[] = {"80.8.0", "79.0.0", "80.3.1"};
    struct arena arena = {0};
    struct package_set sets[3];
    struct set_history *history = set_history_create();
    for (int i = 0; i < 3; i++) {
        if (!real_package_set_read(&sets[i], versions[i], &arena)) {
            set_history_free(history);
            arena_release(&arena);
            skip();
        }
        set_history_put(history, &sets[i]);
    }
    for (int i = 0; i < 3; i++) {
        struct package_set read;
        struct text was = {0}, is = {0};
        assert_true(set_history_read(&read, history, sets[i].version, &arena));
        package_set_append_file(&was, &sets[i]);
        package_set_append_file(&is, &read);
        assert_string_equal(text_view(&is), text_view(&was));
        text_release(&is);
        text_release(&was);
    }
    assert_membership(history, "prelude", "6.0.2", "80.8.0 80.3.1 79.0.0");
    print_message("%zu sets of the real registry take %zu bytes.\n", set_history_count(history),
                  set_history_memory_bytes(history));
    set_history_free(history);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_history_has_nothing),
        cmocka_unit_test(any_order_gives_the_same_history),
        cmocka_unit_test(a_set_keeps_all_its_fields),
        cmocka_unit_test(a_set_is_replaced_in_its_place),
        cmocka_unit_test(a_removed_set_leaves_no_trace),
        cmocka_unit_test(a_page_begins_below_any_version),
        cmocka_unit_test(equal_sets_take_no_more_memory_than_one),
        cmocka_unit_test(random_changes_are_those_of_a_list_of_sets),
        cmocka_unit_test(real_sets_come_out_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
