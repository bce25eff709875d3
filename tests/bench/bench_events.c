/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Live logs (services/gateway/README.md, Live logs).
 *
 * - From a line written to a line read: 100 jobs, each with 20 lines a second and a reader at the gateway, beside a plain tail of
 *   the same streams in Redis (XREAD BLOCK) in the same process.
 * - The same with 1,000 readers of one job, alone and beside one that reads 1 kB a second.
 * - Many readers of one job, and many jobs with a reader each: memory of the gateway's process for each reader, and its CPU time
 *   for 1,000 lines delivered, beside a bare server on h2o (bare_stream.c) and a bare Node server (node_stream.js) that send the same
 *   bytes to as many connections. Memory of the kernel's sockets is not included.
 * - A log of 200,000 lines: the gateway's memory while a reader follows it, then windows of it and the whole log from the archive.
 *
 *   tests/bench/run events      (bench_events [--bin DIR]); skips Node if it is not installed
 */
#include "tests/support/cmocka_all.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/store/job/job_retention.h"
#include "lib/store/job/log_cursor.h"
#include "lib/store/job/log_stream.h"
#include "lib/store/redis/redis.h"
#include "tests/bench/bench_crowd.h"
#include "tests/support/http/http_connection.h"
#include "tests/support/server/server_fixture.h"
#include "tests/support/shell.h"

enum {
    LATENCY_JOBS = 100,
    LATENCY_LINES = 100, /* of each job, 20 a second */
    LINE_PAUSE_MS = 50,
    FAST_READERS = 1000,
    SLOW_ROUNDS = 3,
    SLOW_BYTES = 1024, /* a second */
    READERS = 10000,   /* of one job */
    JOBS = 1000,       /* with a reader each */
    LINES = 40,
    LONG_LINES = 200000,
    LONG_BATCH = 500,
    WINDOW = 500,
    WINDOWS = 30,
    TIMEOUT_MS = 60000,
    LEASE_MS = 3600000,
};

static void must(enum status status, const struct error *err) {
    if (status) fail_msg("%s", err->message);
}

/* ---- Jobs ---- */

struct work {
    char id[UUID_TEXT_MAX];
    struct lease lease;
    int number;
};

static void begin_job(struct job_store *store, struct arena *arena, struct work *work, int number) {
    struct error err;
    struct job_accepted accepted;
    struct job job;
    struct job_request request = {.kind = JOB_KIND_PUBLISH,
                                  .payload = "{}",
                                  .package = arena_format(arena, "package-%d", number),
                                  .version = "1.0.0",
                                  .actor = "anonymous"};
    *work = (struct work){0};
    hash_random_uuid(request.id);
    must(job_store_accept(store, &request, NULL, &accepted, &err), &err);
    memcpy(work->id, accepted.id, sizeof work->id);
    must(job_store_claim(store, work->id, "bench", LEASE_MS, arena, &work->lease, &job, &err), &err);
}

/* A line with the time at which it was written, in microseconds. */
static void write_line(struct job_store *store, struct work *work) {
    struct error err;
    char message[200];
    snprintf(message, sizeof message, "[%3d of %3d] Compiling Data.Module%d, a line of ordinary length: %s%lld", work->number,
             LINES, work->number, CROWD_STAMP, (long long)clock_monotonic_us());
    const struct log_line line = {
        .level = LOG_INFO, .message = message, .time_ms = clock_now_ms(), .attempt = 1, .number = ++work->number};
    must(log_stream_append(store, &work->lease, &line, 1, 100000, 1 << 24, &err), &err);
}

static void end_job(struct job_store *store, struct work *work) {
    struct error err;
    const struct job_end end = {.success = true};
    must(job_store_finish(store, &work->lease, &end, &err), &err);
}

/* ---- Latency ---- */

struct tail {
    const char *redis_url;
    const struct work *works;
    struct samples latencies_us;
    size_t lines;
};

static void note_entries(struct tail *tail, const struct redis_reply *streams, char (*last)[48]) {
    int64_t now_us = clock_monotonic_us();
    for (size_t i = 0; i < streams->count; i++) {
        const struct redis_reply *stream = &streams->items[i], *entries = &stream->items[1];
        for (size_t n = 0; n < entries->count; n++) {
            const char *at = strstr(entries->items[n].items[1].items[1].text, CROWD_STAMP);
            if (!at) continue;
            samples_add(&tail->latencies_us, (double)(now_us - strtoll(at + sizeof CROWD_STAMP - 1, NULL, 10)));
            tail->lines++;
        }
        for (size_t job = 0; job < LATENCY_JOBS; job++)
            if (strncmp(stream->items[0].text + strlen("job:"), tail->works[job].id, UUID_TEXT_MAX - 1) == 0)
                snprintf(last[job], sizeof last[job], "%s", entries->items[entries->count - 1].items[0].text);
    }
}

