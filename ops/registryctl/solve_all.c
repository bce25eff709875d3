/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `registryctl solve --all`. Each thread takes one package at a time and prints its lines in the packages' order, so that the
 * output does not depend on timing; only the times on standard error differ.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/base/thread.h"
#include "lib/domain/registry/manifest_index.h"
#include "ops/registryctl/solve.h"

/* Shared by the threads. */
struct all_plans {
    const struct manifest_index *index;
    const struct compilers *compilers;
    const struct version *compiler; /* NULL: each */
    size_t *first_pair;             /* by position of the package; the last element is the number of all pairs */
    double *times_us;               /* the thread's CPU time for each pair */
    struct thread threads;          /* whose mutex guards the fields below; woken when a turn ends */
    size_t next_package;            /* the next one to take */
    size_t next_output;             /* the one whose lines are printed next */
    size_t unsolved;
    double slowest_us;
    struct question slowest;
    struct version slowest_compiler;
};

/* A thread's results for one package, until it hands them over. */
struct package_plans {
    struct text lines;
    size_t unsolved;
    double slowest_us;
    struct question slowest;
    struct version slowest_compiler;
};

static const struct indexed_package *package_at(const struct all_plans *all, size_t position) {
    return manifest_index_package(all->index, manifest_index_by_name(all->index, position));
}

static bool is_asked_for(const struct all_plans *all, struct version compiler) {
    return !all->compiler || version_equal(*all->compiler, compiler);
}

static double thread_cpu_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void plan_version(struct package_plans *out, const struct all_plans *all, const char *name, struct version version,
                         const struct version *compiler, double *time_us) {
    const struct indexed_version *indexed = manifest_index_find(all->index, name, version);
    struct question question = {.name = name, .version = version, .compiler = compiler};
    if (!indexed) {
        solve_append_absence(&out->lines, &question);
        out->unsolved++;
        return;
    }
    question.required = indexed->manifest->dependencies;
    question.required_count = indexed->manifest->dependency_count;
    double start_us = thread_cpu_us();
    out->unsolved += !solve_append_answer(&out->lines, all->index, all->compilers, &question);
    *time_us = thread_cpu_us() - start_us;
    if (*time_us <= out->slowest_us) return;
    out->slowest_us = *time_us;
    out->slowest = question;
    out->slowest_compiler = *compiler;
}

static void plan_package(struct package_plans *out, const struct all_plans *all, size_t position) {
    const struct indexed_package *package = package_at(all, position);
    double *time_us = &all->times_us[all->first_pair[position]];
    for (size_t i = 0; package->metadata && i < package->metadata->published_count; i++) {
        const struct published_version *published = &package->metadata->published[i];
        for (size_t j = 0; j < published->compiler_count; j++)
            if (is_asked_for(all, published->compilers[j]))
                plan_version(out, all, package->name, published->version, &published->compilers[j], time_us++);
    }
}

static void hand_over(struct all_plans *all, const struct package_plans *plans, size_t position) {
    thread_lock(&all->threads);
    while (all->next_output != position)
        thread_wait(&all->threads, THREAD_NO_LIMIT);
    fwrite(text_view(&plans->lines), 1, plans->lines.length, stdout);
    all->unsolved += plans->unsolved;
    if (plans->slowest_us > all->slowest_us) {
        all->slowest_us = plans->slowest_us;
        all->slowest = plans->slowest;
        all->slowest_compiler = plans->slowest_compiler;
    }
    all->next_output++;
    thread_wake(&all->threads);
    thread_unlock(&all->threads);
}

static void plan_packages(void *context) {
    struct all_plans *all = context;
    size_t package_count = manifest_index_package_count(all->index);
    struct text lines = {0};
    for (;;) {
        thread_lock(&all->threads);
        size_t position = all->next_package++;
        thread_unlock(&all->threads);
        if (position >= package_count) break;
        text_clear(&lines);
        struct package_plans plans = {.lines = lines};
        plan_package(&plans, all, position);
        hand_over(all, &plans, position);
        lines = plans.lines;
    }
    text_release(&lines);
}

static void count_pairs(struct all_plans *all) {
    size_t package_count = manifest_index_package_count(all->index), count = 0;
    all->first_pair = memory_alloc((package_count + 1) * sizeof *all->first_pair);
    for (size_t position = 0; position < package_count; position++) {
        const struct metadata *metadata = package_at(all, position)->metadata;
        all->first_pair[position] = count;
        for (size_t i = 0; metadata && i < metadata->published_count; i++)
            for (size_t j = 0; j < metadata->published[i].compiler_count; j++)
                count += is_asked_for(all, metadata->published[i].compilers[j]);
    }
    all->first_pair[package_count] = count;
    all->times_us = memory_alloc(count * sizeof *all->times_us);
}

static int compare_times(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* The CPU time is that of the whole program, with loading; the other times are those of single solves. */
static void print_times(const struct all_plans *all, int thread_count, int64_t elapsed_us) {
    size_t count = all->first_pair[manifest_index_package_count(all->index)];
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double solving_us = 0;
    for (size_t i = 0; i < count; i++)
        solving_us += all->times_us[i];
    qsort(all->times_us, count, sizeof *all->times_us, compare_times);
    fprintf(stderr, "plans=%zu errors=%zu threads=%d elapsed_ms=%.0f cpu_ms=%.0f memory_kib=%ld solving_cpu_ms=%.0f",
            count - all->unsolved, all->unsolved, thread_count, (double)elapsed_us / 1e3,
            (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3,
            usage.ru_maxrss, solving_us / 1e3);
    if (all->slowest.name) {
        char version[VERSION_TEXT_MAX], compiler[VERSION_TEXT_MAX];
        version_print(all->slowest.version, version);
        version_print(all->slowest_compiler, compiler);
        fprintf(stderr, " mean_us=%.1f median_us=%.1f p99_us=%.1f slowest_us=%.1f slowest=%s@%s/%s", solving_us / (double)count,
                all->times_us[count / 2], all->times_us[count * 99 / 100], all->slowest_us, all->slowest.name, version,
                compiler);
    }
    fputc('\n', stderr);
}

bool solve_all(const struct manifest_index *index, const struct compilers *compilers, const struct version *compiler,
               int thread_count) {
    struct all_plans all = {.index = index, .compilers = compilers, .compiler = compiler};
    int started = 0;
    int64_t start_us = clock_monotonic_us();
    count_pairs(&all);
    thread_init(&all.threads);
    while (started < thread_count - 1 && !thread_start(&all.threads, "solve", plan_packages, &all, NULL))
        started++;
    plan_packages(&all); /* in this thread, too; alone if no other could be created */
    thread_release(&all.threads);
    print_times(&all, started + 1, clock_monotonic_us() - start_us);
    free(all.first_pair);
    free(all.times_us);
    return all.unsolved == 0;
}
