/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The publish service: carries publish jobs out. Jobs are announced by a message and live in Redis (lib/service/job_runner.h).
 */
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/process.h"
#include "lib/base/text.h"
#include "lib/service/job_runner.h"
#include "lib/service/message_server.h"
#include "services/publish/publish_service.h"

struct publish_program {
    struct publish_service service;
    struct job_runner *runner;
};

static enum status handle_job_accepted(void *context, const struct message *request, struct arena *arena,
                                       struct message *answer, struct error *err) {
    struct publish_program *program = context;
    (void)arena;
    if (!request->job_accepted.job_id) return error_set_at(err, STATUS_INVALID, "job_id", "The message names no job.");
    job_runner_announce(program->runner, request->job_accepted.job_id);
    answer->tag = MESSAGE_done;
    return STATUS_OK;
}

static enum status handle_ready_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                      struct error *err) {
    struct publish_program *program = context;
    (void)request, (void)err;
    struct text reasons = {0};
    answer->tag = MESSAGE_ready;
    answer->ready.is_ready = publish_service_is_ready(&program->service, &reasons);
    answer->ready.program = "publish";
    answer->ready.alarms = job_runner_alarms(program->runner);
    answer->ready.reasons = arena_copy(arena, text_view(&reasons));
    text_release(&reasons);
    return STATUS_OK;
}

/* SIGHUP. */
static void reload(void *context) {
    struct publish_program *program = context;
    publish_service_reload(&program->service);
}

static const struct message_handler message_handlers[] = {
    {MESSAGE_job_accepted, handle_job_accepted},
    {MESSAGE_ready_query, handle_ready_query},
    {0},
};

/* From the first message to the last job. */
static enum status serve(struct publish_program *program, struct error *err) {
    const struct settings *settings = &program->service.settings;
    const struct job_handler job_handlers[] = {
        {JOB_KIND_PUBLISH, settings->publish_timeout_ms, publish_job_run},
        {0},
    };
    struct message_server *server = NULL;
    enum status status = job_runner_create(&program->runner, settings, "publish", (int)settings->publish_slots, job_handlers,
                                           &program->service, err);
    if (!status)
        status =
            message_server_create(&server, settings->publish_address, settings->service_key, message_handlers, program, err);
    if (!status) {
        log_line(LOG_INFO, "listening", "address=%s", settings->publish_address);
        process_on_reload(reload, program);
        process_wait_for_stop();
        log_line(LOG_INFO, "draining", "drain_ms=%lld", (long long)settings->drain_ms);
    }
    message_server_free(server);
    job_runner_free(program->runner, settings->drain_ms);
    return status;
}

int main(void) {
    struct publish_program program = {0};
    struct error err = {0};
    enum log_level level = LOG_INFO;
    process_start();
    log_configure("publish", level);
    enum status status = settings_load(&program.service.settings, PROGRAM_PUBLISH, &err);
    if (!status && !log_level_parse(program.service.settings.log_level, &level))
        status = error_set_at(&err, STATUS_INVALID, "LOG_LEVEL", "LOG_LEVEL must be DEBUG, INFO, WARN, NOTICE or ERROR.");
    log_configure("publish", level);
    if (!status) status = publish_service_init(&program.service, &err);
    if (!status) status = serve(&program, &err);
    if (status) log_line(LOG_ERROR, "stopped", "error=\"%s\"", err.message);
    publish_service_release(&program.service);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
