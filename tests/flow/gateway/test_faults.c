/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Faults around the gateway: Redis away; clients that leave, stall or send nonsense; many clients at once; and the gateway's
 * stop.
 */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/store/redis/redis.h"
#include "tests/flow/gateway/gateway_fixture.h"
#include "tests/support/http/http.h"
#include "tests/support/http/http2_frames.h"
#include "tests/support/http/http_connection.h"
#include "tests/support/shell.h"

enum { PATIENCE_MS = 50000 }; /* less than the sixty seconds for which the longest poll is open */

static struct http_response publish(int patch) {
    char body[256];
    snprintf(body, sizeof body, "{\"name\":\"aff\",\"version\":\"7.0.%d\",\"ref\":\"v7.0.%d\"}", patch, patch);
    return http_ask("POST", url, "/api/v1/publish", NULL, body);
}

static char *job_id_of(struct http_response *response) {
    static char id[UUID_TEXT_MAX];
    assert_int_equal(response->status, 200);
    json_t *json = json_loads(response->body.bytes, 0, NULL);
    snprintf(id, sizeof id, "%s", json_string_value(json_object_get(json, "jobId")));
    json_decref(json);
    http_response_release(response);
    return id;
}

static void assert_unavailable(struct http_response *response) {
    assert_int_equal(response->status, 503);
    assert_string_not_equal(http_header(response, "retry-after"), "");
    assert_non_null(strstr(response->body.bytes, "\"error\":\"unavailable\""));
    assert_null(strstr(response->body.bytes, ".sock"));
    http_response_release(response);
}

static void redis_killed_is_503_and_afterwards_all_is_there(void **state) {
    (void)state;
    char path[128];
    struct http_response response = publish(1);
    snprintf(path, sizeof path, "/api/v1/jobs/%s", job_id_of(&response));
    redis_server_kill(redis);
    response = publish(2);
    assert_unavailable(&response);
    response = http_ask(NULL, url, path, NULL, NULL);
    assert_unavailable(&response);
    response = http_ask(NULL, url, "/readyz", NULL, NULL);
    assert_int_equal(response.status, 503);
    http_response_release(&response);
    response = http_ask(NULL, url, "/api/v1/status", NULL, NULL);
    assert_int_equal(response.status, 200);
    http_response_release(&response);

    redis_server_restart(redis);
    json_decref(http_get_json(url, path, NULL));
    response = publish(2);
    job_id_of(&response);
}

static void redis_that_hangs_is_503_in_time(void **state) {
    (void)state;
    redis_server_pause(redis);
    struct http_response response = publish(3); /* answered while it hangs */
    redis_server_resume(redis);
    assert_unavailable(&response);
    response = publish(3); /* no matter whether the first one arrived */
    job_id_of(&response);
}

/* ---- A Redis that is up but does not keep data, or has no room ---- */

static void set_redis(const char *name, const char *value) {
    struct error err;
    struct redis *connection;
    struct redis_reply *reply;
    if (redis_create(&connection, redis_server_url(redis), PATIENCE_MS, &err) ||
        redis_call(connection, &reply, &err, "CONFIG SET %s %s", name, value))
        fail_msg("%s", err.message);
    redis_free(connection);
}

/* /readyz must not be ready, with the reason in the check of Redis. */
static void assert_not_ready(const char *reason) {
    int status;
    json_t *answer = http_get_json(url, "/readyz", &status), *check;
    const char *message = "";
    size_t index;
    json_array_foreach(json_object_get(answer, "checks"), index, check) {
        if (strcmp(http_json_text(check, "check"), "redis") == 0) message = http_json_text(check, "message");
    }
    assert_int_equal(status, 503);
    if (!strstr(message, reason)) fail_msg("no \"%s\" in: %s", reason, message);
    json_decref(answer);
}

static size_t count_jobs(void) {
    json_t *jobs = http_get_json(url, "/api/v1/jobs", NULL);
    size_t count = json_array_size(jobs);
    json_decref(jobs);
    return count;
}

/* Such requests used to be accepted, and lost with Redis. */
static void jobs_that_redis_does_not_keep_are_not_accepted(void **state) {
    (void)state;
    static const struct {
        const char *name, *bad, *good;
    } rows[] = {{"appendonly", "no", "yes"},
                {"appendfsync", "everysec", "always"},
                {"maxmemory", "0", "268435456"},
                {"maxmemory-policy", "allkeys-lru", "noeviction"}};
    size_t before = count_jobs();
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++) {
        set_redis(rows[i].name, rows[i].bad);
        struct http_response response = publish(100 + i);
        assert_unavailable(&response);
        assert_not_ready(rows[i].name);
        assert_int_equal(count_jobs(), before);
        set_redis(rows[i].name, rows[i].good);
        response = publish(100 + i);
        job_id_of(&response);
        assert_int_equal(count_jobs(), ++before);
    }
}

