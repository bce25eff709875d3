/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/routes/accept_job.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/log.h"
#include "lib/domain/job/operation.h"
#include "services/gateway/backend/service_asker.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"

enum { MESSAGE_TIMEOUT_MS = 5000 };

/* Tells the service about the job, so that it starts at once. If the message is lost, the service finds the job in Redis. */
static void tell_service(struct call *call, const struct job_request *request) {
    struct message_client *service = gateway_service_for(call->gateway, request->kind);
    struct message message = {.tag = MESSAGE_job_accepted,
                              .job_accepted = {.job_id = request->id,
                                               .kind = job_kind_text(request->kind),
                                               .package = request->package,
                                               .version = request->version,
                                               .payload = request->payload}};
    message_client_post(service, &message, MESSAGE_TIMEOUT_MS);
}

/* ---- The answer ---- */

static const char *disposition(const struct job_accepted *accepted) {
    return accepted->created ? "created" : accepted->has_succeeded ? "already-published" : "duplicate-active";
}

static void make_answer(struct call *call, const struct job_request *request, const struct job_accepted *accepted) {
    log_line(LOG_INFO, "job_accepted", log_field("request", call->number), log_field("job", accepted->id),
             log_field("kind", job_kind_text(request->kind)), log_field("package", request->package ? request->package : "-"),
             log_field("version", request->version ? request->version : "-"), log_field("actor", request->actor),
             log_field("address", call->address), log_field("is_created", accepted->created));
    struct json_writer writer = {.out = &call->answer.body};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "jobId", accepted->id);
    json_writer_boolean_field(&writer, "created", accepted->created);
    if (request->kind == JOB_KIND_PUBLISH) json_writer_text_field(&writer, "disposition", disposition(accepted));
    json_writer_close(&writer, '}');
    call->answer.content_type = "application/json";
}

/* ---- Repeated transfers and unpublishings ----
 *
 * A signed transfer or unpublishing, which is public, is executed only once. A client that sends the same bytes again gets the
 * job that executed them, or a refusal if the change was undone since, by this server or by hand. build-matrix is asked about
 * that; if it does not answer, only this server's own later jobs are considered. */

struct repeat {
    const struct job_request *request;
    struct job_accepted accepted;
    bool is_moved_on; /* the job accepted.superseded_by moved the package elsewhere */
    struct service_question question;
};

static enum status read_signed_payload(const char **out, const char *kept, struct arena *arena, struct error *err) {
    json_t *json = NULL;
    struct signed_request request;
    enum status status = json_read(&json, kept, strlen(kept), "The job's payload", err);
    if (!status) status = signed_request_read(&request, json, false, arena, err);
    if (!status) *out = request.payload;
    json_decref(json);
    return status;
}

static enum status find_later_move(struct repeat *repeat, struct job_store *store, struct arena *arena, struct error *err) {
    struct transfer_request done, later;
    const char *payload = NULL;
    struct job job;
    if (!*repeat->accepted.superseded_by) return STATUS_OK;
    enum status status = job_store_get(store, repeat->accepted.superseded_by, arena, &job, err);
    if (!status) status = read_signed_payload(&payload, job.payload, arena, err);
    if (!status) status = transfer_request_parse(&later, payload, arena, err);
    if (!status) status = transfer_request_parse(&done, repeat->question.request.holds_query.payload, arena, err);
    repeat->is_moved_on = !status && !location_equal(&done.new_location, &later.new_location);
    return job_store_is_away(status) ? status : STATUS_OK; /* payloads accepted by older releases may be unreadable: ignored */
}

static void refuse_repeat(struct call *call, const struct repeat *repeat) {
    const struct job_accepted *accepted = &repeat->accepted;
    const struct service_question *question = &repeat->question;
    bool is_by_trustee = text_equal(repeat->request->authority, JOB_AUTHORITY_TRUSTEE);
    struct text message = {0};
    text_append_format(&message, "The job %s has already carried out exactly this request, but its change was undone since.",
                       accepted->id);
    if (repeat->is_moved_on)
        text_append_format(&message, " The job %s has since moved %s elsewhere.", accepted->superseded_by,
                           repeat->request->package);
    if (question->status == STATUS_REFUSED) text_append_format(&message, " %s", question->failure_message);
    text_append(&message, " Nothing was done now. To repeat the action, change the payload ");
    text_append(&message,
                is_by_trustee ? "(another reason in it is enough)." : "(an extra space is enough) and sign it again.");
    call_fail(call, STATUS_REFUSED, "payload", message.bytes);
    text_release(&message);
}

static void go_on_with_repeat(struct call *call) {
    const struct repeat *repeat = call->work_data;
    const struct service_question *question = &repeat->question;
    bool is_unknown = question->status && question->status != STATUS_REFUSED;
    if (is_unknown)
        log_line(LOG_WARN, "service_call_failed", log_field("request", call->number), log_field("route", call->route->path),
                 log_field("error", question->failure_message));
    if (question->status == STATUS_REFUSED || (is_unknown && repeat->is_moved_on)) {
        refuse_repeat(call, repeat);
    } else {
        make_answer(call, repeat->request, &repeat->accepted);
        call_send(call);
    }
}

static void ask_whether_it_holds(struct call *call) {
    struct repeat *repeat = call->work_data;
    service_asker_ask(call->gateway->matrix_asker, call, &repeat->question);
}

static enum status begin_repeat(struct call *call, struct job_store *store, const struct job_request *request,
                                const struct job_accepted *accepted, struct error *err) {
    struct repeat *repeat = arena_alloc(&call->arena, sizeof *repeat);
    const char *payload = NULL;
    enum status status = read_signed_payload(&payload, request->payload, &call->arena, err);
    if (status) return status;
    *repeat = (struct repeat){
        .request = request,
        .accepted = *accepted,
        .question = {.request = {.tag = MESSAGE_holds_query,
                                 .holds_query = {.kind = job_kind_text(request->kind), .payload = payload}},
                     .expected = MESSAGE_done,
                     .go_on = go_on_with_repeat},
    };
    status = find_later_move(repeat, store, &call->arena, err);
    if (status) return status;
    call->work_data = repeat;
    call->go_on = ask_whether_it_holds;
    call->next = CALL_GOES_ON;
    return STATUS_OK;
}

/* ---- Accepting ---- */

enum status accept_job(struct call *call, struct job_store *store, const struct job_request *request, struct error *err) {
    const struct settings *settings = call->gateway->settings;
    const struct job_limits limits = {settings->pending_limit, settings->pending_limit_per_address};
    struct job_accepted accepted;
    enum status status = job_store_check_keeping(store, err); /* accepted jobs must survive a restart of Redis */
    if (!status) status = job_store_accept(store, request, &limits, &accepted, err);
    if (status) return status;
    bool can_be_undone = request->kind == JOB_KIND_TRANSFER || request->kind == JOB_KIND_UNPUBLISH;
    if (accepted.has_succeeded && can_be_undone) return begin_repeat(call, store, request, &accepted, err);
    if (accepted.created) tell_service(call, request);
    make_answer(call, request, &accepted);
    return STATUS_OK;
}

/* call.work: on a thread of the store pool */
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
