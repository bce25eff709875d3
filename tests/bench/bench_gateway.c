/* SPDX-License-Identifier: BSD-3-Clause
 *
 * CPU time of the gateway per 1,000 requests: for GET /api/v1/status, and for GET /api/v1/jobs/ID of a job with 100 lines. For
 * comparison a bare Node server (node_server.js), which for jobs reads the same stream from the same Redis and prints the same
 * JSON each time; the gateway keeps the answer, since the job is finished. User and system time of the process, from /proc; the time of Redis is not included.
 *
 *   tests/bench/run gateway      (bench_gateway [--bin DIR]); skips Node if it is not installed
 */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/store/job/log_stream.h"
#include "tests/bench/bench_support.h"
#include "tests/support/http/http_connection.h"
#include "tests/support/server/server_fixture.h"
#include "tests/support/shell.h"

enum {
    CLIENTS = 2,      /* threads … */
    CONNECTIONS = 32, /* … with so many connections each */
    ROUNDS = 5,
    LINES = 100,
    STATUS_REQUESTS = 60000,
    JOB_REQUESTS = 6000,
    TIMEOUT_MS = 30000,
};

/* One load: all clients ask for `path` until `left` is used up. */
struct load {
    int port;
    const char *path;
    atomic_int left;
};

/* Sends a request on each connection, then reads all answers, so that the server is never idle. */
static void *run_client(void *context) {
    struct load *load = context;
    struct http_connection connections[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++)
        if (!http_connection_open(&connections[i], load->port, TIMEOUT_MS)) abort();
    while (atomic_fetch_sub(&load->left, CONNECTIONS) > 0) {
        for (int i = 0; i < CONNECTIONS; i++)
            if (!http_connection_send(&connections[i], "GET", load->path, NULL)) abort();
        for (int i = 0; i < CONNECTIONS; i++)
            if (!http_connection_receive(&connections[i]) || connections[i].status != 200) abort();
    }
    for (int i = 0; i < CONNECTIONS; i++)
        http_connection_close(&connections[i]);
    return NULL;
}

static void run_load(int port, const char *path, int requests) {
    struct load load = {.port = port, .path = path, .left = requests};
    pthread_t clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&clients[i], NULL, run_client, &load), 0);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
}

/* Microseconds of CPU per request, which is milliseconds per 1,000. */
static double measure(const struct child_process *process, int port, const char *path, int requests) {
    int64_t before_us = child_cpu_us(process);
    run_load(port, path, requests);
    return (double)(child_cpu_us(process) - before_us) / requests;
}

/* ---- The requested job ---- */

static void must(enum status status, const struct error *err) {
    if (status != STATUS_OK) fail_msg("%s", err->message);
}

/* Stores a finished job with 100 lines, as a publish service would (which is stopped, so that it does not claim the job). */
static const char *make_job(struct server *server) {
    const struct package package = {.name = "read-often", .version = "1.0.0"};
    struct arena *arena = &server->arena;
    struct job_store *store = NULL;
    struct error err;
    must(job_store_create(&store, redis_server_url(server->redis), TIMEOUT_MS, &err), &err);
    struct job_request request = {.kind = JOB_KIND_PUBLISH, .package = "read-often", .version = "1.0.0", .actor = "anonymous"};
    request.payload = package_request(arena, &package);
    hash_random_uuid(request.id);
    struct job_limits limits = {.pending = 10, .pending_per_address = 10};
    struct job_accepted accepted;
    must(job_store_accept(store, &request, &limits, &accepted, &err), &err);
    struct lease lease;
    struct job job;
    must(job_store_claim(store, accepted.id, "bench", TIMEOUT_MS, arena, &lease, &job, &err), &err);
    struct log_line lines[LINES];
    for (int i = 0; i < LINES; i++)
        lines[i] = (struct log_line){
            .level = LOG_INFO,
            .message = arena_format(arena,
                                    "[%3d of %3d] Compiling Data.\"Quoted\".Module%d: a line of ordinary length, such as the "
                                    "compiler or the publish service write",
                                    i + 1, LINES, i),
            .time_ms = clock_now_ms(),
            .attempt = 1,
            .number = i + 1,
        };
    must(log_stream_append(store, &lease, lines, LINES, LINES * 10, 1 << 20, &err), &err);
    struct job_end end = {.success = true};
    must(job_store_finish(store, &lease, &end, &err), &err);
    job_store_free(store);
    return arena_copy(arena, accepted.id);
}

