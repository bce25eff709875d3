/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs one unpublish job: its steps in order. A run that finds the record of an earlier run resumes from there: nothing is
 * written outside before the record is stored, and every later step can be repeated.
 */
#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/service/job_proof.h"
#include "lib/service/job_timings.h"
#include "services/publish/unpublishing.h"

struct step {
    const char *name; /* of its fault point */
    enum status (*run)(struct unpublishing *u, struct error *err);
    const char *left_out; /* log text if READONLY skips this outside write; NULL: never skipped */
};

static const struct step first_run[] = {
    {"unpublish-read", unpublishing_read_metadata, NULL},
    {"unpublish-right", unpublishing_check_right, NULL},
    {"unpublish-version", unpublishing_check_version, NULL},
    {"unpublish-age", unpublishing_check_age, NULL},
    {"unpublish-dependants", unpublishing_check_dependants, NULL},
    {"unpublish-record", unpublishing_keep_record, NULL},
    {0},
};

static const struct step resumed_run[] = {
    {"unpublish-resume", unpublishing_resume, NULL},
    {0},
};

static const struct step writes[] = {
    {"unpublish-index", unpublishing_remove_manifest, "the manifest is not removed from the index"},
    {"unpublish-metadata", unpublishing_change_metadata, "the metadata is not committed"},
    {"unpublish-tarball", unpublishing_remove_tarball, "the tarball is not removed"},
    {0},
};

static enum status run_steps(struct unpublishing *u, const struct step *steps, struct job_timings *timings, struct error *err) {
    enum status status = STATUS_OK;
    for (const struct step *step = steps; step->name && !status; step++) {
        if (step->left_out && u->service->settings.readonly) {
            job_run_log(u->run, LOG_WARN, "Read-only: %s.", step->left_out);
            continue;
        }
        int64_t start_us = clock_monotonic_us();
        status = deadline_check(&u->run->deadline, err);
        if (!status) status = step->run(u, err);
        if (!status) fault_point(step->name);
        job_timings_add(timings, step->name, start_us);
    }
    return status;
}

static enum status read_request(struct unpublishing *u, struct error *err) {
    char version[VERSION_TEXT_MAX];
    enum status status = job_read_signed_request(&u->signed_request, u->run, err);
    if (!status) status = unpublish_request_parse(&u->request, u->signed_request.payload, u->arena, err);
    if (status) return status;
    version_print(u->request.version, version);
    u->version = arena_copy(u->arena, version);
    return STATUS_OK;
}

enum status unpublish_job_run(void *context, struct job_run *run, struct error *err) {
    struct unpublishing u = {.service = context, .run = run, .arena = &run->arena};
    enum status status = read_request(&u, err);
    struct job_timings timings = {0};
    if (!status) status = run_steps(&u, run->job.record ? resumed_run : first_run, &timings, err);
    if (!status) status = run_steps(&u, writes, &timings, err);
    job_timings_log(&timings, run, ".");
    if (status) return status;
    bool is_readonly = u.service->settings.readonly;
    if (!is_readonly)
        status = job_sign_for_trustee(run, &u.signed_request, u.service->settings.pacchettibotti_private_key, err);
    if (status) return status;
    run->end.readonly = is_readonly;
    job_run_log(run, LOG_NOTICE,
                is_readonly ? "%s@%s would be unpublished now, but this server is read-only." : "Unpublished %s@%s.",
                u.request.name, u.version);
    return STATUS_OK;
}
