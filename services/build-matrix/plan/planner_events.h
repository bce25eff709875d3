/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Plans the builds that follow from events of finished jobs (lib/store/redis/events.h). All available events are taken at once,
 * urgent ones are handled first, and each is acknowledged when all its jobs are in Redis. If the process is killed before, the
 * event is delivered again; no job is made twice.
 */
#ifndef SERVICES_BUILD_MATRIX_PLAN_PLANNER_EVENTS_H
#define SERVICES_BUILD_MATRIX_PLAN_PLANNER_EVENTS_H

#include "services/build-matrix/plan/planning.h"

#define PLANNER_EVENTS_GROUP "build-matrix" /* consumer group (lib/store/redis/events.h) */

struct planner_event;

struct planner_events {
    struct planning *planning;
    struct planner_event *urgent; /* taken, not planned for yet */
    struct planner_event *others;
    size_t count;      /* of both */
    bool is_attending; /* urgent events are being handled */
};

/* Also sets planning->attend, so that urgent events are handled between two chunks of other planning. Release `out` before
 * `planning`, which is borrowed. */
void planner_events_init(struct planner_events *out, struct planning *planning);
void planner_events_release(struct planner_events *events);

/* Takes the available events; waits up to `wait_ms` for the first. */
CHECK_RESULT enum status planner_events_take(struct planner_events *events, int wait_ms, struct error *err);

/* Plans for the taken events and acknowledges them; if the planner is stopped meanwhile, they are delivered again later. */
void planner_events_handle(struct planner_events *events);

#endif