static void redis_without_memory_is_503_and_can_be_read(void **state) {
    (void)state;
    set_redis("maxmemory", "1");
    struct http_response response = publish(200);
    assert_unavailable(&response);
    assert_not_ready("maxmemory");
    count_jobs();
    set_redis("maxmemory", "268435456");
    response = publish(200);
    job_id_of(&response);
}

/* All of the gateway's connections are closed, and it gets no others. */
static void redis_without_connections_is_503(void **state) {
    (void)state;
    struct error err;
    struct redis *connection;
    struct redis_reply *reply;
    if (redis_create(&connection, redis_server_url(redis), PATIENCE_MS, &err) ||
        redis_call(connection, &reply, &err, "CONFIG SET maxclients 1") ||
        redis_call(connection, &reply, &err, "CLIENT KILL TYPE normal SKIPME yes"))
        fail_msg("%s", err.message);
    for (int i = 0; i < 5; i++) {
        struct http_response response = publish(300 + i);
        assert_unavailable(&response);
        response = http_ask(NULL, url, "/api/v1/jobs", NULL, NULL);
        assert_unavailable(&response);
    }
    assert_not_ready("max number of clients");
    if (redis_call(connection, &reply, &err, "CONFIG SET maxclients 10000")) fail_msg("%s", err.message);
    redis_free(connection);
    struct http_response response = publish(300);
    job_id_of(&response);
}

static void *ask_status_of_a_job(void *answer) {
    *(struct http_response *)answer = http_ask(NULL, url, "/api/v1/jobs", NULL, NULL);
    return NULL;
}

static void a_passing_outage_is_waited_out(void **state) {
    (void)state;
    struct http_response response;
    pthread_t thread;
    redis_server_kill(redis);
    assert_int_equal(pthread_create(&thread, NULL, ask_status_of_a_job, &response), 0);
    redis_server_restart(redis);
    pthread_join(thread, NULL);
    assert_int_equal(response.status, 200);
    http_response_release(&response);
}

/* ---- Clients ---- */

static void clients_that_leave_harm_nobody(void **state) {
    (void)state;
    struct http_response response = publish(10);
    char path[128];
    snprintf(path, sizeof path, "/logs/%s?wait=60", job_id_of(&response));
    for (int i = 0; i < 50; i++) {
        struct http_connection waiting, reading;
        assert_true(http_connection_open(&waiting, gateway_process_port(gateway), PATIENCE_MS));
        assert_true(http_connection_send(&waiting, "GET", path, NULL));
        assert_true(http_connection_open(&reading, gateway_process_port(gateway), PATIENCE_MS));
        assert_true(http_connection_send(&reading, "GET", "/api/v1/jobs", NULL));
        http_connection_close(&reading);
        http_connection_close(&waiting);
    }
    json_decref(http_get_json(url, "/api/v1/jobs", NULL));
}

static void a_client_that_stalls_blocks_nobody(void **state) {
    (void)state;
    enum { STALLING = 40 };
    struct http_connection stalling[STALLING];
    for (int i = 0; i < STALLING; i++) {
        assert_true(http_connection_open(&stalling[i], gateway_process_port(gateway), PATIENCE_MS));
        static const char half[] = "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"name";
        assert_true(http_connection_send_bytes(&stalling[i], half, sizeof half - 1));
    }
    json_decref(http_get_json(url, "/api/v1/jobs", NULL)); /* answered while they stall */
    for (int i = 0; i < STALLING; i++)
        http_connection_close(&stalling[i]);
}

static void requests_in_one_go_are_answered_in_order(void **state) {
    (void)state;
    struct http_connection connection;
    static const char three[] = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
                                "GET /api/v1/jobs HTTP/1.1\r\nHost: x\r\n\r\n"
                                "PUT /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    assert_true(http_connection_open(&connection, gateway_process_port(gateway), PATIENCE_MS));
    assert_true(http_connection_send_bytes(&connection, three, sizeof three - 1));
    static const int statuses[] = {404, 200, 405};
    for (int i = 0; i < 3; i++) {
        assert_true(http_connection_receive(&connection));
        assert_int_equal(connection.status, statuses[i]);
    }
    http_connection_close(&connection);
}

