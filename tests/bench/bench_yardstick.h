/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The machine's speed at the moment, measured beside a publication: the minimal cost of one.
 */
#ifndef TESTS_BENCH_BENCH_YARDSTICK_H
#define TESTS_BENCH_BENCH_YARDSTICK_H

#include "tests/bench/bench_support.h"
#include "tests/support/server/server_fixture.h"

/* A zeroed struct is empty; yardstick_release() frees it. */
struct yardstick {
    struct samples push, fsync, sha256;
};

/* Makes a copy of the registry repository, for the pushes. */
void yardstick_prepare(const struct server *server);

void yardstick_measure_push(struct yardstick *yardstick, const struct server *server);  /* `git push` of one commit to it */
void yardstick_measure_fsync(struct yardstick *yardstick, const struct server *server); /* one write of 4 kB with fsync */
void yardstick_measure_sha256(struct yardstick *yardstick);                             /* of 100 MB */
void yardstick_print(struct yardstick *yardstick);                                      /* prints the measurements */
void yardstick_release(struct yardstick *yardstick);

#endif
