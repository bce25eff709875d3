/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Publications that wait for others (lib/domain/README.md, Publish, step 6): several packages of one release are often sent at
 * once, and then a dependency has no fitting version until its own publication has ended.
 *
 *   running ── job_store_wait_for() ──► pending, with no lease, slot or attempt used up ──► ready to be claimed again
 *                                                                      ▲
 *                       in the step that ends the last awaited job, or the first one that fails
 *
 * The wait is stored in Redis alone, so it survives the end of any process. A job waits only for jobs that were accepted before
 * it, so there are no cycles, and every wait ends.
 */
#ifndef LIB_STORE_JOB_JOB_WAITING_H
#define LIB_STORE_JOB_JOB_WAITING_H

#include "lib/store/job/job_store.h"

/* A publication that was accepted before another job. */
struct earlier_publication {
    const char *id;
    const char *package;
    const char *version;
    bool has_failed; /* after that job was accepted; else it is unfinished */
};

/* The publications of any of `packages` that were accepted before the job `id`, and are unfinished or have failed since, the
 * oldest first, in the arena. Only a bounded number of each package's jobs is examined. */
CHECK_RESULT enum status job_store_list_earlier(struct job_store *store, const char *id, const char *const *packages,
                                                size_t package_count, struct arena *arena, struct earlier_publication **out,
                                                size_t *count, struct error *err);

/* Hands the job back: it is pending, at its old place, until all of the jobs `awaited` have succeeded or one of them has
 * failed. Jobs that have ended already or were accepted later are not waited for. The attempt is not counted. The job must have
 * no record yet. Repeatable. */
CHECK_RESULT enum status job_store_wait_for(struct job_store *store, const struct lease *lease, const char *const *awaited,
                                            size_t count, struct error *err);

#endif
