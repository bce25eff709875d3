/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tells healthchecks.io that we live (lib/tools/README.md, Health checks): a GET of the check's address at regular times
 * while we are ready, a POST to its /fail with the reasons while we are not. A ping that fails is logged and tried again soon,
 * for ever. The one owner makes it and frees it; the thread inside is its own.
 */
#ifndef LIB_TOOLS_HEALTH_CHECK_H
#define LIB_TOOLS_HEALTH_CHECK_H

#include <stdbool.h>

#include "lib/base/error.h"

struct health_check;
struct text;

enum {
    HEALTH_CHECK_RETRY_MS = 60000,
};

struct health_check_options {
    const char *url; /* copied */
    int interval_ms; /* between pings */
    int retry_ms;    /* after a ping that failed */
    /* Called on the health check's thread before each ping; where it answers false, it appends why. Borrowed, like `context`,
     * until health_check_free(). */
    bool (*is_ready)(void *context, struct text *reasons);
    void *context;
};

/* The first ping goes out at once. */
CHECK_RESULT enum status health_check_create(struct health_check **out, const struct health_check_options *options,
                                             struct error *err);
void health_check_free(struct health_check *check);

/* One ping, now, on the caller's thread: `suffix` is "" or "/start" or "/fail", `body` says what (NULL: nothing to say).
 * Anything but a 2xx is STATUS_UNAVAILABLE. */
CHECK_RESULT enum status health_check_ping(const char *url, const char *suffix, const char *body, struct error *err);

#endif