static void *run_tail(void *context) {
    struct tail *tail = context;
    struct redis *redis;
    struct error err;
    static char last[LATENCY_JOBS][48];
    must(redis_create(&redis, tail->redis_url, TIMEOUT_MS, &err), &err);
    for (size_t i = 0; i < LATENCY_JOBS; i++)
        strcpy(last[i], "0");
    while (tail->lines < (size_t)LATENCY_JOBS * LATENCY_LINES) {
        struct arena arena = {0};
        const char *arguments[4 + 2 * LATENCY_JOBS] = {"XREAD", "BLOCK", "100", "STREAMS"};
        for (size_t i = 0; i < LATENCY_JOBS; i++) {
            arguments[4 + i] = arena_format(&arena, "job:%s:log", tail->works[i].id);
            arguments[4 + LATENCY_JOBS + i] = last[i];
        }
        struct redis_reply *streams;
        redis_add_list(redis, arguments, 4 + 2 * LATENCY_JOBS);
        must(redis_run(redis, 100, &streams, &err), &err);
        note_entries(tail, streams, last);
        arena_release(&arena);
    }
    redis_free(redis);
    return NULL;
}

static const char *path_of_job(void *context, size_t index) {
    static _Thread_local char path[100];
    const struct work *works = context;
    snprintf(path, sizeof path, "/api/v1/jobs/%s/events", works[index].id);
    return path;
}

static const char *path_of_first(void *context, size_t index) {
    (void)index;
    return path_of_job(context, 0);
}

static void measure_latency(struct server *server, struct job_store *store) {
    static struct work works[LATENCY_JOBS];
    for (int i = 0; i < LATENCY_JOBS; i++)
        begin_job(store, &server->arena, &works[i], i);
    struct crowd crowd = {
        .port = server->port, .path = path_of_job, .context = works, .count = LATENCY_JOBS, .measures_latency = true};
    struct tail tail = {.redis_url = redis_server_url(server->redis), .works = works};
    pthread_t thread;
    crowd_start(&crowd);
    assert_int_equal(pthread_create(&thread, NULL, run_tail, &tail), 0);
    int64_t begin_us = clock_monotonic_us();
    for (int64_t i = 0; i < LATENCY_JOBS * LATENCY_LINES; i++) {
        int64_t due_us = begin_us + i * LINE_PAUSE_MS * 1000 / LATENCY_JOBS;
        while (clock_monotonic_us() < due_us)
            usleep(50);
        write_line(store, &works[i % LATENCY_JOBS]);
    }
    crowd_wait(&crowd.lines, (size_t)LATENCY_JOBS * LATENCY_LINES, "lines were read");
    pthread_join(thread, NULL);
    printf("from a line written to a line read, %d jobs with %d lines a second each:\n", LATENCY_JOBS, 1000 / LINE_PAUSE_MS);
    samples_print(&crowd.latencies_us, "gateway", "us");
    samples_print(&tail.latencies_us, "plain XREAD BLOCK", "us");
    printf("  the gateway's median is %.2f times that of the plain tail\n",
           samples_percentile(&crowd.latencies_us, 50) / samples_percentile(&tail.latencies_us, 50));
    crowd_end(&crowd);
    for (int i = 0; i < LATENCY_JOBS; i++)
        end_job(store, &works[i]);
    samples_release(&crowd.latencies_us);
    samples_release(&tail.latencies_us);
}

/* ---- Beside a slow reader ---- */

/* A client that takes SLOW_BYTES a second, and has room for little more. */
struct slow_reader {
    int socket;
    atomic_bool must_end;
    pthread_t thread;
};

static void *run_slow_reader(void *context) {
    struct slow_reader *slow = context;
    char bytes[SLOW_BYTES];
    while (!atomic_load(&slow->must_end)) {
        if (recv(slow->socket, bytes, sizeof bytes, MSG_DONTWAIT) == 0) break; /* it was told to come back */
        clock_sleep_ms(1000);
    }
    return NULL;
}

