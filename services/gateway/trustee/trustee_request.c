/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/trustee/trustee_request.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/domain/job/operation.h"
#include "lib/domain/package/json_fields.h"
#include "lib/store/job/job_retention.h"
#include "lib/tools/http/github.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/accept_job.h"

enum { REASON_CHARACTERS_MAX = 300 };
#define ISSUE_MAX INT64_C(1000000000)

/* ---- Payloads: one function per action, which fills in the job ---- */

struct action;
typedef enum status read_payload(struct trustee_request *request, const json_t *payload, struct arena *arena,
                                 struct error *err);

static const char *version_text(struct arena *arena, struct version version) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    return arena_copy(arena, text);
}

static const char *take_text(struct arena *arena, struct text *text) {
    const char *copy = arena_copy(arena, text_view(text));
    text_release(text);
    return copy;
}

static enum status read_publish(struct trustee_request *request, const json_t *payload, struct arena *arena,
                                struct error *err) {
    struct publish_request publish;
    struct text json = {0};
    enum status status = within_field("payload", publish_request_read(&publish, payload, arena, err), err);
    if (status) return status;
    publish_request_append_json(&json, &publish);
    request->job->package = publish.name;
    request->job->version = version_text(arena, publish.version);
    request->job->payload = take_text(arena, &json);
    return STATUS_OK;
}

/* Stores the payload as a string with an empty signature, because the job is authorised by the trustee's token. */
static const char *as_signed_request(struct arena *arena, const char *payload) {
    struct text json = {0};
    const struct signed_request unsigned_request = {.payload = payload, .signature = ""};
    signed_request_append_json(&json, &unsigned_request);
    return take_text(arena, &json);
}

static const char *print_payload(struct arena *arena, const json_t *payload) {
    struct text json = {0};
    json_append_value(&json, payload, 0);
    return take_text(arena, &json);
}

/* The reason, which is stored in the metadata, is the payload's or else that of the request. */
static enum status read_unpublish(struct trustee_request *request, const json_t *payload, struct arena *arena,
                                  struct error *err) {
    struct unpublish_request unpublish;
    json_t *whole = json_copy((json_t *)payload);
    const json_t *reason = json_object_get(whole, "reason");
    if (!reason || json_is_null(reason))
        json_object_set_new(whole, "reason", json_string(request->job->reason ? request->job->reason : ""));
    const char *text = print_payload(arena, whole);
    json_decref(whole);
    enum status status = unpublish_request_parse(&unpublish, text, arena, err);
    if (status) return status;
    request->job->package = unpublish.name;
    request->job->version = version_text(arena, unpublish.version);
    request->job->payload = as_signed_request(arena, text);
    return STATUS_OK;
}

static enum status read_transfer(struct trustee_request *request, const json_t *payload, struct arena *arena,
                                 struct error *err) {
    struct transfer_request transfer;
    const char *text = print_payload(arena, payload);
    enum status status = transfer_request_parse(&transfer, text, arena, err);
    if (status) return status;
    request->job->package = transfer.name;
    request->job->payload = as_signed_request(arena, text);
    return STATUS_OK;
}

static enum status read_package_set(struct trustee_request *request, const json_t *payload, struct arena *arena,
                                    struct error *err) {
    struct package_set_request package_set;
    struct text json = {0};
    enum status status = package_set_request_parse(&package_set, print_payload(arena, payload), arena, err);
    if (!status) status = package_set_request_check_change(&package_set, err);
    if (status) return status;
    package_set_request_append_json(&json, &package_set);
    request->job->payload = take_text(arena, &json);
    return STATUS_OK;
}

/* The job's payload, the plan, is added later: build-matrix makes it. */
static enum status read_matrix(struct trustee_request *request, const json_t *payload, struct arena *arena, struct error *err) {
    struct version version, compiler;
    enum status status = json_need_package_name(payload, "name", &request->job->package, arena, err);
    if (!status) status = json_need_version(payload, "version", &version, err);
    if (!status) status = json_need_version(payload, "compiler", &compiler, err);
    if (status) return within_field("payload", status, err);
    request->job->version = version_text(arena, version);
    request->job->compiler = version_text(arena, compiler);
    request->job->purpose = MATRIX_PURPOSE_REQUEST;
    request->job->again = true;
    return STATUS_OK;
}

static enum status read_revise(struct trustee_request *request, const json_t *payload, struct arena *arena, struct error *err) {
    struct revise_request revise;
    struct text json = {0};
    enum status status = revise_request_parse(&revise, print_payload(arena, payload), arena, err);
    if (status) return status;
    revise_request_append_json(&json, &revise);
    request->job->package = revise.name;
    request->job->version = version_text(arena, revise.version);
    request->job->payload = take_text(arena, &json);
    return STATUS_OK;
}

