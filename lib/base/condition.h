/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Condition variables with deadlines on the monotonic clock (clock_monotonic_ms()).
 */
#ifndef LIB_BASE_CONDITION_H
#define LIB_BASE_CONDITION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

void condition_init(pthread_cond_t *condition); /* released by pthread_cond_destroy() */

/* Waits for a signal, with the mutex held; may wake up spuriously. False: `until_ms` has passed. */
bool condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_ms);

#endif
