/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Many clients that each read a stream of the gateway, or of a server that is compared with it, on one thread. Only their lines
 * with CROWD_STAMP count.
 */
#ifndef TESTS_BENCH_BENCH_CROWD_H
#define TESTS_BENCH_BENCH_CROWD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "tests/bench/bench_support.h"

#define CROWD_STAMP "stamp=" /* then comes the monotonic time at which the line was written, in microseconds */

enum { CROWD_TIMEOUT_MS = 60000 };

/* Connections that each read a stream, on one thread. */
struct crowd {
    int port;
    const char *(*path)(void *context, size_t index);
    void *context;
    size_t count;
    int *sockets;
    int epoll;
    struct samples latencies_us; /* of every stamp that was read */
    bool measures_latency;
    atomic_size_t begun; /* connections whose answer has begun */
    atomic_size_t lines; /* read by all */
    atomic_bool must_end;
    pthread_t thread;
};

/* Raises the limit of open files, for this process and its children, and returns how many readers it allows: at most `wanted`. The
 * gateway may need two files for each. */
size_t crowd_allow(size_t wanted);

/* Connects all of the crowd, whose first members are set, and waits until each answer has begun. */
void crowd_start(struct crowd *crowd);
void crowd_end(struct crowd *crowd);

/* Waits until the value is reached; fails the program, with these words, after CROWD_TIMEOUT_MS. */
void crowd_wait(const atomic_size_t *value, size_t wanted, const char *what);

#endif
