/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What committer.c (the jobs that wait, and the thread) and committer_round.c (one round) share; not for anybody else.
 */
#ifndef SERVICES_BUILD_MATRIX_COMMITTER_PARTS_H
#define SERVICES_BUILD_MATRIX_COMMITTER_PARTS_H

#include <pthread.h>

#include "lib/base/arena.h"
#include "lib/domain/version.h"
#include "lib/store/job_store.h"
#include "services/build-matrix/committer.h"

enum { ROUND_MAX = 512 }; /* jobs in one */

enum progress { NOT_WRITTEN, WRITTEN, REFUSED };

/* One job that has succeeded. */
struct success {
    struct arena arena;
    struct job job;
    struct lease lease;
    struct version version, compiler;
    const char *result; /* out of the record; NULL: none */
    enum progress progress;
    const char *commit;    /* of the change, or NULL: it was there already */
    const char *reason;    /* of a refused one */
    int64_t held_until_ms; /* monotonic: when it was renewed, and for how long */
    bool is_stale;         /* somebody else's by now */
    bool is_ended;
    struct committer *committer;
    struct success *next;
};

struct committer {
    struct matrix_service *service;
    struct job_store *store; /* of the thread */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct success *first, **last; /* those that wait, those under way not among them */
    size_t waiting, under_way;
    bool is_stopping;
    int64_t rounds, commits, failed_rounds; /* for the metrics */
};

/* Commits and ends these jobs, at most ROUND_MAX; each says then itself whether it is done with: `is_ended` or `is_stale`. The
 * committer's thread alone. STATUS_OK, or why some are to be tried again. */
CHECK_RESULT enum status committer_go_round(struct committer *committer, struct success **round, size_t count,
                                            struct error *err);

#endif
