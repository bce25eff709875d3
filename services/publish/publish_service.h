/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What all jobs of the publish service share: set up once at start, then read from every slot's thread (each part says itself
 * how it is shared). Jobs are carried out by publish_job.c.
 */
#ifndef SERVICES_PUBLISH_PUBLISH_SERVICE_H
#define SERVICES_PUBLISH_PUBLISH_SERVICE_H

#include "lib/base/settings.h"
#include "lib/store/change_queue.h"
#include "lib/store/registry_repo.h"
#include "lib/store/registry_view.h"
#include "lib/store/tarball_store.h"
#include "lib/tools/compiler.h"
#include "lib/tools/sandbox.h"

struct job_run;
struct text;

struct publish_service {
    struct settings settings;
    struct registry_repo *registry;
    struct registry_repo *index;
    struct registry_view *view;
    struct change_queue *registry_queue;
    struct change_queue *index_queue; /* refreshes the view; metadata goes first, through the registry's */
    struct tarball_store *tarballs;
    struct sandbox sandbox;
    struct compilers compilers;
    struct version *compiler_versions; /* of `compilers`, ascending: what is supported */
    int work_folder_lock;              /* held by the one service that uses WORK_DIR */
};

/* Opens everything; `settings` becomes the service's. Free it also after a failure. */
CHECK_RESULT enum status publish_service_init(struct publish_service *service, struct error *err);
void publish_service_release(struct publish_service *service);

/* Reads the secrets that come from files again, and uses them from then on; what cannot be read stays, and is logged. */
void publish_service_reload(struct publish_service *service);

/* Appends the JSON array of checks that /readyz shows; false where one of them says no. */
bool publish_service_is_ready(struct publish_service *service, struct text *reasons);

/* The job handler for publications: `context` is the service. */
enum status publish_job_run(void *context, struct job_run *run, struct error *err);

#endif
