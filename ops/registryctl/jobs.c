/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The commands that ask a gateway about jobs (spec/http-api.md).
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/gateway.h"

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
        const char *version = gateway_text(job, "packageVersion"); /* a transfer has none */
        printf("%s %-10s %-9s %s %s%s%s\n", gateway_text(job, "jobId"), gateway_text(job, "jobType"), state,
               gateway_text(job, "createdAt"), gateway_text(job, "packageName"), *version ? "@" : "", version);
    }
    json_decref(jobs);
    return STATUS_OK;
}
