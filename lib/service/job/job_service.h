/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The process of a service that runs jobs: its settings, messages and job runner, its part of /readyz and /metrics, SIGHUP, and
 * the drain on SIGTERM. Its main() loads the settings, sets up what its handlers need, and calls job_service_run(), which
 * starts the following in this order, and stops them in reverse:
 *
 *   start()           the service's parts besides its jobs
 *   the job runner    claims jobs; when stopped, it drains (DRAIN_MS), and no job runs afterwards
 *   messages          when stopped, those in flight are answered; `messages`, check, announce and measure are not called
 *                     afterwards
 *
 * So handlers of jobs and messages can always use these parts, and nothing else runs during stop(). They keep running while the
 * runner drains, so a job that waits for one can still end.
 */
#ifndef LIB_SERVICE_JOB_JOB_SERVICE_H
#define LIB_SERVICE_JOB_JOB_SERVICE_H

#include "lib/base/metrics.h"
#include "lib/base/settings.h"
#include "lib/service/job/job_runner.h"
#include "lib/service/message/message_server.h"
#include "lib/store/registry/registry_access.h"
#include "proto/message.h"

/* A service's part of /readyz: a list of checks (lib/base/array.h), all of which must pass. */
struct job_service_checks {
    struct arena *arena; /* holds the list and its texts */
    struct record_check *items;
    size_t count, capacity;
    bool are_fine;
};

struct job_service {
    enum service service;
    struct settings *settings; /* loaded; its secrets are reloaded on SIGHUP */
    int slots;
    const struct job_handler *handlers;     /* as job_runner_create() takes them */
    const struct message_handler *messages; /* that only this service answers; the last row has no functions; NULL: none */
    void *context;                          /* of the handlers and of all functions below */
    void (*check)(void *context, struct job_service_checks *checks, struct deadline *deadline); /* any thread */
    void (*use_secrets)(void *context); /* SIGHUP: the secrets in the settings may have changed */

    /* Hooks for a service with parts besides its job runner; each may be NULL. */
    enum status (*start)(void *context, struct error *err);         /* before the first job and the first message */
    void (*stop)(void *context);                                    /* only if `start` succeeded: after the last of both */
    void (*announce)(void *context, const struct message *message); /* job_accepted without a handler; must not block */
    void (*measure)(void *context, struct metrics *metrics);        /* adds its metrics, for metrics_query; any thread */
    int64_t (*count_alarms)(void *context); /* of jobs that the runner does not run, since the start; any thread */
};

/* Runs the service until it is stopped and has drained. Fails only if it cannot start. */
CHECK_RESULT enum status job_service_run(const struct job_service *service, struct error *err);

/* Adds a check; `message` is copied, and shown unless it is empty. `name` is borrowed. */
void job_service_add_check(struct job_service_checks *checks, const char *name, enum status status, const char *message);

/* Checks the disk of a folder of the service, which `setting` names. */
void job_service_check_folder(struct job_service_checks *checks, const char *setting, const char *folder);

/* Checks both repositories by a fetch from their remotes, and the disks that they or their clones are on. */
void job_service_check_repositories(struct job_service_checks *checks, struct registry_access *repositories,
                                    struct deadline *deadline);

#endif
