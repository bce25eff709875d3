/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Fault injection: points where a test can kill or hold the process, as SIGKILL or a power cut would, to check how the next run
 * recovers (tests/flow/publish/test_faults.c). Only in builds for tests (-DFAULTS=ON, or any SANITIZE); elsewhere a no-op.
 *
 *   REGISTRY_FAULT=NAME       kills the process at this point
 *   REGISTRY_FAULT=NAME#N     … when it is reached for the N-th time
 *   REGISTRY_HOLD=NAME=PATH   waits at this point while the file PATH exists
 *   REGISTRY_CALLS=PATH       if the file PATH contains `NAME N`, the N-th call of that name from then on waits while the file
 *                             exists (tests/flow/test_redis_outages.c); every call is logged at DEBUG
 *   REGISTRY_CLOCK=PATH       the wall clock (clock_now_ms()) stands at the time in the file PATH: eight bytes, milliseconds
 *
 * With REGISTRY_FAULT, every point that is passed is logged at DEBUG, so that a test can check that it covers all of them.
 */
#ifndef LIB_BASE_FAULT_H
#define LIB_BASE_FAULT_H

#include <stddef.h>

#ifdef FAULT_POINTS
void fault_point(const char *name);
/* A call to an outside process, which a test can stop right before the call. */
void fault_call(const char *name, size_t name_length);
#else
static inline void fault_point(const char *name) {
    (void)name;
}
#endif

#endif
