/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Speed of the job store, with a redis-server that syncs every write to the disk of /tmp. Prints `key=value`, one on each line;
 * for reading also the CPU time of this process, because a gateway spends the same.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/store/job/log_stream.h"
#include "lib/store/redis/redis.h"
#include "tests/support/server/redis_server.h"

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
    bool runs; /* also claims and ends the jobs that it accepts */
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

/* ---- Matrix jobs: a wave ---- */

enum { BUILDS = 10000, BUILDS_RUN = 3200, BATCH = 16, RENEWALS = 200 };

static const char *const builds_compilers[] = {"0.15.15", "0.15.16"};
static const struct job_ready_filter listed = {.compilers = builds_compilers, .compiler_count = 2, .limit = BATCH};

/* A plan as large as one of the real registry is on average. */
static void append_plan(struct text *out, int packages) {
    text_append_character(out, '{');
    for (int i = 0; i < packages; i++)
        text_append_format(out, "%s\"package-number-%d\":\"%d.0.0\"", i ? "," : "", i, i % 9 + 1);
    text_append_character(out, '}');
}

/* CPU time that Redis has used. */
static int64_t redis_cpu_us(const char *url) {
    struct redis *redis;
    struct redis_reply *reply;
    need(redis_create(&redis, url, TIMEOUT_MS, &err), "connecting", &err);
    need(redis_call(redis, &reply, &err, "INFO cpu"), "INFO", &err);
    const char *sys = strstr(reply->text, "used_cpu_sys:"), *user = strstr(reply->text, "used_cpu_user:");
    double seconds = strtod(sys + strlen("used_cpu_sys:"), NULL) + strtod(user + strlen("used_cpu_user:"), NULL);
    redis_free(redis);
    return (int64_t)(seconds * 1e6);
}

struct measure {
    const char *url;
    int64_t begun_us, cpu, redis_cpu;
};

static struct measure begin_measure(const char *url) {
    struct measure measure = {.url = url, .redis_cpu = redis_cpu_us(url)};
    measure.cpu = cpu_us();
    measure.begun_us = clock_monotonic_us();
    return measure;
}

static void end_measure(const struct measure *measure, const char *what, int count) {
    print_reads(what, count, clock_monotonic_us() - measure->begun_us, cpu_us() - measure->cpu);
    printf("%s_redis_cpu_us=%.1f\n", what, (double)(redis_cpu_us(measure->url) - measure->redis_cpu) / count);
}

static void accept_builds(struct job_store *store, const char *url, const char *plan) {
    struct measure measure = begin_measure(url);
    for (int i = 0; i < BUILDS; i++) {
        char package[32];
        snprintf(package, sizeof package, "package-%d", i);
        struct job_request request = {.kind = JOB_KIND_MATRIX,
                                      .payload = plan,
                                      .package = package,
                                      .version = "1.0.0",
                                      .compiler = builds_compilers[i % 2],
                                      .purpose = (enum matrix_purpose)(1 + i % (MATRIX_PURPOSE_COUNT - 1))};
        struct job_accepted accepted;
        hash_random_uuid(request.id);
        need(job_store_accept(store, &request, NULL, &accepted, &err), "accept", &err);
    }
    end_measure(&measure, "matrix_accept", BUILDS);
}

/* A worker asks and gets its batch; its results are stored and then end the jobs. Returns the number of jobs. */
static int run_batch(struct job_store *store, struct arena *arena) {
    struct job *ready, jobs[BATCH];
    struct lease leases[BATCH];
    const char *ids[BATCH];
    size_t count, claimed;
    static const char found[] =
        "{\"verdict\":\"succeeded\",\"result\":{\"compiled\":12,\"reused\":225,\"own\":12,\"compilerMs\":"
        "1234,\"ownMs\":12,\"batch\":16,\"errors\":[]}}";
    const struct job_end end = {.success = true, .verdict = "succeeded", .result = found, .event = "{\"event\":\"built\"}"};
    need(job_store_list_ready(store, &listed, arena, &ready, &count, &err), "list ready", &err);
    for (size_t i = 0; i < count; i++)
        ids[i] = ready[i].id;
    need(job_store_claim_some(store, &(struct job_claim){.ids = ids, .count = count, .runner = "bench", .lease_ms = LEASE_MS},
                              arena, leases, jobs, &claimed, &err),
         "claim", &err);
    for (size_t i = 0; i < claimed; i++) {
        need(job_store_record(store, &leases[i], found, &err), "record", &err);
        need(job_store_finish(store, &leases[i], &end, &err), "finish", &err);
    }
    return (int)claimed;
}

static void measure_renewals(struct job_store *store, const char *url) {
    struct arena arena = {0};
    struct job *ready, jobs[BATCH];
    struct lease leases[BATCH];
    const char *ids[BATCH];
    size_t count, claimed;
    bool is_held[BATCH];
    need(job_store_list_ready(store, &listed, &arena, &ready, &count, &err), "list ready", &err);
    for (size_t i = 0; i < count; i++)
        ids[i] = ready[i].id;
    need(job_store_claim_some(store, &(struct job_claim){.ids = ids, .count = count, .runner = "bench", .lease_ms = LEASE_MS},
                              &arena, leases, jobs, &claimed, &err),
         "claim", &err);
    struct measure measure = begin_measure(url);
    for (int i = 0; i < RENEWALS; i++)
        need(job_store_renew_some(store, leases, claimed, LEASE_MS, is_held, &err), "renew", &err);
    end_measure(&measure, "matrix_renew_16", RENEWALS);
    arena_release(&arena);
}

static void measure_wave(struct job_store *store, const char *url) {
    struct text plan = {0};
    struct arena arena = {0};
    int done = 0;
    append_plan(&plan, 40);
    accept_builds(store, url, plan.bytes);
    struct measure measure = begin_measure(url);
    while (done < BUILDS_RUN) {
        done += run_batch(store, &arena);
        arena_release(&arena);
    }
    end_measure(&measure, "matrix_claim_record_finish", done);
    measure_renewals(store, url);
    text_release(&plan);
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
    measure_wave(store, redis_server_url(server));
    job_store_free(store);
    redis_server_stop(server);
    return 0;
}
