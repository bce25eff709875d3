/* SPDX-License-Identifier: BSD-3-Clause
 *
 * POST /api/v1/unpublish and /api/v1/transfer: `{payload, signature}`, stored as sent. Only the form of both is checked here;
 * the job verifies the signature, which requires the package's metadata.
 */
#include "lib/base/json.h"
#include "lib/domain/job/operation.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/accept_job.h"

/* Sets the job's package and version from its payload. */
typedef enum status read_payload(struct job_request *request, const char *payload, struct arena *arena, struct error *err);

static enum status read_unpublish(struct job_request *request, const char *payload, struct arena *arena, struct error *err) {
    struct unpublish_request unpublish;
    char version[VERSION_TEXT_MAX];
    enum status status = unpublish_request_parse(&unpublish, payload, arena, err);
    if (status) return status;
    version_print(unpublish.version, version);
    request->package = unpublish.name;
    request->version = arena_copy(arena, version);
    return STATUS_OK;
}

static enum status read_transfer(struct job_request *request, const char *payload, struct arena *arena, struct error *err) {
    struct transfer_request transfer;
    enum status status = transfer_request_parse(&transfer, payload, arena, err);
    request->package = transfer.name;
    return status;
}

/* Sets the job's payload and keys. The same bytes are a duplicate while the job is unfinished, and a replay for ever after it
 * has succeeded. */
static void take_over(struct job_request *request, const struct signed_request *signed_request, struct arena *arena) {
    char key[SHA256_HEX_MAX];
    struct text payload = {0};
    signed_request_key(signed_request, request->kind, key);
    signed_request_append_json(&payload, signed_request);
    request->payload = arena_copy(arena, text_view(&payload));
    request->duplicate_key = request->replay_key = arena_copy(arena, key);
    text_release(&payload);
}

static void post_signed(struct call *call, enum job_kind kind, read_payload *read) {
    struct error err;
    json_t *body = NULL;
    struct signed_request signed_request;
    struct job_request *request = new_job_request(call, kind);
    enum status status = json_read(&body, call->body, call->body_length, "The request's body", &err);
    if (!status) status = signed_request_read(&signed_request, body, true, &call->arena, &err);
    if (!status) status = read(request, signed_request.payload, &call->arena, &err);
    json_decref(body);
    if (status) {
        call_fail_with(call, &err);
        return;
    }
    take_over(request, &signed_request, &call->arena);
    call_accept_job(call, request);
}

void post_unpublish(struct call *call) {
    post_signed(call, JOB_KIND_UNPUBLISH, read_unpublish);
}

void post_transfer(struct call *call) {
    post_signed(call, JOB_KIND_TRANSFER, read_transfer);
}
