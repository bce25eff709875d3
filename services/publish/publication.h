/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One run of one publication: the state that its steps (lib/domain/README.md, Publish) pass to each other. A step is a function
 * `enum status publication_STEP(void *context, struct error *)`, whose context is the publication; publish_job.c lists them in
 * a table (lib/service/job/job_steps.h). The message of a refusal becomes the last line of the job's log.
 */
#ifndef SERVICES_PUBLISH_PUBLICATION_H
#define SERVICES_PUBLISH_PUBLICATION_H

#include "lib/domain/job/operation.h"
#include "lib/domain/solver/build_plan.h"
#include "lib/service/job/job_runner.h"
#include "lib/source/package_files.h"
#include "lib/source/source_fetch.h"
#include "lib/source/source_modules.h"
#include "lib/tools/archive/package_cache.h"
#include "lib/tools/purs/compiler.h"
#include "services/publish/publish_record.h"
#include "services/publish/publish_service.h"

/* Subfolder of a compiler's working folder: the packages, each as NAME-VERSION. */
#define PUBLICATION_PACKAGES_FOLDER COMPILER_PACKAGES_FOLDER

struct publication {
    struct publish_service *service;
    struct job_run *run;
    struct arena *arena; /* of the run; owns everything below except the tarball */
    struct publish_request request;
    const char *version;        /* as text */
    const char *folder_name;    /* NAME-VERSION */
    const char *work_folder;    /* of this run; removed after its end */
    const char *tarball_backup; /* a file that outlives the run: the tarball to upload */
    struct location location;
    struct source_fetched source;
    struct manifest manifest;
    struct build_plan plan;
    int64_t compiler_ms;                /* total run time of the compiler */
    const char *detector_time;          /* log text: run time of the license detector; NULL: not awaited */
    struct license_run *license;        /* the detector, which runs in parallel with the other steps; publication_license.c */
    struct package_cache_hold packages; /* of the plan; released at the run's end */
    struct package_files files;
    struct source_modules modules; /* of these files */
    struct text tarball;
    char hash[SHA256_SRI_MAX];    /* of the tarball */
    struct publish_record record; /* filled in by the steps, stored by publication_keep_record() */
    const char *documentation;    /* "published", "failed" or "skipped"; NULL: not known yet */
    bool is_revised; /* published by an earlier run and its bounds revised since: the index keeps the revised manifest */
    char registry_commit[REGISTRY_COMMIT_MAX];
    char index_commit[REGISTRY_COMMIT_MAX];
};

/* publication_source.c: source and manifest */
enum status publication_check_metadata(void *context, struct error *err); /* step 1 */
enum status publication_read_manifest(void *context, struct error *err);  /* step 3 */
enum status publication_check_is_new(void *context, struct error *err);   /* step 5 */
/* For an index entry without metadata: STATUS_REFUSED unless it equals `ours`, because an index entry is never replaced. */
enum status publication_check_indexed(const struct publication *p, const struct manifest *indexed, const struct manifest *ours,
                                      struct error *err);

/* publication_license.c: step 4. The detector that it starts must be awaited or dropped before the run ends. */
enum status publication_check_license(void *context, struct error *err);
enum status publication_await_license(void *context, struct error *err);
void publication_drop_license(struct publication *p);

/* publication_fetch.c */
enum status publication_fetch_source(void *context, struct error *err); /* step 2 */

/* publication_build.c: plan, check and compile */
enum status publication_solve(void *context, struct error *err); /* step 6 */
/* Plans against `index`, which the caller has locked; sets p->plan. A trial (is_trial) does not explain a missing plan. */
enum status publication_plan(struct publication *p, const struct manifest_index *index, bool is_trial, struct error *err);
enum status publication_refuse_without_plan(struct error *err); /* prefixes err's message with the phrase that clients know */
enum status publication_check_modules(void *context, struct error *err); /* step 7 */
enum status publication_pack(void *context, struct error *err);          /* first half of step 10 */
const char *const *publication_readable(const struct publication *p); /* folders shown read-only in the sandbox; in the arena */
enum status publication_check_dependencies(void *context, struct error *err); /* step 8 */
enum status publication_compile(void *context, struct error *err);            /* step 9 */

/* WORK_FOLDER/build; in the arena. */
const char *publication_build_folder(const struct publication *p);

/* publication_install.c: the plan's packages and the package itself */
enum status publication_install(void *context, struct error *err);
/* Makes the folder. STATUS_NOT_FOUND: a version of the plan is no longer published, or its tarball is gone. */
enum status publication_install_plan(struct publication *p, const char *folder, struct error *err);
/* The versions of the plan that are no longer in the current view of the registry: "a@1.0.0, b@2.0.0", or "". */
const char *publication_lost_dependencies(const struct publication *p);
/* Appends that list to a refusal's message. Returns err's status. */
enum status publication_blame_unpublishing(const struct publication *p, const char *lost, struct error *err);

/* publication_wait.c: after a solve without a plan, plans again and checks whether earlier publications could provide one.
 * STATUS_BUSY: the job must wait for those in p->run->awaited. */
enum status publication_wait_or_refuse(struct publication *p, struct error *err);

/* publication_documentation.c */
enum status publication_look_for_documentation(struct publication *p, bool *is_missing, struct error *err); /* for step 5 */
enum status publication_document(void *context, struct error *err);                                         /* step 11 */

/* publication_write.c: the outside writes, step 10 */
enum status publication_keep_record(void *context, struct error *err);
enum status publication_resume(void *context, struct error *err); /* replaces all earlier steps if a record exists */
enum status publication_write(void *context, struct error *err);

#endif
