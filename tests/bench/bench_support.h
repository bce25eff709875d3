/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared by the benchmarks: options, and output of numbers. None of them is a test: each measures something comparable in the
 * same run, and prints how many times as long ours takes.
 */
#ifndef TESTS_BENCH_BENCH_SUPPORT_H
#define TESTS_BENCH_BENCH_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

/* Measurements, in any unit. A zeroed struct is empty; samples_release() frees it. */
struct samples {
    double *values;
    size_t count;
};

void samples_add(struct samples *samples, double value);
double samples_percentile(struct samples *samples, double percent); /* 50: the median; sorts them */
void samples_release(struct samples *samples);

/* Prints `NAME  median  99th percentile`. */
void samples_print(struct samples *samples, const char *name, const char *unit);

/* Reads `--bin DIR`, the folder of the programs to measure; ends the program for anything else. */
const char *bench_programs(int argument_count, char **arguments);

#endif
