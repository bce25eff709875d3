/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/bench_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

void samples_add(struct samples *samples, double value) {
    samples->values = memory_resize(samples->values, samples->count + 1, sizeof *samples->values);
    samples->values[samples->count++] = value;
}

static int compare_values(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

double samples_percentile(struct samples *samples, double percent) {
    if (samples->count == 0) return 0;
    qsort(samples->values, samples->count, sizeof *samples->values, compare_values);
    return samples->values[(size_t)((double)(samples->count - 1) * percent / 100 + 0.5)];
}

void samples_release(struct samples *samples) {
    free(samples->values);
    *samples = (struct samples){0};
}

void samples_print(struct samples *samples, const char *name, const char *unit) {
    printf("  %-38s %9.2f %9.2f %s\n", name, samples_percentile(samples, 50), samples_percentile(samples, 99), unit);
}

const char *bench_programs(int argument_count, char **arguments) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* makes cmocka report failures outside of a test */
    if (argument_count == 1) return NULL;
    if (argument_count == 3 && strcmp(arguments[1], "--bin") == 0) return arguments[2];
    fprintf(stderr, "usage: %s [--bin DIR]\n", arguments[0]);
    exit(2);
}
