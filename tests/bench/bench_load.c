/* SPDX-License-Identifier: BSD-3-Clause
 *
 * 64 clients post 2,000 publications, and ask for GET /api/v1/status between any two of them, while the jobs run. Every
 * thirtieth can be published, the others have no source, so that jobs begin and end all the time. Counts faults (an answer
 * without an id, an id given twice, a missing job) and waits until every job has ended.
 *
 *   tests/bench/run load         (bench_load [--bin DIR])
 */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "tests/bench/bench_support.h"
#include "tests/support/http/http_connection.h"
#include "tests/support/server/server_fixture.h"
#include "tests/support/shell.h"

enum { CLIENTS = 64, PUBLICATIONS = 2000, WITH_SOURCE = 30, TIMEOUT_MS = 30000, END_MS = 600000 };

struct load {
    struct server *server;
    atomic_int next;
    char *requests[PUBLICATIONS];
    char ids[PUBLICATIONS][UUID_TEXT_MAX]; /* each written by the client that posted it */
    double post_ms[PUBLICATIONS], status_ms[PUBLICATIONS];
    atomic_int refused;
};

static bool ask(struct http_connection *connection, const char *method, const char *path, const char *body, double *took_ms) {
    int64_t start_us = clock_monotonic_us();
    bool answered = http_connection_send(connection, method, path, body) && http_connection_receive(connection);
    *took_ms = (double)(clock_monotonic_us() - start_us) / 1000;
    return answered && connection->status == 200;
}

static void *run_client(void *context) {
    struct load *load = context;
    struct http_connection connection;
    if (!http_connection_open(&connection, load->server->port, TIMEOUT_MS)) abort();
    for (int i; (i = atomic_fetch_add(&load->next, 1)) < PUBLICATIONS;) {
        bool posted = ask(&connection, "POST", "/api/v1/publish", load->requests[i], &load->post_ms[i]);
        const char *id = posted ? strstr(text_view(&connection.answer), "\"jobId\":\"") : NULL;
        if (id != NULL)
            snprintf(load->ids[i], UUID_TEXT_MAX, "%s", id + strlen("\"jobId\":\""));
        else
            atomic_fetch_add(&load->refused, 1);
        if (!ask(&connection, "GET", "/api/v1/status", NULL, &load->status_ms[i])) atomic_fetch_add(&load->refused, 1);
    }
    http_connection_close(&connection);
    return NULL;
}

static int compare_ids(const void *a, const void *b) {
    return strcmp(a, b);
}

static int count_duplicates(struct load *load) {
    int duplicates = 0;
    qsort(load->ids, PUBLICATIONS, UUID_TEXT_MAX, compare_ids);
    for (int i = 1; i < PUBLICATIONS; i++)
        duplicates += load->ids[i][0] != '\0' && strcmp(load->ids[i], load->ids[i - 1]) == 0;
    return duplicates;
}

static bool nothing_is_left(void *context) {
    struct load *load = context;
    json_t *jobs = server_get(load->server, "/api/v1/jobs");
    size_t left = json_array_size(jobs);
    json_decref(jobs);
    return left == 0;
}

/* The number of jobs that cannot be found, or did not end. */
static int count_lost(struct load *load) {
    int lost = 0;
    if (!wait_until(nothing_is_left, load, END_MS)) printf("  some jobs do not end\n");
    for (int i = 0; i < PUBLICATIONS; i++) {
        struct http_response response = {0};
        server_call(load->server, "GET", arena_format(&load->server->arena, "/api/v1/jobs/%s", load->ids[i]), NULL, &response);
        lost += response.status != 200 || strstr(text_view(&response.body), "\"finishedAt\"") == NULL;
        http_response_release(&response);
    }
    return lost;
}

static void prepare(struct load *load) {
    struct arena *arena = &load->server->arena;
    for (int i = 0; i < PUBLICATIONS; i++) {
        const struct package package = {.name = arena_format(arena, "load-%d", i), .version = "1.0.0"};
        if (i % WITH_SOURCE == 0) package_push(arena_format(arena, "%s/sources", load->server->folder), &package);
        load->requests[i] = package_request(arena, &package);
    }
}

int main(int argument_count, char **arguments) {
    static struct load load;
    load.server = server_start(&(struct server_options){.programs = bench_programs(argument_count, arguments)});
    prepare(&load);
    pthread_t clients[CLIENTS];
    int64_t start_ms = clock_monotonic_ms();
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&clients[i], NULL, run_client, &load), 0);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    int64_t posted_ms = clock_monotonic_ms();
    int lost = count_lost(&load), duplicates = count_duplicates(&load);
    int64_t ended_ms = clock_monotonic_ms();
    server_stop(load.server);

    struct samples post = {0}, status = {0};
    for (int i = 0; i < PUBLICATIONS; i++) {
        samples_add(&post, load.post_ms[i]);
        samples_add(&status, load.status_ms[i]);
    }
    printf("%d clients, %d publications, while jobs run:    median      99th\n", CLIENTS, PUBLICATIONS);
    samples_print(&post, "POST /api/v1/publish", "ms");
    samples_print(&status, "yardstick: GET /api/v1/status", "ms");
    printf("  a POST takes %.1f times (99th: %.1f times) as long as GET /api/v1/status\n",
           samples_percentile(&post, 50) / samples_percentile(&status, 50),
           samples_percentile(&post, 99) / samples_percentile(&status, 99));
    printf("  accepted in %.1f s, all ended after %.1f s; %d not accepted, %d ids twice, %d lost\n",
           (double)(posted_ms - start_ms) / 1000, (double)(ended_ms - start_ms) / 1000, (int)load.refused, duplicates, lost);
    samples_release(&post);
    samples_release(&status);
    return load.refused + duplicates + lost == 0 ? 0 : 1;
}
