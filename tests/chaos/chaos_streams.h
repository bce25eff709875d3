/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared by the files of the driver of live logs (chaos_streams.c, which describes it): the jobs that are written, and the
 * clients that read them (chaos_streams_readers.c).
 */
#ifndef TESTS_CHAOS_CHAOS_STREAMS_H
#define TESTS_CHAOS_CHAOS_STREAMS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/text.h"
#include "lib/store/job/job_store.h"
#include "tests/bench/bench_support.h"

/* A job that the driver runs itself. */
struct stream_job {
    int number; /* over all rounds */
    int lines;  /* that it will have */
    char id[UUID_TEXT_MAX];
    struct lease lease;
    int written;         /* lines so far */
    int64_t *written_us; /* of each line: when it was about to be written, monotonic */
    atomic_bool is_accepted, is_ended;
};

/* The text of a job's line, which is different for each. Replaces `out`. */
void stream_line_print(struct text *out, const struct stream_job *job, int number);

/* Counts of all rounds. */
struct stream_counts {
    atomic_int connections, /* that got an answer of 200 */
        broken,             /* of these, those that ended without `end` */
        refused,            /* attempts to connect that failed */
        slow;               /* `slow` events */
};

/* Readers, an equal number of each job, from the first until all of them have got the end. */
struct stream_round {
    struct stream_job *jobs;
    int job_count, reader_count;
    int slow_count; /* of the readers: SLOW_BYTES a second while the job is written */
    int start_ms;   /* they begin at any time in this */
    unsigned seed;  /* of the readers' choices */
    /* Milliseconds from a line's writing to its reading by each fast reader, with room for all; NULL: they are not measured. */
    struct samples *delays;
    const atomic_int *port; /* of the gateway; 0: it is away */
    atomic_int *cuts_due;   /* connections to cut, counted down */
    struct stream_counts *counts;
    atomic_int open_readers;  /* that have got an answer */
    atomic_int ended_readers; /* that have got everything */
};

enum { SLOW_BYTES = 1000 };

/* Runs all readers of the round, on the calling thread, until they have ended. A reader that gets anything but its job's lines,
 * in order and once, ends the program. `round` is a struct stream_round. */
void *stream_readers_run(void *round);

#endif
