/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The body of POST /api/v1/trustee (services/gateway/README.md, Trustee requests):
 *
 *   {"action": ACTION, "payload": {…}, "actor": LOGIN, "issue"?: NUMBER, "reason"?: TEXT}
 *
 * and the job that it becomes. Each action is a row in trustee_request.c.
 */
#ifndef SERVICES_GATEWAY_TRUSTEE_TRUSTEE_REQUEST_H
#define SERVICES_GATEWAY_TRUSTEE_TRUSTEE_REQUEST_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/store/job/job_store.h"

struct call;

struct trustee_request {
    const char *actor;
    const char *retry_of;    /* `retry`: id of the failed job, from which trustee_request_retry() completes `job`; else NULL */
    struct job_request *job; /* in the call's arena; complete except `credential` and, for a build, the payload: its plan */
};

/* The body's actor, or NULL if it is missing or malformed; in the call's arena. The look-up of a token needs it, and other
 * errors in the body are only reported after the look-up. */
const char *trustee_request_actor(struct call *call, const json_t *body);

/* STATUS_INVALID with the field as path. */
CHECK_RESULT enum status trustee_request_read(struct trustee_request *out, struct call *call, const json_t *body,
                                              struct error *err);

/* Completes a `retry` from the failed job. On a thread that may block. STATUS_INVALID: there is no such job. STATUS_REFUSED: it
 * has not failed, or was a build for a revision or a package set. */
CHECK_RESULT enum status trustee_request_retry(struct trustee_request *request, struct call *call, struct job_store *store,
                                               struct error *err);

#endif
