/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The state shared by all jobs of the publish service: set up once at start, then read by every slot's thread (the header of
 * each part states its thread safety). publish_job.c and unpublish_job.c run the jobs.
 */
#ifndef SERVICES_PUBLISH_PUBLISH_SERVICE_H
#define SERVICES_PUBLISH_PUBLISH_SERVICE_H

#include "lib/base/settings.h"
#include "lib/service/job/job_service.h"
#include "lib/store/registry/registry_access.h"
#include "lib/store/tarball/tarball_store.h"
#include "lib/tools/licensee.h"
#include "lib/tools/purs/compiler.h"
#include "lib/tools/sandbox/sandbox.h"

struct compiler_list;
struct job_run;
struct trustee_lookup;

struct place_claims;

struct publish_service {
    struct settings settings;
    struct arena arena;                 /* of `pacchettibotti` */
    const struct owner *pacchettibotti; /* the bot's key; NULL: not set */
    struct registry_access repositories;
    struct tarball_store *tarballs;
    struct package_cache *packages; /* in WORK_DIR: unpacked tarballs of dependencies */
    struct sandbox sandbox;
    bool accepts_no_sandbox; /* SANDBOX_UNSAFE_OPTION was given */
    struct licensee *licensee;
    struct compilers compilers;
    struct version *compiler_versions;   /* of `compilers`, ascending: the supported ones */
    struct compiler_list *compiler_list; /* writes them to Redis */
    struct trustee_lookup *trustees;     /* NULL: TRUSTEE_LOOKUP is not set */
    struct place_claims *places;         /* locations of the new packages being committed */
    int work_folder_claim;               /* descriptor of WORK_DIR's lock, or -1 */
};

/* Opens everything. The caller has set `settings` and `accepts_no_sandbox`, and releases the service even after a failure. */
CHECK_RESULT enum status publish_service_init(struct publish_service *service, struct error *err);
void publish_service_release(struct publish_service *service);

/* For struct job_service; `context` is the service. */
void publish_service_check(void *context, struct job_service_checks *checks, struct deadline *deadline);
void publish_service_use_secrets(void *context);

/* The job handlers: `context` is the service. */
enum status publish_job_run(void *context, struct job_run *run, struct error *err);
enum status unpublish_job_run(void *context, struct job_run *run, struct error *err);

#endif
