/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/accept_job.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/domain/operation.h"
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

/* ---- What was carried out before ---- */

static enum status read_new_location(struct transfer_request *out, struct job_store *store, const char *id, struct arena *arena,
                                     struct error *err) {
    struct job job;
    json_t *kept = NULL;
    struct signed_request request;
    enum status status = job_store_get(store, id, arena, &job, err);
    if (!status) status = json_read(&kept, job.payload, strlen(job.payload), "The job's payload", err);
    if (!status) status = signed_request_read(&request, kept, false, arena, err);
    if (!status) status = transfer_request_parse(out, request.payload, arena, err);
    json_decref(kept);
    return status;
}

/* A transfer is carried out once for the same bytes, which are public. Whoever sends them again, after the package has moved
 * on, must hear that nothing happens. */
static enum status check_still_holds(struct job_store *store, const struct job_accepted *accepted, struct arena *arena,
                                     struct error *err) {
    struct transfer_request done, since;
    if (!*accepted->superseded_by) return STATUS_OK;
    enum status status = read_new_location(&done, store, accepted->id, arena, err);
    if (!status) status = read_new_location(&since, store, accepted->superseded_by, arena, err);
    if (status || location_equal(&done.new_location, &since.new_location)) return status;
    return error_set_at(
        err, STATUS_REFUSED, "payload",
        "The job %s carried out exactly this request, and the job %s has moved %s elsewhere since, so nothing is "
        "done. To ask for it once more, change the payload (an extra space is enough) and sign it again.",
        accepted->id, accepted->superseded_by, done.name);
}

/* ---- Accepting ---- */

static const char *disposition(const struct job_accepted *accepted) {
    return accepted->created ? "created" : accepted->has_succeeded ? "already-published" : "duplicate-active";
}

enum status accept_job(struct call *call, struct job_store *store, const struct job_request *request, struct error *err) {
    const struct settings *settings = call->gateway->settings;
    const struct job_limits limits = {settings->pending_limit, settings->pending_limit_per_address};
    struct job_accepted accepted;
    enum status status = job_store_check_keeping(store, err); /* accepted means kept */
    if (!status) status = job_store_accept(store, request, &limits, &accepted, err);
    if (!status) status = check_still_holds(store, &accepted, &call->arena, err);
    if (status) return status;
    log_line(LOG_INFO, "job accepted", log_field("request", call->number), log_field("job", accepted.id),
             log_field("kind", job_kind_text(request->kind)), log_field("package", request->package ? request->package : "-"),
             log_field("version", request->version ? request->version : "-"), log_field("actor", request->actor),
             log_field("address", call->address), log_field("created", accepted.created ? "true" : "false"));
    if (accepted.created) tell_service(call, request);
    text_append_format(&call->answer.body, "{\"jobId\":\"%s\",\"created\":%s", accepted.id,
                       accepted.created ? "true" : "false");
    if (request->kind == JOB_KIND_PUBLISH)
        text_append_format(&call->answer.body, ",\"disposition\":\"%s\"", disposition(&accepted));
    text_append_character(&call->answer.body, '}');
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
