/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Planning without an event: the wave of a new compiler, and the daily sweep for pairs that events missed
 * (lib/domain/README.md, Build matrix). Each is done by one instance, which claims it in Redis.
 */
#ifndef SERVICES_BUILD_MATRIX_PLAN_SWEEP_H
#define SERVICES_BUILD_MATRIX_PLAN_SWEEP_H

#include "services/build-matrix/plan/planning.h"

/* Begins the wave of each new supported compiler, unless another instance has. */
void sweep_begin_waves(struct planning *planning);

/* Sweeps if a sweep is due: makes at most MATRIX_SWEEP_JOBS jobs and logs their number. */
void sweep_if_due(struct planning *planning);

#endif
