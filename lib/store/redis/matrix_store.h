/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The data of the build matrix in Redis besides its jobs: the supported compilers, the workers that have joined, the last
 * verdicts, the progress of each compiler, the time of the last sweep. A verdict never expires, unlike its job.
 */
#ifndef LIB_STORE_REDIS_MATRIX_STORE_H
#define LIB_STORE_REDIS_MATRIX_STORE_H

#include "lib/domain/matrix/verdict.h"
#include "lib/domain/package/version.h"
#include "lib/store/job/job_store.h"

/* ---- The supported compilers: found by the publish service, read by all (lib/tools/README.md, The compiler) ---- */

/* Replaces the list. */
CHECK_RESULT enum status compiler_list_write(struct job_store *store, const struct version *compilers, size_t count,
                                             struct error *err);
/* Ascending, in the arena; empty if no publish service has run yet. */
CHECK_RESULT enum status compiler_list_read(struct job_store *store, struct arena *arena, struct version **out, size_t *count,
                                            struct error *err);

/* ---- Workers ---- */

struct worker_entry {
    const char *id;
    const char *host;
    const char *program;
    const char *compilers; /* `0.15.14 0.15.15` */
    int64_t slots;
    int64_t busy_slots;
    int64_t memory_bytes, disk_bytes;
    int64_t hello_ms; /* when it joined, and when it was last heard from; by Redis's clock */
    int64_t seen_ms;
    const char *metrics; /* JSON of its metrics; NULL: none yet */
};

/* Adds a worker, until `keep_ms` after it was last heard from. */
CHECK_RESULT enum status worker_list_add(struct job_store *store, const struct worker_entry *worker, int64_t keep_ms,
                                         struct error *err);
/* Records the time of a sign of life. STATUS_NOT_FOUND: the worker must join (again). `metrics` (its metrics) NULL,
 * `busy_slots` -1: unchanged. */
CHECK_RESULT enum status worker_list_see(struct job_store *store, const char *id, int64_t busy_slots, const char *metrics,
                                         int64_t keep_ms, struct error *err);
/* The worker takes no more work: while it has `busy_slots` builds it stays in the list, with no slots; at 0 it is removed.
 * Repeatable; an unknown worker is no failure. */
CHECK_RESULT enum status worker_list_leave(struct job_store *store, const char *id, int64_t busy_slots, int64_t keep_ms,
                                           struct error *err);
CHECK_RESULT enum status worker_list_read(struct job_store *store, struct arena *arena, struct worker_entry **out,
                                          size_t *count, struct error *err); /* by id */

/* ---- Verdicts ---- */

struct matrix_verdict {
    struct version compiler;
    enum verdict verdict;
    char job_id[UUID_TEXT_MAX];
    int64_t time_ms;
    const char *plan; /* SHA-1 of the plan (the job's payload), hex */
};

/* The last verdict of each compiler with which the version was tried, sorted by compiler. */
CHECK_RESULT enum status verdicts_read(struct job_store *store, const char *package, const char *version, struct arena *arena,
                                       struct matrix_verdict **out, size_t *count, struct error *err);

/* The last verdicts on one of several versions. */
struct version_verdicts {
    const char *package, *version;   /* set by the caller */
    struct matrix_verdict *verdicts; /* sorted by compiler */
    size_t count;
};

/* The same for many versions, in one round trip. */
CHECK_RESULT enum status verdicts_read_some(struct job_store *store, struct version_verdicts *items, size_t count,
                                            struct arena *arena, struct error *err);

/* The last verdict on a version with one compiler. */
struct version_verdict {
    const char *package;
    struct version version;
    bool is_known;
    struct matrix_verdict verdict;
};

/* Looks up those of these packages and versions, in one round trip, and sets the rest of each; texts are in the arena. */
CHECK_RESULT enum status verdicts_read_for_compiler(struct job_store *store, struct version compiler,
                                                    struct version_verdict *items, size_t count, struct arena *arena,
                                                    struct error *err);

/* ---- Progress of a compiler ---- */

struct matrix_progress {
    int64_t pending, running;
    int64_t ended[VERDICT_COUNT]; /* all jobs of that compiler that ever ended so, including those that store no verdict */
    int64_t first_ms,
        last_ms; /* when the first job was accepted after there were none, and when the last one ended; 0: none yet */
    int64_t ended_since_first; /* jobs ended since first_ms: the basis of an estimate */
    bool is_being_planned;     /* there are events to plan for, so further jobs may follow from those that ended */
};

/* `group`: the consumer group that plans for events (events.h). */
CHECK_RESULT enum status matrix_progress_read(struct job_store *store, const char *compiler, const char *group,
                                              struct matrix_progress *out, struct error *err);

/* ---- Waves and sweeps: claimed by one of several services ---- */

/* True for the one caller that must begin the wave of that compiler, which has not been begun yet. matrix_wave_begun() records
 * that all its first jobs are made; without that, the claim expires after `claim_ms`. */
CHECK_RESULT enum status matrix_wave_claim(struct job_store *store, const char *compiler, int64_t claim_ms, bool *is_ours,
                                           struct error *err);
CHECK_RESULT enum status matrix_wave_begun(struct job_store *store, const char *compiler, struct error *err);

/* True for the one caller that must sweep: the last sweep began at least `interval_ms` ago. */
CHECK_RESULT enum status matrix_sweep_claim(struct job_store *store, int64_t interval_ms, bool *is_ours, struct error *err);

#endif
