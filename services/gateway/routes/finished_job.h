/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers about finished jobs, which do not change any more (services/gateway/README.md, Jobs): they have an ETag, are
 * gzipped for clients that accept it, and are kept in memory. For the routes that answer with a job or its log.
 */
#ifndef SERVICES_GATEWAY_ROUTES_FINISHED_JOB_H
#define SERVICES_GATEWAY_ROUTES_FINISHED_JOB_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/domain/job/job.h"

struct call;
struct job_store;

/* The parts of a request that decide about its answer; texts are in the call's arena. */
struct finished_request {
    const char *key;           /* the same for requests that have the same answer */
    const char *if_none_match; /* NULL: none */
    bool takes_gzip;
    bool is_json;
};

/* Answers the call and returns true if its answer is kept; else reads `out`, for the work function. On the loop's thread. */
bool finished_job_answer(struct call *call, bool is_json, struct finished_request *out);

/* Answers 304 and sets *is_answered if the client has the answer. Reads no log. Call this before the answer is made. */
CHECK_RESULT enum status finished_job_compare(struct call *call, struct job_store *store,
                                              const struct finished_request *request, bool *is_answered, struct error *err);

/* Call this when call->answer is made, from a job that was read before its log: if the job is finished, its headers are added,
 * and it is kept. */
void finished_job_keep(struct call *call, const struct finished_request *request, const struct job *job);

#endif
