/* SPDX-License-Identifier: BSD-3-Clause
 *
 * POST /api/v1/publish: checks the form of the request and makes the job.
 */
#include "lib/base/json.h"
#include "lib/domain/job/operation.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/accept_job.h"

static enum status read_request(struct call *call, struct job_request **out, struct error *err) {
    json_t *body = NULL;
    struct publish_request publish;
    struct text payload = {0};
    char version[VERSION_TEXT_MAX], key[SHA256_HEX_MAX];
    enum status status = json_read(&body, call->body, call->body_length, "The request's body", err);
    if (!status) status = publish_request_read(&publish, body, &call->arena, err);
    if (status) goto out;

    struct job_request *request = new_job_request(call, JOB_KIND_PUBLISH);
    version_print(publish.version, version);
    publish_request_append_json(&payload, &publish);
    publish_request_duplicate_key(&publish, key);
    request->payload = arena_copy(&call->arena, payload.bytes);
    request->package = publish.name;
    request->version = arena_copy(&call->arena, version);
    request->duplicate_key = arena_copy(&call->arena, key);
    *out = request;
out:
    text_release(&payload);
    json_decref(body);
    return status;
}

/* Parses the body on the loop's thread: 64 KiB take less than a millisecond. */
void post_publish(struct call *call) {
    struct error err;
    struct job_request *request = NULL;
    if (read_request(call, &request, &err))
        call_fail_with(call, &err);
    else
        call_accept_job(call, request);
}
