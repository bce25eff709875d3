/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The gateway and the services behind it, which are stand-ins here: readiness, alarms for operators, and the messages about new
 * jobs.
 */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/settings.h"
#include "lib/service/message/message_server.h"
#include "lib/store/redis/redis.h"
#include "tests/flow/gateway/gateway_fixture.h"
#include "tests/support/http/http.h"
#include "tests/support/http/http_stub.h"
#include "tests/support/shell.h"

enum { PATIENCE_MS = 60000, SERVICES = 3 };

/* Stands for all services: answers that it is ready, and records the last job that it was notified of. */
struct fake_service {
    pthread_mutex_t mutex;
    bool is_ready;
    char job_id[UUID_TEXT_MAX];
    struct text payload;
    int64_t alarms;
};

static enum status answer_ready(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                struct error *err) {
    (void)request, (void)arena, (void)err;
    struct fake_service *service = context;
    static const struct record_check check = {
        .name = "registry", .message = "gone fishing in /var/work", .public_message = "gone fishing in [WORK_DIR]"};
    pthread_mutex_lock(&service->mutex);
    *answer = (struct message){
        .tag = MESSAGE_readiness,
        .readiness = {.is_ready = service->is_ready, .program = "publish", .checks = {&check, 1}, .alarms = service->alarms}};
    pthread_mutex_unlock(&service->mutex);
    return STATUS_OK;
}

static enum status take_job(void *context, const struct message *request, struct arena *arena, struct message *answer,
                            struct error *err) {
    (void)arena, (void)err;
    struct fake_service *service = context;
    pthread_mutex_lock(&service->mutex);
    snprintf(service->job_id, sizeof service->job_id, "%s", request->job_accepted.job_id);
    text_clear(&service->payload);
    text_append(&service->payload, request->job_accepted.payload);
    pthread_mutex_unlock(&service->mutex);
    *answer = (struct message){.tag = MESSAGE_done};
    return STATUS_OK;
}

static const struct message_handler handlers[] = {
    {MESSAGE_ready_query, .handle = answer_ready}, {MESSAGE_job_accepted, .handle = take_job}, {0}};

static struct message_server *serve_with(const struct message_handler *table, void *context) {
    char address[128];
    struct error err;
    struct message_server *server;
    snprintf(address, sizeof address, "ipc://%s/publish.ipc", gateway_process_folder(gateway));
    if (message_server_create(&server, &(struct message_server_options){.address = address, .service_key = NULL}, table,
                              context, &err))
        fail_msg("%s", err.message);
    return server;
}

static struct message_server *serve(struct fake_service *service) {
    return serve_with(handlers, service);
}

static int readiness(const char *base, const char *needle) {
    struct http_response response = http_ask(NULL, base, "/readyz", NULL, NULL);
    json_t *json = http_json(&response);
    assert_int_equal(json_is_true(json_object_get(json, "ready")), response.status == 200);
    if (needle && !strstr(text_view(&response.body), needle)) fail_msg("no \"%s\" in %s", needle, response.body.bytes);
    if (response.status == 503) assert_string_not_equal(http_header(&response, "retry-after"), "");
    json_decref(json);
    int status = response.status;
    http_response_release(&response);
    return status;
}

static bool is_ready(void *base) {
    return readiness(base, NULL) == 200;
}

static void readiness_names_what_is_missing(void **state) {
    (void)state;
    struct fake_service service = {.mutex = PTHREAD_MUTEX_INITIALIZER, .is_ready = true};
    assert_int_equal(readiness(url, "{\"check\":\"publish\",\"ok\":false,\"message\":"), 503);
    struct message_server *server = serve(&service);
    assert_true(wait_until(is_ready, (void *)(uintptr_t)url, PATIENCE_MS));
    assert_int_equal(readiness(gateway_process_management_url(gateway), "{\"check\":\"redis\",\"ok\":true}"), 200);
    pthread_mutex_lock(&service.mutex);
    service.is_ready = false;
    pthread_mutex_unlock(&service.mutex);
    assert_int_equal(readiness(url, "gone fishing"), 503);
    message_server_free(server);
    text_release(&service.payload);
}

/* ---- Services that are away, or slow ---- */

/* Stands for all services: each answers that it is ready once all have been asked. */
struct crowd {
    pthread_mutex_t mutex;
    pthread_cond_t all_asked;
    int asked;
};

static enum status answer_when_all_are_asked(void *context, const struct message *request, struct arena *arena,
                                             struct message *answer, struct error *err) {
    (void)request, (void)arena, (void)err;
    struct crowd *crowd = context;
    pthread_mutex_lock(&crowd->mutex);
    crowd->asked++;
    pthread_cond_broadcast(&crowd->all_asked);
    while (crowd->asked < SERVICES)
        pthread_cond_wait(&crowd->all_asked, &crowd->mutex);
    pthread_mutex_unlock(&crowd->mutex);
    *answer = (struct message){.tag = MESSAGE_readiness, .readiness = {.is_ready = true, .program = "all"}};
    return STATUS_OK;
}

/* Each answers only once the others have been asked, too: if they were asked one after the other, none would answer in time. */
static void all_services_are_asked_at_one_time(void **state) {
    (void)state;
    static const struct message_handler patient[] = {{MESSAGE_ready_query, .handle = answer_when_all_are_asked}, {0}};
    static struct crowd crowd = {.mutex = PTHREAD_MUTEX_INITIALIZER, .all_asked = PTHREAD_COND_INITIALIZER};
    struct message_server *server = serve_with(patient, &crowd);
    assert_int_equal(readiness(url, NULL), 200);
    message_server_free(server);
}

