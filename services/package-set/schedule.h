/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the service does by itself, at times of its own (lib/domain/README.md, Daily package sets): a thread of each instance
 * that starts
 *
 *   daily work     once a day over all instances, at the time of its setting; made up for if no instance ran then. The health
 *                  check is told of its start and its end (lib/tools/README.md, Health checks)
 *                  A look at GitHub (github_look.h) is daily work too, where GITHUB_TOKEN is set
 *   an update      of the package set when PACKAGE_SET_AFTER_MS have passed since the newest publication that the last update
 *                  did not know; PACKAGE_SETS_PER_DAY at most
 *
 * All that decides is in Redis: the last time of each daily work, a lock for the instance that does it, and ids of jobs that are
 * derived from the day, so that two instances make one job.
 */
#ifndef SERVICES_PACKAGE_SET_SCHEDULE_H
#define SERVICES_PACKAGE_SET_SCHEDULE_H

#include "lib/base/error.h"
#include "lib/base/metrics.h"

struct package_set_service;
struct schedule;

#define SCHEDULE_DAILY_UPDATE "package-set" /* the daily work that updates the package set (lib/store/redis/set_store.h) */

/* Starts the thread. `service` is borrowed. Sets *out to NULL after a failure. */
CHECK_RESULT enum status schedule_create(struct schedule **out, struct package_set_service *service, struct error *err);
void schedule_free(struct schedule *schedule); /* stops and joins the thread; NULL is allowed */

/* Checks the settings of the times. STATUS_INVALID with the variable as path. */
CHECK_RESULT enum status schedule_check_settings(const struct package_set_service *service, struct error *err);

/* Any thread. */
void schedule_measure(struct schedule *schedule, struct metrics *metrics);

#endif
