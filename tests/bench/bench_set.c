/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An update of a package set of 650 packages with 20 candidates, 3 of which do not compile with it, with the programs as they
 * are (the stand-in compiler, which counts as compiled what it writes): how many modules are compiled, beside
 *   - one build of what changed and of what depends on it
 *   - the way of the server before this one: everything, everything again with all candidates, then everything once for each
 * and how long that takes. Then publications, and the builds that follow from them, while all 650 packages are built with
 * another compiler for a set, beside the same on the same server when nothing else is done: with pauses in which the builds of
 * the set go on, and one right after the other. What this machine does to anything that is not alone on it is shown by the same
 * while as many processes as it has processors only count, at the lowest priority of all. Last, where the real registry is at
 * hand: the time and size of answers about its package set, beside the same request for the server's status, and the time of the
 * plan for the next update.
 *
 *   tests/bench/run set       (bench_set [--bin DIR])
 */
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/registry/package_set.h"
#include "tests/bench/bench_support.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/set_scene.h"
#include "tests/support/shell.h"
#include "tests/support/small_registry.h"

enum {
    PACKAGES = 650,
    CANDIDATES = 20,
    BROKEN = 3,
    DEPENDENCIES = 4,
    WORKERS = 2,
    PUBLICATIONS = 12,
    PAUSE_MS = 500,
    READS = 30
};

struct scene {
    const char *rows[2 * PACKAGES + 1];
    size_t row_count;
    struct text members;
    struct generated_extra extras[BROKEN];
    size_t extra_count;
    struct arena arena;
};

/* Candidates are spread over the upper two thirds, since nearly everything depends on the lowest. */
static int candidate_number(int package) {
    int first = PACKAGES / 3, step = (PACKAGES - first) / CANDIDATES;
    bool is_candidate = package >= first && (package - first) % step == 0 && (package - first) / step < CANDIDATES;
    return is_candidate ? (package - first) / step : -1;
}

static const char *print_dependencies(struct scene *scene, int package) {
    struct text text = {0};
    for (int i = 0; i < DEPENDENCIES && i < package; i++) {
        int other = i == 0 ? 0 : i * package / (DEPENDENCIES + 1) + package % 7;
        if (other >= package || (i > 0 && other == 0) ||
            (i > 1 && other == (i - 1) * package / (DEPENDENCIES + 1) + package % 7))
            continue;
        text_append_format(&text, "%sp%03d >=1.0.0 <2.0.0", text.length ? ", " : "", other);
    }
    const char *copy = arena_copy(&scene->arena, text_view(&text));
    text_release(&text);
    return copy;
}

static void make_scene(struct scene *scene) {
    scene->rows[scene->row_count++] = "added 1.0.0 [0.15.15] ";
    for (int i = 0; i < PACKAGES; i++) {
        const char *dependencies = print_dependencies(scene, i);
        int candidate = candidate_number(i);
        scene->rows[scene->row_count++] = arena_format(&scene->arena, "p%03d 1.0.0 [0.15.15] %s", i, dependencies);
        text_append_format(&scene->members, "%sp%03d 1.0.0", i ? " " : "", i);
        if (candidate < 0) continue;
        scene->rows[scene->row_count++] = arena_format(&scene->arena, "p%03d 1.1.0 [0.15.15] %s", i, dependencies);
        if (candidate % (CANDIDATES / BROKEN) != 1 || scene->extra_count == BROKEN) continue;
        scene->extras[scene->extra_count++] = (struct generated_extra){arena_format(&scene->arena, "p%03d", i), "1.1.0",
                                                                       .module = NULL, .import = "Nowhere.At.All"};
    }
}

/* ---- Publications meanwhile ---- */

/* From the request to the end of the publication, and to the end of its build with the other compiler. */
static void publish(struct server *server, int number, struct samples *publication, struct samples *build) {
    const struct package package = {.name = arena_format(&server->arena, "also-%d", number), .version = "1.0.0"};
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &package);
    int64_t begun_us = clock_monotonic_us();
    server_expect_published(server, &package);
    samples_add(publication, (double)(clock_monotonic_us() - begun_us) / 1000);
    const char *compiler = text_equal(matrix_compilers_of(server, package.name, "1.0.0"), "0.15.16") ? "0.15.15" : "0.15.16";
    json_decref(matrix_wait_for_build(server, package.name, "1.0.0", compiler));
    samples_add(build, (double)(clock_monotonic_us() - begun_us) / 1000);
}

