/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What follows from events of finished jobs (lib/store/events.h): as many as there are are taken at once, what somebody waits
 * for goes first, and each is acknowledged when all its jobs are in Redis. Whoever is killed before that has lost nothing: the
 * event is delivered again, and makes no job twice.
 */
#ifndef SERVICES_BUILD_MATRIX_PLANNER_EVENTS_H
#define SERVICES_BUILD_MATRIX_PLANNER_EVENTS_H

#include "services/build-matrix/planning.h"

#define PLANNER_EVENTS_GROUP "build-matrix" /* of lib/store/events.h */

struct planner_event;

struct planner_events {
    struct planning *planning;
    struct planner_event *urgent; /* taken, and not planned for yet */
    struct planner_event *others;
    size_t count; /* of both */
    bool is_attending;
};

/* From now on what is urgent goes between the pieces of all that is planned. Released before the planning is. */
void planner_events_init(struct planner_events *out, struct planning *planning);
void planner_events_release(struct planner_events *events);

/* Takes all events that there are, waiting up to `wait_ms` for the first. */
CHECK_RESULT enum status planner_events_take(struct planner_events *events, int wait_ms, struct error *err);

/* Plans for those that were taken, and acknowledges them. */
void planner_events_handle(struct planner_events *events);

#endif
