/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One run of one unpublishing: the state that its steps (lib/domain/README.md, Unpublish) pass to each other. A step is a
 * function `enum status unpublishing_STEP(void *context, struct error *)`, whose context is the unpublishing; unpublish_job.c
 * lists them in a table (lib/service/job/job_steps.h).
 */
#ifndef SERVICES_PUBLISH_UNPUBLISHING_H
#define SERVICES_PUBLISH_UNPUBLISHING_H

#include "lib/domain/job/operation.h"
#include "lib/domain/registry/metadata.h"
#include "lib/service/job/job_runner.h"
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
enum status unpublishing_read_metadata(void *context, struct error *err);
enum status unpublishing_check_right(void *context, struct error *err);
enum status unpublishing_check_version(void *context, struct error *err);
enum status unpublishing_check_age(void *context, struct error *err);
enum status unpublishing_check_dependants(void *context, struct error *err);

/* unpublish_write.c: the outside writes */
enum status unpublishing_keep_record(void *context, struct error *err);
enum status unpublishing_resume(void *context, struct error *err); /* replaces the checks if a record exists */
enum status unpublishing_remove_manifest(void *context, struct error *err);
enum status unpublishing_change_metadata(void *context, struct error *err);
enum status unpublishing_remove_tarball(void *context, struct error *err);

#endif