static void expect_hidden(const char *base, bool is_hidden, const char *what) {
    struct http_response response = http_ask(NULL, base, "/readyz", NULL, NULL);
    bool is_shown = strstr(text_view(&response.body), what) != NULL;
    if (is_shown == is_hidden) fail_msg("\"%s\" is%s in: %s", what, is_shown ? "" : " not", text_view(&response.body));
    http_response_release(&response);
}

/* No service listens, and Redis is away: the reasons name sockets in a folder. */
static void the_public_port_shows_no_folder_and_no_address(void **state) {
    (void)state;
    const char *management = gateway_process_management_url(gateway);
    redis_server_kill(redis);
    expect_hidden(management, false, gateway_process_folder(gateway));
    expect_hidden(management, false, redis_server_folder(redis));
    expect_hidden(url, true, gateway_process_folder(gateway));
    expect_hidden(url, true, redis_server_folder(redis));
    expect_hidden(url, false, "[PUBLISH_ADDRESS]");
    expect_hidden(url, false, "[REDIS_URL]");
    redis_server_restart(redis);
    struct fake_service service = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct message_server *server = serve(&service);
    assert_int_equal(readiness(url, "\"message\":\"gone fishing in [WORK_DIR]\"}"), 503);
    assert_int_equal(readiness(management, "\"message\":\"gone fishing in /var/work\"}"), 503);
    message_server_free(server);
}

static void set_redis_memory(const char *bytes) {
    struct error err;
    struct redis *connection;
    struct redis_reply *reply;
    if (redis_create(&connection, redis_server_url(redis), PATIENCE_MS, &err) ||
        redis_call(connection, &reply, &err, "CONFIG SET maxmemory %s", bytes))
        fail_msg("%s", err.message);
    redis_free(connection);
}

static void alarms_and_redis_without_memory_fail_the_health_check(void **state) {
    (void)state;
    struct http_stub *stub = http_stub_start("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct fake_service service = {.mutex = PTHREAD_MUTEX_INITIALIZER, .is_ready = true, .alarms = 1};
    char ping[96], address[160], addresses[SERVICE_COUNT][200], alarms[64];
    struct error err;
    struct message_server *server;
    snprintf(alarms, sizeof alarms, "%d jobs need an operator", SERVICE_COUNT); /* one of each */
    snprintf(ping, sizeof ping, "HEALTHCHECKS_URL=http://127.0.0.1:%d/ping", http_stub_port(stub));
    snprintf(address, sizeof address, "ipc://%s/alarming.ipc", gateway_process_folder(gateway));
#define SERVICE(NAME, field, name, LETTER)                                                                                     \
    snprintf(addresses[SERVICE_##NAME], sizeof addresses[0], #NAME "_ADDRESS=%s", address);
#include "lib/base/programs.def"
    if (message_server_create(&server, &(struct message_server_options){.address = address, .service_key = NULL}, handlers,
                              &service, &err))
        fail_msg("%s", err.message);
    const char *settings[SERVICE_COUNT + 3] = {ping, "HEALTHCHECKS_INTERVAL_MS=50"};
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        settings[i + 2] = addresses[i];
    struct gateway_process *pinging = gateway_process_start(redis_server_url(redis), settings);

    size_t index = 0;
    const char *request = http_stub_request(stub, index);
    while (request && !strstr(request, alarms))
        request = http_stub_request(stub, ++index);
    assert_non_null(request);
    assert_true(text_starts_with(request, "POST /ping/fail "));
    request = http_stub_request(stub, index + 1); /* and all is well again */
    assert_non_null(request);
    assert_true(text_starts_with(request, "GET /ping "));

    set_redis_memory("1");
    while (request && !strstr(request, "(maxmemory)"))
        request = http_stub_request(stub, ++index);
    set_redis_memory("268435456");
    assert_non_null(request);
    assert_true(text_starts_with(request, "POST /ping/fail "));

    assert_int_equal(gateway_process_stop(pinging), 0);
    message_server_free(server);
    http_stub_stop(stub);
    text_release(&service.payload);
}

struct told {
    struct fake_service *service;
    const char *job_id;
};

static bool was_told(void *context) {
    struct told *told = context;
    pthread_mutex_lock(&told->service->mutex);
    bool is_so = strcmp(told->service->job_id, told->job_id) == 0;
    pthread_mutex_unlock(&told->service->mutex);
    return is_so;
}

static void the_service_is_told_of_a_job_at_once(void **state) {
    (void)state;
    struct fake_service service = {.mutex = PTHREAD_MUTEX_INITIALIZER, .is_ready = true};
    struct message_server *server = serve(&service);
    assert_true(wait_until(is_ready, (void *)(uintptr_t)url, PATIENCE_MS));
    struct http_response response =
        http_ask("POST", url, "/api/v1/publish", NULL, "{\"name\":\"aff\",\"version\":\"7.0.50\",\"ref\":\"v7.0.50\"}");
    json_t *accepted = http_json(&response);
    http_response_release(&response);
    struct told told = {&service, http_json_text(accepted, "jobId")};
    assert_true(wait_until(was_told, &told, PATIENCE_MS));
    assert_non_null(strstr(service.payload.bytes, "\"ref\":\"v7.0.50\""));
    json_decref(accepted);
    message_server_free(server);
    text_release(&service.payload);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readiness_names_what_is_missing),
        cmocka_unit_test(all_services_are_asked_at_one_time),
        cmocka_unit_test(the_public_port_shows_no_folder_and_no_address),
        cmocka_unit_test(alarms_and_redis_without_memory_fail_the_health_check),
        cmocka_unit_test(the_service_is_told_of_a_job_at_once),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start_gateway, stop_gateway);
}
