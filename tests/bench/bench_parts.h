/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The parts of a publication, as its job's log names them: `Timings: fetch=12.3ms …`.
 */
#ifndef TESTS_BENCH_BENCH_PARTS_H
#define TESTS_BENCH_BENCH_PARTS_H

#include "tests/bench/bench_support.h"
#include "tests/support/server/server_fixture.h"

enum { PARTS_MAX = 32 };

struct part {
    char name[32];
    struct samples samples;
};

/* In the order in which they were first seen. A zeroed struct is empty; parts_release() frees it. */
struct parts {
    struct part items[PARTS_MAX];
};

struct samples *parts_find(struct parts *parts, const char *name); /* adds it if it is new */
void parts_release(struct parts *parts);

/* Adds the parts of this job, a result of server_wait_for_job(), to their samples. */
void parts_read(struct parts *parts, struct server *server, const json_t *job);

double parts_of_job(struct server *server, const json_t *job, const char *name); /* one part's time; 0: none */
double parts_sum_of_job(struct server *server, const json_t *job);
double parts_compiler_of_job(struct server *server, const json_t *job); /* the time of the compiler within the job's parts */

void parts_print(struct parts *parts);

#endif