static enum status read_retry(struct trustee_request *request, const json_t *payload, struct arena *arena, struct error *err) {
    const char *id;
    enum status status = within_field("payload", json_need_text(payload, "jobId", &id, err), err);
    if (!status) request->retry_of = request->job->retry_of = arena_copy(arena, id);
    return status;
}

/* ---- The actions ---- */

struct action {
    const char *name;
    enum job_kind kind; /* JOB_KIND_COUNT: that of the failed job */
    read_payload *read;
};

static const struct action actions[] = {
    {"publish", JOB_KIND_PUBLISH, read_publish},    {"unpublish", JOB_KIND_UNPUBLISH, read_unpublish},
    {"transfer", JOB_KIND_TRANSFER, read_transfer}, {"package-set", JOB_KIND_PACKAGE_SET, read_package_set},
    {"retry", JOB_KIND_COUNT, read_retry},          {"matrix", JOB_KIND_MATRIX, read_matrix},
    {"revise", JOB_KIND_REVISION, read_revise},
};
enum { ACTIONS = sizeof actions / sizeof actions[0] };

static enum status find_action(const struct action **out, const json_t *body, struct error *err) {
    const char *name;
    enum status status = json_need_text(body, "action", &name, err);
    if (status) return status;
    struct text names = {0};
    *out = NULL;
    for (size_t i = 0; i < ACTIONS; i++) {
        text_append_format(&names, "%s%s", i == 0 ? "" : i + 1 == ACTIONS ? " or " : ", ", actions[i].name);
        if (strcmp(actions[i].name, name) == 0) *out = &actions[i];
    }
    if (!*out) status = error_set_at(err, STATUS_INVALID, "action", "The action must be %s.", text_view(&names));
    text_release(&names);
    return status;
}

/* ---- Actor, issue and reason ---- */

const char *trustee_request_actor(struct call *call, const json_t *body) {
    const char *actor = json_string_value(json_object_get(body, "actor"));
    return actor && github_is_login(actor) ? arena_copy(&call->arena, actor) : NULL;
}

static enum status read_actor(struct trustee_request *out, struct call *call, const json_t *body, struct error *err) {
    const char *given;
    enum status status = json_need_text(body, "actor", &given, err);
    if (status) return status;
    out->actor = out->job->actor = trustee_request_actor(call, body);
    if (out->actor) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, "actor",
                        "The actor must be the login of a GitHub account: 1 to 39 letters, digits and hyphens.");
}

static enum status read_issue(struct job_request *job, struct call *call, const json_t *body, struct error *err) {
    const json_t *issue = json_object_get(body, "issue");
    int64_t number = json_integer_value(issue);
    if (!issue || json_is_null(issue)) {
        if (!call->gateway->settings->trustee_requires_issue) return STATUS_OK;
        return error_set_at(err, STATUS_INVALID, "issue",
                            "The number of the GitHub issue is required, because trustees' actions are requested in public.");
    }
    if (!json_is_integer(issue) || number < 1 || number > ISSUE_MAX)
        return error_set_at(err, STATUS_INVALID, "issue", "The issue must be the number of a GitHub issue.");
    job->issue = arena_format(&call->arena, "%" PRId64, number);
    return STATUS_OK;
}

/* True if the text has no control characters, line separators or bidirectional formatting characters. */
static bool is_printable_line(const char *text) {
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at < 0x20 || *at == 0x7f) return false;
        if (at[0] == 0xc2 && at[1] < 0xa0) return false;                                    /* U+0080 to U+009F */
        if (at[0] == 0xd8 && at[1] == 0x9c) return false;                                   /* U+061C */
        if (at[0] == 0xe2 && at[1] == 0x80 && at[2] >= 0x8e && at[2] <= 0x8f) return false; /* U+200E to U+200F */
        if (at[0] == 0xe2 && at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) return false; /* U+2028 to U+202E */
        if (at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9) return false; /* U+2066 to U+2069 */
    }
    return true;
}

static enum status read_reason(struct job_request *job, struct call *call, const json_t *body, struct error *err) {
    const char *reason;
    enum status status = json_want_text(body, "reason", &reason, err);
    if (status || !reason) return status;
    if (text_is_blank(reason) || !is_printable_line(reason) || text_count_characters(reason) > REASON_CHARACTERS_MAX)
        return error_set_at(err, STATUS_INVALID, "reason", "The reason must be one printable line of at most %d characters.",
                            REASON_CHARACTERS_MAX);
    job->reason = arena_copy(&call->arena, reason);
    return STATUS_OK;
}

/* ---- The request ---- */

/* The same action with the same payload by the same trustee is the same request (lib/store/README.md, Duplicates). */
static void set_duplicate_key(struct trustee_request *request, struct arena *arena, const struct action *action,
                              const json_t *payload) {
    char key[SHA256_HEX_MAX];
    struct text identity = {0};
    text_append_format(&identity, "trustee\n%s\n%s\n", action->name, request->actor);
    json_append_value(&identity, payload, 0);
    hash_sha256_hex(identity.bytes, identity.length, key);
    request->job->duplicate_key = arena_copy(arena, key);
    text_release(&identity);
}