static void start_slow_reader(struct slow_reader *slow, int port, const char *path) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char request[300];
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", path), room = SLOW_BYTES;
    slow->socket = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(slow->socket, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    assert_int_equal(connect(slow->socket, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(slow->socket, request, (size_t)length, 0), length);
    assert_int_equal(pthread_create(&slow->thread, NULL, run_slow_reader, slow), 0);
}

static void end_slow_reader(struct slow_reader *slow) {
    atomic_store(&slow->must_end, true);
    pthread_join(slow->thread, NULL);
    close(slow->socket);
}

/* Returns the 99th percentile of the fast readers' latencies, in microseconds. */
static double measure_fast_readers(struct server *server, struct job_store *store, bool has_slow) {
    struct work work;
    struct slow_reader slow = {0};
    struct crowd crowd = {
        .port = server->port, .path = path_of_first, .context = &work, .count = FAST_READERS, .measures_latency = true};
    begin_job(store, &server->arena, &work, LATENCY_JOBS);
    crowd_start(&crowd);
    if (has_slow) start_slow_reader(&slow, server->port, path_of_first(&work, 0));
    for (int i = 0; i < LATENCY_LINES; i++) {
        clock_sleep_ms(LINE_PAUSE_MS);
        write_line(store, &work);
    }
    crowd_wait(&crowd.lines, (size_t)FAST_READERS * LATENCY_LINES, "lines were read");
    if (has_slow) end_slow_reader(&slow);
    crowd_end(&crowd);
    end_job(store, &work);
    double percentile = samples_percentile(&crowd.latencies_us, 99);
    samples_release(&crowd.latencies_us);
    return percentile;
}

static void measure_slow_reader(struct server *server, struct job_store *store) {
    struct samples alone = {0}, beside = {0};
    for (int i = 0; i < SLOW_ROUNDS; i++) {
        samples_add(&alone, measure_fast_readers(server, store, false));
        samples_add(&beside, measure_fast_readers(server, store, true));
    }
    double alone_us = samples_percentile(&alone, 50), beside_us = samples_percentile(&beside, 50);
    printf(
        "%d readers of one job, 99th percentile: alone %.1f ms, beside one of %d bytes a second %.1f ms: %.2f times as long\n",
        FAST_READERS, alone_us / 1000, SLOW_BYTES, beside_us / 1000, beside_us / alone_us);
    samples_release(&alone);
    samples_release(&beside);
}

/* ---- Many readers ---- */

static double memory_kib(const struct child_process *process) {
    char path[64], line[200];
    double kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)process->pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (text_starts_with(line, "VmRSS:")) kib = atof(line + strlen("VmRSS:"));
    if (file) fclose(file);
    return kib;
}

/* Writes LINES lines to each stream, which `count` readers in all get, and prints memory and CPU time. Returns the latter. */
static double measure_crowd(const struct child_process *process, struct crowd *crowd, const char *name,
                            void (*write_to_all)(void *context), void *context) {
    double before_kib = memory_kib(process);
    crowd_start(crowd);
    clock_sleep_ms(500);
    double reader_kib = (memory_kib(process) - before_kib) / (double)crowd->count;
    int64_t before_us = child_cpu_us(process);
    for (int i = 1; i <= LINES; i++) {
        write_to_all(context);
        crowd_wait(&crowd->lines, (size_t)i * crowd->count, "lines were read");
    }
    double lines = (double)LINES * (double)crowd->count;
    double us = (double)(child_cpu_us(process) - before_us) / lines;
    printf("  %-24s %7.2f KiB a reader  %9.2f ms CPU for 1,000 lines delivered\n", name, reader_kib, us);
    crowd_end(crowd);
    clock_sleep_ms(500);
    return us;
}

struct writer {
    struct job_store *store;
    struct work *works;
    size_t count;
};

static void write_to_jobs(void *context) {
    struct writer *writer = context;
    for (size_t i = 0; i < writer->count; i++)
        write_line(writer->store, &writer->works[i]);
}

/* ---- Bare servers ---- */

struct bare {
    struct child_process process;
    struct server *server;
    const char *log;
    int port; /* 0: it cannot run here */
};

static bool has_port(void *context) {
    struct bare *bare = context;
    char *printed = read_file(&bare->server->arena, bare->log);
    bare->port = printed ? atoi(printed) : 0;
    return bare->port != 0;
}

