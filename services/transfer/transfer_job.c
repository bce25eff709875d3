/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs one transfer job (lib/domain/README.md, Transfer): sets the new location in the package's metadata and changes nothing
 * else. Whether the location is free is checked under the registry repository's lock; transfers never share a commit round
 * there, so two packages cannot get the same location.
 *
 * A run that finds the record of an earlier run resumes from there; if the metadata was already written, it keeps it.
 */
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/job/operation.h"
#include "lib/service/job/job_change.h"
#include "lib/service/job/job_proof.h"
#include "lib/service/job/job_steps.h"
#include "lib/store/registry/metadata_edit.h"
#include "services/transfer/transfer_service.h"

struct transfer {
    struct transfer_service *service;
    struct job_run *run;
    struct arena *arena; /* of the run; owns everything below */
    struct signed_request signed_request;
    struct transfer_request request;
    struct metadata metadata; /* of the package, as it was at the run's start */
    struct location from;     /* the record, stored before the outside write, is {"from": LOCATION, "to": LOCATION} */
};

/* ---- Checks ---- */

static const char *location_text(const struct transfer *t, const struct location *location) {
    struct text text = {0};
    location_append_text(&text, location);
    const char *copy = arena_copy(t->arena, text_view(&text));
    text_release(&text);
    return copy;
}

static enum status read_metadata(void *context, struct error *err) {
    struct transfer *t = context;
    const char *name = t->request.name;
    job_run_log(t->run, LOG_INFO, "Transferring %s to %s.", name, location_text(t, &t->request.new_location));
    enum status status = registry_view_refresh(t->service->repositories.view, &t->run->deadline, err);
    if (status) return status;
    const struct manifest_index *index = registry_view_lock(t->service->repositories.view);
    status = manifest_index_copy_metadata(&t->metadata, index, name, t->arena, err);
    registry_view_unlock(t->service->repositories.view);
    if (status == STATUS_NOT_FOUND)
        return error_set_at(err, STATUS_REFUSED, "name",
                            "There is no package named %s in the registry: a package is registered by publishing its first "
                            "version, with its location.",
                            name);
    if (!status) t->from = t->metadata.location;
    return status;
}

static enum status check_right(void *context, struct error *err) {
    struct transfer *t = context;
    return job_prove_right(t->run, &t->signed_request, t->request.name, &t->metadata.owners, t->service->pacchettibotti, err);
}

static enum status check_move(void *context, struct error *err) {
    struct transfer *t = context;
    if (!location_equal(&t->from, &t->request.new_location)) return STATUS_OK;
    return error_set_at(err, STATUS_REFUSED, "newLocation", "%s is already at %s.", t->request.name,
                        location_text(t, &t->from));
}

static enum status check_free(void *context, struct error *err) {
    const struct transfer *t = context;
    const struct manifest_index *index = registry_view_lock(t->service->repositories.view);
    enum status status = manifest_index_check_place(index, t->request.name, &t->request.new_location, "newLocation", err);
    registry_view_unlock(t->service->repositories.view);
    return status;
}

/* ---- The record ---- */

static enum status keep_record(void *context, struct error *err) {
    struct transfer *t = context;
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    json_writer_open(&writer, '{');
    json_writer_key(&writer, "from");
    location_write(&writer, &t->from);
    json_writer_key(&writer, "to");
    location_write(&writer, &t->request.new_location);
    json_writer_close(&writer, '}');
    return job_steps_keep_record(t->run, &json, err);
}

static enum status resume(void *context, struct error *err) {
    struct transfer *t = context;
    json_t *record = NULL;
    const json_t *from, *to;
    const char *bytes = t->run->job.record;
    enum status status = json_read(&record, bytes, strlen(bytes), "The job's record", err);
    if (!status) status = json_need_object(record, "from", &from, err);
    if (!status) status = json_need_object(record, "to", &to, err);
    if (!status) status = location_read(&t->from, from, t->arena, err);
    if (!status) status = location_read(&t->request.new_location, to, t->arena, err);
    if (!status)
        job_steps_say_resumed(t->run, "from %s to %s", location_text(t, &t->from), location_text(t, &t->request.new_location));
    json_decref(record);
    return status;
}

/* ---- The write ---- */

/* registry_edit_function */
static enum status edit_metadata(struct registry_edit *out, const struct registry_file *current, void *context,
                                 struct arena *arena, struct error *err) {
    const struct transfer *t = context;
    struct metadata metadata;
    enum status status = metadata_edit_read(&metadata, t->request.name, current, arena, err);
    if (status) return status;
    out->kind = REGISTRY_KEEP;
    if (location_equal(&metadata.location, &t->request.new_location)) return STATUS_OK;
    if (!location_equal(&metadata.location, &t->from))
        return error_set(err, STATUS_REFUSED, "%s was meanwhile moved to %s by another change.", t->request.name,
                         location_text(t, &metadata.location));
    metadata.location = t->request.new_location;
    metadata_edit_write(out, &metadata, arena);
    return STATUS_OK;
}

/* queued_change.prepare: under the registry's lock, against the current registry. */
static enum status check_free_again(void *context, struct deadline *limit, struct error *err) {
    struct transfer *t = context;
    enum status status = registry_view_refresh(t->service->repositories.view, limit, err);
    return status ? status : check_free(t, err);
}

static enum status commit(void *context, struct error *err) {
    struct transfer *t = context;
    struct job_change change = job_change_of_metadata(t->run, t->request.name, edit_metadata, t);
    change.queued.prepare = check_free_again;
    change.queued.is_alone = true;
    return job_change_commit(&change, t->run, &t->service->repositories, err);
}

/* ---- The job ---- */

static const struct job_step steps[] = {
    {"transfer-read", .begin = read_metadata},
    {"transfer-right", .begin = check_right},
    {"transfer-move", .begin = check_move},
    {"transfer-free", .begin = check_free},
    {"transfer-record", .begin = keep_record},
    {"transfer-resume", .resume = resume},
    {"transfer-metadata", .write = commit, .left_out = {"the metadata is not committed"}},
    {0},
};

enum status transfer_job_run(void *context, struct job_run *run, struct error *err) {
    struct transfer t = {.service = context, .run = run, .arena = &run->arena};
    enum status status = job_read_signed_request(&t.signed_request, run, err);
    if (!status) status = transfer_request_parse(&t.request, t.signed_request.payload, t.arena, err);
    if (!status) status = job_steps_carry_out(&(struct job_steps){.table = steps, .context = &t}, run, err);
    if (!status && !run->is_readonly)
        status = job_sign_for_trustee(run, &t.signed_request, t.service->settings.pacchettibotti_private_key, err);
    if (status) return status;
    job_run_log(run, LOG_NOTICE,
                run->is_readonly ? "%s would be moved from %s to %s now, but this server is read-only."
                                 : "Transferred %s from %s to %s.",
                t.request.name, location_text(&t, &t.from), location_text(&t, &t.request.new_location));
    return STATUS_OK;
}
