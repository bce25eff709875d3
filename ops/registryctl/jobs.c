/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The commands that ask a gateway about jobs (spec/http-api.md). A job's log is followed by asking for what is newer than the
 * last line, and waiting, by the short form with `wait`, until there is something.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/operation.h"
#include "lib/tools/http_client.h"
#include "ops/registryctl/command.h"

enum { WAIT_SECONDS = 20, ANSWER_BYTES_MAX = 256 << 20 };

/* Asks the gateway; `body` NULL is a GET. *answer is the JSON, which the caller owns. An answer other than 200 is its message.
 */
static enum status ask(struct invocation *call, const char *path, const char *body, json_t **answer, struct error *err) {
    static const char *const json_body[] = {"Content-Type: application/json", "Accept: application/json", NULL};
    struct http_request request = {.method = body ? "POST" : "GET",
                                   .url = arena_format(&call->arena, "%s%s", call->gateway, path),
                                   .headers = json_body,
                                   .body = body,
                                   .body_length = body ? strlen(body) : 0,
                                   .timeout_ms = (WAIT_SECONDS + 10) * 1000,
                                   .limit_bytes = ANSWER_BYTES_MAX};
    struct http_response response = {0};
    const char *message = NULL;
    json_t *value = NULL;
    enum status status = http_client_send(&request, &response, err);
    if (!status) status = json_read(&value, text_view(&response.body), response.body.length, "The gateway's answer", err);
    if (!status && response.status != 200) {
        message = json_string_value(json_object_get(value, "message"));
        status = error_set(err, STATUS_REFUSED, "%s (HTTP status %d)", message ? message : text_view(&response.body),
                           response.status);
    }
    if (status)
        json_decref(value);
    else
        *answer = value;
    http_response_release(&response);
    return status;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

/* Prints the lines and returns the time behind the last one. */
static int64_t print_lines(const json_t *lines, int64_t since_ms) {
    size_t index;
    json_t *line;
    json_array_foreach(lines, index, line) {
        int64_t time_ms = 0;
        printf("%s %-6s %s\n", text_of(line, "timestamp"), text_of(line, "level"), text_of(line, "message"));
        if (time_parse(text_of(line, "timestamp"), &time_ms)) since_ms = time_ms + 1;
    }
    fflush(stdout);
    return since_ms;
}

static enum status print_log(struct invocation *call, const char *id, const char *level, bool follow, struct error *err) {
    int64_t since_ms = 0;
    for (;;) {
        char since[TIME_TEXT_MAX];
        json_t *job = NULL, *ignored = NULL;
        time_print(since_ms, since);
        enum status status =
            ask(call, arena_format(&call->arena, "/api/v1/jobs/%s?level=%s&since=%s", id, level, since), NULL, &job, err);
        if (status) return status;
        since_ms = print_lines(json_object_get(job, "logs"), since_ms);
        bool is_finished = json_object_get(job, "finishedAt") != NULL;
        if (is_finished && !json_is_true(json_object_get(job, "success"))) call->exit_status = 1;
        json_decref(job);
        if (is_finished || !follow) return STATUS_OK;
        time_print(since_ms, since);
        status = ask(call, arena_format(&call->arena, "/logs/%s?level=%s&since=%s&wait=%d", id, level, since, WAIT_SECONDS),
                     NULL, &ignored, err);
        json_decref(ignored);
        if (status) return status;
    }
}

/* ---- publish ---- */

static enum status read_location(struct invocation *call, struct publish_request *request, struct error *err) {
    const char *github = take_option(call, "--github"), *git = take_option(call, "--git");
    request->location.subdir = take_option(call, "--subdir");
    request->has_location = github || git;
    if (github) {
        const char *slash = strchr(github, '/');
        if (!slash) return wrong_call(call, err, "--github must be OWNER/REPO, but it is \"%s\".", github);
        request->location.kind = LOCATION_GITHUB;
        request->location.github_owner = arena_copy_bytes(&call->arena, github, (size_t)(slash - github));
        request->location.github_repo = slash + 1;
    } else if (git) {
        request->location.kind = LOCATION_GIT;
        request->location.git_url = git;
    }
    return STATUS_OK;
}

enum status command_publish(struct invocation *call, struct error *err) {
    struct publish_request request = {0};
    bool follow = take_flag(call, "--follow", NULL);
    const char *compiler = take_option(call, "--compiler");
    enum status status = read_location(call, &request, err);
    if (!status) status = finish_arguments(call, err);
    if (status) return status;
    request.name = call->arguments[0];
    request.ref = call->arguments[1];
    request.has_compiler = compiler != NULL;
    status = version_parse(&request.version, call->arguments[2], err);
    if (!status && compiler) status = version_parse(&request.compiler, compiler, err);
    if (status) return status;

    json_t *answer = NULL;
    struct text body = {0};
    publish_request_append_json(&body, &request);
    status = ask(call, "/api/v1/publish", text_view(&body), &answer, err);
    text_release(&body);
    if (status) return status;
    const char *id = arena_copy(&call->arena, text_of(answer, "jobId"));
    printf(json_is_true(json_object_get(answer, "created")) ? "Job %s\n" : "Job %s (the same request was made before)\n", id);
    json_decref(answer);
    return follow ? print_log(call, id, "INFO", true, err) : STATUS_OK;
}

/* ---- status, logs, jobs ---- */

enum status command_status(struct invocation *call, struct error *err) {
    json_t *answer = NULL;
    enum status status = finish_arguments(call, err);
    if (!status) status = ask(call, arena_format(&call->arena, "/status/%s", call->arguments[0]), NULL, &answer, err);
    if (status) return status;
    printf("%s %s %s\n", text_of(answer, "jobId"), text_of(answer, "jobType"), text_of(answer, "state"));
    if (*text_of(answer, "error")) printf("%s\n", text_of(answer, "error"));
    if (strcmp(text_of(answer, "state"), "failed") == 0) call->exit_status = 1;
    json_decref(answer);
    return STATUS_OK;
}

enum status command_logs(struct invocation *call, struct error *err) {
    bool follow = take_flag(call, "--follow", "-f");
    const char *level = take_option(call, "--level");
    enum status status = finish_arguments(call, err);
    return status ? status : print_log(call, call->arguments[0], level ? level : "INFO", follow, err);
}

enum status command_jobs(struct invocation *call, struct error *err) {
    bool all = take_flag(call, "--all", NULL);
    const char *package = take_option(call, "--package");
    json_t *jobs = NULL, *job;
    size_t index;
    const char *path = arena_format(&call->arena, "/api/v1/jobs?order=DESC&kinds=all&include_completed=%s%s%s",
                                    all ? "true" : "false", package ? "&package=" : "", package ? package : "");
    enum status status = finish_arguments(call, err);
    if (!status) status = ask(call, path, NULL, &jobs, err);
    if (status) return status;
    json_array_foreach(jobs, index, job) {
        const char *state = json_object_get(job, "finishedAt")
                                ? json_is_true(json_object_get(job, "success")) ? "succeeded" : "failed"
                            : json_object_get(job, "startedAt") ? "running"
                                                                : "pending";
        printf("%s %-10s %-9s %s %s@%s\n", text_of(job, "jobId"), text_of(job, "jobType"), state, text_of(job, "createdAt"),
               text_of(job, "packageName"), text_of(job, "packageVersion"));
    }
    json_decref(jobs);
    return STATUS_OK;
}
