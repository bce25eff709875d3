/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A publication that waits for others (lib/domain/README.md, Publish, step 6): several packages of one release are often sent
 * at once, and then a dependency has no fitting version until its own publication has ended.
 *
 *   running ── job_store_wait_for() ──► pending, with no lease, slot or attempt used up ──► ready to be claimed again
 *                                                                      ▲
 *                       in the step in which the last awaited job ends, or the first of them fails
 *
 * The wait is kept in Redis alone, so it survives the end of any process. A job waits only for jobs that were accepted before
 * it, so there are no cycles, and every wait ends.
 */
#ifndef LIB_STORE_JOB_WAITING_H
#define LIB_STORE_JOB_WAITING_H

#include "lib/store/job_store.h"

/* A publication that was accepted before another job. */
struct earlier_publication {
    const char *id;
    const char *package;
    const char *version;
    bool has_failed; /* after that job was accepted; else it is unfinished */
};

/* The publications of any of `packages` that were accepted before the job `id`, and are unfinished or have failed since, the
 * oldest first, in the arena. Of a package with very many jobs not all are looked at. */
CHECK_RESULT enum status job_store_list_earlier(struct job_store *store, const char *id, const char *const *packages,
                                                size_t package_count, struct arena *arena, struct earlier_publication **out,
                                                size_t *count, struct error *err);

/* Hands the job back: it is pending, at its old place, until all of the jobs `awaited` have succeeded or one of them has
 * failed. What has ended already, or was accepted later, is not waited for. The attempt does not count. The job has no record
 * yet. The same again is fine. */
CHECK_RESULT enum status job_store_wait_for(struct job_store *store, const struct lease *lease, const char *const *awaited,
                                            size_t count, struct error *err);

#endif
