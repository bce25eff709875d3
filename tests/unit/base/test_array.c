/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/array.h"

struct numbers {
    int *items;
    size_t count, capacity;
};

static void items_stay_in_order_while_it_grows(void **state) {
    (void)state;
    struct numbers numbers = {0};
    size_t moves = 0;
    for (int i = 0; i < 10000; i++) {
        size_t before = numbers.capacity;
        *array_add(&numbers) = i;
        moves += numbers.capacity != before;
        assert_true(numbers.count == (size_t)i + 1 && numbers.count <= numbers.capacity);
    }
    for (int i = 0; i < 10000; i++)
        assert_int_equal(numbers.items[i], i);
    assert_true(moves < 16); /* it doubles */
    free(numbers.items);
}

static void an_item_is_inserted_at_its_position(void **state) {
    (void)state;
    struct numbers numbers = {0};
    const int inserted[] = {5, 1, 9, 3, 7, 0, 8, 2, 6, 4};
    for (size_t i = 0; i < 10; i++) {
        size_t at = 0;
        while (at < numbers.count && numbers.items[at] < inserted[i])
            at++;
        *array_insert(&numbers, at) = inserted[i];
    }
    assert_int_equal(numbers.count, 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(numbers.items[i], i);
    free(numbers.items);
}

static void many_insertions_at_the_front_move_everything(void **state) {
    (void)state;
    struct numbers numbers = {0};
    for (int i = 0; i < 1000; i++)
        *array_insert(&numbers, 0) = i;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(numbers.items[i], 999 - i);
    free(numbers.items);
}

static void one_in_an_arena_keeps_its_items_too(void **state) {
    (void)state;
    struct arena arena = {0};
    struct numbers numbers = {0};
    for (int i = 0; i < 10000; i++)
        *array_add_in(&arena, &numbers) = i;
    assert_int_equal(numbers.count, 10000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(numbers.items[i], i);
    arena_release(&arena);
}

/* Runs in a child, which must not survive it: a sanitizer ends it with its own status. */
static void assert_fatal(size_t capacity, size_t item_bytes) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr)) _exit(0);
        array_grow(NULL, capacity, &capacity, item_bytes);
        _exit(0);
    }
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_size_that_overflows_is_fatal(void **state) {
    (void)state;
    assert_fatal(SIZE_MAX / 2 + 1, 1);   /* twice the capacity wraps to 0 */
    assert_fatal(SIZE_MAX / 32 + 1, 16); /* the bytes wrap to 0 */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_stay_in_order_while_it_grows),
        cmocka_unit_test(an_item_is_inserted_at_its_position),
        cmocka_unit_test(many_insertions_at_the_front_move_everything),
        cmocka_unit_test(one_in_an_arena_keeps_its_items_too),
        cmocka_unit_test(a_size_that_overflows_is_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
