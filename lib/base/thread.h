/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A thread that can be asked to stop, with a mutex and a condition variable for the data that it shares with its owner. One
 * that works at intervals:
 *
 *   static void run(void *context) {
 *       struct check *check = context;
 *       do
 *           look(check);
 *       while (thread_pause(&check->thread, INTERVAL_MS));
 *   }
 *   thread_init(&check->thread);
 *   status = thread_start(&check->thread, "check", run, check, err);
 *   …
 *   thread_release(&check->thread);
 *
 * One that waits for work:
 *
 *   thread_lock(&x->thread);                                      its owner:
 *   while (!x->work && !x->thread.is_stopping)                      thread_lock(&x->thread);
 *       thread_wait(&x->thread, THREAD_NO_LIMIT);                   x->work = …;
 *   …                                                               thread_wake(&x->thread);
 *   thread_unlock(&x->thread);                                      thread_unlock(&x->thread);
 *
 * thread_start() may be called several times: then a `struct thread` is a group of threads with one mutex and one stop.
 */
#ifndef LIB_BASE_THREAD_H
#define LIB_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

#define THREAD_NO_LIMIT INT64_MAX

struct thread {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_stopping; /* guarded by the mutex; set by thread_request_stop() alone */
    struct {
        pthread_t *items;
        size_t count, capacity;
    } started; /* not joined yet; used by the owner */
};

/* ---- For the owner ---- */

void thread_init(struct thread *out);

/* Runs `run(context)` on a new thread. `name`, at most 15 characters, is shown by top, ps and gdb. STATUS_INTERNAL: there is no
 * room for another thread. */
CHECK_RESULT enum status thread_start(struct thread *thread, const char *name, void (*run)(void *context), void *context,
                                      struct error *err);

/* Asks to stop, without waiting for the end. Pauses end at once, and waits are woken. Any thread may call it, repeatedly. */
void thread_request_stop(struct thread *thread);

/* Waits for the end of the thread, if it was started; does not ask it to stop. */
void thread_join(struct thread *thread);

/* Asks the thread to stop, waits for its end if it was started, and releases the mutex and the condition variable. */
void thread_release(struct thread *thread);

/* ---- For the thread: pauses ---- */

/* Sleeps; ends at once when the thread is asked to stop. False: the thread must stop. Without the mutex. */
bool thread_pause(struct thread *thread, int64_t duration_ms);

/* False: the thread must stop. Without the mutex. */
bool thread_goes_on(struct thread *thread);

/* ---- For both: shared state, guarded by the mutex ---- */

void thread_lock(struct thread *thread);
void thread_unlock(struct thread *thread);

/* Waits for thread_wake(), with the mutex held; may wake up spuriously. False: `until_ms` (clock_monotonic_ms()) has passed. */
bool thread_wait(struct thread *thread, int64_t until_ms);

/* Wakes everything that waits. With the mutex or without. */
void thread_wake(struct thread *thread);

#endif
