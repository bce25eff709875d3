/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Attacks on the gateway, with its usual limits, which are counted in bytes and connections: bodies and heads that do not end,
 * over a thousand connections; requests that are given up at once. Others publish meanwhile.
 */
#include "tests/support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "tests/flow/gateway_fixture.h"
#include "tests/support/http2_frames.h"
#include "tests/support/http_connection.h"
#include "tests/support/shell.h"

enum {
    PATIENCE_MS = 60000,
    ATTACKERS = 1000,
    PER_ADDRESS = 25,
    GROWTH_KIB = 64 << 10, /* most that the gateway may grow by, in KiB as the system counts */
#ifdef __SANITIZE_ADDRESS__
    KEPT_KIB = 48 << 10, /* of that, most that it may keep afterwards; the sanitizer's allocator keeps most */
#else
    KEPT_KIB = 16 << 10,
#endif
    INTAKE_BYTES = 32 << 20,
    ONE_READ_BYTES = 8 << 20, /* what a loop may have read before it looks */
};

static const char intake[] = "registry_http_intake_bytes{program=\"gateway\"}";
static const char open_connections[] = "registry_http_connections{program=\"gateway\"}";
static const char ended_by_resets[] =
    "registry_http_connections_ended_total{reason=\"too many requests given up\",program=\"gateway\"}";

/* ---- The gateway's memory, in KiB ---- */

static long memory_figure(struct gateway_process *process, const char *name) {
    char path[64], line[256];
    long value = 0;
    snprintf(path, sizeof path, "/proc/%d/status", gateway_process_id(process));
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0) value = atol(line + strlen(name));
    fclose(file);
    assert_true(value > 0);
    return value;
}

static void forget_peak(struct gateway_process *process) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/clear_refs", gateway_process_id(process));
    write_file(path, "5");
}

/* The thread sanitizer takes several times what it watches. */
static bool counts_memory(void) {
#ifdef __SANITIZE_THREAD__
    return false;
#else
    return true;
#endif
}

/* ---- Attackers ---- */

struct attacker {
    struct http_connection connection;
    const struct text *bytes; /* to be sent; NULL: no more */
    size_t sent;
};

static void append_http_2(struct text *out, uint32_t streams, size_t length) {
    http2_append_preface(out);
    for (uint32_t i = 0; i < streams; i++) {
        http2_append_request(out, 2 * i + 1, "POST", "/api/v1/publish", -1, false);
        http2_append_data(out, 2 * i + 1, length, false);
    }
}

static void append_blanks(struct text *out, size_t length) {
    memset(text_reserve(out, length + 1), ' ', length);
    out->length += length;
    out->bytes[out->length] = '\0';
}

/* Each kind of request that does not end. */
enum flood { FLOOD_STREAMS, FLOOD_LARGE_STREAMS, FLOOD_CHUNKS, FLOOD_LENGTH, FLOOD_HEAD, FLOOD_COUNT };

static void prepare(struct text floods[FLOOD_COUNT]) {
    append_http_2(&floods[FLOOD_STREAMS], 32, 30000);
    append_http_2(&floods[FLOOD_LARGE_STREAMS], 100, 1 << 20);
    text_append(&floods[FLOOD_CHUNKS],
                "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n");
    append_blanks(&floods[FLOOD_CHUNKS], 65000);
    text_append(&floods[FLOOD_LENGTH], "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n");
    append_blanks(&floods[FLOOD_LENGTH], 65000);
    text_append(&floods[FLOOD_HEAD], "GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX-Much: ");
    append_blanks(&floods[FLOOD_HEAD], 300000);
}

static enum flood choose(size_t number) {
    return number % 100 == 0 ? FLOOD_LARGE_STREAMS
           : number % 2 == 0 ? FLOOD_STREAMS
           : number % 3 == 0 ? FLOOD_CHUNKS
           : number % 5 == 0 ? FLOOD_HEAD
                             : FLOOD_LENGTH;
}

static void open_attacker(struct attacker *attacker, size_t number, const struct text *floods,
                          struct gateway_process *process) {
    unsigned client = 0x100 + (unsigned)(number / PER_ADDRESS);
    assert_true(http_connection_open_as(&attacker->connection, client, gateway_process_port(process), PATIENCE_MS));
    assert_int_equal(fcntl(attacker->connection.socket, F_SETFL, O_NONBLOCK), 0);
    attacker->bytes = &floods[choose(number)];
}

