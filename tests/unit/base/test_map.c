/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/map.h"
#include "lib/base/memory.h"

enum { MANY = 5000 };

static int values[MANY];

static void print_key(char key[32], int number) {
    snprintf(key, 32, "key-%d", number);
}

static void each_key_has_its_value(void **state) {
    (void)state;
    struct map map = {0};
    char key[32];
    assert_null(map_find(&map, "key-0"));
    for (int i = 0; i < MANY; i++) {
        print_key(key, i); /* the same bytes each time: the map has its own copy */
        assert_null(map_put(&map, key, &values[i]));
    }
    assert_int_equal(map_count(&map), MANY);
    for (int i = 0; i < MANY; i++) {
        print_key(key, i);
        assert_ptr_equal(map_find(&map, key), &values[i]);
    }
    assert_null(map_find(&map, "key-"));
    assert_null(map_find(&map, ""));
    assert_ptr_equal(map_put(&map, "key-7", &values[8]), &values[7]);
    assert_ptr_equal(map_find(&map, "key-7"), &values[8]);
    assert_int_equal(map_count(&map), MANY);
    map_release(&map, NULL);
    assert_int_equal(map_count(&map), 0);
    assert_null(map_find(&map, "key-7"));
}

static void a_removed_key_is_gone(void **state) {
    (void)state;
    struct map map = {0};
    char key[32];
    for (int i = 0; i < MANY; i++) {
        print_key(key, i);
        map_put(&map, key, &values[i]);
    }
    for (int i = 0; i < MANY; i += 2) {
        print_key(key, i);
        assert_ptr_equal(map_remove(&map, key), &values[i]);
        assert_null(map_remove(&map, key));
    }
    assert_int_equal(map_count(&map), MANY / 2);
    for (int i = 0; i < MANY; i++) {
        print_key(key, i);
        assert_ptr_equal(map_find(&map, key), i % 2 ? &values[i] : NULL);
    }
    map_release(&map, NULL);
}

static void entries_come_in_the_order_of_their_keys_arrival(void **state) {
    (void)state;
    static const char *const keys[] = {"zebra", "ant", "mole", "bee"};
    struct map map = {0};
    size_t seen = 0;
    assert_null(map_first(&map));
    for (int i = 0; i < 4; i++)
        map_put(&map, keys[i], &values[i]);
    map_put(&map, "ant", &values[9]); /* keeps its place */
    for (struct map_entry *at = map_first(&map); at; at = map_next(at), seen++) {
        assert_string_equal(map_key(at), keys[seen]);
        assert_ptr_equal(map_value(at), seen == 1 ? &values[9] : &values[seen]);
    }
    assert_int_equal(seen, 4);
    for (struct map_entry *at = map_first(&map), *next; at; at = next) {
        next = map_next(at);
        if (strlen(map_key(at)) > 3) map_remove(&map, map_key(at));
    }
    assert_int_equal(map_count(&map), 2);
    map_release(&map, NULL);
}

static int freed;

static void free_value(void *value) {
    freed++;
    free(value);
}

static void release_frees_each_value(void **state) {
    (void)state;
    struct map map = {0};
    map_put(&map, "a", memory_copy_text("1"));
    map_put(&map, "b", memory_copy_text("2"));
    free(map_put(&map, "b", memory_copy_text("3")));
    map_release(&map, free_value);
    assert_int_equal(freed, 2);
    map_release(&map, free_value);
    assert_int_equal(freed, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_has_its_value),
        cmocka_unit_test(a_removed_key_is_gone),
        cmocka_unit_test(entries_come_in_the_order_of_their_keys_arrival),
        cmocka_unit_test(release_frees_each_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
