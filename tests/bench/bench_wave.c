/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The cost of planning for a new compiler: the whole wave over the real registry, level by level in memory, where every build
 * succeeds. CPU time of one thread, from loading the index on. Prints `key=value`, one on each line.
 *
 * The comparison is planning without batches and without a cheap test: after each build, one by one, every dependant that is
 * not known to build is planned. It is measured for some of the wave's builds, at the moment when they would be due, and
 * extrapolated to all of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/memory.h"
#include "lib/domain/registry/manifest_index.h"
#include "tests/support/small_registry.h"
#include "tests/support/wave.h"

enum { YARDSTICK_EVERY = 20 };

static double cpu_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

struct yardstick {
    size_t builds, solves;
    double time_ms;
};

/* Plans all dependants of one version. */
static void measure_yardstick(struct yardstick *yardstick, const struct wave *wave, const struct matrix_pair *built) {
    struct arena arena = {0};
    struct error err;
    struct dependant *dependants;
    double start_ms = cpu_ms();
    size_t count = manifest_index_find_dependants(&dependants, wave->index, built->package, built->version, &arena);
    for (size_t i = 0; i < count; i++) {
        const struct metadata *metadata = manifest_index_find_metadata(wave->index, dependants[i].name);
        if (metadata_has_compiler(metadata, dependants[i].version, built->compiler)) continue;
        const struct indexed_version *version = manifest_index_find(wave->index, dependants[i].name, dependants[i].version);
        struct build_plan plan;
        yardstick->solves++;
        if (build_plan_for_compiler(&plan, wave->index, version->manifest, built->compiler, &arena, &err)) continue;
    }
    yardstick->time_ms += cpu_ms() - start_ms;
    yardstick->builds++;
    arena_release(&arena);
}

/* Times of the parts of a level. */
struct times {
    double begin_ms, plan_ms, build_ms, follow_ms;
};

static double lap(double *since_ms) {
    double now_ms = cpu_ms();
    double time_ms = now_ms - *since_ms;
    *since_ms = now_ms;
    return time_ms;
}

static void run_wave(struct wave *wave, struct version compiler, struct times *times, struct yardstick *yardstick) {
    struct matrix_pairs pairs = {0};
    size_t number = 0;
    double at_ms = cpu_ms();
    matrix_plan_begin_wave(&pairs, wave->index, compiler);
    times->begin_ms = lap(&at_ms);
    for (;;) {
        wave_plan(wave, &pairs);
        times->plan_ms += lap(&at_ms);
        if (pairs.count == 0) break;
        wave_build(wave, &pairs);
        times->build_ms += lap(&at_ms);
        for (size_t i = 0; i < pairs.count; i++)
            if (number++ % YARDSTICK_EVERY == 0) measure_yardstick(yardstick, wave, &pairs.items[i]);
        lap(&at_ms);
        struct matrix_pairs next = {0};
        wave_follow(wave, &pairs, &next);
        matrix_pairs_release(&pairs);
        pairs = next;
        times->follow_ms += lap(&at_ms);
    }
    matrix_pairs_release(&pairs);
}

int main(void) {
    static const struct version compiler = {0, 15, 99};
    double start_ms = cpu_ms();
    struct manifest_index *index = real_registry_create();
    if (!index) return 77; /* skipped */
    double load_ms = cpu_ms() - start_ms;

    struct wave wave = {.index = index, .compilers = &compiler, .compiler_count = 1};
    struct times times = {0};
    struct yardstick yardstick = {0};
    run_wave(&wave, compiler, &times, &yardstick);
    double wave_ms = times.begin_ms + times.plan_ms + times.follow_ms;
    printf("jobs=%zu\nlevels=%zu\nsolves=%zu\nrejected=%zu\n", wave.jobs, wave.levels, wave.solves, wave.rejected);
    printf("load_ms=%.0f\nbegin_ms=%.1f\nfollow_ms=%.1f\nsolve_ms=%.0f\nmetadata_ms=%.0f\n", load_ms, times.begin_ms,
           times.follow_ms, times.plan_ms, times.build_ms);
    printf("planning_ms=%.0f\nall_ms=%.0f\n", wave_ms, wave_ms + load_ms + times.build_ms);
    double whole_ms = yardstick.time_ms * (double)wave.jobs / (double)yardstick.builds;
    printf("yardstick_solves=%zu\nyardstick_ms=%.0f\nratio=%.1f\n", yardstick.solves * wave.jobs / yardstick.builds, whole_ms,
           whole_ms / wave_ms);
    manifest_index_free(index);
    return 0;
}
