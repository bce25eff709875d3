/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/job_proof.h"

#include <string.h>

#include "lib/base/json.h"
#include "lib/domain/signer.h"

enum status job_read_signed_request(struct signed_request *out, struct job_run *run, struct error *err) {
    json_t *body = NULL;
    const char *payload = run->job.payload;
    enum status status = json_read(&body, payload, strlen(payload), "The job's payload", err);
    if (!status) status = signed_request_read(out, body, !job_is_by_trustee(&run->job), &run->arena, err);
    json_decref(body);
    return status;
}

/* What a trustee asks for is public (spec/operations.md, Trustee actions), in the log, too. */
static void say_trustee(struct job_run *run) {
    const struct job *job = &run->job;
    job_run_log(run, LOG_NOTICE, "Asked for by the trustee %s%s%s%s%s", job->actor, job->issue ? ", issue " : "",
                job->issue ? job->issue : "", job->reason ? ": " : ".", job->reason ? job->reason : "");
}

enum status job_prove_right(struct job_run *run, const struct signed_request *request, const char *package,
                            const struct owners *owners, const struct owner *pacchettibotti, struct error *err) {
    if (job_is_by_trustee(&run->job)) {
        say_trustee(run);
        return STATUS_OK;
    }
    struct signer signer;
    char replay_key[SHA256_HEX_MAX], done_by[UUID_TEXT_MAX];
    enum status status = signer_find(&signer, request, package, owners, pacchettibotti, &run->arena, err);
    if (status) return status;
    job_run_log(run, LOG_INFO, "Signed by the %s key %s%s%s.", signer.key->key_type, signer.fingerprint,
                signer.key->id ? ", " : "", signer.key->id ? signer.key->id : "");
    signer_replay_key(&signer, request, run->job.kind, replay_key);
    const char *credential = arena_format(&run->arena, "%s %s", signer.key->key_type, signer.fingerprint);
    const struct job_identity identity = {.actor = signer.actor, .credential = credential, .replay_key = replay_key};
    status = job_run_identify(run, &identity, done_by, err);
    if (status || !*done_by) return status;
    return error_set_at(err, STATUS_REFUSED, "payload",
                        "The job %s has done what this payload asks for, signed by the same key, and one payload is carried "
                        "out once. To ask for the same again, sign a payload with a difference, such as one more blank.",
                        done_by);
}
