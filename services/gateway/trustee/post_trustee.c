/* SPDX-License-Identifier: BSD-3-Clause
 *
 * POST /api/v1/trustee (services/gateway/README.md, Trustee requests): checks the token and the actor, then the request. The
 * first failure that applies is answered:
 *
 *   404   no token is configured, and look-ups are off
 *   401   no token, a malformed one, or an invalid one                ┐ 429 instead, after five of these in a minute
 *   403   the token's owner is no trustee, or the actor is none       ┘ from one address
 *   503   the trustees cannot be looked up at GitHub
 *   400   the request is invalid, with the field
 *   503   a build was requested, and build-matrix, which must plan it, is unavailable
 *
 * Requests with the right token are not limited. During the look-up the call is away from its loop
 * (services/gateway/backend/service_asker.h). Neither the token nor a part of it is ever copied into a text.
 */
#include <inttypes.h>

#include "lib/base/digest_set.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "services/gateway/backend/service_asker.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/accept_job.h"
#include "services/gateway/trustee/trustee_request.h"
#include "services/gateway/trustee/trustee_token.h"

/* The parsed body: a request, or an error, which is shown only to callers with a valid token. In the call's arena. */
struct trustee_body {
    struct trustee_request request;
    const char *actor;
    enum status status;
    const char *path;
    const char *message;
};

struct trustee_call {
    struct trustee_body body;
    struct trustee_token token;
    bool is_configured_token;
    bool is_counted; /* in gateway->trustee_look_ups, until the token turns out to be valid */
    struct service_question question;
};

/* ---- Refusals ---- */

/* Counts and logs the refusal, and answers it; with 429 if the address has too many. */
static void refuse(struct call *call, enum status status, const char *path, const char *message) {
    int64_t retry_after_s = 0;
    if (!rate_limit_take(call->gateway->trustee_failures, call->address, call->started_ms, &retry_after_s)) {
        status = STATUS_TOO_MANY;
        path = NULL;
        message = arena_format(&call->arena, "Too many requests with a wrong token from %s: try again in %" PRId64 " s.",
                               call->address, retry_after_s);
        answer_header(&call->answer, "retry-after", arena_format(&call->arena, "%" PRId64, retry_after_s));
    }
    if (status == STATUS_UNAUTHORIZED) answer_header(&call->answer, "www-authenticate", "Bearer");
    log_line(LOG_WARN, "trustee_request_refused", log_field("request", call->number), log_field("address", call->address),
             log_field("code", status_code(status)));
    call_fail(call, status, path, message);
}

static void refuse_token(struct call *call) {
    refuse(call, STATUS_UNAUTHORIZED, NULL, "The token is not one of a trustee of this registry.");
}

/* ---- The body ---- */

static void read_body(struct trustee_body *out, struct call *call) {
    struct error err = {0};
    json_t *body = NULL;
    out->status = json_read(&body, call->body, call->body_length, "The request's body", &err);
    if (!out->status) {
        out->actor = trustee_request_actor(call, body);
        out->status = trustee_request_read(&out->request, call, body, &err);
    }
    json_decref(body);
    if (!out->status) return;
    out->path = err.path[0] ? arena_copy(&call->arena, err.path) : NULL;
    out->message = arena_copy(&call->arena, err.message);
}

/* ---- Authorised requests ---- */

/* call.work: on a thread of the store pool */
static enum status accept_retry(struct call *call, struct job_store *store, struct error *err) {
    struct trustee_request *request = call->work_data;
    enum status status = trustee_request_retry(request, call, store, err);
    return status ? status : accept_job(call, store, request->job, err);
}

static void go_on_with_plan(struct call *call) {
    const struct service_question *question = call->work_data;
    struct job_request *job = question->context;
    const char *path = question->failure_path;
    if (!question->status) {
        job->payload = question->answer.json_answer.json;
        call_accept_job(call, job);
    } else if (question->status == STATUS_NOT_FOUND || question->status == STATUS_REFUSED) { /* the payload's fault */
        call_fail(call, STATUS_REFUSED, path ? arena_format(&call->arena, "payload.%s", path) : "payload",
                  question->failure_message);
    } else {
        call_fail_with_question(call, question, "The build cannot be planned at the moment: try again in a few seconds.");
    }
}

static void ask_for_plan(struct call *call, struct job_request *job) {
    struct service_question *question = arena_alloc(&call->arena, sizeof *question);
    *question = (struct service_question){
        .request = {.tag = MESSAGE_plan_query,
                    .plan_query = {.name = job->package, .version = job->version, .compiler = job->compiler}},
        .expected = MESSAGE_json_answer,
        .go_on = go_on_with_plan,
        .context = job,
    };
    call->work_data = question;
    service_asker_ask(call->gateway->matrix_asker, call, question);
}

