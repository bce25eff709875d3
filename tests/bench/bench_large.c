/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How long the publication of a large package takes, by its parts, and how much of that is the server's own work: 100 modules,
 * 60 dependencies of five modules each. The source and both repositories are reached by git over http. Not counted as the
 * server's own are the compiler's time, from its start to its end in the job's log, and the time in which `git http-backend`
 * works on a request; receiving its answers is counted. So is storage, which is a folder.
 *
 *   tests/bench/run large      (bench_large [--bin DIR])
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "tests/bench/bench_parts.h"
#include "tests/bench/bench_yardstick.h"
#include "tests/support/git/git_server.h"

enum { PUBLICATIONS = 10, MODULES = 100, DEPENDENCIES = 60, DEPENDENCY_MODULES = 5, DEPENDENCIES_OF_EACH = 3 };

/* Some kilobytes of code, different in each module: only the stand-in compiler ignores it. */
#define BODY                                                                                                                   \
    "awk -v seed=%d 'BEGIN { srand(seed); for (i = 0; i < 40; i++) { number = int(rand() * 1e9); "                             \
    "print \"-- | What value\" number \" is, in a sentence that takes its time.\\nvalue\" number \" :: Int -> Int\\nvalue\" "  \
    "number "                                                                                                                  \
    "\" x = x * \" int(rand() * 1e6) \" + \" i \"\\n\" } }'"

/* The modules `PREFIX.M0` …, each of which imports the one before and one of the next dependency. */
static char *module_script(struct arena *arena, const char *prefix, int count, int dependency_count, int first_dependency) {
    struct text script = {0};
    text_append(&script, "rm src/Main.purs; ");
    for (int i = 0; i < count; i++) {
        text_append_format(&script, "{ echo 'module %s.M%d where'; echo; ", prefix, i);
        if (i > 0) text_append_format(&script, "echo 'import %s.M%d'; ", prefix, i - 1);
        if (dependency_count > 0)
            text_append_format(&script, "echo 'import Dependency%d.M%d'; ", first_dependency + i % dependency_count,
                               i % DEPENDENCY_MODULES);
        text_append_format(&script, BODY "; } >src/M%d.purs; ", first_dependency * DEPENDENCY_MODULES + i, i);
    }
    char *copy = arena_copy(arena, text_view(&script));
    text_release(&script);
    return copy;
}

static char *manifest(struct arena *arena, const struct package *package, int dependency_count, int first_dependency) {
    struct text out = {0};
    text_append_format(&out,
                       "{\"name\": \"%s\", \"version\": \"%s\", \"license\": \"" PACKAGE_LICENSE "\", \"location\": "
                       "{\"githubOwner\": \"" PACKAGE_OWNER "\", \"githubRepo\": \"purescript-%s\"}, \"dependencies\": {",
                       package->name, package->version, package->name);
    for (int i = 0; i < dependency_count; i++)
        text_append_format(&out, "%s\"dependency-%d\": \">=1.0.0 <2.0.0\"", i > 0 ? ", " : "", first_dependency + i);
    text_append_format(&out, "}, \"ref\": \"v%s\"}\n", package->version);
    char *copy = arena_copy(arena, text_view(&out));
    text_release(&out);
    return copy;
}

static void push_dependency(struct server *server, int number) {
    struct arena *arena = &server->arena;
    int count = number < DEPENDENCIES_OF_EACH ? number : DEPENDENCIES_OF_EACH;
    struct package package = {.name = arena_format(arena, "dependency-%d", number), .version = "1.0.0"};
    package.script =
        module_script(arena, arena_format(arena, "Dependency%d", number), DEPENDENCY_MODULES, count, number - count);
    package.files[0] = (struct package_file){"purs.json", manifest(arena, &package, count, number - count)};
    server_expect_published(server, &package);
}

struct bench {
    struct server *server;
    struct parts parts, first_parts;
    struct samples total, compiler, remote, own, rest;
    double first_own_ms; /* first run: dependencies not unpacked yet, license not known */
    struct yardstick yardstick;
};

static void publish_large(struct bench *bench, int number) {
    struct server *server = bench->server;
    struct arena *arena = &server->arena;
    struct package package = {.name = "large", .version = arena_format(arena, "1.0.%d", number)};
    package.script = module_script(arena, "Large", MODULES, DEPENDENCIES, 0);
    package.files[0] = (struct package_file){"purs.json", manifest(arena, &package, DEPENDENCIES, 0)};
    package_push(arena_format(arena, "%s/sources", server->folder), &package);

    int64_t posted_ms = clock_now_ms(), remote_us = git_server_worked_us(server->git);
    json_t *job = server_wait_for_job(server, server_publish(server, package_request(arena, &package)).id);
    if (!json_is_true(json_object_get(job, "success"))) fail_msg("%s", server_log_text(server, job));
    double total_ms = (double)(server_job_time(job, "finishedAt") - posted_ms);
    double queue_ms = (double)(server_job_time(job, "startedAt") - posted_ms);
    double remote_ms = (double)(git_server_worked_us(server->git) - remote_us) / 1000;
    double compiler_ms = parts_compiler_of_job(server, job);
    if (number == 0) {
        bench->first_own_ms = total_ms - compiler_ms - remote_ms;
        parts_read(&bench->first_parts, server, job);
    } else {
        samples_add(parts_find(&bench->parts, "queue"), queue_ms);
        parts_read(&bench->parts, server, job);
        samples_add(&bench->rest, total_ms - queue_ms - parts_sum_of_job(server, job));
        samples_add(&bench->total, total_ms);
        samples_add(&bench->compiler, compiler_ms);
        samples_add(&bench->remote, remote_ms);
        samples_add(&bench->own, total_ms - compiler_ms - remote_ms);
    }
    json_decref(job);
}

int main(int argument_count, char **arguments) {
    static struct bench bench;
    bench.server =
        server_start(&(struct server_options){.programs = bench_programs(argument_count, arguments), .has_git_server = true});
    for (int i = 0; i < DEPENDENCIES; i++)
        push_dependency(bench.server, i);
    server_terminate(bench.server, SERVER_PUBLISH); /* so that its caches are empty */
    server_start_program(bench.server, SERVER_PUBLISH);
    server_wait_until_ready(bench.server);
    yardstick_prepare(bench.server);
    for (int i = 0; i <= PUBLICATIONS; i++) {
        publish_large(&bench, i);
        yardstick_measure_push(&bench.yardstick, bench.server);
        yardstick_measure_fsync(&bench.yardstick, bench.server);
        yardstick_measure_sha256(&bench.yardstick);
    }
    server_stop(bench.server);

    printf("%d publications, %d modules, %d dependencies:           median      99th\n", PUBLICATIONS, MODULES, DEPENDENCIES);
    samples_print(&bench.total, "from POST to finished", "ms");
    parts_print(&bench.parts);
    samples_print(&bench.rest, "  end", "ms");
    samples_print(&bench.compiler, "the compiler's part", "ms");
    samples_print(&bench.remote, "the git server's part", "ms");
    samples_print(&bench.own, "the server's own part: all the rest", "ms");
    printf("  %-38s %9.2f           ms\n", "the same of the first: nothing known yet", bench.first_own_ms);
    parts_print(&bench.first_parts);
    yardstick_print(&bench.yardstick);
    parts_release(&bench.parts);
    parts_release(&bench.first_parts);
    yardstick_release(&bench.yardstick);
    struct samples *const all[] = {&bench.total, &bench.compiler, &bench.remote, &bench.own, &bench.rest};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        samples_release(all[i]);
    return 0;
}
