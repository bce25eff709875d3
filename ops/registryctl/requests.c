/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The commands that send requests (services/gateway/README.md), but for package-set (package_set.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/number.h"
#include "lib/base/text.h"
#include "lib/domain/job/operation.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/gateway.h"
#include "ops/registryctl/requests.h"
#include "ops/registryctl/signing.h"

enum status request_send(struct invocation *call, const char *path, const char *body, struct error *err) {
    bool follow = take_flag(call, "follow");
    json_t *answer = NULL;
    enum status status = gateway_ask(call, path, body, follow ? GATEWAY_PATIENCE_MS : 0, &answer, err);
    call->authorization = NULL; /* later requests need none */
    if (status) return status;
    const char *id = arena_copy(&call->arena, gateway_text(answer, "jobId"));
    printf(json_is_true(json_object_get(answer, "created")) ? "Job %s\n" : "Job %s (of an earlier request that was the same)\n",
           id);
    fflush(stdout);
    json_decref(answer);
    return follow ? job_print_log(call, id, "INFO", true, err) : STATUS_OK;
}

/* Takes the location from the options; *is_given is false if none is given. */
static enum status take_location(struct invocation *call, struct location *out, bool *is_given, struct error *err) {
    const char *github = take_option(call, "github"), *git = take_option(call, "git");
    out->subdir = take_option(call, "subdir");
    *is_given = github || git;
    if (github) {
        const char *slash = strchr(github, '/');
        if (!slash) return wrong_call(call, err, "--github must be OWNER/REPO, but it is \"%s\".", github);
        out->kind = LOCATION_GITHUB;
        out->github_owner = arena_copy_bytes(&call->arena, github, (size_t)(slash - github));
        out->github_repo = slash + 1;
    } else if (git) {
        out->kind = LOCATION_GIT;
        out->git_url = git;
    }
    return STATUS_OK;
}

enum status command_publish(struct invocation *call, struct error *err) {
    struct publish_request request = {0};
    const char *compiler = take_option(call, "compiler");
    enum status status = take_location(call, &request.location, &request.has_location, err);
    if (status) return status;
    request.name = call->arguments[0];
    request.ref = call->arguments[1];
    request.has_compiler = compiler != NULL;
    status = version_parse(&request.version, call->arguments[2], err);
    if (!status && compiler) status = version_parse(&request.compiler, compiler, err);
    if (status) return status;

    struct text body = {0};
    publish_request_append_json(&body, &request);
    status = request_send(call, "/api/v1/publish", text_view(&body), err);
    text_release(&body);
    return status;
}

/* ---- Owners' requests ---- */

void request_close_payload(struct json_writer *writer) {
    char id[UUID_TEXT_MAX];
    hash_random_uuid(id);
    json_writer_text_field(writer, "requestId", id);
    json_writer_close(writer, '}');
}

enum status request_send_payload(struct invocation *call, const char *path, const char *key_file, const struct text *payload,
                                 struct error *err) {
    struct text signature = {0}, body = {0};
    enum status status = key_file ? sign_with_file(&signature, key_file, text_view(payload), payload->length, err) : STATUS_OK;
    if (!status) {
        const struct signed_request request = {text_view(payload), key_file ? text_view(&signature) : NULL};
        signed_request_append_json(&body, &request);
        status = request_send(call, path, text_view(&body), err);
    }
    text_release(&body);
    text_release(&signature);
    return status;
}

enum status command_unpublish(struct invocation *call, struct error *err) {
    const char *key_file = take_option(call, "key");
    if (!key_file) return wrong_call(call, err, "--key is required.");
    struct text payload = {0};
    struct json_writer writer = {.out = &payload};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "name", call->arguments[0]);
    json_writer_text_field(&writer, "version", call->arguments[1]);
    json_writer_text_field(&writer, "reason", call->arguments[2]);
    request_close_payload(&writer);
    enum status status = request_send_payload(call, "/api/v1/unpublish", key_file, &payload, err);
    text_release(&payload);
    return status;
}

enum status command_transfer(struct invocation *call, struct error *err) {
    struct location location = {0};
    bool is_given;
    const char *key_file = take_option(call, "key");
    enum status status = take_location(call, &location, &is_given, err);
    if (status) return status;
    if (!key_file || !is_given) return wrong_call(call, err, "Both --key and the new location are required.");
    struct text payload = {0};
    struct json_writer writer = {.out = &payload};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "name", call->arguments[0]);
    json_writer_key(&writer, "newLocation");
    location_write(&writer, &location);
    request_close_payload(&writer);
    status = request_send_payload(call, "/api/v1/transfer", key_file, &payload, err);
    text_release(&payload);
    return status;
}

/* ---- Trustees' requests ---- */

/* Takes the token from the file's first line, or from the variable; not from an argument, which every user of the machine
 * could see. */
static enum status read_token(struct invocation *call, const char *path, struct error *err) {
    char line[512] = "";
    const char *token = getenv("TRUSTEE_TOKEN");
    if (path) {
        FILE *file = fopen(path, "re");
        if (!file) return error_set(err, STATUS_INVALID, "%s cannot be read: %s.", path, strerror(errno));
        token = fgets(line, sizeof line, file) ? line : "";
        line[strcspn(line, "\r\n")] = '\0';
        fclose(file);
    }
    if (text_is_blank(token))
        return wrong_call(call, err, "A token is required, in TRUSTEE_TOKEN or in the file of --token-file.");
    call->authorization = arena_format(&call->arena, "Authorization: Bearer %s", token);
    return STATUS_OK;
}

enum status request_send_action(struct invocation *call, const char *action, const char *payload, struct error *err) {
    const char *token_file = take_option(call, "token-file"), *actor = take_option(call, "actor");
    const char *issue = take_option(call, "issue"), *reason = take_option(call, "reason");
    if (!actor) return wrong_call(call, err, "--actor is required.");
    int64_t issue_number = 0;
    if (issue && !number_parse(&issue_number, issue))
        return wrong_call(call, err, "--issue must be a number, but it is \"%s\".", issue);
    enum status status = read_token(call, token_file, err);
    if (status) return status;
    struct text body = {0};
    struct json_writer writer = {.out = &body};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "action", action);
    json_writer_raw_field(&writer, "payload", payload);
    json_writer_text_field(&writer, "actor", actor);
    if (issue) json_writer_integer_field(&writer, "issue", issue_number);
    json_writer_text_field(&writer, "reason", reason);
    json_writer_close(&writer, '}');
    status = request_send(call, "/api/v1/trustee", text_view(&body), err);
    text_release(&body);
    return status;
}

enum status command_trustee(struct invocation *call, struct error *err) {
    const char *payload = call->arguments[1];
    json_t *json = NULL;
    enum status status = json_read(&json, payload, strlen(payload), "The payload", err);
    json_decref(json);
    return status ? status : request_send_action(call, call->arguments[0], payload, err);
}