/* Publications, and the builds that follow them. */
struct publications {
    const char *how;
    int pause_ms; /* before each */
    struct samples publication, build;
};

static void publish_all(struct server *server, struct publications *publications) {
    static int number;
    for (int i = 0; i < PUBLICATIONS; i++) {
        clock_sleep_ms(publications->pause_ms);
        publish(server, number++, &publications->publication, &publications->build);
    }
}

/* A process for each processor that is busy whenever nobody else is. */
static size_t start_counting(pid_t counting[], size_t most) {
    size_t count = (size_t)sysconf(_SC_NPROCESSORS_ONLN) < most ? (size_t)sysconf(_SC_NPROCESSORS_ONLN) : most;
    for (size_t i = 0; i < count; i++)
        if ((counting[i] = fork()) == 0) {
            const struct sched_param lowest = {0};
            sched_setscheduler(0, SCHED_IDLE, &lowest);
            for (volatile uint64_t counter = 0;; counter++)
                continue;
        }
    return count;
}

static void stop_counting(const pid_t counting[], size_t count) {
    for (size_t i = 0; i < count; i++) {
        kill(counting[i], SIGKILL);
        waitpid(counting[i], NULL, 0);
    }
}

static void print_times(const char *what, const struct publications *publications, struct samples *during,
                        struct samples *alone) {
    double median_ms = samples_percentile(during, 50), alone_ms = samples_percentile(alone, 50);
    printf("%-16s %-42s %5.0f ms, alone %.0f ms: %.2f times\n", what, publications->how, median_ms, alone_ms,
           median_ms / alone_ms);
    samples_release(during);
}

static void measure_publications(struct server *server) {
    enum { COUNTING_MAX = 64 };
    struct publications alone = {0}, meanwhile[] = {{.how = "beside processes that only count"},
                                                    {.how = "during an update, with pauses", .pause_ms = PAUSE_MS},
                                                    {.how = "during an update, one after the other"}};
    pid_t counting[COUNTING_MAX];
    publish_all(server, &alone);
    size_t count = start_counting(counting, COUNTING_MAX);
    publish_all(server, &meanwhile[0]);
    stop_counting(counting, count);
    const char *id = set_scene_request(server, "{\"compiler\":\"0.15.16\",\"packages\":{}}");
    server_wait_for_state(server, id, "running");
    publish_all(server, &meanwhile[1]);
    publish_all(server, &meanwhile[2]);
    json_t *status = server_get(server, arena_format(&server->arena, "/status/%s", id));
    if (!text_equal(server_job_text(status, "state"), "running")) printf("(the update ended before the publications)\n");
    json_decref(status);
    set_scene_expect_done(server, id, "Released the package set 1.3.0");
    for (size_t i = 0; i < sizeof meanwhile / sizeof *meanwhile; i++) {
        print_times("a publication,", &meanwhile[i], &meanwhile[i].publication, &alone.publication);
        print_times("and its build,", &meanwhile[i], &meanwhile[i].build, &alone.build);
    }
    samples_release(&alone.publication);
    samples_release(&alone.build);
}

/* ---- Reading ---- */

/* Prints the median time until the whole answer is there, and its size as it was sent, gzipped. Returns the time. */
static double measure_answer(struct server *server, const char *path, double status_ms) {
    struct samples times = {0};
    double size = 0;
    for (int i = 0; i < READS; i++) {
        const char *line = shell_output(&server->arena,
                                        "curl -sS --fail -o /dev/null -H 'Accept-Encoding: gzip' -w '%%{time_total} "
                                        "%%{size_download}' '%s/api/v1%s'",
                                        server->url, path);
        char *rest;
        samples_add(&times, strtod(line, &rest) * 1000);
        size = strtod(rest, NULL);
    }
    double median = samples_percentile(&times, 50);
    printf("GET %-36s %7.2f ms", path, median);
    if (status_ms > 0) printf(", %.1f times as long as the status, %.0f bytes", median / status_ms, size);
    printf("\n");
    samples_release(&times);
    return median;
}

