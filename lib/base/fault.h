/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Places where a test can have the process killed, as by SIGKILL or a power cut, to see what the next run makes of what is left
 * (tests/flow/test_publish_faults.c). In builds for tests only (-DFAULTS=ON, or any SANITIZE); elsewhere it is nothing at all.
 *
 *   REGISTRY_FAULT=NAME       dies when it gets to this point
 *   REGISTRY_FAULT=NAME#N     … for the N-th time
 *   REGISTRY_HOLD=NAME=PATH   stays at this point for as long as the file PATH is there
 *
 *   REGISTRY_CALLS=PATH       where the file PATH is there and says `NAME N`, the N-th call of that name from then on waits
 * until the file is gone (tests/flow/test_redis_outages.c); every call is a line in the log at DEBUG
 *
 * Where REGISTRY_FAULT is set, every point that is passed is a line in the program's log at DEBUG, so that a test can see that
 * it knows them all.
 */
#ifndef LIB_BASE_FAULT_H
#define LIB_BASE_FAULT_H

#include <stddef.h>

#ifdef FAULT_POINTS
void fault_point(const char *name);
/* A call to something outside the process that a test may want to take away right before it. */
void fault_call(const char *name, size_t name_length);
#else
static inline void fault_point(const char *name) {
    (void)name;
}
#endif

#endif