/* Sends what goes, and passes over what comes. False: there is no more to send, or nobody takes it. */
static bool go_on(struct attacker *attacker) {
    char answer[4096];
    ssize_t got = recv(attacker->connection.socket, answer, sizeof answer, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return false;
    ssize_t sent = send(attacker->connection.socket, attacker->bytes->bytes + attacker->sent,
                        attacker->bytes->length - attacker->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return errno == EAGAIN;
    attacker->sent += (size_t)sent;
    return attacker->sent < attacker->bytes->length;
}

/* ---- Others ---- */

static int64_t publish(struct gateway_process *process, int patch) {
    struct http_connection connection;
    char request[256], body[128];
    int64_t before_ms = clock_monotonic_ms();
    assert_true(http_connection_open(&connection, gateway_process_port(process), PATIENCE_MS));
    snprintf(body, sizeof body, "{\"name\":\"aff\",\"version\":\"8.0.%d\",\"ref\":\"v8.0.%d\"}", patch, patch);
    snprintf(request, sizeof request, "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
             body);
    assert_true(http_connection_send_bytes(&connection, request, 100)); /* in two pieces */
    assert_true(http_connection_send_bytes(&connection, request + 100, strlen(request) - 100));
    if (!http_connection_receive(&connection)) fail_msg("publication %d has no answer", patch);
    assert_int_equal(connection.status, 200);
    http_connection_close(&connection);
    return clock_monotonic_ms() - before_ms;
}

static void allow_descriptors(void) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static const char *const flood_settings[] = {
    "POST_LIMIT_PER_MINUTE=0", "ASAN_OPTIONS=abort_on_error=0:quarantine_size_mb=1:allocator_release_to_os_interval_ms=100",
    NULL};

struct memory_check {
    struct gateway_process *process;
    long most_kib;
};

static bool has_shrunk(void *context) {
    const struct memory_check *check = context;
    return memory_figure(check->process, "VmRSS:") <= check->most_kib;
}

static void requests_that_do_not_end_hold_little_memory(void **state) {
    (void)state;
    struct gateway_process *flooded = gateway_process_start(redis_server_url(redis), flood_settings);
    struct text floods[FLOOD_COUNT] = {0};
    struct attacker *attackers = memory_alloc(ATTACKERS * sizeof *attackers);
    int published = 0, calm = 0;
    int64_t calm_ms = 0, flood_ms = 0;
    prepare(floods);
    for (; calm < 20; calm++)
        calm_ms += publish(flooded, calm);
    long before_kib = memory_figure(flooded, "VmRSS:");
    double before_connections = gateway_process_figure(flooded, open_connections), most_intake = 0;
    forget_peak(flooded);
    for (size_t i = 0; i < ATTACKERS; i++)
        open_attacker(&attackers[i], i, floods, flooded);
    size_t going_on = ATTACKERS;
    for (int round = 0; going_on > 0 && round < 200; round++) {
        going_on = 0;
        for (size_t i = 0; i < ATTACKERS; i++)
            if (attackers[i].bytes && !go_on(&attackers[i]))
                attackers[i].bytes = NULL;
            else
                going_on += attackers[i].bytes != NULL;
        if (round % 5 != 0) continue;
        flood_ms += publish(flooded, 100 + published++);
        double now = gateway_process_figure(flooded, intake);
        if (now > most_intake) most_intake = now;
    }
    flood_ms += publish(flooded, 100 + published++); /* and while all of them hang there */
    long peak_kib = memory_figure(flooded, "VmHWM:") - before_kib;
    print_message(
        "grown by %ld KiB at most; unfinished requests %.0f bytes at most; a publication took %.1f ms before, %.1f ms "
        "meanwhile\n",
        peak_kib, most_intake, (double)calm_ms / calm, (double)flood_ms / published);
    assert_true(most_intake <= INTAKE_BYTES + ONE_READ_BYTES);
    if (counts_memory()) assert_true(peak_kib <= GROWTH_KIB);
    for (size_t i = 0; i < ATTACKERS; i++)
        http_connection_close(&attackers[i].connection);
    for (size_t i = 0; i < FLOOD_COUNT; i++)
        text_release(&floods[i]);
    free(attackers);
    gateway_process_wait_for(flooded, intake, 0);
    gateway_process_wait_for(flooded, open_connections, before_connections);
    struct memory_check check = {flooded, before_kib + KEPT_KIB};
    if (counts_memory() && !wait_until(has_shrunk, &check, PATIENCE_MS))
        fail_msg("%ld KiB are kept", memory_figure(flooded, "VmRSS:") - before_kib);
    print_message("kept %ld KiB\n", memory_figure(flooded, "VmRSS:") - before_kib);
    assert_int_equal(gateway_process_stop(flooded), 0);
}

/* A client that asks and takes it back, thousands of times: its connection is ended, and what it asked for is not worked off.
 */
static void requests_given_up_at_once_end_their_connection(void **state) {
    (void)state;
    enum { RESETS = 2000, LENGTH = 1400000, CONNECTIONS = 5 };
    struct gateway_process *flooded = gateway_process_start(redis_server_url(redis), flood_settings);
    struct arena arena = {0};
    char *tarball = memory_alloc(LENGTH + 1);
    memset(tarball, 'a', LENGTH);
    write_file(arena_format(&arena, "%s/storage/aff/1.0.0.tar.gz", gateway_process_folder(flooded)), tarball);
    struct text bytes = {0};
    http2_append_preface(&bytes);
    for (uint32_t i = 0; i < RESETS; i++) {
        http2_append_request(&bytes, 2 * i + 1, "GET", "/aff/1.0.0.tar.gz", -1, true);
        http2_append_reset(&bytes, 2 * i + 1);
    }
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        struct http_connection connection;
        assert_true(http_connection_open_as(&connection, 2, gateway_process_port(flooded), PATIENCE_MS));
        http_connection_send_bytes(&connection, bytes.bytes, bytes.length); /* is cut short */
        char answer[4096];
        while (recv(connection.socket, answer, sizeof answer, 0) > 0) {
        }
        http_connection_close(&connection);
        publish(flooded, (int)i);
    }
    assert_int_equal((int)gateway_process_figure(flooded, ended_by_resets), CONNECTIONS);
    assert_true(gateway_process_figure(flooded, "registry_tarballs_hashed_total{program=\"gateway\"}") <= 1);
    text_release(&bytes);
    free(tarball);
    arena_release(&arena);
    assert_int_equal(gateway_process_stop(flooded), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_that_do_not_end_hold_little_memory),
        cmocka_unit_test(requests_given_up_at_once_end_their_connection),
    };
    allow_descriptors();
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start_gateway, stop_gateway);
}
