/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A log of 200,000 lines, in Redis and in the archive: windows of 500 lines at its start, in its middle and at its end, as the routes
 * read them, and the whole log in windows of 10,000. Beside them in the same run: the bare XRANGE of the same window, and `zcat` of
 * the same file; and the memory that moving the job took.
 *
 *   tests/bench/run logs
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/folder.h"
#include "lib/store/job/job_archive.h"
#include "lib/store/job/job_retention.h"
#include "lib/store/job/log_stream.h"
#include "lib/store/redis/redis.h"
#include "tests/bench/bench_support.h"
#include "tests/support/server/redis_server.h"

enum { LINES = 200000, BATCH = 500, WINDOW = 500, ROUNDS = 30, TIMEOUT_MS = 60000, HOUR_MS = 3600000, LARGE_WINDOW = 10000 };

static struct error err;
static char folder[] = "/tmp/registry-bench-logs-XXXXXX";

static void need(enum status status, const char *what) {
    if (status == STATUS_OK) return;
    fprintf(stderr, "%s: %s\n", what, err.message);
    exit(1);
}

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static long peak_kb(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* The processor's time of this process, or of the commands that it has run. */
static double cpu_ms(int who) {
    struct rusage usage;
    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* ---- The log ---- */

static struct lease make_job(struct job_store *store, struct arena *arena) {
    struct job_request request = {
        .kind = JOB_KIND_PUBLISH, .payload = "{}", .package = "long", .version = "1.0.0", .actor = "anonymous"};
    struct job_accepted accepted;
    struct lease lease;
    struct job job;
    hash_random_uuid(request.id);
    need(job_store_accept(store, &request, NULL, &accepted, &err), "accept");
    need(job_store_claim(store, request.id, "bench", HOUR_MS, arena, &lease, &job, &err), "claim");
    return lease;
}

static void write_log(struct job_store *store, const struct lease *lease) {
    for (int from = 0; from < LINES; from += BATCH) {
        struct arena arena = {0};
        struct log_line lines[BATCH];
        for (int i = 0; i < BATCH; i++)
            lines[i] = (struct log_line){
                .level = LOG_INFO,
                .message =
                    arena_format(&arena,
                                 "[%6d of %6d] Compiling Data.\"Quoted\".Module%d: a line of ordinary length, such as the "
                                 "compiler or the publish service write, with a path "
                                 ".spago/p/package-%d/src/Data/Module%d.purs:%d:%d",
                                 from + i + 1, LINES, from + i, i, i, i % 97, i % 80),
                .attempt = 1,
                .number = from + i + 1,
            };
        need(log_stream_append(store, lease, lines, BATCH, 10 * LINES, INT64_C(1) << 30, &err), "append");
        arena_release(&arena);
    }
}

/* ---- Reading ---- */

/* Where the log is: in Redis, or in storage. */
struct place {
    const char *name;
    struct job_store *store;
    const char *id;
};

static size_t read_window(const struct place *place, const struct log_query *query, struct log_cursor *last, double *bytes) {
    struct arena arena = {0};
    struct job job;
    struct log_lines lines;
    need(job_retention_read(place->store, folder, place->id, query, &arena, &job, &lines, &err), "read");
    for (size_t i = 0; bytes && i < lines.count; i++)
        *bytes += (double)strlen(lines.lines[i].message);
    if (last && lines.count)
        *last = (struct log_cursor){lines.lines[lines.count - 1].time_ms, lines.lines[lines.count - 1].ordinal};
    arena_release(&arena);
    return lines.count;
}

static double time_window(const struct place *place, const struct log_query *query) {
    struct samples samples = {0};
    for (int i = 0; i < ROUNDS; i++) {
        double begun_ms = now_ms();
        if (read_window(place, query, NULL, NULL) != WINDOW) exit(1);
        samples_add(&samples, now_ms() - begun_ms);
    }
    double median = samples_percentile(&samples, 50);
    samples_release(&samples);
    return median;
}

/* The cursor of the line with this number: the log has no gaps, and its times are those of a burst. */
static struct log_cursor cursor_at(const struct place *place, int64_t ordinal, int64_t first_ms) {
    struct log_cursor cursor = {0};
    const struct log_query query = {.level = LOG_DEBUG, .since_ms = first_ms + ordinal - 1, .limit = 1};
    read_window(place, &query, &cursor, NULL);
    return cursor;
}

static void print_windows(const struct place *place, int64_t first_ms) {
    static const struct {
        const char *name;
        int64_t after;
    } windows[] = {{"at its start", 1}, {"in its middle", LINES / 2}, {"near its end", LINES - WINDOW - 1}};
    double first = 0;
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        const struct log_query query = {
            .level = LOG_DEBUG, .limit = WINDOW, .after = cursor_at(place, windows[i].after, first_ms)};
        double took_ms = time_window(place, &query);
        if (i == 0) first = took_ms;
        printf("%s: %d lines %-14s %8.2f ms  %5.2f times as long as at its start\n", place->name, WINDOW, windows[i].name,
               took_ms, took_ms / first);
    }
    const struct log_query last = {.level = LOG_DEBUG, .limit = WINDOW, .takes_last = true};
    double took_ms = time_window(place, &last);
    printf("%s: the last %d lines     %8.2f ms  %5.2f times as long as at its start\n", place->name, WINDOW, took_ms,
           took_ms / first);
}

/* Returns MB of messages in a second of the processor's time, which others on the machine do not change. */
static double read_whole(const struct place *place) {
    struct log_query query = {.level = LOG_DEBUG, .limit = LARGE_WINDOW};
    double bytes = 0, begun_ms = now_ms(), before_ms = cpu_ms(RUSAGE_SELF);
    size_t count = 0;
    for (size_t more; (more = read_window(place, &query, &query.after, &bytes)) > 0;)
        count += more;
    double took_ms = now_ms() - begun_ms, rate = bytes / 1000 / (cpu_ms(RUSAGE_SELF) - before_ms);
    if (count != LINES) exit(1);
    printf("%s: all %zu lines, %.1f MB, at %.0f MB/s; %.0f MB in a second of CPU time\n", place->name, count, bytes / 1e6,
           bytes / 1000 / took_ms, rate);
    return rate;
}

static void print_bare_read(struct redis *redis, const char *id) {
    struct samples samples = {0};
    for (int i = 0; i < ROUNDS; i++) {
        struct redis_reply *reply;
        double begun_ms = now_ms();
        need(redis_call(redis, &reply, &err, "XREVRANGE job:%s:log + - COUNT %d", id, WINDOW), "XREVRANGE");
        samples_add(&samples, now_ms() - begun_ms);
    }
    printf("Redis: bare XREVRANGE of them  %8.2f ms\n", samples_percentile(&samples, 50));
    samples_release(&samples);
}

/* ---- The archive ---- */

static void move_job(struct job_store *store) {
    const struct job_periods at_once = {-HOUR_MS, -HOUR_MS, -HOUR_MS};
    size_t moved;
    long before_kb = peak_kb();
    double begun_ms = now_ms();
    need(job_retention_move(store, folder, &at_once, 1, &moved, &err), "move");
    if (moved != 1) exit(1);
    printf("moving to storage, with the comparison: %.1f s; the peak of memory grew by %.1f MB\n", (now_ms() - begun_ms) / 1000,
           (double)(peak_kb() - before_kb) / 1000);
}

static void compare_with_zcat(const char *id, double rate) {
    char command[256];
    snprintf(command, sizeof command, "zcat %s/_jobs/%.2s/%s.json.gz | wc -c >%s/size", folder, id, id, folder);
    double before_ms = cpu_ms(RUSAGE_CHILDREN);
    if (system(command) != 0) exit(1);
    double took_ms = cpu_ms(RUSAGE_CHILDREN) - before_ms;
    struct text size = {0};
    snprintf(command, sizeof command, "%s/size", folder);
    need(file_read(command, 100, &size, &err), "size");
    double zcat = strtod(text_view(&size), NULL) / 1000 / took_ms;
    printf("zcat of the same file: %.0f MB of JSON in a second of CPU time; reading takes %.2f times as much for a byte of a "
           "message\n",
           zcat, zcat / rate);
    text_release(&size);
}

int main(void) {
    struct redis_server *server = redis_server_start();
    struct job_store *store;
    struct redis *redis;
    struct arena arena = {0};
    if (!mkdtemp(folder)) exit(1);
    need(job_store_create(&store, redis_server_url(server), TIMEOUT_MS, &err), "connecting");
    need(redis_create(&redis, redis_server_url(server), TIMEOUT_MS, &err), "connecting");
    const struct lease lease = make_job(store, &arena);
    write_log(store, &lease);
    struct place place = {"Redis", store, lease.job_id};
    struct log_cursor first;
    read_window(&place, &(struct log_query){.level = LOG_DEBUG, .limit = 1}, &first, NULL);
    print_windows(&place, first.time_ms);
    print_bare_read(redis, lease.job_id);
    read_whole(&place);
    need(job_store_finish(store, &lease, &(struct job_end){.success = true}, &err), "finish");
    move_job(store);
    place.name = "archive";
    print_windows(&place, first.time_ms);
    compare_with_zcat(lease.job_id, read_whole(&place));
    redis_free(redis);
    job_store_free(store);
    redis_server_stop(server);
    arena_release(&arena);
    folder_remove(folder);
    return 0;
}
