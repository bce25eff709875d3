/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/job/job_service.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/disk.h"
#include "lib/base/inside.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/process.h"
#include "lib/base/text.h"
#include "lib/service/message/connection_guard.h"
#include "lib/service/message/message_metrics.h"
#include "lib/service/message/message_server.h"

enum { READY_TIMEOUT_MS = 1500 };

struct running_service {
    const struct job_service *service;
    struct job_runner *runner;
};

/* ---- Readiness ---- */

/* The message that the gateway shows to the public; NULL: the same as the operators' (services/gateway/monitor/readiness.c). */
static const char *find_public_message(const char *message, struct arena *arena) {
    struct text text = {0};
    text_append(&text, message);
    inside_blank(&text);
    const char *blanked = text_equal(text_view(&text), message) ? NULL : arena_copy(arena, text_view(&text));
    text_release(&text);
    return blanked;
}

void job_service_add_check(struct job_service_checks *checks, const char *name, enum status status, const char *message) {
    struct record_check check = {.name = name, .is_fine = !status};
    if (*message) {
        check.message = arena_copy(checks->arena, message);
        check.public_message = find_public_message(message, checks->arena);
    }
    *array_add_in(checks->arena, checks) = check;
    if (status) checks->are_fine = false;
}

void job_service_check_folder(struct job_service_checks *checks, const char *setting, const char *folder) {
    struct error err = {0};
    enum status status = disk_check(setting, folder, &err);
    job_service_add_check(checks, setting, status, err.message);
}

/* Checks the remote, and the disk that the repository or its clone is on: a full disk can be read, but not pushed to. */
static void check_repository(struct job_service_checks *checks, const char *name, struct registry_repo *repo,
                             struct deadline *deadline) {
    struct error err = {0};
    enum status status = registry_repo_fetch(repo, deadline, NULL, &err);
    if (!status) status = registry_repo_check_disk(repo, &err);
    job_service_add_check(checks, name, status, err.message);
}

void job_service_check_repositories(struct job_service_checks *checks, struct registry_access *repositories,
                                    struct deadline *deadline) {
    check_repository(checks, "registry repository", repositories->registry, deadline);
    check_repository(checks, "index repository", repositories->index, deadline);
}

/* ---- Messages ---- */

/* False: the service has no handler for that kind. True for a message without a known kind: the runner then tries. */
static bool runs_kind(const struct job_service *service, const char *kind_text) {
    enum job_kind kind;
    if (!kind_text || !job_kind_parse(kind_text, &kind)) return true;
    const struct job_handler *handler = service->handlers;
    while (handler->run && handler->kind != kind)
        handler++;
    return handler->run;
}

static enum status handle_job_accepted(void *context, const struct message *request, struct arena *arena,
                                       struct message *answer, struct error *err) {
    struct running_service *running = context;
    const struct job_service *service = running->service;
    (void)arena, (void)answer;
    if (!request->job_accepted.job_id)
        return error_set_at(err, STATUS_INVALID, "job_id", "The field \"job_id\" must be the id of a job.");
    if (runs_kind(service, request->job_accepted.kind))
        job_runner_announce(running->runner, request->job_accepted.job_id);
    else if (service->announce)
        service->announce(service->context, request);
    return STATUS_OK;
}

/* Alarms of the runner and of the service's other jobs. */
static int64_t count_alarms(const struct running_service *running) {
    const struct job_service *service = running->service;
    return job_runner_alarms(running->runner) + (service->count_alarms ? service->count_alarms(service->context) : 0);
}

static enum status handle_ready_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                      struct error *err) {
    struct running_service *running = context;
    (void)request, (void)err;
    struct job_service_checks checks = {.arena = arena, .are_fine = true};
    struct deadline deadline;
    deadline_start(&deadline, READY_TIMEOUT_MS);
    running->service->check(running->service->context, &checks, &deadline);
    *answer = (struct message){.tag = MESSAGE_readiness,
                               .readiness = {.is_ready = checks.are_fine,
                                             .program = program_name(service_program(running->service->service)),
                                             .checks = {checks.items, checks.count},
                                             .alarms = count_alarms(running)}};
    return STATUS_OK;
}

