/* SPDX-License-Identifier: BSD-3-Clause
 *
 * registryctl as a client of the gateway's API (services/gateway/README.md): a request and its answer, with retries while the
 * gateway is away.
 */
#ifndef OPS_REGISTRYCTL_GATEWAY_H
#define OPS_REGISTRYCTL_GATEWAY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

struct arena;
struct invocation;

enum { GATEWAY_PATIENCE_MS = 15 * 60 * 1000 /* how long to retry during a restart or a network failure */ };

/* Sends a request; `body` NULL is a GET. *answer is the JSON of a 200, which the caller owns, with `?` for control
 * characters other than line breaks and tabs, because its texts are untrusted. If there is no answer, or a 429 or 5xx,
 * retries for `patience_ms`, with the delays that the gateway asks for, and says so once on stderr. STATUS_REFUSED with the
 * gateway's message for any other answer; STATUS_UNAVAILABLE or STATUS_TIMEOUT at the end of patience. */
CHECK_RESULT enum status gateway_ask(struct invocation *call, const char *path, const char *body, int64_t patience_ms,
                                     json_t **answer, struct error *err);

struct http_stream;

/* Sends a GET for a stream, once. STATUS_OK: it has ended; *is_over: with 204, there is nothing to come. Failures as of
 * gateway_ask(), without retries. */
CHECK_RESULT enum status gateway_stream(struct invocation *call, const char *path, const struct http_stream *stream,
                                        bool *is_over, struct error *err);

/* Replaces control characters in all texts of a value from the gateway, as gateway_ask() does. */
void gateway_clean(json_t *value);

/* The path /NAME/ID, with the id encoded: it may be any text of the command line, or of an answer. */
const char *gateway_job_path(struct arena *arena, const char *name, const char *id);

/* A text field of an answer; "" if it is missing. */
const char *gateway_text(const json_t *object, const char *key);

/* Prints the job's log; with `follow` continues line by line until the job ends. STATUS_REFUSED with its last error if the
 * job has failed. */
CHECK_RESULT enum status job_print_log(struct invocation *call, const char *id, const char *level, bool follow,
                                       struct error *err);

#endif
