/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include "lib/base/queue.h"

struct guest {
    int number;
    struct queue_link link;
};

enum { GUESTS = 5 };

static void init_guests(struct guest guests[GUESTS]) {
    for (int i = 0; i < GUESTS; i++)
        guests[i] = (struct guest){.number = i};
}

/* Takes the oldest item and returns its number; -1: the queue is empty. */
static int take(struct queue *queue) {
    const struct guest *guest = QUEUE_ITEM(queue_take(queue), struct guest, link);
    return guest ? guest->number : -1;
}

static void the_first_in_is_the_first_out(void **state) {
    (void)state;
    struct guest guests[GUESTS];
    struct queue queue = {0};
    init_guests(guests);
    assert_int_equal(take(&queue), -1);
    for (int i = 0; i < GUESTS; i++)
        assert_true(queue_add(&queue, &guests[i].link));
    assert_int_equal(queue.count, GUESTS);
    int expected = 0;
    for (struct queue_link *at = queue.first; at; at = at->next)
        assert_int_equal(QUEUE_ITEM(at, struct guest, link)->number, expected++);
    assert_int_equal(expected, GUESTS);
    for (int i = 0; i < GUESTS; i++)
        assert_int_equal(take(&queue), i);
    assert_int_equal(take(&queue), -1);
    assert_int_equal(queue.count, 0);
    assert_true(queue_add(&queue, &guests[3].link)); /* it may be added again */
    assert_int_equal(take(&queue), 3);
}

static void a_full_queue_refuses(void **state) {
    (void)state;
    struct guest guests[GUESTS];
    struct queue queue = {.limit = 2};
    init_guests(guests);
    assert_true(queue_add(&queue, &guests[0].link) && queue_add(&queue, &guests[1].link));
    assert_false(queue_add(&queue, &guests[2].link));
    assert_false(queue_has_link(&guests[2].link));
    assert_int_equal(queue.count, 2);
    assert_int_equal(take(&queue), 0);
    assert_true(queue_add(&queue, &guests[2].link));
    assert_int_equal(take(&queue), 1);
    assert_int_equal(take(&queue), 2);
}

static void one_that_is_put_back_is_next_even_if_the_queue_is_full(void **state) {
    (void)state;
    struct guest guests[GUESTS];
    struct queue queue = {.limit = 2};
    init_guests(guests);
    queue_add(&queue, &guests[0].link);
    queue_add(&queue, &guests[1].link);
    assert_int_equal(take(&queue), 0);
    queue_add(&queue, &guests[2].link);
    queue_put_back(&queue, &guests[0].link);
    assert_int_equal(queue.count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(&queue), i);
}

static void an_item_leaves_from_any_place(void **state) {
    (void)state;
    for (int gone = 0; gone < GUESTS; gone++) {
        struct guest guests[GUESTS];
        struct queue queue = {0};
        init_guests(guests);
        for (int i = 0; i < GUESTS; i++)
            queue_add(&queue, &guests[i].link);
        assert_true(queue_has_link(&guests[gone].link));
        queue_remove(&queue, &guests[gone].link);
        assert_false(queue_has_link(&guests[gone].link));
        assert_int_equal(queue.count, GUESTS - 1);
        queue_add(&queue, &guests[gone].link); /* now the last */
        for (int i = 0; i < GUESTS; i++)
            if (i != gone) assert_int_equal(take(&queue), i);
        assert_int_equal(take(&queue), gone);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_in_is_the_first_out),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(one_that_is_put_back_is_next_even_if_the_queue_is_full),
        cmocka_unit_test(an_item_leaves_from_any_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