static void start_bare(struct bare *bare, const char *program, const char *argument, const char *name) {
    struct server *server = bare->server;
    bare->log = arena_format(&server->arena, "%s/%s.log", server->folder, name);
    const char *const arguments[] = {program, argument, NULL};
    const char *const environment[] = {arena_format(&server->arena, "PATH=%s", getenv("PATH")), NULL};
    child_start(&bare->process, arguments, environment, server->folder, bare->log);
    if (!wait_until(has_port, bare, PATIENCE_MS)) fail_msg("%s does not start: %s", name, read_file(&server->arena, bare->log));
}

static const char *path_of_bare(void *context, size_t index) {
    (void)context, (void)index;
    return "/";
}

/* Sends an event of the gateway's size and form. */
static void post_event(void *context) {
    struct http_connection *connection = context;
    char event[600];
    snprintf(
        event, sizeof event,
        "id: 1796056132738-7-d0cddc2b\nevent: log\ndata: {\"level\":\"INFO\",\"message\":\"[  7 of  40] Compiling "
        "Data.Module7, a line of ordinary length: %s%lld\",\"jobId\":\"d0cddc2b-f7ec-4a9f-ab5d-f0ea0bd6d24b\",\"timestamp\":"
        "\"2026-07-25T15:11:12.686Z\"}\n\n",
        CROWD_STAMP, (long long)clock_monotonic_us());
    if (!http_connection_send(connection, "POST", "/", event) || !http_connection_receive(connection)) fail_msg("no answer");
}

static double measure_bare(struct bare *bare, size_t readers, const char *name) {
    struct crowd crowd = {.port = bare->port, .path = path_of_bare, .count = readers};
    struct http_connection connection;
    assert_true(http_connection_open(&connection, bare->port, TIMEOUT_MS));
    double us = measure_crowd(&bare->process, &crowd, name, post_event, &connection);
    http_connection_close(&connection);
    return us;
}

static void compare(struct server *server, struct writer *writer, struct bare *h2o, struct bare *node, size_t readers) {
    bool is_of_one = writer->count == 1;
    struct crowd crowd = {
        .port = server->port, .path = is_of_one ? path_of_first : path_of_job, .context = writer->works, .count = readers};
    printf(is_of_one ? "%zu readers of one job, %d lines:\n" : "%zu jobs with a reader each, %d lines:\n", readers, LINES);
    double ours = measure_crowd(&server->children[SERVER_GATEWAY], &crowd, "gateway", write_to_jobs, writer);
    double bare = measure_bare(h2o, readers, "bare h2o");
    double other = node->port ? measure_bare(node, readers, "bare Node") : 0;
    printf("  the gateway takes %.2f times the CPU time of bare h2o", ours / bare);
    if (other > 0) printf(", and %.2f times that of Node", ours / other);
    printf("\n");
}

/* ---- A long log ---- */

static void write_long_log(struct job_store *store, struct work *work, int64_t begin_ms) {
    struct error err;
    for (int from = 0; from < LONG_LINES; from += LONG_BATCH) {
        struct arena arena = {0};
        struct log_line lines[LONG_BATCH];
        for (int i = 0; i < LONG_BATCH; i++)
            lines[i] = (struct log_line){
                .level = LOG_INFO,
                .message = arena_format(&arena,
                                        "[%6d of %6d] Compiling Data.Module%d, a line of ordinary length with a path: "
                                        ".spago/p/package-%d/src/Data/Module%d.purs %s0",
                                        from + i + 1, LONG_LINES, from + i, i, i, CROWD_STAMP),
                .time_ms = begin_ms + from + i,
                .attempt = 1,
                .number = from + i + 1,
            };
        must(log_stream_append(store, &work->lease, lines, LONG_BATCH, 10 * LONG_LINES, INT64_C(1) << 30, &err), &err);
        arena_release(&arena);
    }
}

/* Prints the median time of a request for a part of the log. */
static void measure_window(struct server *server, const struct work *work, const char *name, const char *query) {
    struct samples times = {0};
    for (int i = 0; i < WINDOWS; i++)
        samples_add(&times,
                    1000 * atof(shell_output(&server->arena,
                                             "curl -sS --fail -o /dev/null -w '%%{time_total}' '%s/api/v1/jobs/%s/logs?%s'",
                                             server->url, work->id, query)));
    printf("  %-28s %7.2f ms\n", name, samples_percentile(&times, 50));
    samples_release(&times);
}

static const char *after_line(struct server *server, const struct work *work, int64_t begin_ms, int line) {
    char cursor[LOG_CURSOR_TEXT_MAX];
    log_cursor_print(cursor, &(struct log_cursor){begin_ms + line - 1, line}, work->id);
    return arena_format(&server->arena, "after=%s&limit=%d", cursor, WINDOW);
}