/* Adds the metrics that all job services have. */
static void measure_service(const struct running_service *running, struct metrics *metrics) {
    struct job_runner *runner = running->runner;
    metrics_add(metrics, METRIC_COUNTER, "registry_alarms_total", "Jobs that an operator should look at.", NULL,
                (double)count_alarms(running));
    metrics_add(metrics, METRIC_GAUGE, "registry_slots", "Jobs that the program can run at once.", NULL,
                job_runner_slots(runner));
    metrics_add(metrics, METRIC_GAUGE, "registry_busy_slots", "Jobs that the program is running.", NULL,
                job_runner_busy_slots(runner));
    const struct connection_counts connections = connection_guard_counts();
    metrics_add(metrics, METRIC_GAUGE, "registry_unproven_connections",
                "Connections for messages that have not proved their key yet.", NULL, connections.unproven);
    metrics_add(metrics, METRIC_COUNTER, "registry_refused_connections_total",
                "Connections for messages that were closed because they did not prove the key, or because there were too many.",
                NULL, (double)connections.shut);
}

static enum status handle_metrics_query(void *context, const struct message *request, struct arena *arena,
                                        struct message *answer, struct error *err) {
    struct running_service *running = context;
    (void)request, (void)err;
    struct metrics *metrics = metrics_create();
    metrics_add_process(metrics);
    measure_service(running, metrics);
    if (running->service->measure) running->service->measure(running->service->context, metrics);
    struct record_metric_list samples = message_list_metrics(metrics, arena);
    *answer = (struct message){.tag = MESSAGE_metrics, .metrics.samples = samples};
    metrics_free(metrics);
    return STATUS_OK;
}

/* Finds the handler of a message that only this service answers. */
static const struct message_handler *find_other(const struct job_service *service, enum message_tag tag) {
    const struct message_handler *handler = service->messages;
    while (handler->tag != tag)
        handler++;
    return handler;
}

static enum status handle_other(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                struct error *err) {
    const struct job_service *service = ((struct running_service *)context)->service;
    return find_other(service, request->tag)->handle(service->context, request, arena, answer, err);
}

static void handle_other_later(void *context, const struct message *request, struct message_pending *pending) {
    const struct job_service *service = ((struct running_service *)context)->service;
    find_other(service, request->tag)->handle_later(service->context, request, pending);
}

/* The handlers that all services have, then this service's, then a row of zeros. The caller frees it. */
static struct message_handler *list_messages(const struct job_service *service) {
    static const struct message_handler all[] = {
        {MESSAGE_job_accepted, .handle = handle_job_accepted},
        {MESSAGE_ready_query, .handle = handle_ready_query},
        {MESSAGE_metrics_query, .handle = handle_metrics_query},
    };
    size_t common = sizeof all / sizeof all[0], others = 0;
    while (service->messages && (service->messages[others].handle || service->messages[others].handle_later))
        others++;
    struct message_handler *list = memory_alloc((common + others + 1) * sizeof *list);
    memcpy(list, all, sizeof all);
    for (size_t i = 0; i < others; i++) {
        const struct message_handler *other = &service->messages[i];
        list[common + i] = (struct message_handler){.tag = other->tag,
                                                    .handle = other->handle ? handle_other : NULL,
                                                    .handle_later = other->handle ? NULL : handle_other_later};
    }
    return list;
}

/* ---- The process ---- */

static void reload(void *context) {
    const struct job_service *service = ((struct running_service *)context)->service;
    struct error err;
    if (settings_reload_secrets(service->settings, service_program(service->service), &err))
        log_line(LOG_ERROR, "secret_reload_failed", log_field("error", err.message));
    else
        log_line(LOG_INFO, "secrets_reloaded", log_field("has_token", (bool)service->settings->pacchettibotti_token));
    service->use_secrets(service->context);
}

/* Runs until a stop is requested. `messages` is from list_messages(). */
static enum status serve(struct running_service *running, const struct message_handler *messages, struct error *err) {
    const struct job_service *service = running->service;
    const struct settings *settings = service->settings;
    const char *name = program_name(service_program(service->service));
    const char *address = settings_service_address(settings, service->service);
    struct message_server *server = NULL;
    enum status status =
        job_runner_create(&running->runner, settings, name, service->slots, service->handlers, service->context, err);
    if (!status)
        status = message_server_create(
            &server, &(struct message_server_options){.address = address, .service_key = settings->service_key}, messages,
            running, err);
    if (!status) {
        log_line(LOG_INFO, "listener_started", log_field("address", address));
        process_on_reload(reload, running);
        process_wait_for_stop();
        log_line(LOG_INFO, "drain_started", log_field("drain_ms", settings->drain_ms));
    }
    message_server_free(server);
    job_runner_free(running->runner, settings->drain_ms);
    return status;
}

enum status job_service_run(const struct job_service *service, struct error *err) {
    struct running_service running = {.service = service};
    enum status status = service->start ? service->start(service->context, err) : STATUS_OK;
    if (status) return status;
    struct message_handler *messages = list_messages(service);
    status = serve(&running, messages, err);
    if (service->stop) service->stop(service->context);
    free(messages);
    return status;
}
