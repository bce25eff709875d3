/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An update of a package set of 650 packages with 20 candidates, 3 of which do not compile with it, with the programs as they
 * are (the stand-in compiler, which counts as compiled what it writes): how many modules are compiled, beside
 *   - one build of what changed and of what depends on it
 *   - the way of the server before this one: everything, everything again with all candidates, then everything once for each
 * and how long that takes. Then the same again: a set of 650 packages from a warm build store.
 *
 *   tests/bench/run set       (bench_set [--bin DIR])
 */
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "tests/bench/bench_support.h"
#include "tests/support/set_scene.h"

enum { PACKAGES = 650, CANDIDATES = 20, BROKEN = 3, DEPENDENCIES = 4, WORKERS = 2 };

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
        if (other >= package || (i > 0 && other == 0) || (i > 1 && other == (i - 1) * package / (DEPENDENCIES + 1) + package % 7))
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
        scene->extras[scene->extra_count++] =
            (struct generated_extra){arena_format(&scene->arena, "p%03d", i), "1.1.0", .module = NULL, .import = "Nowhere.At.All"};
    }
}

/* The modules of the packages that change or depend on one that does, as the update counts them when all of them compile. */
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
    set_scene_expect_done(server, set_scene_request(server, "{\"packages\":{\"added\":\"1.0.0\"}}"), "Released the package set");
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
    set_scene_stop(server);
    text_release(&scene.members);
    arena_release(&scene.arena);
}

int main(int argument_count, char **arguments) {
    run(bench_programs(argument_count, arguments));
    return 0;
}
