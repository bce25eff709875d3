/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How fast jobs are kept, with a redis-server that syncs every write to the disk of /tmp. Prints `key=value`,
 * one a line; reading is given as CPU time of this process, too, since that is what a gateway pays.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/store/log_stream.h"
#include "tests/support/redis_server.h"

enum { TIMEOUT_MS = 5000, LEASE_MS = 30000, DURATION_MS = 2000, LINES = 100 };

static struct error err;

static void need(enum status status, const char *what, const struct error *why) {
    if (status == STATUS_OK) return;
    fprintf(stderr, "%s: %s\n", what, why->message);
    exit(1);
}

static int64_t cpu_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void print_reads(const char *what, int count, int64_t took_us, int64_t cpu) {
    printf("%s_us=%.1f\n", what, (double)took_us / count);
    printf("%s_cpu_us=%.1f\n", what, (double)cpu / count);
}

struct load {
    const char *url;
    int number;
    bool runs; /* claims and ends what it accepts, too */
    int done;
};

static void *make_jobs(void *context) {
    struct load *load = context;
    struct job_store *store;
    struct error why;
    struct arena arena = {0};
    char package[32];
    need(job_store_create(&store, load->url, TIMEOUT_MS, &why), "connecting", &why);
    snprintf(package, sizeof package, "package-%d", load->number);
    int64_t until_ms = clock_monotonic_ms() + DURATION_MS;
    for (; clock_monotonic_ms() < until_ms; load->done++) {
        struct job_request request = {.kind = JOB_KIND_PUBLISH,
                                      .payload = "{\"name\":\"package\",\"ref\":\"v1.0.0\",\"version\":\"1.0.0\"}",
                                      .package = package,
                                      .version = "1.0.0",
                                      .actor = "anonymous"};
        struct job_accepted accepted;
        struct lease lease;
        struct job job;
        const struct job_end end = {.success = true, .documentation = "published", .event = "{}"};
        hash_random_uuid(request.id);
        request.duplicate_key = request.id;
        need(job_store_accept(store, &request, NULL, &accepted, &why), "accept", &why);
        if (!load->runs) continue;
        need(job_store_claim(store, accepted.id, "bench", LEASE_MS, &arena, &lease, &job, &why), "claim", &why);
        need(job_store_finish(store, &lease, &end, &why), "finish", &why);
        arena_release(&arena);
    }
    job_store_free(store);
    return NULL;
}

static void measure_jobs(const char *url, int threads, bool runs) {
    pthread_t ids[16];
    struct load loads[16];
    int done = 0;
    int64_t begun_ms = clock_monotonic_ms(), cpu = cpu_us();
    for (int i = 0; i < threads; i++) {
        loads[i] = (struct load){.url = url, .number = runs ? i : 100 + i, .runs = runs};
        pthread_create(&ids[i], NULL, make_jobs, &loads[i]);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        done += loads[i].done;
    }
    const char *what = runs ? "accept_claim_finish" : "accept";
    printf("%s_%d_threads_per_s=%.0f\n", what, threads, done * 1000.0 / (double)(clock_monotonic_ms() - begun_ms));
    printf("%s_%d_threads_cpu_us=%.0f\n", what, threads, (double)(cpu_us() - cpu) / done);
}

static struct lease running_job(struct job_store *store, struct arena *arena) {
    struct job_request request = {.kind = JOB_KIND_PACKAGE_SET, .payload = "{}"};
    struct job_accepted accepted;
    struct lease lease;
    struct job job;
    hash_random_uuid(request.id);
    need(job_store_accept(store, &request, NULL, &accepted, &err), "accept", &err);
    need(job_store_claim(store, accepted.id, "bench", LEASE_MS, arena, &lease, &job, &err), "claim", &err);
    return lease;
}

static void measure_log(struct job_store *store) {
    struct arena arena = {0};
    struct lease lease = running_job(store, &arena);
    struct log_line lines[LINES];
    enum { BATCHES = 300, READS = 5000 };
    int64_t begun_us = clock_monotonic_us();
    for (int batch = 0; batch < BATCHES; batch++) {
        for (int i = 0; i < LINES; i++)
            lines[i] = (struct log_line){
                .level = LOG_INFO,
                .message = "[ 12 of 345] Compiling Data.Something.Or.Other, as a compiler says it, in all its"
                           " length and with some more words to make it two hundred bytes as most of them are",
                .time_ms = clock_now_ms(),
                .attempt = 1,
                .number = batch * LINES + i + 1};
        need(log_stream_append(store, &lease, lines, LINES, 1000000, 1000000000, &err), "append", &err);
    }
    int64_t took_us = clock_monotonic_us() - begun_us;
    printf("append_100_lines_us=%.0f\n", (double)took_us / BATCHES);

    struct log_query query = {.level = LOG_INFO, .limit = LINES};
    struct job job;
    struct log_lines log;
    int64_t cpu = cpu_us();
    begun_us = clock_monotonic_us();
    for (int i = 0; i < READS; i++) {
        need(log_stream_read(store, lease.job_id, &query, &arena, &log, &err), "read", &err);
        arena_release(&arena);
    }
    print_reads("read_100_lines", READS, clock_monotonic_us() - begun_us, cpu_us() - cpu);
    cpu = cpu_us();
    begun_us = clock_monotonic_us();
    for (int i = 0; i < READS; i++) {
        need(job_store_get(store, lease.job_id, &arena, &job, &err), "get", &err);
        arena_release(&arena);
    }
    print_reads("get_job", READS, clock_monotonic_us() - begun_us, cpu_us() - cpu);
}

static void measure_list(struct job_store *store) {
    enum { READS = 500 };
    struct arena arena = {0};
    struct job_list jobs;
    const struct job_filter filter = {.include_finished = true, .descending = true, .limit = 100};
    int64_t cpu = cpu_us(), begun_us = clock_monotonic_us();
    for (int i = 0; i < READS; i++) {
        need(job_store_list(store, &filter, &arena, &jobs, &err), "list", &err);
        arena_release(&arena);
    }
    print_reads("list_100_jobs", READS, clock_monotonic_us() - begun_us, cpu_us() - cpu);
}

int main(void) {
    struct redis_server *server = redis_server_start();
    struct job_store *store;
    need(job_store_create(&store, redis_server_url(server), TIMEOUT_MS, &err), "connecting", &err);
    measure_jobs(redis_server_url(server), 1, false);
    measure_jobs(redis_server_url(server), 16, false);
    measure_jobs(redis_server_url(server), 1, true);
    measure_jobs(redis_server_url(server), 16, true);
    measure_log(store);
    measure_list(store);
    job_store_free(store);
    redis_server_stop(server);
    return 0;
}
