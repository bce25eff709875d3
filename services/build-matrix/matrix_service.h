/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The build matrix: which package versions build with which compilers (lib/domain/README.md, Build matrix).
 *
 *                events (Redis)                              messages (BUILD_WORKER_ADDRESS)
 *   published ──────────────────► planner ──jobs──► Redis ◄──► dispatcher ◄──ask/renew/lines/result──► build workers
 *   new compiler, sweep ─────────►   ▲                              │
 *                                    └── event `built` ◄── committer ◄── what succeeded
 *
 *   planner.c      turns events, new compilers and the daily sweep into matrix jobs
 *   dispatcher.c   hands ready jobs to workers that ask, in batches that share one consistent plan
 *   committer.c    writes compilers that succeeded into the metadata, many at a time, and ends their jobs (a round of it:
 *                  committer_round.c)
 *   revision_*.c   a trustee's change of bounds, checked by builds
 *   *_query.c      answers the gateway and registryctl
 *   fresh_view.c   the registry in memory, as new as a question is
 *
 * Nothing is held here that is not in Redis: any instance can be killed, and any other goes on.
 */
#ifndef SERVICES_BUILD_MATRIX_MATRIX_SERVICE_H
#define SERVICES_BUILD_MATRIX_MATRIX_SERVICE_H

#include <stdatomic.h>

#include "lib/base/settings.h"
#include "lib/service/job_service.h"
#include "lib/store/registry_access.h"

struct committer;
struct dispatcher;
struct planner;
struct store_stock;

/* Messages about a job that a worker no longer holds, by what they bring. */
enum late_message { LATE_LINES, LATE_RESULT, LATE_RETURN, LATE_MESSAGE_COUNT };

struct matrix_service {
    struct settings settings;
    struct registry_access repositories;
    struct store_stock *stores; /* connections to Redis for whoever needs one for a moment */
    struct committer *committer;
    struct dispatcher *dispatcher;
    struct planner *planner;
    int folder_claim;                      /* of the one service that uses MATRIX_DIR */
    atomic_bool has_full_worker;           /* and operators were told */
    atomic_llong followed;                 /* commits of jobs that the view is known to have (fresh_view.h) */
    atomic_llong follow_again_us;          /* monotonic: no earlier after a look that failed */
    atomic_llong alarms;                   /* what operators had to be told, since the start */
    atomic_llong late[LATE_MESSAGE_COUNT]; /* refused, likewise */
};

/* Opens everything but the threads; `settings` are loaded. Release it also after a failure. */
CHECK_RESULT enum status matrix_service_init(struct matrix_service *service, struct error *err);
void matrix_service_release(struct matrix_service *service);

/* For struct job_service; `context` is the service. */
enum status matrix_service_start(void *context, struct error *err);
void matrix_service_stop(void *context);
void matrix_service_announce(void *context, const struct message *message);
void matrix_service_measure(void *context, struct metrics *metrics);
int64_t matrix_service_count_alarms(void *context);
void matrix_service_check(void *context, struct job_service_checks *checks, struct deadline *deadline);
void matrix_service_use_secrets(void *context);

/* The job handler of revisions; `context` is the service (revision_job.c). */
enum status revision_job_run(void *context, struct job_run *run, struct error *err);

#endif
