/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One run of one unpublishing: the state that its steps (lib/domain/README.md, Unpublish) pass to each other. A step is a
 * function `enum status unpublishing_STEP(struct unpublishing *, struct error *)`; unpublish_job.c lists them in tables.
 */
#ifndef SERVICES_PUBLISH_UNPUBLISHING_H
#define SERVICES_PUBLISH_UNPUBLISHING_H

#include "lib/domain/metadata.h"
#include "lib/domain/operation.h"
#include "lib/service/job_runner.h"
#include "services/publish/publish_service.h"

/* The content of the outside writes, stored in the job before the first of them (lib/store/README.md, Once):
 *   {"reason": TEXT, "unpublishedTime": TIME} */
struct unpublish_record {
    const char *reason;
    int64_t unpublished_ms;
};

struct unpublishing {
    struct publish_service *service;
    struct job_run *run;
    struct arena *arena; /* of the run; owns everything below */
    struct signed_request signed_request;
    struct unpublish_request request;
    const char *version;      /* as text */
    struct metadata metadata; /* of the package, as it was at the run's start */
    struct unpublish_record record;
};

/* unpublish_check.c: whether it is allowed */
enum status unpublishing_read_metadata(struct unpublishing *u, struct error *err);
enum status unpublishing_check_right(struct unpublishing *u, struct error *err);
enum status unpublishing_check_version(struct unpublishing *u, struct error *err);
enum status unpublishing_check_age(struct unpublishing *u, struct error *err);
enum status unpublishing_check_dependants(struct unpublishing *u, struct error *err);

/* unpublish_write.c: the outside writes */
enum status unpublishing_keep_record(struct unpublishing *u, struct error *err);
enum status unpublishing_resume(struct unpublishing *u, struct error *err); /* replaces the checks if a record exists */
enum status unpublishing_remove_manifest(struct unpublishing *u, struct error *err);
enum status unpublishing_change_metadata(struct unpublishing *u, struct error *err);
enum status unpublishing_remove_tarball(struct unpublishing *u, struct error *err);

#endif
