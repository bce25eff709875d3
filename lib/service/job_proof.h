/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What gives a job on somebody's package its right (lib/domain/README.md, Unpublish, Transfer): the signature that came with
 * it, or a trustee's token, which the gateway has seen.
 */
#ifndef LIB_SERVICE_JOB_PROOF_H
#define LIB_SERVICE_JOB_PROOF_H

#include "lib/domain/operation.h"
#include "lib/domain/owner.h"
#include "lib/service/job_runner.h"

/* Reads the job's payload, `{payload, signature}`, into the run's arena. */
CHECK_RESULT enum status job_read_signed_request(struct signed_request *out, struct job_run *run, struct error *err);

/* Finds who asked for this job on `package`, with these owners in its metadata, and keeps that in the job. `pacchettibotti` may
 * be NULL. STATUS_REFUSED, with what to do about it: nobody who may; or the same was signed and done before. */
CHECK_RESULT enum status job_prove_right(struct job_run *run, const struct signed_request *request, const char *package,
                                         const struct owners *owners, const struct owner *pacchettibotti, struct error *err);

/* Says in the log which trustee asked for it, and why: what trustees do is public (lib/domain/README.md, Trustee actions). */
void job_say_trustee(struct job_run *run);

/* For a job that a trustee asked for, and that has done its work: job.payload gets pacchettibotti's signature, where
 * `private_key`, the setting PACCHETTIBOTTI_ED25519, is set. Only at the end, and the payload is remembered as done in the same
 * step: a signature that is shown before could be sent by anybody, and do what the job then did not. */
CHECK_RESULT enum status job_sign_for_trustee(struct job_run *run, const struct signed_request *request,
                                              const char *private_key, struct error *err);

#endif
