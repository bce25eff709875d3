/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One run of one publication: the state that its steps (lib/domain/README.md, Publish) hand on to each other. A step is a
 * function `enum status publication_STEP(struct publication *, struct error *)`; publish_job.c has them in a table. A refusal's
 * sentence is the last line of the job's log.
 */
#ifndef SERVICES_PUBLISH_PUBLICATION_H
#define SERVICES_PUBLISH_PUBLICATION_H

#include "lib/domain/build_plan.h"
#include "lib/domain/operation.h"
#include "lib/service/job_runner.h"
#include "lib/source/package_files.h"
#include "lib/source/source_fetch.h"
#include "lib/source/source_modules.h"
#include "lib/tools/compiler.h"
#include "lib/tools/package_cache.h"
#include "services/publish/publish_record.h"
#include "services/publish/publish_service.h"

/* In a folder where the compiler runs: the packages, each as NAME-VERSION. */
#define PUBLICATION_PACKAGES_FOLDER COMPILER_PACKAGES_FOLDER

struct archive_limits;

struct publication {
    struct publish_service *service;
    struct job_run *run;
    struct arena *arena; /* the run's: everything below lives there, but the tarball */
    struct publish_request request;
    const char *version;        /* as text */
    const char *folder_name;    /* NAME-VERSION */
    const char *work_folder;    /* of this run, removed after its end */
    const char *tarball_backup; /* a file that outlives the run: what is to be uploaded */
    struct location location;
    struct source_fetched source;
    struct manifest manifest;
    struct build_plan plan;
    int64_t compiler_ms;                /* for which the compiler ran */
    const char *detector_time;          /* for the log: the same for the licence detector; NULL: it was not waited for */
    struct licence_run *licence;        /* the detector, while it runs beside the other steps; publication_licence.c */
    struct package_cache_hold packages; /* of the plan, let go at the run's end */
    struct package_files files;
    struct source_modules modules; /* of these files */
    struct text tarball;
    char hash[SHA256_SRI_MAX];    /* of the tarball */
    struct publish_record record; /* filled as it becomes known, kept by publication_keep_record() */
    const char *documentation;    /* "published", "failed" or "skipped", once that is known */
    bool is_revised; /* an earlier run has published it, and its bounds were revised since: the index's manifest stays */
    char registry_commit[REGISTRY_COMMIT_MAX];
    char index_commit[REGISTRY_COMMIT_MAX];
};

/* publication_source.c: what is to be published */
enum status publication_check_metadata(struct publication *p, struct error *err); /* step 1 */
enum status publication_read_manifest(struct publication *p, struct error *err);  /* step 3 */
enum status publication_check_is_new(struct publication *p, struct error *err);   /* step 5 */
/* A manifest that the index has without metadata; STATUS_REFUSED where it is not `ours`, since it is never replaced. */
enum status publication_check_indexed(const struct publication *p, const struct manifest *indexed, const struct manifest *ours,
                                      struct error *err);

/* publication_licence.c: step 4; what is started must be waited for, or dropped, before the run ends */
enum status publication_check_licence(struct publication *p, struct error *err);
enum status publication_await_licence(struct publication *p, struct error *err);
void publication_drop_licence(struct publication *p);

/* publication_fetch.c */
enum status publication_fetch_source(struct publication *p, struct error *err); /* step 2 */

/* publication_build.c: does it build? */
enum status publication_solve(struct publication *p, struct error *err); /* step 6 */
/* The first half of it, by an index that the caller holds: sets p->plan. A trial says nothing of why there is none. */
enum status publication_plan(struct publication *p, const struct manifest_index *index, bool is_trial, struct error *err);
enum status publication_refuse_without_plan(struct error *err); /* `err` says why: puts the words that clients know before it */
enum status publication_check_modules(struct publication *p, struct error *err); /* step 7 */
enum status publication_pack(struct publication *p, struct error *err);          /* step 10, its first half */
const char *const *publication_readable(const struct publication *p); /* what the compiler must see for that; in the arena */
enum status publication_check_dependencies(struct publication *p, struct error *err); /* step 8 */
enum status publication_compile(struct publication *p, struct error *err);            /* step 9 */

/* In the arena. */
const char *publication_build_folder(const struct publication *p);
/* Of one tarball, unpacked: far above anything in the registry, far below what would hurt. */
extern const struct archive_limits publication_unpack_limits;

/* publication_install.c: the plan, and the tarball itself */
enum status publication_install(struct publication *p, struct error *err);
/* Makes the folder. STATUS_NOT_FOUND: a version of the plan, or its tarball, is not there any more. */
enum status publication_install_plan(struct publication *p, const char *folder, struct error *err);
/* The versions of the plan that are not in the registry any more, as the view has it now: "a@1.0.0, b@2.0.0", or "". */
const char *publication_lost_dependencies(const struct publication *p);
/* Says so behind a refusal. Returns err's status. */
enum status publication_blame_unpublishing(const struct publication *p, const char *lost, struct error *err);

/* publication_wait.c: there is no plan; is there one now, or when earlier publications have ended? STATUS_BUSY: the job is to
 * wait for those, which are in p->run->awaited. */
enum status publication_wait_or_refuse(struct publication *p, struct error *err);

/* publication_documentation.c */
enum status publication_look_for_documentation(struct publication *p, bool *is_missing, struct error *err); /* for step 5 */
enum status publication_document(struct publication *p, struct error *err);                                 /* step 11 */

/* publication_write.c: the outside writes, step 10 */
enum status publication_keep_record(struct publication *p, struct error *err);
enum status publication_resume(struct publication *p, struct error *err); /* instead of all before, where a record was kept */
enum status publication_write(struct publication *p, struct error *err);

#endif
