/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/fault.h"

#ifdef FAULT_POINTS

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"

enum { HOLD_POLL_MS = 5 };

/* REGISTRY_HOLD is NAME=PATH. */
static void hold(const char *name) {
    const char *wanted = getenv("REGISTRY_HOLD");
    size_t length = strlen(name);
    if (!wanted || strncmp(wanted, name, length) != 0 || wanted[length] != '=' || access(wanted + length + 1, F_OK)) return;
    log_line(LOG_INFO, "fault_point_held", log_field("name", name));
    while (access(wanted + length + 1, F_OK) == 0)
        clock_sleep_ms(HOLD_POLL_MS);
}

void fault_point(const char *name) {
    hold(name);
    static atomic_int passed; /* how often the point of REGISTRY_FAULT was reached */
    const char *wanted = getenv("REGISTRY_FAULT");
    if (!wanted) return;
    log_line(LOG_DEBUG, "fault_point_reached", log_field("name", name));
    size_t length = strlen(name);
    if (strncmp(wanted, name, length) != 0 || (wanted[length] != '\0' && wanted[length] != '#')) return;
    int at = wanted[length] == '#' ? atoi(wanted + length + 1) : 1;
    if (atomic_fetch_add(&passed, 1) + 1 != at) return;
    log_line(LOG_WARN, "fault_point_fired", log_field("name", name));
    kill(getpid(), SIGKILL);
}

/* Counts the call down in the file; true if it is the N-th call, which must wait. */
static bool is_wanted(const char *path, const char *name, size_t name_length) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    char wanted[128] = "";
    int left = 0;
    bool is_it = false;
    pthread_mutex_lock(&mutex);
    FILE *file = fopen(path, "r+e");
    if (file && fscanf(file, "%127s %d", wanted, &left) == 2 && strlen(wanted) == name_length &&
        strncmp(wanted, name, name_length) == 0 && left > 0) {
        is_it = left == 1;
        rewind(file);
        fprintf(file, "%s %d \n", wanted, left - 1);
    }
    if (file) fclose(file);
    pthread_mutex_unlock(&mutex);
    return is_it;
}

void fault_call(const char *name, size_t name_length) {
    const char *path = getenv("REGISTRY_CALLS");
    if (!path) return;
    bool is_held = is_wanted(path, name, name_length);
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)name_length, name);
    log_line(LOG_DEBUG, is_held ? "call_held" : "call_made", log_field("name", text));
    while (is_held && access(path, F_OK) == 0)
        clock_sleep_ms(HOLD_POLL_MS);
}

#endif
