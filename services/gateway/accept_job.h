/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What every POST that becomes a job ends with: the job is made (or found, for a repeated request), its service is told, and
 * the client has the id before anything else happens. What the registry thinks of the request is for the job to say.
 */
#ifndef SERVICES_GATEWAY_ACCEPT_JOB_H
#define SERVICES_GATEWAY_ACCEPT_JOB_H

#include "lib/store/job_store.h"

struct call;

/* A request in the call's arena, made once, so that every try is the same job: id and the client's address are set. */
struct job_request *new_job_request(struct call *call, enum job_kind kind);

/* What call_accept_job() does on a thread that may block, for a work function that has something to find out before: the answer
 * is made, or the call goes on by itself. Sets call->work_data. */
CHECK_RESULT enum status accept_job(struct call *call, struct job_store *store, const struct job_request *request,
                                    struct error *err);

/* Answers the call with `{"jobId", "created"}`, for a publication also `disposition`; or with 400 where the request was carried
 * out before, in the same bytes, and what it did was undone since, by this server or by hand: build-matrix is asked for that.
 * `request` is borrowed until then. */
void call_accept_job(struct call *call, struct job_request *request);

#endif
