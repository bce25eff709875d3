/* SPDX-License-Identifier: BSD-3-Clause
 *
 * When the schedule (schedule.h) starts the next update of the package set, for readers of excuses: the next daily one, or an
 * earlier one that follows publications. No I/O.
 */
#ifndef SERVICES_PACKAGE_SET_SCHEDULE_NEXT_H
#define SERVICES_PACKAGE_SET_SCHEDULE_NEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/domain/job/daily_time.h"

/* Times are in milliseconds since 1970. */
struct schedule_facts {
    int64_t now_ms;

    struct daily_time daily; /* PACKAGE_SET_TIME */
    int64_t daily_done_ms;   /* the time that the daily update was last made for; 0: never */

    int64_t after_ms;    /* PACKAGE_SET_AFTER_MS */
    int64_t per_day;     /* PACKAGE_SETS_PER_DAY */
    int64_t made_today;  /* of these */
    bool has_candidates; /* that the last update did not decide about */
    int64_t newest_ms;   /* when the newest of them was published */
    int64_t ended_ms;    /* when the last update ended; 0: there was none */
};

/* Not before `now_ms`, which means that it is due; 0: none starts by itself. */
int64_t schedule_next_update(const struct schedule_facts *facts);

#endif