/* Accepts the request's job or answers the body's error. `credential`: how the actor was authenticated; stored in the job. */
static void accept_request(struct call *call, struct trustee_body *body, const char *credential) {
    if (body->status) {
        call_fail(call, body->status, body->path, body->message);
        return;
    }
    body->request.job->credential = credential;
    log_line(LOG_INFO, "trustee_request_received", log_field("request", call->number), log_field("address", call->address),
             log_field("actor", body->request.actor), log_field("credential", credential));
    if (body->request.retry_of) {
        call->work_data = &body->request;
        call_work(call, accept_retry);
    } else if (body->request.job->kind == JOB_KIND_MATRIX) {
        ask_for_plan(call, body->request.job);
    } else {
        call_accept_job(call, body->request.job);
    }
}

/* ---- Look-up ---- */

static void go_on_after_look_up(struct call *call) {
    struct trustee_call *trustee = call->work_data;
    const struct service_question *question = &trustee->question;
    const struct message_trustee_answer *answer = &question->answer.trustee_answer;
    if (question->status) {
        call_fail(call, STATUS_UNAVAILABLE, NULL,
                  "GitHub cannot be reached to verify your permissions. Try again in a minute.");
        return;
    }
    if (!trustee->is_configured_token && !answer->token_is_known) {
        refuse_token(call);
        return;
    }
    if (trustee->is_counted) rate_limit_give_back(call->gateway->trustee_look_ups, call->address, call->started_ms);
    if (!trustee->is_configured_token && !answer->owner_may) {
        refuse(call, STATUS_FORBIDDEN, NULL, "The token's owner is not a trustee of this registry.");
        return;
    }
    if (!trustee->is_configured_token) digest_set_add(call->gateway->trustee_tokens, trustee->token.digest);
    if (trustee->body.actor && !answer->actor_may) {
        refuse(call, STATUS_FORBIDDEN, "actor", "The actor is not a trustee of this registry.");
        return;
    }
    accept_request(call, &trustee->body,
                   trustee->is_configured_token ? TRUSTEE_CREDENTIAL
                                                : arena_format(&call->arena, "GitHub token of %s", answer->owner));
}

/* True if an unknown token may be looked up for this address. It is counted before the look-up, so that a burst of invented
 * tokens does not reach GitHub before the first of them has failed. */
static bool count_look_up(struct call *call, struct trustee_call *trustee) {
    struct gateway *gateway = call->gateway;
    int64_t retry_after_s;
    if (!rate_limit_has_room(gateway->trustee_failures, call->address, call->started_ms)) return false;
    trustee->is_counted = rate_limit_take(gateway->trustee_look_ups, call->address, call->started_ms, &retry_after_s);
    return trustee->is_counted;
}

static void look_up(struct call *call, struct trustee_call *trustee) {
    bool is_known = trustee->is_configured_token || digest_set_has(call->gateway->trustee_tokens, trustee->token.digest);
    bool may_be_new = is_known || count_look_up(call, trustee);
    trustee->question = (struct service_question){
        .request = {.tag = MESSAGE_trustee_query,
                    .trustee_query = {.token = trustee->is_configured_token ? NULL : trustee->token.sealed,
                                      .actor = trustee->body.actor,
                                      .is_last_chance = !may_be_new}},
        .expected = MESSAGE_trustee_answer,
        .go_on = go_on_after_look_up,
        .is_preferred = is_known,
    };
    call->work_data = trustee;
    service_asker_ask(call->gateway->trustee_asker, call, &trustee->question);
}

/* ---- The route ---- */

void post_trustee(struct call *call) {
    const struct settings *settings = call->gateway->settings;
    const char *configured = settings->trustee_token_sha256;
    struct trustee_call *trustee = arena_alloc(&call->arena, sizeof *trustee);
    trustee_token_take(&trustee->token, call);
    if (!configured && !settings->trustee_lookup) {
        call_fail(call, STATUS_NOT_FOUND, NULL, "Trustees' actions are not enabled on this server.");
        return;
    }
    trustee->is_configured_token = trustee_token_is(&trustee->token, configured);
    if (trustee->token.problem) {
        refuse(call, STATUS_UNAUTHORIZED, NULL, trustee->token.problem);
        return;
    }
    if (!trustee->is_configured_token && !trustee->token.sealed) {
        refuse_token(call);
        return;
    }
    read_body(&trustee->body, call);
    bool is_to_be_looked_up = settings->trustee_lookup && (!trustee->is_configured_token || trustee->body.actor);
    if (is_to_be_looked_up)
        look_up(call, trustee);
    else
        accept_request(call, &trustee->body, TRUSTEE_CREDENTIAL);
}
