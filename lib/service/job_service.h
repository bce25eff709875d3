/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A service that carries out jobs, as a process: its settings, the messages that it answers, its job runner, what it says to
 * /readyz and /metrics, SIGHUP, and the drain on SIGTERM. Its main() loads the settings, sets up what its handlers need, and
 * calls job_service_run(), which goes in this order, and back in the opposite one:
 *
 *   start()           what the service has beside its jobs
 *   the job runner    claims jobs; at the end it drains (DRAIN_MS): no job runs any more
 *   messages          at the end those in flight are answered: nothing calls `messages`, check, announce or measure any more
 *
 * So handlers of jobs and messages find what start() made, from the first to the last; and stop() finds nobody else. While a
 * runner drains, what start() made goes on: a job that waits for it can still end.
 */
#ifndef LIB_SERVICE_JOB_SERVICE_H
#define LIB_SERVICE_JOB_SERVICE_H

#include "lib/base/json_writer.h"
#include "lib/base/metrics.h"
#include "lib/base/settings.h"
#include "lib/service/job_runner.h"
#include "lib/service/message_server.h"
#include "lib/store/registry_access.h"

/* What /readyz shows of a service: a list of checks, all of which must be fine. */
struct job_service_checks {
    struct json_writer writer;
    bool are_fine;
};

struct job_service {
    enum service service;
    struct settings *settings; /* loaded; its secrets are read again on SIGHUP */
    int slots;
    const struct job_handler *handlers;     /* as job_runner_create() takes them */
    const struct message_handler *messages; /* that only this service answers, a row without functions at the end; NULL: none */
    void *context;                          /* of both kinds of handlers, and of these two: */
    void (*check)(void *context, struct job_service_checks *checks, struct deadline *deadline); /* any thread */
    void (*use_secrets)(void *context); /* SIGHUP: the settings' secrets may be others now */

    /* What a service has beside its job runner; each may be NULL. */
    enum status (*start)(void *context, struct error *err);         /* before the first job and the first message */
    void (*stop)(void *context);                                    /* only where `start` succeeded: after the last of both */
    void (*announce)(void *context, const struct message *message); /* job_accepted of a kind without a handler; never blocks */
    void (*measure)(void *context, struct metrics *metrics);        /* adds its figures, for metrics_query; any thread */
    int64_t (*count_alarms)(void *context); /* of jobs that are not the runner's, since the start; any thread */
};

/* From the first message to the last job. */
CHECK_RESULT enum status job_service_run(const struct job_service *service, struct error *err);

/* `message` is shown where it is not empty. */
void job_service_add_check(struct job_service_checks *checks, const char *name, enum status status, const char *message);

/* The disk of a folder of the service's own. */
void job_service_check_folder(struct job_service_checks *checks, const char *setting, const char *folder);

/* Both repositories, by asking their remotes. */
void job_service_check_repositories(struct job_service_checks *checks, struct registry_access *repositories,
                                    struct deadline *deadline);

#endif
