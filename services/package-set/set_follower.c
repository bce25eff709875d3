/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/package-set/set_follower.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/thread.h"
#include "lib/store/registry/registry_sets.h"
#include "lib/store/registry/registry_view.h"

enum { REFRESH_MS = 10000, LOOK_MS = 5000 };

struct set_follower {
    struct thread thread;
    struct registry_view *view;
    struct registry_sets *sets;
};

static void look(struct set_follower *follower) {
    struct deadline deadline;
    struct error err;
    deadline_start(&deadline, LOOK_MS);
    int64_t since_us = clock_monotonic_us() - REFRESH_MS * INT64_C(1000); /* a query may have read them meanwhile */
    enum status status = registry_view_catch_up(follower->view, since_us, &deadline, &err);
    if (!status) status = registry_sets_follow(follower->sets, &err);
    if (status) log_line(LOG_DEBUG, "registry_refresh_failed", log_field("error", err.message));
}

static void run(void *context) {
    struct set_follower *follower = context;
    while (thread_pause(&follower->thread, REFRESH_MS))
        look(follower);
}

enum status set_follower_start(struct set_follower **out, struct registry_view *view, struct registry_sets *sets,
                               struct error *err) {
    struct set_follower *follower = memory_alloc(sizeof *follower);
    follower->view = view;
    follower->sets = sets;
    thread_init(&follower->thread);
    *out = follower;
    return thread_start(&follower->thread, "set-follower", run, follower, err);
}

void set_follower_stop(struct set_follower *follower) {
    if (!follower) return;
    thread_release(&follower->thread);
    free(follower);
}