/* Prints the median time of a run of registryctl. */
static double measure_run(struct server *server, const char *arguments, double less_ms) {
    struct samples times = {0};
    for (int i = 0; i < READS; i++) {
        int64_t begun_us = clock_monotonic_us();
        shell_output(&server->arena, "PACKAGE_SET_ADDRESS='ipc://%s/package-set.ipc' '%s/registryctl' --gateway %s %s",
                     server->folder, server->programs, server->url, arguments);
        samples_add(&times, (double)(clock_monotonic_us() - begun_us) / 1000);
    }
    double median = samples_percentile(&times, 50);
    printf("registryctl %-28s %7.2f ms", arguments, median);
    if (less_ms > 0) printf(", of these %.2f ms for the plan", median - less_ms);
    printf("\n");
    samples_release(&times);
    return median;
}

static void measure_reading(const char *programs) {
    struct arena arena = {0};
    struct package_set set;
    struct manifest_index *index = real_registry_create();
    if (index && real_package_set_read(&set, "80.8.0", &arena)) {
        struct server *server =
            set_scene_start(&(struct set_scene_options){.index = index, .set = &set, .programs = programs, .workers = 0});
        printf("the real registry, package set 80.8.0:\n");
        double status_ms = measure_answer(server, "/status", 0);
        measure_answer(server, "/package-sets/latest/excuses", status_ms);
        measure_answer(server, "/package-sets/latest/excuses/deku", status_ms);
        measure_answer(server, "/packages/prelude/6.0.2", status_ms);
        measure_answer(server, "/package-sets/latest", status_ms);
        measure_run(server, "package-set --dry-run", measure_run(server, "--version", 0));
        set_scene_stop(server);
    }
    manifest_index_free(index);
    arena_release(&arena);
}

/* ---- The update ---- */

static void run(const char *programs) {
    struct scene scene = {0};
    make_scene(&scene);
    struct server *server = set_scene_start(&(struct set_scene_options){.rows = scene.rows,
                                                                        .row_count = scene.row_count,
                                                                        .members = text_view(&scene.members),
                                                                        .extras = scene.extras,
                                                                        .extra_count = scene.extra_count,
                                                                        .programs = programs,
                                                                        .workers = WORKERS});
    /* The whole build of this update compiles everything once, and fills the store. */
    int64_t begun_ms = clock_monotonic_ms();
    set_scene_expect_done(server, set_scene_request(server, "{\"packages\":{\"added\":\"1.0.0\"}}"),
                          "Released the package set");
    const struct set_scene_builds first = set_scene_builds(server);
    double first_ms = (double)(clock_monotonic_ms() - begun_ms);

    begun_ms = clock_monotonic_ms();
    const char *id = set_scene_update(server);
    set_scene_expect_done(server, id, "Released the package set");
    const struct set_scene_builds second = set_scene_builds(server);
    double second_ms = (double)(clock_monotonic_ms() - begun_ms);
    json_t *job = server_wait_for_job(server, id);
    printf("%s\n", server_log_text(server, job));
    json_decref(job);

    int64_t compiled = second.compiled_modules - first.compiled_modules, own = second.own_modules - first.own_modules;
    int64_t before = first.compiled_modules * (2 + CANDIDATES);
    printf("everything once           %6lld modules, %.1f s\n", (long long)first.compiled_modules, first_ms / 1000);
    printf("the update                %6lld modules compiled, %.1f s, %zu builds of %lld modules\n", (long long)compiled,
           second_ms / 1000, second.count - first.count, (long long)own);
    printf("as the server before      %6lld modules (everything %d times): %.1f times as many\n", (long long)before,
           2 + CANDIDATES, (double)before / (double)compiled);
    measure_publications(server);
    set_scene_stop(server);
    text_release(&scene.members);
    arena_release(&scene.arena);
}

int main(int argument_count, char **arguments) {
    const char *programs = bench_programs(argument_count, arguments);
    run(programs);

    measure_reading(programs);
    return 0;
}
