/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/job_service.h"

#include <assert.h>

#include "lib/base/log.h"
#include "lib/base/process.h"
#include "lib/base/text.h"
#include "lib/service/message_server.h"

enum { READY_TIMEOUT_MS = 1500 };

struct running_service {
    const struct job_service *service;
    struct job_runner *runner;
};

/* ---- Readiness ---- */

void job_service_add_check(struct job_service_checks *checks, const char *name, enum status status, const char *message) {
    struct json_writer *writer = &checks->writer;
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "check", name);
    json_writer_key(writer, "ok");
    json_writer_raw(writer, status ? "false" : "true");
    if (*message) json_writer_text_field(writer, "message", message);
    json_writer_close(writer, '}');
    if (status) checks->are_fine = false;
}

void job_service_check_repositories(struct job_service_checks *checks, struct registry_access *repositories,
                                    struct deadline *deadline) {
    struct error err = {0};
    enum status status = registry_repo_fetch(repositories->registry, deadline, NULL, &err);
    job_service_add_check(checks, "registry repository", status, err.message);
    err = (struct error){0};
    status = registry_repo_fetch(repositories->index, deadline, NULL, &err);
    job_service_add_check(checks, "index repository", status, err.message);
}

/* ---- Messages ---- */

static enum status handle_job_accepted(void *context, const struct message *request, struct arena *arena,
                                       struct message *answer, struct error *err) {
    struct running_service *running = context;
    (void)arena;
    if (!request->job_accepted.job_id) return error_set_at(err, STATUS_INVALID, "job_id", "The message names no job.");
    job_runner_announce(running->runner, request->job_accepted.job_id);
    answer->tag = MESSAGE_done;
    return STATUS_OK;
}

static enum status handle_ready_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                      struct error *err) {
    struct running_service *running = context;
    (void)request, (void)err;
    struct text reasons = {0};
    struct job_service_checks checks = {.writer = {.out = &reasons}, .are_fine = true};
    struct deadline deadline;
    deadline_start(&deadline, READY_TIMEOUT_MS);
    json_writer_open(&checks.writer, '[');
    running->service->check(running->service->context, &checks, &deadline);
    json_writer_close(&checks.writer, ']');
    answer->tag = MESSAGE_ready;
    answer->ready.is_ready = checks.are_fine;
    answer->ready.program = running->service->name;
    answer->ready.alarms = job_runner_alarms(running->runner);
    answer->ready.reasons = arena_copy(arena, text_view(&reasons));
    text_release(&reasons);
    return STATUS_OK;
}

/* A message that only this service answers. */
static enum status handle_other(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                struct error *err) {
    const struct job_service *service = ((struct running_service *)context)->service;
    const struct message_handler *handler = service->messages;
    while (handler->tag != request->tag)
        handler++;
    return handler->handle(service->context, request, arena, answer, err);
}

enum { MESSAGES_MAX = 8 };

/* What all services answer, and what this one does; zeros at the end. */
static void list_messages(struct message_handler out[MESSAGES_MAX], const struct job_service *service) {
    size_t count = 0;
    out[count++] = (struct message_handler){MESSAGE_job_accepted, .handle = handle_job_accepted};
    out[count++] = (struct message_handler){MESSAGE_ready_query, .handle = handle_ready_query};
    for (const struct message_handler *handler = service->messages; handler && handler->handle; handler++) {
        assert(count + 1 < MESSAGES_MAX);
        out[count++] = (struct message_handler){handler->tag, .handle = handle_other};
    }
}

/* ---- The process ---- */

static void reload(void *context) {
    const struct job_service *service = ((struct running_service *)context)->service;
    struct error err;
    if (settings_reload_secrets(service->settings, service->program, &err))
        log_line(LOG_ERROR, "secrets not all read again", "error=\"%s\"", err.message);
    else
        log_line(LOG_INFO, "secrets read again", "has_token=%s", service->settings->pacchettibotti_token ? "yes" : "no");
    service->use_secrets(service->context);
}

enum status job_service_begin(struct settings *out, enum program program, const char *name, struct error *err) {
    enum log_level level = LOG_INFO;
    process_start();
    log_configure(name, level);
    enum status status = settings_load(out, program, err);
    if (!status && !log_level_parse(out->log_level, &level))
        status = error_set_at(err, STATUS_INVALID, "LOG_LEVEL",
                              "LOG_LEVEL must be DEBUG, INFO, WARN, NOTICE or ERROR, but it is \"%s\".", out->log_level);
    log_configure(name, level);
    return status;
}

enum status job_service_run(const struct job_service *service, struct error *err) {
    const struct settings *settings = service->settings;
    struct running_service running = {.service = service};
    struct message_handler messages[MESSAGES_MAX] = {0};
    list_messages(messages, service);
    struct message_server *server = NULL;
    enum status status =
        job_runner_create(&running.runner, settings, service->name, service->slots, service->handlers, service->context, err);
    if (!status)
        status = message_server_create(
            &server, &(struct message_server_options){.address = service->address, .service_key = settings->service_key},
            messages, &running, err);
    if (!status) {
        log_line(LOG_INFO, "listening", "address=%s", service->address);
        process_on_reload(reload, &running);
        process_wait_for_stop();
        log_line(LOG_INFO, "draining", "drain_ms=%lld", (long long)settings->drain_ms);
    }
    message_server_free(server);
    job_runner_free(running.runner, settings->drain_ms);
    return status;
}