static void nonsense_is_400_or_a_closed_connection(void **state) {
    (void)state;
    static const char *const nonsense[] = {
        "\r\n\r\n\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET \x01\x02 HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n\r\n",
        "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\nand then something else entirely\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03",
    };
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        struct http_connection connection;
        assert_true(http_connection_open(&connection, gateway_process_port(gateway), 300));
        http_connection_send_bytes(&connection, nonsense[i], strlen(nonsense[i]));
        while (http_connection_receive(&connection))
            assert_true(connection.status == 200 || (connection.status >= 400 && connection.status < 500));
        http_connection_close(&connection);
    }
    json_decref(http_get_json(url, "/api/v1/jobs", NULL));
}

static void a_body_in_chunks_is_limited_like_any_other(void **state) {
    (void)state;
    enum { CHUNK = 65536, CHUNKS = 100 };
    struct http_connection connection;
    static char chunk[CHUNK + 16];
    int head = snprintf(chunk, sizeof chunk, "%x\r\n", CHUNK);
    memset(chunk + head, ' ', CHUNK);
    memcpy(chunk + head + CHUNK, "\r\n", 2);
    assert_true(http_connection_open(&connection, gateway_process_port(gateway), PATIENCE_MS));
    static const char begin[] = "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_true(http_connection_send_bytes(&connection, begin, sizeof begin - 1));
    for (int i = 0; i < CHUNKS && http_connection_send_bytes(&connection, chunk, (size_t)head + CHUNK + 2); i++) {
    }
    assert_true(http_connection_receive(&connection));
    assert_int_equal(connection.status, 413);
    assert_non_null(strstr(connection.answer.bytes, "too_large"));
    http_connection_close(&connection);
}

/* A client that reads only after it has written everything still gets the answer. */
static void a_refused_body_is_not_answered_by_a_reset(void **state) {
    (void)state;
    enum { LENGTH = 8000000 };
    static char body[LENGTH];
    for (int i = 0; i < 10; i++) {
        struct http_connection connection;
        char head[128];
        snprintf(head, sizeof head, "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", LENGTH);
        assert_true(http_connection_open(&connection, gateway_process_port(gateway), PATIENCE_MS));
        assert_true(http_connection_send_bytes(&connection, head, strlen(head)));
        assert_true(http_connection_send_bytes(&connection, body, LENGTH));
        assert_true(http_connection_receive(&connection));
        assert_int_equal(connection.status, 413);
        http_connection_close(&connection);
    }
}

/* The answer waits for a client whose line is slow. */
static void a_slow_client_reads_why_its_body_is_refused(void **state) {
    (void)state;
    enum { LENGTH = 8000000, PIECES = 5, PAUSE_MS = 500 };
    static char piece[LENGTH / PIECES];
    struct http_connection connection;
    char head[128];
    snprintf(head, sizeof head, "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", LENGTH);
    assert_true(http_connection_open(&connection, gateway_process_port(gateway), PATIENCE_MS));
    assert_true(http_connection_send_bytes(&connection, head, strlen(head)));
    for (int i = 0; i < PIECES; i++) {
        clock_sleep_ms(PAUSE_MS);
        assert_true(http_connection_send_bytes(&connection, piece, sizeof piece));
    }
    assert_true(http_connection_receive(&connection));
    assert_int_equal(connection.status, 413);
    http_connection_close(&connection);
}

struct poster {
    pthread_t thread;
    int patch;
    char id[UUID_TEXT_MAX];
};

static void *post(void *argument) {
    struct poster *poster = argument;
    char body[256];
    snprintf(body, sizeof body, "{\"name\":\"many\",\"version\":\"1.0.%d\",\"ref\":\"v1\"}", poster->patch);
    struct http_response response = http_ask("POST", url, "/api/v1/publish", NULL, body);
    json_t *json = json_loads(response.body.bytes, 0, NULL);
    const char *id = json_string_value(json_object_get(json, "jobId"));
    snprintf(poster->id, sizeof poster->id, "%s", id ? id : "");
    json_decref(json);
    http_response_release(&response);
    return NULL;
}

static void many_at_once_get_a_job_each(void **state) {
    (void)state;
    enum { POSTERS = 64 };
    struct poster posters[POSTERS];
    for (int i = 0; i < POSTERS; i++) {
        posters[i].patch = i;
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post, &posters[i]), 0);
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(posters[i].thread, NULL);
    for (int i = 0; i < POSTERS; i++) {
        assert_int_equal(strlen(posters[i].id), UUID_TEXT_MAX - 1);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(posters[i].id, posters[k].id);
    }
}

enum { FEW = 16 }; /* connections in the next two tests */

