/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the build matrix keeps in Redis beside its jobs: which compilers are supported, which workers said hello of late, the
 * last verdicts, how far compilers have come, when the last sweep was. A verdict never ages out, unlike its job.
 */
#ifndef LIB_STORE_MATRIX_STORE_H
#define LIB_STORE_MATRIX_STORE_H

#include "lib/domain/verdict.h"
#include "lib/domain/version.h"
#include "lib/store/job_store.h"

/* ---- The supported compilers: found by the publish service, read by all (lib/tools/README.md, The compiler) ---- */

/* Replaces the list. */
CHECK_RESULT enum status compiler_list_write(struct job_store *store, const struct version *compilers, size_t count,
                                             struct error *err);
/* Ascending, in the arena; none where no publish service has run yet. */
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
    int64_t hello_ms; /* when it said hello, and when it was heard of last; by Redis's clock */
    int64_t seen_ms;
    const char *figures; /* JSON of its metrics; NULL: none yet */
};

/* Takes a worker in, for `keep_ms` after it was last heard of. */
CHECK_RESULT enum status worker_list_add(struct job_store *store, const struct worker_entry *worker, int64_t keep_ms,
                                         struct error *err);
/* It was heard of. STATUS_NOT_FOUND: it has to say hello (again). `figures` NULL: as they were; `busy_slots` -1 likewise. */
CHECK_RESULT enum status worker_list_see(struct job_store *store, const char *id, int64_t busy_slots, const char *figures,
                                         int64_t keep_ms, struct error *err);
/* It takes no more work: while it is at `busy_slots` builds it stays in the list, with no slots; then it is gone. The same
 * again is fine, and so is one that is not there. */
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

/* The last verdict of each compiler that the version was tried with, by compiler. */
CHECK_RESULT enum status verdicts_read(struct job_store *store, const char *package, const char *version, struct arena *arena,
                                       struct matrix_verdict **out, size_t *count, struct error *err);

/* ---- Progress of a compiler ---- */

struct matrix_progress {
    int64_t pending, running;
    int64_t ended[VERDICT_COUNT]; /* all jobs of that compiler that ever ended so, those that leave no verdict among them */
    int64_t first_ms,
        last_ms; /* when the first of its jobs was accepted since there were none, and when the last one ended; 0: none yet */
    int64_t ended_since_first; /* of those: what an estimate goes by */
    bool is_being_planned;     /* what follows from the jobs that ended is not all there yet: there are events to plan for */
};

/* `group`: who plans for events (events.h). */
CHECK_RESULT enum status matrix_progress_read(struct job_store *store, const char *compiler, const char *group,
                                              struct matrix_progress *out, struct error *err);

/* ---- Waves and sweeps: by one of several services ---- */

/* True for the one caller that is to begin the wave of that compiler: nobody has yet. matrix_wave_begun() says that all its
 * first jobs are made; a claim without it may be taken again after `claim_ms`. */
CHECK_RESULT enum status matrix_wave_claim(struct job_store *store, const char *compiler, int64_t claim_ms, bool *is_ours,
                                           struct error *err);
CHECK_RESULT enum status matrix_wave_begun(struct job_store *store, const char *compiler, struct error *err);

/* True for the one caller that is to sweep: the last sweep began `interval_ms` ago. */
CHECK_RESULT enum status matrix_sweep_claim(struct job_store *store, int64_t interval_ms, bool *is_ours, struct error *err);

#endif
