/* SPDX-License-Identifier: BSD-3-Clause
 *
 * CPU time of each page of the site, on the real registry where it is at hand: of the gateway, of the services that it asks and
 * of Redis, per request, beside a static file of the same size from the same gateway. A round is many requests over one
 * connection, as a browser sends them (gzip); the median of the rounds is printed, then the same for a browser that has the
 * page (304), and the time until the first answer to a new visitor. `/jobs/ID` is that of a job whose log has LINES lines. The
 * aim is AIM_MS a page.
 *
 *   tests/bench/run site      (bench_site [--bin DIR])
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/store/job/log_stream.h"
#include "tests/bench/bench_support.h"
#include "tests/support/http/http_connection.h"
#include "tests/support/server/server_fixture.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

#define REAL_DATA SOURCE_DIR "/../shared/data/make-repos"

enum { ROUNDS = 3, REQUESTS = 300, LINES = 200000, LINES_AT_ONCE = 200, AIM_MS = 5, TIMEOUT_MS = 30000 };

/* Those with a part in a page. */
static const enum server_program programs[] = {SERVER_GATEWAY, SERVER_BUILD_MATRIX, SERVER_PACKAGE_SET};

static int64_t redis_cpu_us(struct server *server) {
    const char *used =
        shell_output(&server->arena,
                     "redis-cli -s '%s' INFO cpu | tr -d '\\r' | awk -F: '/^used_cpu_(user|sys):/ { n += $2 } END "
                     "{ printf \"%%d\", n * 1000000 }'",
                     redis_server_url(server->redis) + strlen("unix://"));
    return atoll(used);
}

static int64_t cpu_us(struct server *server) {
    int64_t sum_us = redis_cpu_us(server);
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        sum_us += child_cpu_us(&server->children[programs[i]]);
    return sum_us;
}

/* ---- Requests ---- */

/* Sends the request with the headers, and reads the answer; fails unless it has the status, or is 200 as a page that has
 * changed. */
static void ask(struct http_connection *connection, const char *path, const char *headers, int status) {
    struct text request = {0};
    text_append_format(&request, "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n%s\r\n", path, headers);
    if (!http_connection_send_bytes(connection, request.bytes, request.length) || !http_connection_receive(connection) ||
        (connection->status != status && connection->status != 200))
        fail_msg("%s: %d", path, connection->status);
    text_release(&request);
}

/* Milliseconds of CPU for a request. */
static double measure(struct server *server, const char *path, const char *headers, int status, size_t *bytes) {
    struct samples samples = {0};
    struct http_connection connection;
    assert_true(http_connection_open(&connection, server->port, TIMEOUT_MS));
    ask(&connection, path, headers, status);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t before_us = cpu_us(server);
        for (int i = 0; i < REQUESTS; i++)
            ask(&connection, path, headers, status);
        samples_add(&samples, (double)(cpu_us(server) - before_us) / 1000 / REQUESTS);
    }
    *bytes = connection.answer.length;
    double median = samples_percentile(&samples, 50);
    http_connection_close(&connection);
    samples_release(&samples);
    return median;
}

/* ---- What is compared ---- */

/* A file of that many bytes, which the gateway reads at each request, since WEB_DIR is set. */
static double measure_file(struct server *server, const char *folder, size_t length) {
    struct text file = {0};
    const char *address =
        shell_output(&server->arena, "curl -sS '%s/' | grep -o '/assets/site[^\"]*' | tr -d '\\n'", server->url);
    memset(text_reserve(&file, length), 'x', length);
    file.length = length;
    file.bytes[length] = '\0';
    write_file(arena_format(&server->arena, "%s/site.css", folder), text_view(&file));
    text_release(&file);
    return measure(server, address, "", 200, &length);
}

static void print_row(struct server *server, const char *folder, const char *name, const char *path) {
    struct samples times = {0};
    size_t bytes, none;
    double page = measure(server, path, "", 200, &bytes), file = measure_file(server, folder, bytes);
    const char *tag = shell_output(
        &server->arena, "curl -sS -o /dev/null -D - -H 'Accept-Encoding: gzip' '%s%s' | tr -d '\\r' | sed -n 's/^etag: //ip'",
        server->url, path);
    double again =
        *tag ? measure(server, path, arena_format(&server->arena, "If-None-Match: %.*s\r\n", (int)strcspn(tag, "\n"), tag), 304,
                       &none)
             : -1;
    for (int i = 0; i < ROUNDS; i++) {
        struct http_connection connection;
        int64_t begun_us = clock_monotonic_us();
        assert_true(http_connection_open(&connection, server->port, TIMEOUT_MS));
        ask(&connection, path, "", 200);
        samples_add(&times, (double)(clock_monotonic_us() - begun_us) / 1000);
        http_connection_close(&connection);
    }
    printf("%-34s %6.2f ms%s %8.1f times %7zu bytes", name, page, page > AIM_MS ? " (over the aim)" : "", page / file, bytes);
    if (again >= 0)
        printf("   304: %.2f ms", again);
    else
        printf("   no ETag");
    printf("   first answer %.1f ms\n", samples_percentile(&times, 50));
    samples_release(&times);
}

