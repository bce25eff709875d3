/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "services/gateway/store_pool.h"

/* A task that waits until it may go on, and counts itself. */
struct counted {
    struct store_task task;
    sem_t *has_begun; /* NULL: nobody waits */
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

static struct store_pool *create(size_t threads) {
    struct store_pool *pool = NULL;
    struct error err;
    assert_int_equal(store_pool_create(&pool, "unix:///nowhere.sock", threads, &err), STATUS_OK);
    return pool;
}

static void a_full_queue_takes_no_more_and_loses_nothing(void **state) {
    (void)state;
    sem_t has_begun, may_end;
    sem_init(&has_begun, 0, 0);
    sem_init(&may_end, 0, 0);
    atomic_size_t done = 0;
    struct store_pool *pool = create(1);
    struct counted first = {{NULL, run}, &has_begun, &may_end, &done}, late = {{NULL, run}, NULL, NULL, &done};
    struct counted *queued = memory_alloc(STORE_QUEUE_MAX * sizeof *queued);
    assert_true(store_pool_submit(pool, &first.task));
    sem_wait(&has_begun);
    for (size_t i = 0; i < STORE_QUEUE_MAX; i++) {
        queued[i] = (struct counted){{NULL, run}, NULL, NULL, &done};
        assert_true(store_pool_submit(pool, &queued[i].task));
    }
    assert_false(store_pool_submit(pool, &late.task));
    sem_post(&may_end);
    store_pool_free(pool);
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
    struct store_pool *pool = create(THREADS);
    struct counted tasks[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        tasks[i] = (struct counted){{NULL, run}, &has_begun, &may_end, &done};
        assert_true(store_pool_submit(pool, &tasks[i].task));
    }
    for (size_t i = 0; i < THREADS; i++) /* none of them ends before all have begun */
        sem_wait(&has_begun);
    for (size_t i = 0; i < THREADS; i++)
        sem_post(&may_end);
    store_pool_free(pool);
    assert_int_equal(atomic_load(&done), THREADS);
    sem_destroy(&may_end);
    sem_destroy(&has_begun);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_queue_takes_no_more_and_loses_nothing),
        cmocka_unit_test(tasks_run_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
