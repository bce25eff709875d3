/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How long a publication takes from POST to finished, by its parts, with the real registry's data where it is at hand
 * (../shared/data/make-repos). Every second one depends on the one before. Beside it, after each: one `git push` of one commit
 * to a copy of the registry repository, and one write with fsync, which is the least that a publication could cost.
 *
 *   tests/bench/run publish      (bench_publish [--bin DIR])
 */
#include "tests/support/cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/bench/bench_support.h"
#include "tests/support/server_fixture.h"
#include "tests/support/shell.h"

#define REAL_DATA SOURCE_DIR "/../shared/data/make-repos"

enum { PUBLICATIONS = 30, WARM_UP = 2, PARTS_MAX = 24, FSYNC_BYTES = 4096 };

/* A part of the publication, as the job's log names it: `Timings: fetch=12.3ms …`. */
struct part {
    char name[32];
    struct samples samples;
};

struct bench {
    struct server *server;
    struct part parts[PARTS_MAX];
    struct samples total, without_compile, queue, push, fsync;
};

static struct samples *find_part(struct bench *bench, const char *name) {
    struct part *part = bench->parts;
    while (part->name[0] != '\0' && strcmp(part->name, name) != 0)
        part++;
    assert_true(part < bench->parts + PARTS_MAX - 1);
    snprintf(part->name, sizeof part->name, "%s", name);
    return &part->samples;
}

/* Adds the parts to their samples; returns what running the compiler took. */
static double read_timings(struct bench *bench, const json_t *job, bool counts) {
    double compile_ms = 0;
    size_t i;
    const json_t *line;
    json_array_foreach(json_object_get(job, "logs"), i, line) {
        const char *message = server_job_text(line, "message");
        if (strncmp(message, "Timings:", 8) != 0) continue;
        char *copy = arena_copy(&bench->server->arena, message + 8), *rest = NULL;
        for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
            char name[32];
            double part_ms = 0;
            if (sscanf(word, "%31[^=]=%lfms", name, &part_ms) != 2) continue;
            if (strcmp(name, "compile") == 0 || strcmp(name, "graph") == 0) compile_ms += part_ms;
            if (counts) samples_add(find_part(bench, name), part_ms);
        }
    }
    return compile_ms;
}

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
    double compile_ms = read_timings(bench, job, counts);
    double total_ms = (double)(server_job_time(job, "finishedAt") - posted_ms);
    if (counts) {
        samples_add(&bench->total, total_ms);
        samples_add(&bench->without_compile, total_ms - compile_ms);
        samples_add(&bench->queue, (double)(server_job_time(job, "startedAt") - posted_ms));
    }
    json_decref(job);
}

/* ---- The yardstick ---- */

static void measure_push(struct bench *bench) {
    const char *folder = bench->server->folder;
    shell_run("cd '%s/yardstick' && date +%%s%%N >file && git add file && "
              "git -c user.name=bench -c user.email=bench@example.org commit -q -m bench",
              folder);
    int64_t start_us = clock_monotonic_us();
    shell_run("cd '%s/yardstick' && git push -q origin main 2>&1", folder);
    samples_add(&bench->push, (double)(clock_monotonic_us() - start_us) / 1000);
}

static void measure_fsync(struct bench *bench) {
    static const char block[FSYNC_BYTES] = {1};
    const char *path = arena_format(&bench->server->arena, "%s/fsync", bench->server->folder);
    int64_t start_us = clock_monotonic_us();
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    assert_int_equal(write(file, block, sizeof block), sizeof block);
    assert_int_equal(fsync(file), 0);
    close(file);
    samples_add(&bench->fsync, (double)(clock_monotonic_us() - start_us) / 1000);
}

int main(int argument_count, char **arguments) {
    bool is_real = access(REAL_DATA, X_OK) == 0;
    static struct bench bench;
    bench.server = server_start(&(struct server_options){.programs = bench_programs(argument_count, arguments),
                                                         .make_repositories = is_real ? REAL_DATA : NULL});
    shell_run("cd '%s' && git clone -q --bare registry.git yardstick.git && git clone -q yardstick.git yardstick",
              bench.server->folder);
    for (int i = 0; i < PUBLICATIONS + WARM_UP; i++) {
        publish(&bench, i, i >= WARM_UP);
        measure_push(&bench);
        measure_fsync(&bench);
    }
    server_stop(bench.server);

    printf("%d publications, %s:                          median      99th\n", PUBLICATIONS,
           is_real ? "in the real registry" : "in an empty registry");
    samples_print(&bench.total, "from POST to finished", "ms");
    samples_print(&bench.without_compile, "  without the compiler (graph, compile)", "ms");
    samples_print(&bench.queue, "  queue (from POST to started)", "ms");
    for (struct part *part = bench.parts; part->name[0] != '\0'; part++) {
        char name[48];
        snprintf(name, sizeof name, "  %s", part->name);
        samples_print(&part->samples, name, "ms");
        samples_release(&part->samples);
    }
    samples_print(&bench.push, "yardstick: git push of one commit", "ms");
    samples_print(&bench.fsync, "yardstick: one write with fsync", "ms");
    printf("  without the compiler, it takes %.2f times as long as one git push and one write with fsync\n",
           samples_percentile(&bench.without_compile, 50) /
               (samples_percentile(&bench.push, 50) + samples_percentile(&bench.fsync, 50)));
    struct samples *const all[] = {&bench.total, &bench.without_compile, &bench.queue, &bench.push, &bench.fsync};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        samples_release(all[i]);
    return 0;
}
