/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Internal to the committer: shared by committer.c (the queue and the thread) and committer_round.c (one round).
 */
#ifndef SERVICES_BUILD_MATRIX_COMMIT_COMMITTER_PARTS_H
#define SERVICES_BUILD_MATRIX_COMMIT_COMMITTER_PARTS_H

#include "lib/base/arena.h"
#include "lib/base/queue.h"
#include "lib/base/thread.h"
#include "lib/domain/package/version.h"
#include "lib/store/job/job_store.h"
#include "services/build-matrix/commit/committer.h"

enum { ROUND_MAX = 512 }; /* jobs per round */

enum progress { NOT_WRITTEN, WRITTEN, REFUSED };

/* One job that has succeeded. */
struct success {
    struct arena arena;
    struct job job;
    struct lease lease;
    struct version version, compiler;
    const char *result; /* from the record; NULL: none */
    enum progress progress;
    const char *commit;    /* of the change; NULL: the metadata had the compiler */
    const char *reason;    /* of REFUSED: the error message */
    int64_t held_until_ms; /* monotonic: the lease holds until then */
    bool is_stale;         /* the lease is lost */
    bool is_ended;
    struct committer *committer;
    struct queue_link link;
};

struct committer {
    struct matrix_service *service;
    struct job_store *store;                /* used by the thread only */
    struct thread thread;                   /* whose mutex guards the fields below */
    struct queue waiting;                   /* struct success, without those of the current round */
    size_t under_way;                       /* in the current round */
    int64_t rounds, commits, failed_rounds; /* for the metrics */
};

/* Commits and ends these jobs, at most ROUND_MAX, and sets `is_ended` or `is_stale` of each that is done. Only on the
 * committer's thread. A failure is the reason why some must be retried. */
CHECK_RESULT enum status committer_go_round(struct committer *committer, struct success **round, size_t count,
                                            struct error *err);

#endif
