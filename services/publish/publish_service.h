/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What all jobs of the publish service share: set up once at start, then read from every slot's thread (each part says itself
 * how it is shared). Jobs are carried out by publish_job.c.
 */
#ifndef SERVICES_PUBLISH_PUBLISH_SERVICE_H
#define SERVICES_PUBLISH_PUBLISH_SERVICE_H

#include "lib/base/settings.h"
#include "lib/service/job_service.h"
#include "lib/store/registry_access.h"
#include "lib/store/tarball_store.h"
#include "lib/tools/compiler.h"
#include "lib/tools/licensee.h"
#include "lib/tools/sandbox.h"

struct compiler_list;
struct job_run;
struct trustee_lookup;

struct place_claims;

struct publish_service {
    struct settings settings;
    struct arena arena;                 /* of the next */
    const struct owner *pacchettibotti; /* the bot's key; NULL where it is not set */
    struct registry_access repositories;
    struct tarball_store *tarballs;
    struct package_cache *packages; /* in WORK_DIR: what builds need, out of its tarballs */
    struct sandbox sandbox;
    bool accepts_no_sandbox; /* SANDBOX_UNSAFE_OPTION was given */
    struct licensee *licensee;
    struct compilers compilers;
    struct version *compiler_versions;   /* of `compilers`, ascending: what is supported */
    struct compiler_list *compiler_list; /* tells others of them */
    struct trustee_lookup *trustees;     /* NULL where TRUSTEE_LOOKUP is not set */
    struct place_claims *places;         /* of new packages that are being committed */
    int work_folder_claim;               /* of the one service that uses WORK_DIR */
};

/* Opens everything; `settings` and `accepts_no_sandbox` are there. Free it also after a failure. */
CHECK_RESULT enum status publish_service_init(struct publish_service *service, struct error *err);
void publish_service_release(struct publish_service *service);

/* For struct job_service; `context` is the service. */
void publish_service_check(void *context, struct job_service_checks *checks, struct deadline *deadline);
void publish_service_use_secrets(void *context);

/* The job handlers: `context` is the service. */
enum status publish_job_run(void *context, struct job_run *run, struct error *err);
enum status unpublish_job_run(void *context, struct job_run *run, struct error *err);

#endif
