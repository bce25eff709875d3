/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The build matrix: which package versions build with which compilers (lib/domain/README.md, Build matrix).
 *
 *                events (Redis)                              messages (BUILD_WORKER_ADDRESS)
 *   published ──────────────────► planner ──jobs──► Redis ◄──► dispatcher ◄──ask/renew/lines/result──► build workers
 *   new compiler, sweep ─────────►   ▲                              │
 *                                    └── event `built` ◄── committer ◄── successful builds
 *
 *   planner.c      turns events, new compilers and the daily sweep into matrix jobs
 *   dispatcher.c   dispatches ready jobs to workers that ask, in batches that share one consistent plan
 *   committer.c    adds successful compilers to the metadata, many per push, and ends their jobs (one round of it:
 *                  committer_round.c)
 *   revision_*.c   a trustee's change of bounds, checked by builds
 *   *_query.c      answers the gateway and registryctl
 *
 * All state is in Redis: any instance can be killed, and another takes over.
 */
#ifndef SERVICES_BUILD_MATRIX_MATRIX_SERVICE_H
#define SERVICES_BUILD_MATRIX_MATRIX_SERVICE_H

#include <stdatomic.h>

#include "lib/base/settings.h"
#include "lib/service/job/job_service.h"
#include "lib/store/registry/fresh_view.h"
#include "lib/store/registry/registry_access.h"

struct committer;
struct dispatcher;
struct matrix_book;
struct planner;
struct connection_pool;
struct registry_sets;

/* Messages about a job that the worker no longer holds, by content. */
enum late_message { LATE_LINES, LATE_RESULT, LATE_RETURN, LATE_MESSAGE_COUNT };

struct matrix_service {
    struct settings settings;
    struct registry_access repositories;
    struct connection_pool *stores; /* pool of Redis connections */
    struct fresh_view fresh;
    struct registry_sets *sets;
    struct matrix_book *book; /* the whole matrix, for queries */
    struct committer *committer;
    struct dispatcher *dispatcher;
    struct planner *planner;
    int folder_claim;                      /* descriptor of MATRIX_DIR's lock, or -1 */
    atomic_bool has_full_worker;           /* a worker's disk is full, and the alarm was raised */
    atomic_llong alarms;                   /* events that need an operator, since the start */
    atomic_llong late[LATE_MESSAGE_COUNT]; /* refused messages, since the start */
};

/* Opens everything but starts no thread. The caller has set `settings`, and releases the service even after a failure. */
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