/* ---- A job with a long log ---- */

static void must(enum status status, const struct error *err) {
    if (status) fail_msg("%s", err->message);
}

static const char *make_job(struct server *server) {
    struct job_store *store;
    struct error err;
    must(job_store_create(&store, redis_server_url(server->redis), TIMEOUT_MS, &err), &err);
    struct job_request request = {
        .kind = JOB_KIND_PUBLISH, .payload = "{}", .package = "long", .version = "1.0.0", .actor = "anonymous"};
    struct job_accepted accepted;
    struct lease lease;
    struct job job;
    hash_random_uuid(request.id);
    must(job_store_accept(store, &request, NULL, &accepted, &err), &err);
    must(job_store_claim(store, accepted.id, "bench", 600000, &server->arena, &lease, &job, &err), &err);
    for (int number = 1; number <= LINES; number += LINES_AT_ONCE) {
        struct log_line lines[LINES_AT_ONCE];
        for (int i = 0; i < LINES_AT_ONCE; i++)
            lines[i] = (struct log_line){.level = LOG_INFO,
                                         .message = "[  1 of 100] Compiling Data.Module, in a line of ordinary length",
                                         .attempt = 1,
                                         .number = number + i};
        must(log_stream_append(store, &lease, lines, LINES_AT_ONCE, 2 * LINES, 1 << 28, &err), &err);
    }
    must(job_store_finish(store, &lease, &(struct job_end){.success = true}, &err), &err);
    job_store_free(store);
    return arena_copy(&server->arena, accepted.id);
}

int main(int argument_count, char **arguments) {
    bool is_real = access(REAL_DATA, X_OK) == 0;
    struct temporary_folder web;
    temporary_folder_make(&web);
    shell_run("cp '%s'/services/gateway/web/assets/* '%s'", SOURCE_DIR, web.path);
    char web_setting[128];
    snprintf(web_setting, sizeof web_setting, "WEB_DIR=%s", web.path);
    const char *const settings[] = {"MATRIX_SWEEP_JOBS=0", NULL}, *const gateway_settings[] = {web_setting, NULL};
    struct server *server = server_start(&(struct server_options){.programs = bench_programs(argument_count, arguments),
                                                                  .settings = settings,
                                                                  .gateway_settings = gateway_settings,
                                                                  .make_repositories = is_real ? REAL_DATA : NULL});
    server_terminate(server, SERVER_PUBLISH); /* the job is run here */
    const char *id = make_job(server);
    server_start_program(server, SERVER_PUBLISH);
    server_wait_until_ready(server);
    static const char *const everywhere[] =
        {"/",           "/packages",      "/package-sets",

         "/matrix",     "/api/v1/matrix", "/matrix/causes",          "/jobs", "/docs", "/docs/api", "/dmca", "/status",
         "/robots.txt", "/sitemap.xml",   "/feeds/publications.atom"},
                             *const real[] = {"/packages?search=halogen",   "/packages/prelude",
                                              "/packages/prelude/6.0.2",    "/packages/prelude/badge.svg",
                                              "/package-sets/80.8.0",       "/package-sets/excuses",
                                              "/package-sets/excuses/deku", "/feeds/packages/prelude.atom"};
    printf("%s; CPU per request, how many times that of a static file, size\n",
           is_real ? "the real registry" : "an empty registry: the real one is not at hand");
    for (size_t i = 0; i < sizeof everywhere / sizeof *everywhere; i++)
        print_row(server, web.path, everywhere[i], everywhere[i]);
    for (size_t i = 0; i < sizeof real / sizeof *real && is_real; i++)
        print_row(server, web.path, real[i], real[i]);
    print_row(server, web.path, "/jobs/ID, of 200,000 lines", arena_format(&server->arena, "/jobs/%s", id));
    print_row(server, web.path, "/jobs/ID?search=, of all lines", arena_format(&server->arena, "/jobs/%s?search=nothing", id));
    server_stop(server);
    temporary_folder_remove(&web);
    return 0;
}
