/* SPDX-License-Identifier: BSD-3-Clause
 *
 * POST /api/v1/package-sets: `{payload, signature?}`; the payload is the JSON text `{compiler?, packages}`. A restricted request,
 * which has a compiler or a removal, is accepted only with pacchettibotti's signature. It is verified here, before the job is
 * made, because a job of this kind has the request alone: its credential says that the signature was right. Other requests need
 * no signature, and one that is not pacchettibotti's makes no difference.
 */
#include "lib/base/json.h"
#include "lib/domain/identity/signer.h"
#include "lib/domain/job/operation.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/accept_job.h"

/* The whole registry, 1,215 packages, takes a fifth of it. */
enum { PAYLOAD_BYTES_MAX = 256 * 1024 };

/* The replay key is that of payload and key: what was carried out once is not carried out again for the same signature. */
static void take_signer(struct job_request *request, const struct signer *signer, const struct signed_request *signed_request,
                        struct arena *arena) {
    char key[SHA256_HEX_MAX];
    signer_replay_key(signer, signed_request, request->kind, key);
    request->actor = signer->actor;
    request->credential = signer_credential(signer, arena);
    request->replay_key = arena_copy(arena, key);
}

/* Makes the job pacchettibotti's if it has signed the request. STATUS_REFUSED if it has not, but must. */
static enum status prove(struct call *call, struct job_request *request, const struct signed_request *signed_request,
                         bool is_restricted, struct error *err) {
    struct signer signer;
    if (!is_restricted && !signed_request->signature) return STATUS_OK;
    enum status status = signer_find_for_package_set(&signer, signed_request, call->gateway->pacchettibotti, &call->arena, err);
    if (!status) take_signer(request, &signer, signed_request, &call->arena);
    return is_restricted ? status : STATUS_OK;
}

/* Keeps the request as the job's payload. STATUS_TOO_LARGE: anybody may make such jobs, and Redis keeps them all for a while. */
static enum status take_payload(struct job_request *request, const struct package_set_request *package_set, struct arena *arena,
                                struct error *err) {
    char key[SHA256_HEX_MAX];
    struct text payload = {0};
    enum status status = STATUS_OK;
    package_set_request_append_json(&payload, package_set);
    package_set_request_duplicate_key(package_set, key);
    request->duplicate_key = arena_copy(arena, key);
    if (payload.length > PAYLOAD_BYTES_MAX)
        status = error_set_at(err, STATUS_TOO_LARGE, "payload.packages",
                              "The request names %zu packages in %zu bytes without blanks; it must have at most %d bytes.",
                              package_set->change_count, payload.length, PAYLOAD_BYTES_MAX);
    else
        request->payload = arena_copy(arena, text_view(&payload));
    text_release(&payload);
    return status;
}

static enum status read_request(struct call *call, struct job_request *request, struct error *err) {
    json_t *body = NULL;
    struct signed_request signed_request;
    struct package_set_request package_set;
    enum status status = json_read(&body, call->body, call->body_length, "The request's body", err);
    if (!status) status = signed_request_read(&signed_request, body, false, &call->arena, err);
    json_decref(body);
    if (!status) status = package_set_request_parse(&package_set, signed_request.payload, &call->arena, err);
    if (!status) status = package_set_request_check_change(&package_set, err);
    if (!status) status = prove(call, request, &signed_request, package_set.is_restricted, err);
    return status ? status : take_payload(request, &package_set, &call->arena, err);
}

/* call.work: on a thread of the store pool, since parsing a megabyte would hold up the loop's other clients. When it is called
 * again, after an outage of Redis, the request has been read. */
static enum status accept_package_set(struct call *call, struct job_store *store, struct error *err) {
    struct job_request *request = call->work_data;
    enum status status = request->payload ? STATUS_OK : read_request(call, request, err);
    return status ? status : accept_job(call, store, request, err);
}

void post_package_set(struct call *call) {
    call->work_data = new_job_request(call, JOB_KIND_PACKAGE_SET);
    call_work(call, accept_package_set);
}
