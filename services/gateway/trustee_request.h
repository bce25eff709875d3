/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The body of POST /api/v1/trustee (services/gateway/README.md, Trustee requests):
 *
 *   {"action": ACTION, "payload": {…}, "actor": LOGIN, "issue"?: NUMBER, "reason"?: TEXT}
 *
 * and the job that each action is. An action is a row in trustee_request.c.
 */
#ifndef SERVICES_GATEWAY_TRUSTEE_REQUEST_H
#define SERVICES_GATEWAY_TRUSTEE_REQUEST_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/store/job_store.h"

struct call;

struct trustee_request {
    const char *actor;
    const char *retry_of;    /* `retry`: the failed job's id; the rest of `job` comes from there (trustee_request_retry) */
    struct job_request *job; /* in the call's arena; complete but for `credential`, and for the payload of a build: its plan */
};

/* The actor, where the body has a well-formed one; else NULL. In the call's arena. Whoever asks with a token that must be
 * looked up is told nothing else about the body before. */
const char *trustee_request_actor(struct call *call, const json_t *body);

/* STATUS_INVALID with the field as path; STATUS_REFUSED for an action that no service here carries out. */
CHECK_RESULT enum status trustee_request_read(struct trustee_request *out, struct call *call, const json_t *body,
                                              struct error *err);

/* Completes a `retry` with what the failed job asked for. On a thread that may block. STATUS_INVALID: there is no such job;
 * STATUS_REFUSED: it has not failed, or no service here carries it out. */
CHECK_RESULT enum status trustee_request_retry(struct trustee_request *request, struct call *call, struct job_store *store,
                                               struct error *err);

#endif
