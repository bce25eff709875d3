/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-matrix/plan/planner.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "services/build-matrix/plan/planner_events.h"
#include "services/build-matrix/plan/sweep.h"

enum {
    EVENT_WAIT_MS = 200, /* a read returns as soon as an event arrives; this bounds the delay of a stop */
    POLL_MS = 1000,      /* of the list of compilers */
    SWEEP_POLL_MS = 60000,
    REFRESH_MS = 10000, /* for changes without an event: unpublishings, transfers, commits of others */
};

struct planner {
    struct planning planning;
    struct planner_events events;
    int64_t poll_at_ms, sweep_at_ms, refresh_at_ms; /* used by the thread only, like the next */
    bool is_without_compilers;                      /* and that was logged */
};

/* False: no compilers are known yet, so nothing can be planned, and events are not read. */
static bool read_compilers(struct planner *planner) {
    bool is_any = planning_read_compilers(&planner->planning);
    if (!is_any && !planner->is_without_compilers)
        log_line(LOG_INFO, "planner_paused", log_field("reason", "No publish service has reported compilers yet."));
    planner->is_without_compilers = !is_any;
    return is_any;
}

static void look_for_more(struct planner *planner, int64_t now_ms) {
    sweep_begin_waves(&planner->planning);
    if (now_ms >= planner->refresh_at_ms) {
        planner->refresh_at_ms = now_ms + REFRESH_MS;
        planning_refresh(&planner->planning);
    }
    if (now_ms < planner->sweep_at_ms) return;
    int64_t interval_ms = planner->planning.place.settings->matrix_sweep_interval_ms;
    planner->sweep_at_ms = now_ms + (interval_ms < SWEEP_POLL_MS ? interval_ms : SWEEP_POLL_MS);
    sweep_if_due(&planner->planning);
}

static void go_round(struct planner *planner) {
    struct planning *planning = &planner->planning;
    struct error err;
    int64_t now_ms = clock_monotonic_ms();
    bool is_due = now_ms >= planner->poll_at_ms;
    if (is_due) planner->poll_at_ms = now_ms + POLL_MS;
    if (is_due && !read_compilers(planner)) planner->poll_at_ms = now_ms + EVENT_WAIT_MS;
    if (planning->compiler_count == 0) {
        thread_pause(&planning->thread, EVENT_WAIT_MS);
        return;
    }
    if (planner_events_take(&planner->events, planner->events.count > 0 || is_due ? 0 : EVENT_WAIT_MS, &err)) {
        planning_pause(planning, "Events cannot be read.", &err);
        return;
    }
    planning_goes_on(planning);
    planner_events_handle(&planner->events);
    if (is_due && thread_goes_on(&planning->thread)) look_for_more(planner, now_ms);
}

static void run(void *context) {
    struct planner *planner = context;
    while (thread_goes_on(&planner->planning.thread))
        go_round(planner);
}

enum status planner_start(struct planner **out, const struct planning_place *place, struct error *err) {
    struct planner *planner = memory_alloc(sizeof *planner);
    *out = NULL;
    enum status status = planning_init(&planner->planning, place, err);
    if (!status) {
        planner_events_init(&planner->events, &planner->planning);
        status = thread_start(&planner->planning.thread, "planner", run, planner, err);
    }
    if (!status) {
        *out = planner;
    } else {
        planning_release(&planner->planning);
        free(planner);
    }
    return status;
}

void planner_free(struct planner *planner) {
    if (!planner) return;
    planning_stop(&planner->planning);
    thread_join(&planner->planning.thread);
    planner_events_release(&planner->events);
    planning_release(&planner->planning);
    free(planner);
}

void planner_measure(struct planner *planner, struct metrics *metrics) {
    planning_measure(&planner->planning, metrics);
}
