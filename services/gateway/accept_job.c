/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/accept_job.h"

#include <inttypes.h>

#include "lib/base/log.h"
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

enum status accept_job(struct call *call, struct job_store *store, const struct job_request *request, struct error *err) {
    const struct settings *settings = call->gateway->settings;
    const struct job_limits limits = {settings->pending_limit, settings->pending_limit_per_address};
    struct job_accepted accepted;
    enum status status = job_store_accept(store, request, &limits, &accepted, err);
    if (status) return status;
    log_line(LOG_INFO, "job accepted", log_field("request", call->number), log_field("job", accepted.id),
             log_field("kind", job_kind_text(request->kind)), log_field("package", request->package ? request->package : "-"),
             log_field("version", request->version ? request->version : "-"), log_field("actor", request->actor),
             log_field("address", call->address), log_field("created", accepted.created ? "true" : "false"));
    if (accepted.created) tell_service(call, request);
    text_append_format(&call->answer.body, "{\"jobId\":\"%s\",\"created\":%s}", accepted.id,
                       accepted.created ? "true" : "false");
    call->answer.content_type = "application/json";
    return STATUS_OK;
}

/* store_pool's thread */
static enum status accept_work_data(struct call *call, struct job_store *store, struct error *err) {
    return accept_job(call, store, call->work_data, err);
}

struct job_request *new_job_request(struct call *call, enum job_kind kind) {
    struct job_request *request = arena_alloc(&call->arena, sizeof *request);
    hash_random_uuid(request->id);
    request->kind = kind;
    request->actor = "anonymous";
    request->address = call->address;
    return request;
}

void call_accept_job(struct call *call, struct job_request *request) {
    call->work_data = request;
    call_work(call, accept_work_data);
}