static void measure_parts(struct server *server, const struct work *work, int64_t begin_ms, const char *place) {
    printf("%d lines of a log of %d, %s:\n", WINDOW, LONG_LINES, place);
    measure_window(server, work, "at its start", after_line(server, work, begin_ms, 1));
    measure_window(server, work, "in its middle", after_line(server, work, begin_ms, LONG_LINES / 2));
    measure_window(server, work, "near its end", after_line(server, work, begin_ms, LONG_LINES - WINDOW - 1));
    measure_window(server, work, "the last", arena_format(&server->arena, "tail=%d", WINDOW));
}

static void measure_long_log(struct server *server, struct job_store *store) {
    static const struct job_periods at_once = {-LEASE_MS, -LEASE_MS, -LEASE_MS};
    const struct child_process *gateway = &server->children[SERVER_GATEWAY];
    const char *storage = arena_format(&server->arena, "%s/storage", server->folder);
    struct error err;
    struct work work;
    size_t moved;
    struct crowd crowd = {.port = server->port, .path = path_of_first, .context = &work, .count = 1};
    begin_job(store, &server->arena, &work, LATENCY_JOBS);
    crowd_start(&crowd);
    double before_kib = memory_kib(gateway);
    int64_t begin_ms = clock_now_ms() - LONG_LINES;
    write_long_log(store, &work, begin_ms);
    crowd_wait(&crowd.lines, LONG_LINES, "lines were read");
    printf("a log of %d lines while it is followed: the gateway's memory grows by %.0f KiB\n", LONG_LINES,
           memory_kib(gateway) - before_kib);
    crowd_end(&crowd);
    measure_parts(server, &work, begin_ms, "in Redis");
    end_job(store, &work);
    must(job_retention_move(store, storage, &at_once, 100000, &moved, &err), &err);
    measure_parts(server, &work, begin_ms, "in the archive");
    before_kib = memory_kib(gateway);
    char *rest;
    const char *told = shell_output(&server->arena,
                                    "curl -sSN --fail -o /dev/null -w '%%{time_total} %%{size_download}' "
                                    "'%s/api/v1/jobs/%s/logs?follow=true'",
                                    server->url, work.id);
    double seconds = strtod(told, &rest), bytes = strtod(rest, NULL);
    printf("the whole log from the archive: %.1f MB at %.0f MB/s; the gateway's memory grows by %.0f KiB\n", bytes / 1e6,
           bytes / 1e6 / seconds, memory_kib(gateway) - before_kib);
}

int main(int argument_count, char **arguments) {
    static const char *const settings[] = {"GATEWAY_CONNECTIONS_PER_ADDRESS=100000",
                                           "GATEWAY_REQUESTS_PER_ADDRESS=100000",
                                           "GATEWAY_CONNECTIONS=20000",
                                           "GATEWAY_READERS=100000",
                                           "GATEWAY_READERS_PER_ADDRESS=100000",
                                           NULL};
    size_t readers = crowd_allow(READERS);
    struct server *server = server_start(
        &(struct server_options){.programs = bench_programs(argument_count, arguments), .gateway_settings = settings});
    server_terminate(server, SERVER_PUBLISH); /* the jobs are the benchmark's */
    struct job_store *store;
    struct error err;
    must(job_store_create(&store, redis_server_url(server->redis), TIMEOUT_MS, &err), &err);
    measure_latency(server, store);
    measure_slow_reader(server, store);
    measure_long_log(server, store);

    struct bare h2o = {.server = server}, node = {.server = server};
    start_bare(&h2o, BUILD_DIR "/tests/bare_stream", NULL, "bare");
    if (system("command -v node >/dev/null") == 0) start_bare(&node, "node", SOURCE_DIR "/tests/bench/node_stream.js", "node");
    static struct work works[JOBS];
    begin_job(store, &server->arena, &works[0], LATENCY_JOBS);
    struct writer writer = {.store = store, .works = works, .count = 1};
    compare(server, &writer, &h2o, &node, readers);
    end_job(store, &works[0]);
    for (int i = 0; i < JOBS; i++)
        begin_job(store, &server->arena, &works[i], LATENCY_JOBS + 1 + i);
    writer.count = JOBS;
    compare(server, &writer, &h2o, &node, JOBS);

    child_stop(&h2o.process, SIGKILL, PATIENCE_MS);
    if (node.port) child_stop(&node.process, SIGKILL, PATIENCE_MS);
    job_store_free(store);
    server_stop(server);
    return 0;
}
