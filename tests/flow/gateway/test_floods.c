/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Attacks on a gateway with its default limits, measured in bytes and connections: bodies and heads without end, over a
 * thousand connections; requests that are cancelled at once. Other clients publish meanwhile.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "tests/flow/gateway/gateway_fixture.h"
#include "tests/support/http/http2_frames.h"
#include "tests/support/http/http_connection.h"
#include "tests/support/http/http_flood.h"
#include "tests/support/shell.h"

enum {
    PATIENCE_MS = 60000,
    ATTACKERS = 1000,
    GROWTH_KIB = 64 << 10, /* most that the gateway may grow by, in KiB as the kernel counts */
#ifdef __SANITIZE_ADDRESS__
    KEPT_KIB = 48 << 10, /* of that, most that it may keep afterwards; the sanitizer's allocator keeps most */
#else
    KEPT_KIB = 16 << 10,
#endif
    INTAKE_BYTES = 32 << 20,
    ONE_READ_BYTES = 8 << 20, /* most that a loop may read between two checks */
};

static const char intake[] = "registry_http_intake_bytes{program=\"gateway\"}";
static const char open_connections[] = "registry_http_connections{program=\"gateway\"}";
static const char ended_by_resets[] =
    "registry_http_connections_ended_total{reason=\"too many requests given up\",program=\"gateway\"}";

/* ---- The gateway's memory ---- */

static void forget_peak(struct gateway_process *process) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/clear_refs", gateway_process_id(process));
    write_file(path, "5");
}

/* False under the thread sanitizer, which takes several times the program's memory. */
static bool counts_memory(void) {
#ifdef __SANITIZE_THREAD__
    return false;
#else
    return true;
#endif
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

static const char *const flood_settings[] = {
    "POST_LIMIT_PER_MINUTE=0", "ASAN_OPTIONS=abort_on_error=0:quarantine_size_mb=1:allocator_release_to_os_interval_ms=100",
    NULL};

struct memory_check {
    struct gateway_process *process;
    long most_kib;
};

static bool has_shrunk(void *context) {
    const struct memory_check *check = context;
    return gateway_process_memory_kib(check->process, "VmRSS:") <= check->most_kib;
}

static void requests_that_do_not_end_hold_little_memory(void **state) {
    (void)state;
    struct gateway_process *flooded = gateway_process_start(redis_server_url(redis), flood_settings);
    int published = 0, calm = 0;
    int64_t calm_ms = 0, flood_ms = 0;
    for (; calm < 20; calm++)
        calm_ms += publish(flooded, calm);
    long before_kib = gateway_process_memory_kib(flooded, "VmRSS:");
    double before_connections = gateway_process_metric(flooded, open_connections), most_intake = 0;
    forget_peak(flooded);
    struct http_flood *flood = http_flood_start(gateway_process_port(flooded), ATTACKERS, PATIENCE_MS);
    for (int round = 0; http_flood_go_on(flood) > 0 && round < 200; round++) {
        if (round % 5 != 0) continue;
        flood_ms += publish(flooded, 100 + published++);
        double now = gateway_process_metric(flooded, intake);
        if (now > most_intake) most_intake = now;
    }
    flood_ms += publish(flooded, 100 + published++); /* and while all of them stay open */
    long peak_kib = gateway_process_memory_kib(flooded, "VmHWM:") - before_kib;
    print_message(
        "grown by %ld KiB at most; unfinished requests %.0f bytes at most; a publication took %.1f ms before, %.1f ms "
        "meanwhile\n",
        peak_kib, most_intake, (double)calm_ms / calm, (double)flood_ms / published);
    assert_true(most_intake <= INTAKE_BYTES + ONE_READ_BYTES);
    if (counts_memory()) assert_true(peak_kib <= GROWTH_KIB);
    http_flood_stop(flood);
    gateway_process_wait_for(flooded, intake, 0);
    gateway_process_wait_for(flooded, open_connections, before_connections);
    struct memory_check check = {flooded, before_kib + KEPT_KIB};
    if (counts_memory() && !wait_until(has_shrunk, &check, PATIENCE_MS))
        fail_msg("%ld KiB are kept", gateway_process_memory_kib(flooded, "VmRSS:") - before_kib);
    print_message("kept %ld KiB\n", gateway_process_memory_kib(flooded, "VmRSS:") - before_kib);
    assert_int_equal(gateway_process_stop(flooded), 0);
}

/* A client that sends and cancels thousands of requests: its connection is closed, and cancelled requests are not carried out.
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
    assert_int_equal((int)gateway_process_metric(flooded, ended_by_resets), CONNECTIONS);
    assert_true(gateway_process_metric(flooded, "registry_tarballs_hashed_total{program=\"gateway\"}") <= 1);
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
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start_gateway, stop_gateway);
}
