/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/stub_services.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/service/message/message_server.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/shell.h"

enum { TAGS = 64, HELD_MAX = 64, REQUESTS = 128, PATIENCE_MS = 60000 };

/* The services' answer to one kind of request. */
struct part {
    struct message answer;
    bool is_held;
    struct message_pending *held[HELD_MAX];
    int held_count;
    int count;
    struct message last; /* in the stub's arena */
    enum service last_service;
};

struct stub_services {
    pthread_mutex_t mutex;
    struct part parts[TAGS];
    struct arena arena;
    struct stub_service {
        struct stub_services *stub;
        enum service service;
        struct message_server *server;
    } services[SERVICE_COUNT];
};

static void answer(struct part *part, struct message_pending *pending) {
    struct error err;
    if (part->answer.tag == MESSAGE_failure) {
        error_set_at(&err, (enum status)part->answer.failure.status, part->answer.failure.path, "%s",
                     part->answer.failure.text);
        message_pending_fail(pending, err.status, &err);
    } else {
        message_pending_answer(pending, &part->answer);
    }
}

static void keep(struct stub_service *service, struct part *part, const struct message *request) {
    struct text bytes = {0};
    struct error err;
    if (message_pack(request, &bytes, &err) ||
        message_unpack(request->tag, bytes.bytes, bytes.length, &service->stub->arena, &part->last, &err))
        abort();
    text_release(&bytes);
    part->last_service = service->service;
    part->count++;
}

/* message_handler.handle_later */
static void take(void *context, const struct message *request, struct message_pending *pending) {
    struct stub_service *service = context;
    struct part *part = &service->stub->parts[request->tag];
    pthread_mutex_lock(&service->stub->mutex);
    keep(service, part, request);
    if (part->is_held && part->held_count < HELD_MAX)
        part->held[part->held_count++] = pending;
    else
        answer(part, pending);
    pthread_mutex_unlock(&service->stub->mutex);
}

struct stub_services *stub_services_start(const struct settings *settings) {
    static const struct message_handler handlers[] = {{MESSAGE_job_accepted, .handle_later = take},
                                                      {MESSAGE_ready_query, .handle_later = take},
                                                      {MESSAGE_trustee_query, .handle_later = take},
                                                      {MESSAGE_package_query, .handle_later = take},
                                                      {MESSAGE_metrics_query, .handle_later = take},
                                                      {MESSAGE_plan_query, .handle_later = take},
                                                      {MESSAGE_holds_query, .handle_later = take},
                                                      {MESSAGE_known_package_query, .handle_later = take},
                                                      {MESSAGE_publication_query, .handle_later = take},
                                                      {MESSAGE_set_page_query, .handle_later = take},
                                                      {MESSAGE_set_excuses_query, .handle_later = take},
                                                      {MESSAGE_set_query, .handle_later = take},
                                                      {MESSAGE_set_comparison_query, .handle_later = take},
                                                      {MESSAGE_set_detail_query, .handle_later = take},
                                                      {MESSAGE_package_list_query, .handle_later = take},
                                                      {MESSAGE_matrix_file_query, .handle_later = take},
                                                      {MESSAGE_matrix_cells_query, .handle_later = take},
                                                      {MESSAGE_matrix_causes_query, .handle_later = take},
                                                      {0}};
    struct stub_services *stub = memory_alloc(sizeof *stub);
    struct error err;
    pthread_mutex_init(&stub->mutex, NULL);
    for (size_t i = 0; i < TAGS; i++)
        stub->parts[i].answer.tag = MESSAGE_done;
    stub->parts[MESSAGE_ready_query].answer = (struct message){.tag = MESSAGE_readiness, .readiness.is_ready = true};
    stub->parts[MESSAGE_metrics_query].answer.tag = MESSAGE_metrics;
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        struct stub_service *service = &stub->services[i];
        *service = (struct stub_service){.stub = stub, .service = (enum service)i};
        const struct message_server_options options = {.address = settings_service_address(settings, service->service),
                                                       .service_key = settings->service_key,
                                                       .requests = REQUESTS};
        if (message_server_create(&service->server, &options, handlers, service, &err)) fail_msg("%s", err.message);
    }
    return stub;
}

void stub_services_close(struct stub_services *stub, enum service service) {
    message_server_free(stub->services[service].server);
    stub->services[service].server = NULL;
}

void stub_services_stop(struct stub_services *stub) {
    if (!stub) return;
    for (int tag = 0; tag < TAGS; tag++)
        stub_services_hold(stub, (enum message_tag)tag, false);
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        if (stub->services[i].server) message_server_free(stub->services[i].server);
    arena_release(&stub->arena);
    pthread_mutex_destroy(&stub->mutex);
    free(stub);
}

void stub_services_answer(struct stub_services *stub, enum message_tag request, struct message message) {
    pthread_mutex_lock(&stub->mutex);
    stub->parts[request].answer = message;
    pthread_mutex_unlock(&stub->mutex);
}

void stub_services_answer_json(struct stub_services *stub, enum message_tag request, const char *json) {
    stub_services_answer(stub, request, (struct message){.tag = MESSAGE_json_answer, .json_answer = {.json = json}});
}

void stub_services_fail(struct stub_services *stub, enum message_tag request, enum status status, const char *path,
                        const char *text) {
    stub_services_answer(
        stub, request,
        (struct message){.tag = MESSAGE_failure, .failure = {.status = status, .path = path ? path : "", .text = text}});
}

void stub_services_hold(struct stub_services *stub, enum message_tag request, bool is_held) {
    struct part *part = &stub->parts[request];
    pthread_mutex_lock(&stub->mutex);
    part->is_held = is_held;
    while (!is_held && part->held_count > 0)
        answer(part, part->held[--part->held_count]);
    pthread_mutex_unlock(&stub->mutex);
}

int stub_services_count(struct stub_services *stub, enum message_tag request) {
    pthread_mutex_lock(&stub->mutex);
    int count = stub->parts[request].count;
    pthread_mutex_unlock(&stub->mutex);
    return count;
}

struct awaited {
    struct stub_services *stub;
    enum message_tag request;
    int count;
};

static bool has_come(void *context) {
    const struct awaited *awaited = context;
    return stub_services_count(awaited->stub, awaited->request) >= awaited->count;
}

void stub_services_await(struct stub_services *stub, enum message_tag request, int count) {
    struct awaited awaited = {stub, request, count};
    if (!wait_until(has_come, &awaited, PATIENCE_MS))
        fail_msg("%d requests %s, and not %d", stub_services_count(stub, request), message_name(request), count);
}

const struct message *stub_services_last(struct stub_services *stub, enum message_tag request, enum service *service) {
    pthread_mutex_lock(&stub->mutex);
    struct part *part = &stub->parts[request];
    struct message *last = part->count ? arena_alloc(&stub->arena, sizeof *last) : NULL;
    if (last) *last = part->last;
    if (service) *service = part->last_service;
    pthread_mutex_unlock(&stub->mutex);
    if (!last) fail_msg("no request %s", message_name(request));
    return last;
}
