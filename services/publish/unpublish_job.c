/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs one unpublish job: the table of its steps (lib/service/job/job_steps.h), and the consequences of its outcome.
 */
#include "lib/service/job/job_proof.h"
#include "lib/service/job/job_steps.h"
#include "services/publish/unpublishing.h"

static const struct job_step steps[] = {
    {"unpublish-read", .begin = unpublishing_read_metadata},
    {"unpublish-right", .begin = unpublishing_check_right},
    {"unpublish-version", .begin = unpublishing_check_version},
    {"unpublish-age", .begin = unpublishing_check_age},
    {"unpublish-dependants", .begin = unpublishing_check_dependants},
    {"unpublish-record", .begin = unpublishing_keep_record},
    {"unpublish-resume", .resume = unpublishing_resume},
    {"unpublish-index", .write = unpublishing_remove_manifest, .left_out = {"the manifest is not removed from the index"}},
    {"unpublish-metadata", .write = unpublishing_change_metadata, .left_out = {"the metadata is not committed"}},
    {"unpublish-tarball", .write = unpublishing_remove_tarball, .left_out = {"the tarball is not removed"}},
    {0},
};

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
    if (!status) status = job_steps_carry_out(&(struct job_steps){.table = steps, .context = &u}, run, err);
    if (!status && !run->is_readonly)
        status = job_sign_for_trustee(run, &u.signed_request, u.service->settings.pacchettibotti_private_key, err);
    if (status) return status;
    job_run_log(run, LOG_NOTICE,
                run->is_readonly ? "%s@%s would be unpublished now, but this server is read-only." : "Unpublished %s@%s.",
                u.request.name, u.version);
    return STATUS_OK;
}
