/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The commands that query a gateway about jobs (services/gateway/README.md).
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/domain/package/package_name.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/gateway.h"

enum status command_status(struct invocation *call, struct error *err) {
    json_t *answer = NULL;
    enum status status = gateway_ask(call, gateway_job_path(&call->arena, "status", call->arguments[0]), NULL, 0, &answer, err);
    if (status) return status;
    printf("%s %s %s\n", gateway_text(answer, "jobId"), gateway_text(answer, "jobType"), gateway_text(answer, "state"));
    if (*gateway_text(answer, "error")) printf("%s\n", gateway_text(answer, "error"));
    if (strcmp(gateway_text(answer, "state"), "failed") == 0) call->exit_status = 1;
    json_decref(answer);
    return STATUS_OK;
}

enum status command_logs(struct invocation *call, struct error *err) {
    bool follow = take_flag(call, "follow");
    const char *level = take_option(call, "level");
    return job_print_log(call, call->arguments[0], level ? level : "INFO", follow, err);
}

/* The list has no states: a job that has started but not finished is running, or pending again, so its state is queried. */
static enum status find_state(struct invocation *call, const json_t *job, const char **state, struct error *err) {
    json_t *answer = NULL;
    if (json_object_get(job, "finishedAt")) {
        *state = json_is_true(json_object_get(job, "success")) ? "succeeded" : "failed";
        return STATUS_OK;
    }
    *state = "pending";
    if (!json_object_get(job, "startedAt")) return STATUS_OK;
    const char *path = gateway_job_path(&call->arena, "status", gateway_text(job, "jobId"));
    enum status status = gateway_ask(call, path, NULL, 0, &answer, err);
    if (!status) *state = arena_copy(&call->arena, gateway_text(answer, "state"));
    json_decref(answer);
    return status;
}

static enum status print_job(struct invocation *call, const json_t *job, struct error *err) {
    const char *version = gateway_text(job, "packageVersion"), *state; /* a transfer has no version */
    enum status status = find_state(call, job, &state, err);
    if (status) return status;
    printf("%s %-10s %-9s %s %s%s%s\n", gateway_text(job, "jobId"), gateway_text(job, "jobType"), state,
           gateway_text(job, "createdAt"), gateway_text(job, "packageName"), *version ? "@" : "", version);
    return STATUS_OK;
}

enum status command_jobs(struct invocation *call, struct error *err) {
    bool all = take_flag(call, "all");
    const char *package = take_option(call, "package");
    json_t *jobs = NULL;
    struct text path = {0};
    text_append(&path, "/api/v1/jobs?order=DESC&kinds=all");
    url_append_parameter(&path, "include_completed", all ? "true" : "false");
    if (package) url_append_parameter(&path, "package", package);
    enum status status = package ? package_name_check(package, err) : STATUS_OK;
    if (!status) status = gateway_ask(call, text_view(&path), NULL, 0, &jobs, err);
    text_release(&path);
    for (size_t i = 0; !status && i < json_array_size(jobs); i++)
        status = print_job(call, json_array_get(jobs, i), err);
    json_decref(jobs);
    return status;
}
