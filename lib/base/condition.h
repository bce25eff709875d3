/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Condition variables whose waiting ends by clock_monotonic_ms().
 */
#ifndef LIB_BASE_CONDITION_H
#define LIB_BASE_CONDITION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

void condition_init(pthread_cond_t *condition); /* ended by pthread_cond_destroy() */

/* Waits, with the mutex held. False: it is `until_ms`. */
bool condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_ms);

#endif
