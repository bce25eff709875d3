/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/job/job_proof.h"

#include <string.h>

#include "lib/base/json.h"
#include "lib/domain/identity/signature.h"
#include "lib/domain/identity/signer.h"

enum status job_read_signed_request(struct signed_request *out, struct job_run *run, struct error *err) {
    json_t *body = NULL;
    const char *payload = run->job.payload;
    enum status status = json_read(&body, payload, strlen(payload), "The job's payload", err);
    if (!status) status = signed_request_read(out, body, !job_is_by_trustee(&run->job), &run->arena, err);
    json_decref(body);
    return status;
}

void job_say_trustee(struct job_run *run) {
    const struct job *job = &run->job;
    job_run_log(run, LOG_NOTICE, "Requested by the trustee %s%s%s%s%s", job->actor, job->issue ? ", issue " : "",
                job->issue ? job->issue : "", job->reason ? ": " : ".", job->reason ? job->reason : "");
}

enum status job_prove_right(struct job_run *run, const struct signed_request *request, const char *package,
                            const struct owners *owners, const struct owner *pacchettibotti, struct error *err) {
    if (job_is_by_trustee(&run->job)) {
        job_say_trustee(run);
        return STATUS_OK;
    }
    struct signer signer;
    char replay_key[SHA256_HEX_MAX], done_by[UUID_TEXT_MAX];
    enum status status = signer_find(&signer, request, package, owners, pacchettibotti, &run->arena, err);
    if (status) return status;
    job_run_log(run, LOG_INFO, "Signed by the %s key %s%s%s.", signer.key->key_type, signer.fingerprint,
                signer.key->id ? ", " : "", signer.key->id ? signer.key->id : "");
    signer_replay_key(&signer, request, run->job.kind, replay_key);
    const struct job_identity identity = {
        .actor = signer.actor, .credential = signer_credential(&signer, &run->arena), .replay_key = replay_key};
    status = job_run_identify(run, &identity, done_by, err);
    if (status || !*done_by) return status;
    return error_set_at(err, STATUS_REFUSED, "payload",
                        "The job %s has already carried out this payload, signed by the same key, and a payload is carried out "
                        "only once. To repeat the action, change the payload (an extra space is enough) and sign it again.",
                        done_by);
}

static enum status sign(struct job_run *run, const struct signed_request *request, const struct signing_key *key,
                        struct error *err) {
    struct text signature = {0}, json = {0};
    char replay_key[SHA256_HEX_MAX], done_by[UUID_TEXT_MAX];
    enum status status = signing_key_sign(key, request->payload, strlen(request->payload), &signature, err);
    if (!status) {
        const struct signed_request signed_request = {request->payload, text_view(&signature)};
        const struct signer signer = {.fingerprint = owner_fingerprint(signing_key_owner(key), &run->arena)};
        const struct job_identity identity = {
            .actor = run->job.actor, .credential = run->job.credential, .replay_key = replay_key};
        signer_replay_key(&signer, &signed_request, run->job.kind, replay_key);
        signed_request_append_json(&json, &signed_request);
        run->end.payload = arena_copy(&run->arena, text_view(&json));
        status = job_run_identify(run, &identity, done_by, err); /* `done_by` is ignored: the work is done */
    }
    text_release(&json);
    text_release(&signature);
    return status;
}

enum status job_sign_for_trustee(struct job_run *run, const struct signed_request *request, const char *private_key,
                                 struct error *err) {
    struct signing_key *key = NULL;
    if (!job_is_by_trustee(&run->job)) return STATUS_OK;
    enum status status = signer_read_private_key(&key, private_key, err);
    if (!status && key) status = sign(run, request, key, err);
    signing_key_free(key);
    if (status != STATUS_INVALID) return status;
    job_run_log(run, LOG_WARN, "The payload is shown without a signature: %s",
                err->message); /* the work is done: no reason to fail the job */
    return STATUS_OK;
}
