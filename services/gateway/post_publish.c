/* SPDX-License-Identifier: BSD-3-Clause
 *
 * POST /api/v1/publish: the request's form is checked, the job is made, the service is told, and the client has its id before
 * anything else happens. What the registry thinks of the request is for the job to say.
 */
#include <inttypes.h>

#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/domain/operation.h"
#include "lib/store/job_store.h"
#include "services/gateway/call.h"
#include "services/gateway/gateway.h"

enum { MESSAGE_TIMEOUT_MS = 5000 };

/* The message makes it fast; where it is lost, the service finds the job in Redis. */
static void tell_service(struct call *call, const struct job_request *request) {
    struct message_client *service = gateway_service_for(call->gateway, request->kind);
    if (!service) return;
    struct message message = {.tag = MESSAGE_job_accepted,
                              .job_accepted = {.job_id = request->id,
                                               .kind = job_kind_text(request->kind),
                                               .package = request->package,
                                               .version = request->version,
                                               .payload = request->payload}};
    message_client_post(service, &message, MESSAGE_TIMEOUT_MS);
}

static enum status accept_job(struct call *call, struct job_store *store, struct error *err) {
    const struct job_request *request = call->work_data;
    const struct settings *settings = call->gateway->settings;
    const struct job_limits limits = {settings->pending_limit, settings->pending_limit_per_address};
    struct job_accepted accepted;
    enum status status = job_store_accept(store, request, &limits, &accepted, err);
    if (status) return status;
    log_line(LOG_INFO, "job accepted", "request=%" PRIu64 " job=%s kind=%s package=%s version=%s address=%s created=%s",
             call->number, accepted.id, job_kind_text(request->kind), request->package, request->version, request->address,
             accepted.created ? "true" : "false");
    if (accepted.created) tell_service(call, request);
    text_append_format(&call->answer.body, "{\"jobId\":\"%s\",\"created\":%s}", accepted.id,
                       accepted.created ? "true" : "false");
    call->answer.content_type = "application/json";
    return STATUS_OK;
}

/* The request as the store takes it, in the call's arena: made once, so that every try is the same job. */
static enum status read_request(struct call *call, struct job_request **out, struct error *err) {
    json_t *body = NULL;
    struct publish_request publish;
    struct text payload = {0};
    struct job_request *request = arena_alloc(&call->arena, sizeof *request);
    char version[VERSION_TEXT_MAX], key[SHA256_HEX_MAX];
    enum status status = json_read(&body, call->body, call->body_length, "The request's body", err);
    if (!status) status = publish_request_read(&publish, body, &call->arena, err);
    if (status) goto out;

    hash_random_uuid(request->id);
    version_print(publish.version, version);
    publish_request_append_json(&payload, &publish);
    publish_request_duplicate_key(&publish, key);
    request->kind = JOB_KIND_PUBLISH;
    request->payload = arena_copy(&call->arena, payload.bytes);
    request->package = publish.name;
    request->version = arena_copy(&call->arena, version);
    request->actor = "anonymous";
    request->address = call->address;
    request->duplicate_key = arena_copy(&call->arena, key);
    *out = request;
out:
    text_release(&payload);
    json_decref(body);
    return status;
}

/* A body of 64 KiB is read in less than a millisecond, so the loop can do it. */
void post_publish(struct call *call) {
    struct error err;
    struct job_request *request = NULL;
    if (read_request(call, &request, &err)) {
        call_fail_with(call, &err);
        return;
    }
    call->work_data = request;
    call_work(call, accept_job);
}
