/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/fault.h"

#ifdef FAULT_POINTS

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"

enum { HOLD_POLL_US = 5000 };

/* NAME=PATH */
static void hold(const char *name) {
    const char *wanted = getenv("REGISTRY_HOLD");
    size_t length = strlen(name);
    if (!wanted || strncmp(wanted, name, length) != 0 || wanted[length] != '=' || access(wanted + length + 1, F_OK)) return;
    log_line(LOG_INFO, "held at a fault point", log_field("name", name));
    while (access(wanted + length + 1, F_OK) == 0)
        usleep(HOLD_POLL_US);
}

void fault_point(const char *name) {
    hold(name);
    static atomic_int passed; /* the point that is wanted */
    const char *wanted = getenv("REGISTRY_FAULT");
    if (!wanted) return;
    log_line(LOG_DEBUG, "fault point", log_field("name", name));
    size_t length = strlen(name);
    if (strncmp(wanted, name, length) != 0 || (wanted[length] != '\0' && wanted[length] != '#')) return;
    int at = wanted[length] == '#' ? atoi(wanted + length + 1) : 1;
    if (atomic_fetch_add(&passed, 1) + 1 != at) return;
    log_line(LOG_WARN, "killed by its fault point", log_field("name", name));
    kill(getpid(), SIGKILL);
}

#endif
