/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How soon an accepted job starts by its message alone: the scan of the pending queue is switched off. From the job's own
 * times, createdAt to startedAt. For comparison GET /api/v1/status in the same run: a request without any work.
 *
 *   tests/bench/run start        (bench_start [--bin DIR])
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>

#include "lib/base/clock.h"
#include "tests/bench/bench_support.h"
#include "tests/support/http/http_connection.h"
#include "tests/support/server/server_fixture.h"

enum { JOBS = 200 };

/* A publication without a source, so that its job is over soon. */
static double measure_start(struct server *server, int number) {
    const struct package package = {.name = arena_format(&server->arena, "start-%d", number), .version = "1.0.0"};
    json_t *job = server_wait_for_job(server, server_publish(server, package_request(&server->arena, &package)).id);
    double latency_ms = (double)(server_job_time(job, "startedAt") - server_job_time(job, "createdAt"));
    json_decref(job);
    return latency_ms;
}

static double measure_status(struct http_connection *connection) {
    int64_t start_us = clock_monotonic_us();
    assert_true(http_connection_send(connection, "GET", "/api/v1/status", NULL));
    assert_true(http_connection_receive(connection));
    assert_int_equal(connection->status, 200);
    return (double)(clock_monotonic_us() - start_us) / 1000;
}

int main(int argument_count, char **arguments) {
    static const char *const settings[] = {"PENDING_SCAN_MS=0", NULL};
    struct server *server =
        server_start(&(struct server_options){.programs = bench_programs(argument_count, arguments), .settings = settings});
    struct samples start = {0}, status = {0};
    struct http_connection connection;
    assert_true(http_connection_open(&connection, server->port, PATIENCE_MS));
    for (int i = 0; i < JOBS; i++) {
        samples_add(&start, measure_start(server, i));
        samples_add(&status, measure_status(&connection));
    }
    http_connection_close(&connection);
    server_stop(server);

    printf("%d jobs one after the other, by message alone:   median      99th\n", JOBS);
    samples_print(&start, "from accepted to started", "ms");
    samples_print(&status, "yardstick: GET /api/v1/status", "ms");
    printf("  a start takes %.1f times as long as GET /api/v1/status\n",
           samples_percentile(&start, 50) / samples_percentile(&status, 50));
    samples_release(&start);
    samples_release(&status);
    return 0;
}