static void connections_over_the_limit_take_the_place_of_idle_ones(void **state) {
    (void)state;
    static const char *const settings[] = {"GATEWAY_CONNECTIONS=16", "GATEWAY_THREADS=1", NULL};
    struct gateway_process *small = gateway_process_start(redis_server_url(redis), settings);
    struct http_connection idle[FEW], late;
    char byte;
    for (int i = 0; i < FEW; i++) {
        assert_true(http_connection_open(&idle[i], gateway_process_port(small), PATIENCE_MS));
        assert_true(http_connection_send(&idle[i], "GET", "/api/v1/status", NULL));
        assert_true(http_connection_receive(&idle[i]));
    }
    assert_true(http_connection_open(&late, gateway_process_port(small), PATIENCE_MS));
    assert_true(http_connection_send(&late, "GET", "/api/v1/status", NULL));
    assert_true(http_connection_receive(&late));
    assert_int_equal(late.status, 200);
    http_connection_close(&late);
    json_decref(http_get_json(gateway_process_management_url(small), "/healthz", NULL));
    assert_int_equal(recv(idle[0].socket, &byte, 1, MSG_DONTWAIT), 0); /* it was idle for longest */
    for (int i = 0; i < FEW; i++)
        http_connection_close(&idle[i]);
    assert_int_equal(gateway_process_stop(small), 0);
}

/* ---- Stopping ---- */

static bool is_closed(void *port) {
    struct http_connection connection;
    bool is_open = http_connection_open(&connection, *(int *)port, 1000);
    if (is_open) http_connection_close(&connection);
    return !is_open;
}

static void a_stop_ends_open_polls_cleanly(void **state) {
    (void)state;
    struct gateway_process *stopping = gateway_process_start(redis_server_url(redis), NULL);
    int port = gateway_process_port(stopping);
    const char *usual = url;
    url = gateway_process_url(stopping);
    struct http_response response = publish(20);
    char path[128];
    snprintf(path, sizeof path, "/logs/%s?wait=60", job_id_of(&response));
    url = usual;
    struct http_connection waiting, idle;
    assert_true(http_connection_open(&waiting, port, PATIENCE_MS));
    assert_true(http_connection_send(&waiting, "GET", path, NULL));
    assert_true(http_connection_open(&idle, port, PATIENCE_MS));
    assert_true(http_connection_send(&idle, "GET", "/api/v1/jobs", NULL));
    assert_true(http_connection_receive(&idle));

    gateway_process_request_stop(stopping);
    assert_true(http_connection_receive(&waiting));
    assert_int_equal(waiting.status, 200);
    assert_true(wait_until(is_closed, &port, PATIENCE_MS));
    assert_int_equal(gateway_process_stop(stopping), 0);
    http_connection_close(&waiting);
    http_connection_close(&idle);
}

static void a_second_gateway_on_the_port_is_refused(void **state) {
    (void)state;
    struct arena arena = {0};
    shell_run("mkdir %s/second", gateway_process_folder(gateway));
    const char *output = shell_output(
        &arena, "STATE_DIR=%s/second REDIS_URL=%s SERVER_PORT=%d " BUILD_DIR "/bin/registry-gateway 2>&1; echo \"exit $?\"",
        gateway_process_folder(gateway), redis_server_url(redis), gateway_process_port(gateway));
    assert_non_null(strstr(output, "SERVER_PORT: Cannot listen on 127.0.0.1"));
    assert_true(text_ends_with(output, "\nexit 1\n"));
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redis_killed_is_503_and_afterwards_all_is_there),
        cmocka_unit_test(redis_that_hangs_is_503_in_time),
        cmocka_unit_test(jobs_that_redis_does_not_keep_are_not_accepted),
        cmocka_unit_test(redis_without_memory_is_503_and_can_be_read),
        cmocka_unit_test(redis_without_connections_is_503),
        cmocka_unit_test(a_passing_outage_is_waited_out),
        cmocka_unit_test(clients_that_leave_harm_nobody),
        cmocka_unit_test(a_client_that_stalls_blocks_nobody),
        cmocka_unit_test(requests_in_one_go_are_answered_in_order),
        cmocka_unit_test(nonsense_is_400_or_a_closed_connection),
        cmocka_unit_test(a_body_in_chunks_is_limited_like_any_other),
        cmocka_unit_test(a_refused_body_is_not_answered_by_a_reset),
        cmocka_unit_test(a_slow_client_reads_why_its_body_is_refused),
        cmocka_unit_test(many_at_once_get_a_job_each),
        cmocka_unit_test(connections_over_the_limit_take_the_place_of_idle_ones),
        cmocka_unit_test(a_stop_ends_open_polls_cleanly),
        cmocka_unit_test(a_second_gateway_on_the_port_is_refused),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start_gateway, stop_gateway);
}
