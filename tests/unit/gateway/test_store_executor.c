/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/memory.h"
#include "services/gateway/backend/store_executor.h"

/* A task that waits until it is released, and counts itself. */
struct counted {
    struct store_task task;
    sem_t *has_begun; /* NULL: not awaited */
    sem_t *may_end;
    atomic_size_t *done;
};

static void run(struct store_task *task, struct job_store *store) {
    struct counted *counted = (struct counted *)task;
    assert_non_null(store);
    if (counted->has_begun) {
        sem_post(counted->has_begun);
        sem_wait(counted->may_end);
    }
    atomic_fetch_add(counted->done, 1);
}

static struct store_executor *create(size_t threads) {
    struct store_executor *pool = NULL;
    struct error err;
    assert_int_equal(store_executor_create(&pool, "unix:///nowhere.sock", threads, &err), STATUS_OK);
    return pool;
}

static void a_full_queue_takes_no_more_and_loses_nothing(void **state) {
    (void)state;
    sem_t has_begun, may_end;
    sem_init(&has_begun, 0, 0);
    sem_init(&may_end, 0, 0);
    atomic_size_t done = 0;
    struct store_executor *pool = create(1);
    struct counted first = {{.run = run}, &has_begun, &may_end, &done}, late = {{.run = run}, NULL, NULL, &done};
    struct counted *queued = memory_alloc(STORE_QUEUE_MAX * sizeof *queued);
    assert_true(store_executor_submit(pool, &first.task));
    sem_wait(&has_begun);
    for (size_t i = 0; i < STORE_QUEUE_MAX; i++) {
        queued[i] = (struct counted){{.run = run, .lane = (unsigned)(i % 7)}, NULL, NULL, &done};
        assert_true(store_executor_submit(pool, &queued[i].task));
    }
    assert_false(store_executor_submit(pool, &late.task));
    sem_post(&may_end);
    store_executor_free(pool);
    assert_int_equal(atomic_load(&done), STORE_QUEUE_MAX + 1);
    free(queued);
    sem_destroy(&may_end);
    sem_destroy(&has_begun);
}

static void tasks_run_side_by_side(void **state) {
    (void)state;
    enum { THREADS = 4 };
    sem_t has_begun, may_end;
    sem_init(&has_begun, 0, 0);
    sem_init(&may_end, 0, 0);
    atomic_size_t done = 0;
    struct store_executor *pool = create(THREADS);
    struct counted tasks[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        tasks[i] = (struct counted){{.run = run, .lane = (unsigned)(i % 2)}, &has_begun, &may_end, &done};
        assert_true(store_executor_submit(pool, &tasks[i].task));
    }
    for (size_t i = 0; i < THREADS; i++) /* none of them ends before all have begun */
        sem_wait(&has_begun);
    for (size_t i = 0; i < THREADS; i++)
        sem_post(&may_end);
    store_executor_free(pool);
    assert_int_equal(atomic_load(&done), THREADS);
    sem_destroy(&may_end);
    sem_destroy(&has_begun);
}

/* One thread, kept busy by `first` until the rest is queued. */
struct busy_pool {
    struct store_executor *pool;
    sem_t has_begun, may_end;
    atomic_size_t done;
    struct counted first;
};

static void make_busy(struct busy_pool *busy) {
    *busy = (struct busy_pool){.pool = create(1)};
    sem_init(&busy->has_begun, 0, 0);
    sem_init(&busy->may_end, 0, 0);
    busy->first = (struct counted){{.run = run}, &busy->has_begun, &busy->may_end, &busy->done};
    assert_true(store_executor_submit(busy->pool, &busy->first.task));
    sem_wait(&busy->has_begun);
}

static void end_busy(struct busy_pool *busy) {
    sem_post(&busy->may_end);
    store_executor_free(busy->pool);
    sem_destroy(&busy->may_end);
    sem_destroy(&busy->has_begun);
}

/* Records its place in the order in which tasks ran. */
struct ordered {
    struct store_task task;
    atomic_size_t *done;
    size_t place;
};

static void note_place(struct store_task *task, struct job_store *store) {
    (void)store;
    struct ordered *ordered = (struct ordered *)task;
    ordered->place = atomic_fetch_add(ordered->done, 1);
}

static void a_flood_from_one_address_keeps_nobody_else_waiting(void **state) {
    (void)state;
    struct busy_pool busy;
    make_busy(&busy);
    struct ordered *flood = memory_alloc(STORE_LANE_QUEUE_MAX * sizeof *flood), too_much, other[2];
    for (size_t i = 0; i < STORE_LANE_QUEUE_MAX; i++) {
        flood[i] = (struct ordered){{.run = note_place, .lane = 1}, &busy.done, 0};
        assert_true(store_executor_submit(busy.pool, &flood[i].task));
    }
    too_much = (struct ordered){{.run = note_place, .lane = 1}, &busy.done, 0};
    assert_false(store_executor_submit(busy.pool, &too_much.task));
    for (size_t i = 0; i < 2; i++) {
        other[i] = (struct ordered){{.run = note_place, .lane = 2}, &busy.done, 0};
        assert_true(store_executor_submit(busy.pool, &other[i].task));
    }
    end_busy(&busy);
    assert_int_equal(atomic_load(&busy.done), STORE_LANE_QUEUE_MAX + 3);
    assert_in_range(other[0].place, 1, 2); /* at most one of the flood before each; place 0 is the first task */
    assert_in_range(other[1].place, 3, 4);
    for (size_t i = 1; i < STORE_LANE_QUEUE_MAX; i++)
        assert_true(flood[i].place > flood[i - 1].place);
    free(flood);
}