enum status trustee_request_read(struct trustee_request *out, struct call *call, const json_t *body, struct error *err) {
    const struct action *action = NULL;
    const json_t *payload = NULL;
    enum status status = json_must_be_object(body, "The request", err);
    if (!status) status = find_action(&action, body, err);
    if (status) return status;
    bool is_retry = action->kind == JOB_KIND_COUNT;
    *out = (struct trustee_request){.job = new_job_request(call, is_retry ? JOB_KIND_PUBLISH : action->kind)};
    out->job->authority = JOB_AUTHORITY_TRUSTEE;
    out->job->address = NULL; /* no limit per address: the token was checked */
    status = read_actor(out, call, body, err);
    if (!status) status = read_issue(out->job, call, body, err);
    if (!status) status = read_reason(out->job, call, body, err);
    if (!status) status = json_need_object(body, "payload", &payload, err);
    if (!status) status = action->read(out, payload, &call->arena, err);
    if (!status) set_duplicate_key(out, &call->arena, action, payload);
    return status;
}

/* True if the failed job has a signed request. Its signature is verified again, because a trustee's retry does not authorise
 * the request itself. */
static bool is_to_be_proved(const struct job *failed) {
    return (failed->kind == JOB_KIND_UNPUBLISH || failed->kind == JOB_KIND_TRANSFER) && !job_is_by_trustee(failed);
}

/* Makes the job depend on the signature in its payload, and sets its replay key, so that the same bytes sent again lead to this
 * job. */
static enum status need_proof(struct job_request *job, const struct job *failed, struct arena *arena, struct error *err) {
    json_t *json = NULL;
    struct signed_request signed_request;
    char key[SHA256_HEX_MAX];
    enum status status = json_read(&json, failed->payload, strlen(failed->payload), "The job's payload", err);
    if (!status) status = signed_request_read(&signed_request, json, false, arena, err);
    json_decref(json);
    if (status) return status;
    signed_request_key(&signed_request, failed->kind, key);
    job->authority = NULL;
    job->replay_key = arena_copy(arena, key);
    return STATUS_OK;
}

/* Leaves the job the authority that a request for a package set had: pacchettibotti's signature, which the gateway verified and
 * the job no longer has, or none. (So a retry cannot lower a version, which only a trustee's own action can.) */
static void keep_proof(struct job_request *job, const struct job *failed) {
    job->authority = NULL;
    job->replay_key = failed->replay_key;
    if (failed->credential) job->credential = failed->credential;
}

/* A build is repeated whatever its earlier verdict was, unless it belonged to a revision or to an update of the package set: their
 * plans are not the registry's. */
static enum status ask_for_build(struct job_request *job, const struct job *failed, const char *path, struct error *err) {
    if (failed->purpose == MATRIX_PURPOSE_REVISION)
        return error_set_at(err, STATUS_REFUSED, path,
                            "That build was part of a revision of bounds: retry the revision instead.");
    if (failed->purpose == MATRIX_PURPOSE_SET)
        return error_set_at(err, STATUS_REFUSED, path,
                            "That build was part of an update of the package set: request the update again instead.");
    job->purpose = MATRIX_PURPOSE_REQUEST;
    job->again = true;
    return STATUS_OK;
}

enum status trustee_request_retry(struct trustee_request *request, struct call *call, struct job_store *store,
                                  struct error *err) {
    static const char path[] = "payload.jobId";
    struct job failed;
    struct job_request *job = request->job;
    const char *storage_dir = call->gateway->settings->storage_dir;
    enum status status = job_retention_read(store, storage_dir, request->retry_of, NULL, &call->arena, &failed, NULL, err);
    if (status == STATUS_NOT_FOUND) return error_set_at(err, STATUS_INVALID, path, "There is no such job.");
    if (status) return status;
    if (failed.state != JOB_STATE_FAILED)
        return error_set_at(err, STATUS_REFUSED, path, "Only a failed job can be retried, but this one is %s.",
                            job_state_text(failed.state));
    job->kind = failed.kind;
    job->payload = failed.payload;
    job->package = failed.package;
    job->version = failed.version;
    job->compiler = failed.compiler;
    job->retry_of_created_ms = failed.created_ms;
    if (is_to_be_proved(&failed)) status = need_proof(job, &failed, &call->arena, err);
    if (failed.kind == JOB_KIND_PACKAGE_SET && !job_is_by_trustee(&failed)) keep_proof(job, &failed);
    if (failed.kind == JOB_KIND_MATRIX) status = ask_for_build(job, &failed, path, err);
    return status;
}
