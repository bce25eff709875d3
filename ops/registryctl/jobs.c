/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The commands that ask a gateway about jobs (spec/http-api.md).
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/operation.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/gateway.h"

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
    status = gateway_ask(call, "/api/v1/publish", text_view(&body), follow ? GATEWAY_PATIENCE_MS : 0, &answer, err);
    text_release(&body);
    if (status) return status;
    const char *id = arena_copy(&call->arena, gateway_text(answer, "jobId"));
    printf(json_is_true(json_object_get(answer, "created")) ? "Job %s\n" : "Job %s (the same request was made before)\n", id);
    fflush(stdout);
    json_decref(answer);
    return follow ? job_print_log(call, id, "INFO", true, err) : STATUS_OK;
}

/* ---- status, logs, jobs ---- */

enum status command_status(struct invocation *call, struct error *err) {
    json_t *answer = NULL;
    enum status status = finish_arguments(call, err);
    if (!status)
        status = gateway_ask(call, arena_format(&call->arena, "/status/%s", call->arguments[0]), NULL, 0, &answer, err);
    if (status) return status;
    printf("%s %s %s\n", gateway_text(answer, "jobId"), gateway_text(answer, "jobType"), gateway_text(answer, "state"));
    if (*gateway_text(answer, "error")) printf("%s\n", gateway_text(answer, "error"));
    if (strcmp(gateway_text(answer, "state"), "failed") == 0) call->exit_status = 1;
    json_decref(answer);
    return STATUS_OK;
}

enum status command_logs(struct invocation *call, struct error *err) {
    bool follow = take_flag(call, "--follow", "-f");
    const char *level = take_option(call, "--level");
    enum status status = finish_arguments(call, err);
    return status ? status : job_print_log(call, call->arguments[0], level ? level : "INFO", follow, err);
}

enum status command_jobs(struct invocation *call, struct error *err) {
    bool all = take_flag(call, "--all", NULL);
    const char *package = take_option(call, "--package");
    json_t *jobs = NULL, *job;
    size_t index;
    const char *path = arena_format(&call->arena, "/api/v1/jobs?order=DESC&kinds=all&include_completed=%s%s%s",
                                    all ? "true" : "false", package ? "&package=" : "", package ? package : "");
    enum status status = finish_arguments(call, err);
    if (!status) status = gateway_ask(call, path, NULL, 0, &jobs, err);
    if (status) return status;
    json_array_foreach(jobs, index, job) {
        const char *state = json_object_get(job, "finishedAt")
                                ? json_is_true(json_object_get(job, "success")) ? "succeeded" : "failed"
                            : json_object_get(job, "startedAt") ? "running"
                                                                : "pending";
        printf("%s %-10s %-9s %s %s@%s\n", gateway_text(job, "jobId"), gateway_text(job, "jobType"), state,
               gateway_text(job, "createdAt"), gateway_text(job, "packageName"), gateway_text(job, "packageVersion"));
    }
    json_decref(jobs);
    return STATUS_OK;
}