/* Waits for the semaphore, at most a minute. */
static void expect_post(sem_t *semaphore) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    if (sem_timedwait(semaphore, &until)) fail_msg("it has not begun");
}

static void one_address_never_has_all_threads(void **state) {
    (void)state;
    enum { THREADS = 4, FLOOD = 8 };
    sem_t has_begun, other_has_begun, may_end;
    sem_init(&has_begun, 0, 0);
    sem_init(&other_has_begun, 0, 0);
    sem_init(&may_end, 0, 0);
    atomic_size_t done = 0, other_done = 0;
    struct store_executor *pool = create(THREADS);
    struct counted flood[FLOOD], other = {{.run = run, .lane = 2}, &other_has_begun, &may_end, &other_done};
    for (size_t i = 0; i < FLOOD; i++) {
        flood[i] = (struct counted){{.run = run, .lane = 1}, &has_begun, &may_end, &done};
        assert_true(store_executor_submit(pool, &flood[i].task));
    }
    for (size_t i = 0; i < THREADS - 1; i++)
        sem_wait(&has_begun);
    assert_true(store_executor_submit(pool, &other.task));
    expect_post(&other_has_begun); /* none of the flood has ended */
    assert_int_equal(atomic_load(&done) + atomic_load(&other_done), 0);
    for (size_t i = 0; i < FLOOD + 1; i++)
        sem_post(&may_end);
    store_executor_free(pool);
    assert_int_equal(atomic_load(&done), FLOOD);
    assert_int_equal(atomic_load(&other_done), 1);
    sem_destroy(&may_end);
    sem_destroy(&other_has_begun);
    sem_destroy(&has_begun);
}

/* Of four threads one is free: it takes tasks from each address in turn, although the address with the flood may use three
 * threads. */
static void a_free_thread_takes_from_each_address_in_turn(void **state) {
    (void)state;
    enum { THREADS = 4, FLOOD = 20 };
    sem_t has_begun, may_end;
    sem_init(&has_begun, 0, 0);
    sem_init(&may_end, 0, 0);
    atomic_size_t done = 0, held_done = 0;
    struct store_executor *pool = create(THREADS);
    struct counted held[THREADS];
    struct ordered flood[FLOOD], other[2];
    for (unsigned i = 0; i < THREADS; i++) {
        held[i] = (struct counted){{.run = run, .lane = 10 + i}, &has_begun, &may_end, &held_done};
        assert_true(store_executor_submit(pool, &held[i].task));
        sem_wait(&has_begun);
    }
    for (size_t i = 0; i < FLOOD; i++) {
        flood[i] = (struct ordered){{.run = note_place, .lane = 1}, &done, 0};
        assert_true(store_executor_submit(pool, &flood[i].task));
    }
    for (size_t i = 0; i < 2; i++) {
        other[i] = (struct ordered){{.run = note_place, .lane = 2}, &done, 0};
        assert_true(store_executor_submit(pool, &other[i].task));
    }
    sem_post(&may_end); /* one thread is free and runs all the rest */
    while (atomic_load(&done) < FLOOD + 2)
        sched_yield();
    assert_in_range(other[0].place, 0, 1);
    assert_in_range(other[1].place, 2, 3);
    for (size_t i = 1; i < THREADS; i++)
        sem_post(&may_end);
    store_executor_free(pool);
    assert_int_equal(atomic_load(&held_done), THREADS);
    sem_destroy(&may_end);
    sem_destroy(&has_begun);
}

static void a_task_whose_client_left_is_not_run(void **state) {
    (void)state;
    struct busy_pool busy;
    make_busy(&busy);
    struct counted tasks[5];
    for (size_t i = 0; i < 5; i++) {
        tasks[i] = (struct counted){{.run = run, .lane = (unsigned)(i / 3)}, NULL, NULL, &busy.done};
        assert_true(store_executor_submit(busy.pool, &tasks[i].task));
    }
    static const size_t gone[] = {1, 0, 3, 4}; /* from the middle, from the front, and all of one lane */
    for (size_t i = 0; i < 4; i++) {
        assert_true(store_executor_withdraw(busy.pool, &tasks[gone[i]].task));
        assert_false(store_executor_withdraw(busy.pool, &tasks[gone[i]].task));
    }
    assert_false(store_executor_withdraw(busy.pool, &busy.first.task)); /* has begun */
    end_busy(&busy);
    assert_int_equal(atomic_load(&busy.done), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_queue_takes_no_more_and_loses_nothing),
        cmocka_unit_test(tasks_run_side_by_side),
        cmocka_unit_test(a_flood_from_one_address_keeps_nobody_else_waiting),
        cmocka_unit_test(one_address_never_has_all_threads),
        cmocka_unit_test(a_free_thread_takes_from_each_address_in_turn),
        cmocka_unit_test(a_task_whose_client_left_is_not_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
