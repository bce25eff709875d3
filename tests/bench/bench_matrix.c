/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Waiting times caused by the build matrix, with the real programs (and the stand-in compiler):
 *   - from a publication's end to the first start of a build that follows from it, by the jobs' own times
 *   - publications while a new compiler's wave goes through a generated registry (tests/support/generated_registry.h),
 *     compared with the same publications on a server without other builds. Workers and services share this machine, so the
 *     wave's compilers slow down the rest
 *
 *   tests/bench/run matrix       (bench_matrix [--bin DIR])
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/store/job/job_store.h"
#include "tests/bench/bench_support.h"
#include "tests/bench/bench_yardstick.h"
#include "tests/support/server/server_fixture.h"

enum { PUBLICATIONS = 30, WARM_UP = 2, DURING_WAVE = 10, POLL_US = 2000, WORKERS = 2, WAVE_JOBS_LEAST = 50 };

/* Milliseconds from POST to the job's end. */
static double publish(struct server *server, const char *name, int64_t *finished_ms) {
    const struct package package = {.name = name, .version = "1.0.0"};
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &package);
    int64_t posted_ms = clock_now_ms();
    json_t *job = server_wait_for_job(server, server_publish(server, package_request(&server->arena, &package)).id);
    if (!json_is_true(json_object_get(job, "success"))) fail_msg("%s", server_log_text(server, job));
    *finished_ms = server_job_time(job, "finishedAt");
    json_decref(job);
    return (double)(*finished_ms - posted_ms);
}

/* ---- From a publication's end to the first build's start ---- */

/* When the first matrix job of that package started. */
static int64_t wait_for_first_build(struct server *server, const char *name) {
    const char *path = arena_format(&server->arena, "/api/v1/jobs?kinds=matrix&include_completed=true&package=%s", name);
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; clock_monotonic_ms() < until_ms; usleep(POLL_US)) {
        json_t *jobs = server_get(server, path);
        const json_t *first = json_array_get(jobs, 0);
        int64_t started_ms = first && *server_job_text(first, "startedAt") ? server_job_time(first, "startedAt") : 0;
        json_decref(jobs);
        if (started_ms) return started_ms;
    }
    fail_msg("no build of %s has started", name);
    return 0;
}

static void measure_start(const char *programs, struct samples *start, struct yardstick *yardstick) {
    struct server *server = server_start(&(struct server_options){.programs = programs, .workers = 1});
    yardstick_prepare(server);
    for (int i = 0; i < PUBLICATIONS + WARM_UP; i++) {
        const char *name = arena_format(&server->arena, "first-%d", i);
        int64_t finished_ms;
        publish(server, name, &finished_ms);
        double took_ms = (double)(wait_for_first_build(server, name) - finished_ms);
        if (i >= WARM_UP) samples_add(start, took_ms);
        yardstick_measure_push(yardstick, server);
        yardstick_measure_fsync(yardstick, server);
    }
    server_stop(server);
}

/* ---- During a wave ---- */

static int64_t builds_left(struct server *server) {
    struct job_store *store;
    struct job_counts counts;
    struct error err;
    if (job_store_create(&store, redis_server_url(server->redis), PATIENCE_MS, &err) || job_store_count(store, &counts, &err))
        fail_msg("%s", err.message);
    job_store_free(store);
    return counts.pending[JOB_KIND_MATRIX] + counts.running[JOB_KIND_MATRIX];
}

/* Publishes some packages; with `has_wave`, during a wave: between its first and its last build. */
static void measure_publications(const char *programs, const char *compilers, bool has_wave, struct samples *out) {
    struct server *server = server_start(&(struct server_options){.programs = programs,
                                                                  .workers = WORKERS,
                                                                  .compilers = compilers,
                                                                  .make_repositories = BUILD_DIR "/bin/generate-registry"});
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; has_wave && builds_left(server) < WAVE_JOBS_LEAST;
         usleep(POLL_US))
        if (clock_monotonic_ms() >= until_ms) fail_msg("the wave does not begin");
    for (int i = 0; i < DURING_WAVE + WARM_UP; i++) {
        int64_t finished_ms;
        double took_ms = publish(server, arena_format(&server->arena, "meanwhile-%d", i), &finished_ms);
        if (i >= WARM_UP) samples_add(out, took_ms);
    }
    if (has_wave && builds_left(server) == 0) fail_msg("the wave was over before the publications were");
    server_stop(server);
}

int main(int argument_count, char **arguments) {
    const char *programs = bench_programs(argument_count, arguments);
    struct samples start = {0}, alone = {0}, meanwhile = {0};
    struct yardstick yardstick = {0};
    measure_start(programs, &start, &yardstick);
    measure_publications(programs, "0_15_14 0_15_15", false, &alone);
    measure_publications(programs, "0_15_15 0_16_0", true, &meanwhile);

    printf("%d publications one after the other:              median      99th\n", PUBLICATIONS);
    samples_print(&start, "from its end to its first build's start", "ms");
    yardstick_print(&yardstick);
    printf("  that takes %.1f times as long as one git push\n",
           samples_percentile(&start, 50) / samples_percentile(&yardstick.push, 50));
    printf("%d publications, from POST to finished:           median      99th\n", DURING_WAVE);
    samples_print(&alone, "with nothing else to build", "ms");
    samples_print(&meanwhile, "during a wave", "ms");
    printf("  a wave makes them take %.2f times as long\n",
           samples_percentile(&meanwhile, 50) / samples_percentile(&alone, 50));
    samples_release(&start);
    samples_release(&alone);
    samples_release(&meanwhile);
    yardstick_release(&yardstick);
    return 0;
}
