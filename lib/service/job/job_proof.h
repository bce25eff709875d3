/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Authorization of jobs that change a published package (lib/domain/README.md, Unpublish, Transfer): by the signature in the
 * payload, or by a trustee's token, which the gateway has verified.
 */
#ifndef LIB_SERVICE_JOB_JOB_PROOF_H
#define LIB_SERVICE_JOB_JOB_PROOF_H

#include "lib/domain/identity/owner.h"
#include "lib/domain/job/operation.h"
#include "lib/service/job/job_runner.h"

/* Reads the job's payload, `{payload, signature}`, into the run's arena. */
CHECK_RESULT enum status job_read_signed_request(struct signed_request *out, struct job_run *run, struct error *err);

/* Finds the key that signed the request for `package`, whose metadata has these owners, and stores the requester's identity in
 * the job. A trustee's job needs no signature. `pacchettibotti` may be NULL. STATUS_REFUSED, with advice in the message: not
 * signed by an authorized key; or the same request was signed and carried out before. */
CHECK_RESULT enum status job_prove_right(struct job_run *run, const struct signed_request *request, const char *package,
                                         const struct owners *owners, const struct owner *pacchettibotti, struct error *err);

/* Logs which trustee requested the job, and why: trustee actions are public (lib/domain/README.md, Trustee actions). */
void job_say_trustee(struct job_run *run);

/* For a trustee's job that has done its work: signs the payload as pacchettibotti and puts both into run->end.payload, if
 * `private_key` (the setting PACCHETTIBOTTI_ED25519) is set; an invalid key is only logged. The signature must not be public
 * before the step that ends the job and stores its replay key: until then anybody could replay it. */
CHECK_RESULT enum status job_sign_for_trustee(struct job_run *run, const struct signed_request *request,
                                              const char *private_key, struct error *err);

#endif
