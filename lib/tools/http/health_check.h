/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reports to healthchecks.io that we are alive (lib/tools/README.md, Health checks): a GET of the check's address at regular
 * intervals while ready, a POST to its /fail with the reasons while not, a POST to its /log with news. A failed ping is logged
 * and retried after retry_ms, for ever. It has a thread of its own; one owner creates and frees it.
 */
#ifndef LIB_TOOLS_HTTP_HEALTH_CHECK_H
#define LIB_TOOLS_HTTP_HEALTH_CHECK_H

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
    int retry_ms;    /* after a failed ping */
    /* Called on the health check's thread before each ping; appends the reasons if it returns false. Borrowed, like
     * `context`, until health_check_free(). */
    bool (*is_ready)(void *context, struct text *reasons);
    /* NULL, or called before each ping, too: appends news for operators, which are sent to /log if there are any; then
     * note_told() is called, unless they could not be sent: they come again. */
    void (*take_news)(void *context, struct text *news);
    void (*note_told)(void *context);
    void *context;
};

/* Sends the first ping at once. */
CHECK_RESULT enum status health_check_create(struct health_check **out, const struct health_check_options *options,
                                             struct error *err);
void health_check_free(struct health_check *check);

/* Sends one ping on the caller's thread: `suffix` is "", "/start", "/log" or "/fail", `body` is a message (NULL: none).
 * STATUS_UNAVAILABLE for any answer but 2xx. */
CHECK_RESULT enum status health_check_ping(const char *url, const char *suffix, const char *body, struct error *err);

#endif
