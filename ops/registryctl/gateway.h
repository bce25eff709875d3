/* SPDX-License-Identifier: BSD-3-Clause
 *
 * registryctl as a client of the gateway's API (services/gateway/README.md): one question, its answer, and the patience to ask
 * again while the gateway is away.
 */
#ifndef OPS_REGISTRYCTL_GATEWAY_H
#define OPS_REGISTRYCTL_GATEWAY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

struct invocation;

enum {
    GATEWAY_WAIT_SECONDS = 20,            /* the longest that a question may be held by `wait=` */
    GATEWAY_PATIENCE_MS = 15 * 60 * 1000, /* how long a restart, or a network that is away, is waited out */
};

/* Asks the gateway; `body` NULL is a GET. *answer is the JSON of its 200, which the caller owns, with `?` for control
 * characters in its texts, but for line breaks and tabs: they may come from anybody. Where there is no answer, or a 429 or 5xx,
 * it is asked again for `patience_ms`, when it says that it may be, and stderr says so once. STATUS_REFUSED with its sentence
 * for any other answer; STATUS_UNAVAILABLE or STATUS_TIMEOUT where patience has an end. */
CHECK_RESULT enum status gateway_ask(struct invocation *call, const char *path, const char *body, int64_t patience_ms,
                                     json_t **answer, struct error *err);

/* A text of an answer; "" where it has none of that name. */
const char *gateway_text(const json_t *object, const char *key);

/* Prints the job's log, and with `follow` goes on, line by line as they come, until the job ends. STATUS_REFUSED with its last
 * error for a job that failed. */
CHECK_RESULT enum status job_print_log(struct invocation *call, const char *id, const char *level, bool follow,
                                       struct error *err);

#endif
