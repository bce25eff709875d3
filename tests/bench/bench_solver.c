/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How long the registry takes to load, and how long to choose versions: for every published version of the real registry and
 * every compiler in its metadata. CPU time of one thread. Prints `key=value`, one on each line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "lib/domain/solver/build_plan.h"
#include "tests/support/small_registry.h"

static double cpu_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare_times(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

struct measurement {
    double *times_us;
    size_t count;
    size_t unsolved;
    double slowest_us;
    char slowest[256];
};

static void measure_solve(struct measurement *out, const struct manifest_index *index, const struct manifest *manifest,
                          struct version compiler) {
    struct arena arena = {0};
    struct error err;
    struct build_plan plan;
    double start_us = cpu_us();
    enum status status = build_plan_for_compiler(&plan, index, manifest, compiler, &arena, &err);
    double time_us = cpu_us() - start_us;
    arena_release(&arena);
    out->times_us[out->count++] = time_us;
    out->unsolved += status != STATUS_OK;
    if (time_us <= out->slowest_us) return;
    char version[VERSION_TEXT_MAX];
    char compiler_text[VERSION_TEXT_MAX];
    version_print(manifest->version, version);
    version_print(compiler, compiler_text);
    out->slowest_us = time_us;
    snprintf(out->slowest, sizeof out->slowest, "%s@%s for %s", manifest->name, version, compiler_text);
}

static void measure_all(struct measurement *out, const struct manifest_index *index) {
    for (uint32_t id = 0; id < manifest_index_package_count(index); id++) {
        const struct indexed_package *package = manifest_index_package(index, id);
        for (size_t i = 0; i < package->version_count; i++) {
            const struct published_version *published =
                package->metadata ? metadata_find_published(package->metadata, package->versions[i].version) : NULL;
            for (size_t j = 0; published && j < published->compiler_count; j++)
                measure_solve(out, index, package->versions[i].manifest, published->compilers[j]);
        }
    }
}

int main(void) {
    enum { PAIRS_MAX = 1000000 };
    double start_us = cpu_us();
    struct manifest_index *index = real_registry_create();
    if (!index) return 77; /* skipped */
    double loaded_us = cpu_us();
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("load_ms=%.1f\nmemory_kib=%ld\n", (loaded_us - start_us) / 1e3, usage.ru_maxrss);

    struct measurement all = {.times_us = calloc(PAIRS_MAX, sizeof(double))};
    if (!all.times_us) abort();
    measure_all(&all, index);
    double total_us = 0;
    for (size_t i = 0; i < all.count; i++)
        total_us += all.times_us[i];
    qsort(all.times_us, all.count, sizeof all.times_us[0], compare_times);
    printf("solves=%zu\nunsolved=%zu\ntotal_ms=%.0f\nmean_us=%.1f\nmedian_us=%.1f\n", all.count, all.unsolved, total_us / 1e3,
           total_us / (double)all.count, all.times_us[all.count / 2]);
    printf("p95_us=%.1f\np99_us=%.1f\nslowest_us=%.1f\nslowest=%s\n", all.times_us[all.count * 95 / 100],
           all.times_us[all.count * 99 / 100], all.slowest_us, all.slowest);
    free(all.times_us);
    manifest_index_free(index);
    return 0;
}
