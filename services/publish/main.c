/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The publish service: runs publish and unpublish jobs. Jobs are announced by a message and stored in Redis
 * (lib/service/job/job_runner.h).
 *
 *   registry-publish [--unsafe-no-sandbox]
 */
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/program.h"
#include "lib/service/job/job_service.h"
#include "services/publish/publish_service.h"
#include "services/publish/trustee_lookup.h"

/* message_handler.handle. STATUS_UNAVAILABLE if only the gateway has TRUSTEE_LOOKUP set: no trustee can be verified then. */
static enum status answer_trustee_query(void *context, const struct message *request, struct arena *arena,
                                        struct message *answer, struct error *err) {
    struct publish_service *publish = context;
    if (!publish->trustees) return error_set(err, STATUS_UNAVAILABLE, "TRUSTEE_LOOKUP is not set for the publish service.");
    answer->tag = MESSAGE_trustee_answer;
    return trustee_lookup_answer(publish->trustees, &request->trustee_query, arena, &answer->trustee_answer, err);
}

static const struct message_handler messages[] = {
    {MESSAGE_trustee_query, .handle = answer_trustee_query},
    {0},
};

static const struct job_handler handlers[] = {
    {JOB_KIND_PUBLISH, publish_job_run},
    {JOB_KIND_UNPUBLISH, unpublish_job_run},
    {0},
};

/* Runs until the service is told to stop and its last job has ended. */
static enum status serve(struct publish_service *publish, struct error *err) {
    const struct settings *settings = &publish->settings;
    const struct job_service service = {
        .service = SERVICE_PUBLISH,
        .settings = &publish->settings,
        .slots = (int)settings->publish_slots,
        .handlers = handlers,
        .messages = messages,
        .context = publish,
        .check = publish_service_check,
        .use_secrets = publish_service_use_secrets,
    };
    return job_service_run(&service, err);
}

int main(int count, char **arguments) {
    struct publish_service publish = {0};
    struct error err = {0};
    const struct program_option options[] = {SANDBOX_UNSAFE_PROGRAM_OPTION(&publish.accepts_no_sandbox), {0}};
    enum status status = program_begin(&publish.settings, PROGRAM_PUBLISH, count, arguments, options, &err);
    if (!status) status = publish_service_init(&publish, &err);
    if (!status) status = serve(&publish, &err);
    if (status) log_line(LOG_ERROR, "program_failed", log_field("error", err.message));
    publish_service_release(&publish);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