/* ---- Node ---- */

struct node {
    struct child_process process;
    struct server *server;
    const char *log;
    int port; /* 0: node is not installed */
};

static bool has_port(void *context) {
    struct node *node = context;
    char *printed = read_file(&node->server->arena, node->log);
    node->port = printed == NULL ? 0 : atoi(printed);
    return node->port != 0;
}

static void start_node(struct node *node) {
    struct server *server = node->server;
    if (system("command -v node >/dev/null") != 0) return;
    node->log = arena_format(&server->arena, "%s/node.log", server->folder);
    const char *const arguments[] = {"node", SOURCE_DIR "/tests/bench/node_server.js",
                                     redis_server_url(server->redis) + strlen("unix://"), NULL};
    const char *const environment[] = {arena_format(&server->arena, "PATH=%s", getenv("PATH")), NULL};
    child_start(&node->process, arguments, environment, server->folder, node->log);
    if (!wait_until(has_port, node, PATIENCE_MS)) fail_msg("node does not start: %s", read_file(&server->arena, node->log));
}

/* Both must print the same JSON, otherwise the comparison is meaningless. */
static void expect_same_answers(const struct node *node, const char *our_path, const char *node_path) {
    json_t *answers[2];
    const int ports[2] = {node->server->port, node->port};
    const char *const paths[2] = {our_path, node_path};
    for (int i = 0; i < 2; i++) {
        struct http_connection connection;
        assert_true(http_connection_open(&connection, ports[i], TIMEOUT_MS));
        assert_true(http_connection_send(&connection, "GET", paths[i], NULL) && http_connection_receive(&connection));
        answers[i] = json_loads(text_view(&connection.answer), 0, NULL);
        assert_non_null(answers[i]);
        if (i == 0) printf("a job with %d lines: %zu bytes\n", LINES, connection.answer.length);
        http_connection_close(&connection);
    }
    if (!json_equal(answers[0], answers[1])) fail_msg("the two servers do not print the same job");
    json_decref(answers[0]);
    json_decref(answers[1]);
}

static void compare(struct node *node, const char *what, const char *our_path, const char *node_path, int requests) {
    const struct child_process *gateway = &node->server->children[SERVER_GATEWAY];
    struct samples ours = {0}, theirs = {0};
    for (int i = 0; i < ROUNDS + 1; i++) { /* the first warms up */
        double our_us = measure(gateway, node->server->port, our_path, requests);
        double their_us = node->port == 0 ? 0 : measure(&node->process, node->port, node_path, requests);
        if (i == 0) continue;
        samples_add(&ours, our_us);
        samples_add(&theirs, their_us);
    }
    printf("%s, CPU per 1,000 requests, median of %d rounds of %d:\n", what, ROUNDS, requests);
    printf("  %-38s %9.1f ms\n", "gateway", samples_percentile(&ours, 50));
    if (node->port == 0)
        printf("  no node on this machine: nothing to compare with\n");
    else
        printf("  %-38s %9.1f ms\n  the gateway takes %.2f times as much as Node\n", "bare Node",
               samples_percentile(&theirs, 50), samples_percentile(&ours, 50) / samples_percentile(&theirs, 50));
    samples_release(&ours);
    samples_release(&theirs);
}

int main(int argument_count, char **arguments) {
    struct server *server = server_start(&(struct server_options){.programs = bench_programs(argument_count, arguments)});
    server_terminate(server, SERVER_PUBLISH);
    const char *id = make_job(server);
    const char *our_path = arena_format(&server->arena, "/api/v1/jobs/%s", id);
    const char *node_path = arena_format(&server->arena, "/jobs/%s", id);
    struct node node = {.server = server};
    start_node(&node);
    if (node.port != 0) expect_same_answers(&node, our_path, node_path);
    compare(&node, "GET /api/v1/status", "/api/v1/status", "/status", STATUS_REQUESTS);
    compare(&node, "GET /api/v1/jobs/ID", our_path, node_path, JOB_REQUESTS);
    if (node.port != 0) child_stop(&node.process, SIGKILL, PATIENCE_MS);
    server_stop(server);
    return 0;
}
