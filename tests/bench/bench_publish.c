/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How long a publication takes from POST to finished, by its parts, with the real registry's data if it is available
 * (../shared/data/make-repos). Every second one depends on the one before. For comparison, after each: one `git push` of one
 * commit to a copy of the registry repository, and one write with fsync, which is the minimal cost of a publication.
 *
 *   tests/bench/run publish      (bench_publish [--bin DIR])
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/bench/bench_parts.h"
#include "tests/bench/bench_yardstick.h"

#define REAL_DATA SOURCE_DIR "/../shared/data/make-repos"

enum { PUBLICATIONS = 30, WARM_UP = 2 };

struct bench {
    struct server *server;
    struct parts parts;
    struct samples total, without_compile, queue;
    struct yardstick yardstick;
};

static void publish(struct bench *bench, int number, bool counts) {
    struct server *server = bench->server;
    struct package package = {.name = arena_format(&server->arena, "bench-%d", number), .version = "1.0.0"};
    if (number % 2 == 1)
        package.dependencies[0] =
            (struct package_dependency){arena_format(&server->arena, "bench-%d", number - 1), ">=1.0.0 <2.0.0"};
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &package);

    int64_t posted_ms = clock_now_ms();
    json_t *job = server_wait_for_job(server, server_publish(server, package_request(&server->arena, &package)).id);
    if (!json_is_true(json_object_get(job, "success"))) fail_msg("%s", server_log_text(server, job));
    double compile_ms = parts_of_job(server, job, "graph") + parts_of_job(server, job, "compile");
    double total_ms = (double)(server_job_time(job, "finishedAt") - posted_ms);
    if (counts) {
        parts_read(&bench->parts, server, job);
        samples_add(&bench->total, total_ms);
        samples_add(&bench->without_compile, total_ms - compile_ms);
        samples_add(&bench->queue, (double)(server_job_time(job, "startedAt") - posted_ms));
    }
    json_decref(job);
}

int main(int argument_count, char **arguments) {
    bool is_real = access(REAL_DATA, X_OK) == 0;
    static struct bench bench;
    bench.server = server_start(&(struct server_options){.programs = bench_programs(argument_count, arguments),
                                                         .make_repositories = is_real ? REAL_DATA : NULL});
    yardstick_prepare(bench.server);
    for (int i = 0; i < PUBLICATIONS + WARM_UP; i++) {
        publish(&bench, i, i >= WARM_UP);
        yardstick_measure_push(&bench.yardstick, bench.server);
        yardstick_measure_fsync(&bench.yardstick, bench.server);
    }
    server_stop(bench.server);

    printf("%d publications, %s:                          median      99th\n", PUBLICATIONS,
           is_real ? "in the real registry" : "in an empty registry");
    samples_print(&bench.total, "from POST to finished", "ms");
    samples_print(&bench.without_compile, "  without the compiler (graph, compile)", "ms");
    samples_print(&bench.queue, "  queue (from POST to started)", "ms");
    parts_print(&bench.parts);
    yardstick_print(&bench.yardstick);
    printf("  without the compiler, it takes %.2f times as long as one git push and one write with fsync\n",
           samples_percentile(&bench.without_compile, 50) /
               (samples_percentile(&bench.yardstick.push, 50) + samples_percentile(&bench.yardstick.fsync, 50)));
    parts_release(&bench.parts);
    yardstick_release(&bench.yardstick);
    samples_release(&bench.total);
    samples_release(&bench.without_compile);
    samples_release(&bench.queue);
    return 0;
}
