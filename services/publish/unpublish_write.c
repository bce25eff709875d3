/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The outside writes of an unpublishing: index entry, metadata, tarball, in that order, so that everything can be restored
 * until the last step. Repeating one has no effect, so a run that is killed at any point is resumed by another
 * (lib/store/README.md, Once).
 *
 * Dependants are checked again under the index repository's lock, which is held until the entry is removed; publications check
 * their dependencies under the same lock. So no new version can depend on this one afterwards. The change never shares its
 * round with others (queued_change.is_alone), because all changes of a round are checked before any is written.
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/registry/index_file.h"
#include "lib/service/job/job_change.h"
#include "lib/service/job/job_steps.h"
#include "lib/store/registry/metadata_edit.h"
#include "services/publish/unpublishing.h"

/* ---- The record ---- */

enum status unpublishing_keep_record(void *context, struct error *err) {
    struct unpublishing *u = context;
    u->record = (struct unpublish_record){.reason = u->request.reason, .unpublished_ms = clock_now_ms()};
    char time[TIME_TEXT_MAX];
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    time_print(u->record.unpublished_ms, time);
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "reason", u->record.reason);
    json_writer_text_field(&writer, "unpublishedTime", time);
    json_writer_close(&writer, '}');
    return job_steps_keep_record(u->run, &json, err);
}

enum status unpublishing_resume(void *context, struct error *err) {
    struct unpublishing *u = context;
    json_t *record = NULL;
    const char *reason = NULL, *time = NULL;
    enum status status = json_read(&record, u->run->job.record, strlen(u->run->job.record), "The job's record", err);
    if (!status) status = json_need_text(record, "reason", &reason, err);
    if (!status) status = json_need_text(record, "unpublishedTime", &time, err);
    if (!status && !time_parse(time, &u->record.unpublished_ms))
        status = error_set(err, STATUS_INTERNAL, "The job's record has no valid unpublishedTime.");
    if (!status) {
        u->record.reason = arena_copy(u->arena, reason);
        job_steps_say_resumed(u->run, "decided at %s", time);
    }
    json_decref(record);
    return status;
}

/* ---- Index ---- */

/* registry_edit_function */
static enum status edit_index(struct registry_edit *out, const struct registry_file *current, void *context,
                              struct arena *arena, struct error *err) {
    const struct unpublishing *u = context;
    struct text text = {0};
    out->kind = REGISTRY_KEEP;
    enum status status = STATUS_OK;
    if (current->bytes)
        status = index_file_remove(&text, u->request.name, current->bytes, current->length, u->request.version, err);
    if (current->bytes && !status) {
        out->kind = text.length ? REGISTRY_WRITE : REGISTRY_REMOVE;
        out->content = (struct registry_file){arena_copy_bytes(arena, text_view(&text), text.length), text.length};
    }
    text_release(&text);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status; /* removed already */
}

/* queued_change.prepare: under the index's lock, against the current registry. */
static enum status check_dependants_again(void *context, struct deadline *limit, struct error *err) {
    (void)limit;
    return unpublishing_check_dependants(context, err);
}

enum status unpublishing_remove_manifest(void *context, struct error *err) {
    struct unpublishing *u = context;
    const char *subject = arena_format(u->arena, "Remove manifest entry for %s@%s", u->request.name, u->version);
    struct job_change change = job_change_of_index(u->run, u->request.name, subject, edit_index, u);
    change.queued.prepare = check_dependants_again;
    change.queued.is_alone = true;
    change.written = "Removed the manifest from the index";
    change.kept = "The index does not have the manifest";
    return job_change_commit(&change, u->run, &u->service->repositories, err);
}

/* ---- Metadata ---- */

/* registry_edit_function */
static enum status edit_metadata(struct registry_edit *out, const struct registry_file *current, void *context,
                                 struct arena *arena, struct error *err) {
    const struct unpublishing *u = context;
    struct metadata metadata;
    enum status status = metadata_edit_read(&metadata, u->request.name, current, arena, err);
    if (status) return status;
    out->kind = REGISTRY_KEEP;
    if (metadata_find_unpublished(&metadata, u->request.version)) return STATUS_OK;
    status = metadata_unpublish(&metadata, u->request.version, u->record.reason, u->record.unpublished_ms, arena, err);
    if (status) return error_set(err, STATUS_INTERNAL, "The metadata of %s: %s", u->request.name, err->message);
    metadata_edit_write(out, &metadata, arena);
    return STATUS_OK;
}

enum status unpublishing_change_metadata(void *context, struct error *err) {
    struct unpublishing *u = context;
    struct job_change change = job_change_of_metadata(u->run, u->request.name, edit_metadata, u);
    return job_change_commit(&change, u->run, &u->service->repositories, err);
}

/* ---- Tarball ---- */

/* An unpublished version stays unpublished and no other tarball can be stored for it, so even a late removal by a run that lost
 * its lease does no harm. */
enum status unpublishing_remove_tarball(void *context, struct error *err) {
    struct unpublishing *u = context;
    int64_t needed_ms = u->run->lease_ms / 2;
    struct deadline limit;
    enum status status = job_run_guard(u->run, needed_ms, err);
    if (status) return status;
    deadline_start(&limit, needed_ms);
    status = tarball_store_remove(u->service->tarballs, u->request.name, u->version, &limit, err);
    if (!status) job_run_log(u->run, LOG_INFO, "Removed the tarball.");
    return status;
}
