/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs one transfer job (lib/domain/README.md, Transfer): sets the new location in the package's metadata and changes nothing
 * else. Whether the location is free is checked under the registry repository's lock; transfers never share a commit round
 * there, so two packages cannot get the same location.
 *
 * A run that finds the record of an earlier run resumes from there; if the metadata was already written, it keeps it.
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/operation.h"
#include "lib/service/job_proof.h"
#include "lib/service/job_timings.h"
#include "lib/store/metadata_edit.h"
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

static enum status read_metadata(struct transfer *t, struct error *err) {
    const char *name = t->request.name;
    job_run_log(t->run, LOG_INFO, "Transferring %s to %s.", name, location_text(t, &t->request.new_location));
    enum status status = registry_view_refresh(t->service->repositories.view, &t->run->deadline, err);
    if (status) return status;
    const struct manifest_index *index = registry_view_lock(t->service->repositories.view);
    status = manifest_index_copy_metadata(&t->metadata, index, name, t->arena, err);
    registry_view_unlock(t->service->repositories.view);
    if (status == STATUS_NOT_FOUND)
        return error_set_at(err, STATUS_REFUSED, "name",
                            "There is no package named %s in the registry: one is registered by publishing its first version, "
                            "with the location that it is to have.",
                            name);
    if (!status) t->from = t->metadata.location;
    return status;
}

static enum status check_right(struct transfer *t, struct error *err) {
    return job_prove_right(t->run, &t->signed_request, t->request.name, &t->metadata.owners, t->service->pacchettibotti, err);
}

static enum status check_move(struct transfer *t, struct error *err) {
    if (!location_equal(&t->from, &t->request.new_location)) return STATUS_OK;
    return error_set_at(err, STATUS_REFUSED, "newLocation", "%s is at %s already.", t->request.name,
                        location_text(t, &t->from));
}

static enum status check_free(struct transfer *t, struct error *err) {
    const struct manifest_index *index = registry_view_lock(t->service->repositories.view);
    enum status status = manifest_index_check_place(index, t->request.name, &t->request.new_location, "newLocation", err);
    registry_view_unlock(t->service->repositories.view);
    return status;
}

/* ---- The record ---- */

static enum status keep_record(struct transfer *t, struct error *err) {
    if (t->service->settings.readonly) return STATUS_OK; /* nothing will be written */
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    json_writer_open(&writer, '{');
    json_writer_key(&writer, "from");
    location_write(&writer, &t->from);
    json_writer_key(&writer, "to");
    location_write(&writer, &t->request.new_location);
    json_writer_close(&writer, '}');
    enum status status = job_run_record(t->run, text_view(&json), err);
    text_release(&json);
    return status;
}

static enum status resume(struct transfer *t, struct error *err) {
    json_t *record = NULL;
    const json_t *from, *to;
    const char *bytes = t->run->job.record;
    enum status status = json_read(&record, bytes, strlen(bytes), "The job's record", err);
    if (!status) status = json_need_object(record, "from", &from, err);
    if (!status) status = json_need_object(record, "to", &to, err);
    if (!status) status = location_read(&t->from, from, t->arena, err);
    if (!status) status = location_read(&t->request.new_location, to, t->arena, err);
    if (!status)
        job_run_log(t->run, LOG_INFO, "Going on with what an earlier run had decided: from %s to %s.",
                    location_text(t, &t->from), location_text(t, &t->request.new_location));
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
        return error_set(err, STATUS_REFUSED, "%s was moved by somebody else meanwhile, to %s.", t->request.name,
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

/* queued_change.guard */
static enum status check_lease(void *context, int64_t needed_ms, struct error *err) {
    struct transfer *t = context;
    return job_run_guard(t->run, needed_ms, err);
}

static enum status commit(struct transfer *t, struct error *err) {
    const char *name = t->request.name;
    if (t->service->settings.readonly) {
        job_run_log(t->run, LOG_WARN, "Read-only: the metadata is not committed.");
        return STATUS_OK;
    }
    struct queued_change change = {
        .change = {.path = arena_format(t->arena, "metadata/%s.json", name),
                   .message =
                       job_commit_message(&t->run->job, t->arena, arena_format(t->arena, "Update metadata for %s", name)),
                   .edit = edit_metadata,
                   .context = t},
        .prepare = check_free_again,
        .guard = check_lease,
        .context = t,
        .is_alone = true,
    };
    enum status status =
        change_queue_commit(t->service->repositories.registry_queue, t->run->store, &change, 1, &t->run->deadline, err);
    if (!status)
        job_run_log(t->run, LOG_INFO,
                    change.change.written ? "Committed the metadata: %s." : "The metadata says so already: %s.",
                    change.change.commit);
    return status ? status : job_run_add_commit(t->run, "registry", t->service->repositories.registry, &change.change, err);
}

/* ---- The job ---- */

struct step {
    const char *name; /* of its fault point */
    enum status (*run)(struct transfer *t, struct error *err);
};

static const struct step first_run[] = {
    {"transfer-read", read_metadata},
    {"transfer-right", check_right},
    {"transfer-move", check_move},
    {"transfer-free", check_free},
    {"transfer-record", keep_record},
    {"transfer-metadata", commit},
    {0},
};

static const struct step resumed_run[] = {
    {"transfer-resume", resume},
    {"transfer-metadata", commit},
    {0},
};

static enum status run_steps(struct transfer *t, const struct step *steps, struct error *err) {
    enum status status = STATUS_OK;
    struct job_timings timings = {0};
    for (const struct step *step = steps; step->name && !status; step++) {
        int64_t start_us = clock_monotonic_us();
        status = deadline_check(&t->run->deadline, err);
        if (!status) status = step->run(t, err);
        if (!status) fault_point(step->name);
        job_timings_add(&timings, step->name, start_us);
    }
    job_timings_log(&timings, t->run, ".");
    return status;
}

enum status transfer_job_run(void *context, struct job_run *run, struct error *err) {
    struct transfer t = {.service = context, .run = run, .arena = &run->arena};
    enum status status = job_read_signed_request(&t.signed_request, run, err);
    if (!status) status = transfer_request_parse(&t.request, t.signed_request.payload, t.arena, err);
    if (!status) status = run_steps(&t, run->job.record ? resumed_run : first_run, err);
    if (status) return status;
    bool is_readonly = t.service->settings.readonly;
    if (!is_readonly)
        status = job_sign_for_trustee(run, &t.signed_request, t.service->settings.pacchettibotti_private_key, err);
    if (status) return status;
    run->end.readonly = is_readonly;
    job_run_log(run, LOG_NOTICE,
                is_readonly ? "%s would be moved from %s to %s now, but this server is read-only."
                            : "Transferred %s from %s to %s.",
                t.request.name, location_text(&t, &t.from), location_text(&t, &t.request.new_location));
    return STATUS_OK;
}
