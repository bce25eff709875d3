/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The last part of every POST that becomes a job: makes the job (or finds it, for a repeated request), tells its service, and
 * answers with its id. Only the form of the request has been checked by then; the job itself decides whether it is allowed.
 */
#ifndef SERVICES_GATEWAY_ROUTES_ACCEPT_JOB_H
#define SERVICES_GATEWAY_ROUTES_ACCEPT_JOB_H

#include "lib/store/job/job_store.h"

struct call;

/* A request in the call's arena with the job's id and the client's address. Made once per call, so that retries are the same
 * job. */
struct job_request *new_job_request(struct call *call, enum job_kind kind);

/* The blocking part of call_accept_job(), for work functions that must read something first. Makes the answer, or sets
 * CALL_GOES_ON. May replace call->work_data. */
CHECK_RESULT enum status accept_job(struct call *call, struct job_store *store, const struct job_request *request,
                                    struct error *err);

/* Answers the call with `{"jobId", "created"}`, for a publication also `disposition`; or with 400 if the same signed bytes were
 * executed before and the change was undone since (build-matrix is asked). `request` is borrowed until the answer. */
void call_accept_job(struct call *call, struct job_request *request);

#endif
