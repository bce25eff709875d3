/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/trustee_call.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/cmocka_all.h"

struct trustee_answer trustee_ask(struct server *server, const char *token, const char *address, const char *body) {
    struct arena *arena = &server->arena;
    struct error err;
    struct http_response response = {0};
    const char *headers[4] = {"Content-Type: application/json"};
    size_t count = 1;
    if (token != NULL) headers[count++] = arena_format(arena, "Authorization: Bearer %s", token);
    if (address != NULL) headers[count++] = arena_format(arena, "X-Forwarded-For: %s", address);
    struct http_request request = {.url = arena_format(arena, "%s/api/v1/trustee", server->url),
                                   .headers = headers,
                                   .body = body,
                                   .body_length = strlen(body),
                                   .timeout_ms = PATIENCE_MS};
    if (http_client_send(&request, &response, &err)) fail_msg("%s", err.message);
    json_t *json = json_loads(text_view(&response.body), 0, NULL);
    const struct trustee_answer answer = {.status = response.status,
                                          .job_id = arena_copy(arena, server_job_text(json, "jobId")),
                                          .created = json_is_true(json_object_get(json, "created")),
                                          .path = arena_copy(arena, server_job_text(json, "path")),
                                          .message = arena_copy(arena, server_job_text(json, "message"))};
    json_decref(json);
    http_response_release(&response);
    return answer;
}

const char *trustee_body(struct server *server, const char *action, const char *payload, const char *actor,
                         const char *reason) {
    const char *more = reason != NULL ? arena_format(&server->arena, ",\"reason\":\"%s\"", reason) : "";
    return arena_format(&server->arena, "{\"action\":\"%s\",\"payload\":%s,\"actor\":\"%s\",\"issue\":7%s}", action, payload,
                        actor, more);
}

const char *trustee_expect_job(struct server *server, const char *token, const char *body) {
    struct trustee_answer answer = trustee_ask(server, token, NULL, body);
    if (answer.status != 200) fail_msg("%s: %d %s %s", body, answer.status, answer.path, answer.message);
    return answer.job_id;
}

void trustee_expect_refusal(struct server *server, const char *token, const char *address, const char *body, int status,
                            const char *path) {
    struct trustee_answer answer = trustee_ask(server, token, address, body);
    if (answer.status != status || strcmp(answer.path, path) != 0 || answer.message[0] == '\0')
        fail_msg("%s: %d %s %s", body, answer.status, answer.path, answer.message);
}
