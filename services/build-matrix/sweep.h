/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is planned without an event: a new compiler's wave, and the daily sweep for what events should have brought and did not
 * (lib/domain/README.md, Build matrix). One of several services does each: which, Redis decides.
 */
#ifndef SERVICES_BUILD_MATRIX_SWEEP_H
#define SERVICES_BUILD_MATRIX_SWEEP_H

#include "services/build-matrix/planning.h"

/* Begins the wave of each supported compiler that is new, unless somebody has. */
void sweep_begin_waves(struct planning *planning);

/* Sweeps, if it is time: makes at most MATRIX_SWEEP_JOBS jobs, and says how many. */
void sweep_if_due(struct planning *planning);

#endif
