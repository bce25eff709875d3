/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The state shared by all jobs of the transfer service: set up once at start, then read by every slot's thread (the header of
 * each part states its thread safety). transfer_job.c runs the jobs.
 */
#ifndef SERVICES_TRANSFER_TRANSFER_SERVICE_H
#define SERVICES_TRANSFER_TRANSFER_SERVICE_H

#include "lib/base/arena.h"
#include "lib/base/settings.h"
#include "lib/domain/identity/owner.h"
#include "lib/service/job/job_service.h"
#include "lib/store/registry/registry_access.h"

struct transfer_service {
    struct settings settings;
    struct arena arena;                 /* of `pacchettibotti` */
    const struct owner *pacchettibotti; /* the bot's key; NULL: not set */
    struct registry_access repositories;
    int folder_claim; /* descriptor of TRANSFER_DIR's lock, or -1 */
};

/* Opens everything. The caller has set `settings`, and releases the service even after a failure. */
CHECK_RESULT enum status transfer_service_init(struct transfer_service *service, struct error *err);
void transfer_service_release(struct transfer_service *service);

/* For struct job_service; `context` is the service. */
void transfer_service_check(void *context, struct job_service_checks *checks, struct deadline *deadline);
void transfer_service_use_secrets(void *context);

/* The job handler: `context` is the service. */
enum status transfer_job_run(void *context, struct job_run *run, struct error *err);

#endif
