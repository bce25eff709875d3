/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What all jobs of the transfer service share: set up once at start, then read from every slot's thread (each part says itself
 * how it is shared). Jobs are carried out by transfer_job.c.
 */
#ifndef SERVICES_TRANSFER_TRANSFER_SERVICE_H
#define SERVICES_TRANSFER_TRANSFER_SERVICE_H

#include "lib/base/arena.h"
#include "lib/base/settings.h"
#include "lib/domain/owner.h"
#include "lib/service/job_service.h"
#include "lib/store/registry_access.h"

struct transfer_service {
    struct settings settings;
    struct arena arena;                 /* of the next */
    const struct owner *pacchettibotti; /* the bot's key; NULL where it is not set */
    struct registry_access repositories;
    int folder_claim; /* of the one service that uses TRANSFER_DIR */
};

/* Opens everything; `settings` are there already. Release it also after a failure. */
CHECK_RESULT enum status transfer_service_init(struct transfer_service *service, struct error *err);
void transfer_service_release(struct transfer_service *service);

/* For struct job_service; `context` is the service. */
void transfer_service_check(void *context, struct job_service_checks *checks, struct deadline *deadline);
void transfer_service_use_secrets(void *context);

/* The job handler: `context` is the service. */
enum status transfer_job_run(void *context, struct job_run *run, struct error *err);

#endif
