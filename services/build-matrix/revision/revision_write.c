/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The outside writes of a revision: the revision number in the metadata, then the manifest in the index. The package's lock is
 * held only for the last check and the writes. The check is made under the index's lock, which every change of a manifest
 * takes; if everything still holds, it stores the record, and the writes follow. Repeating a write has no effect, so a run that
 * is killed at any point is resumed by another (lib/store/README.md, Once).
 */
#include <string.h>

#include "lib/base/fault.h"
#include "lib/base/text.h"
#include "lib/domain/registry/index_file.h"
#include "lib/service/job/job_change.h"
#include "lib/service/job/job_steps.h"
#include "lib/store/registry/metadata_edit.h"
#include "services/build-matrix/revision/revision.h"
#include "services/build-matrix/revision/revision_record.h"

enum {
    LOCK_WAIT_MS = 500, /* per try; the deadline is checked in between */
    COMMIT_TRIES = 5,   /* rounds that end in a temporary failure, without a record */
};

/* ---- The record ---- */

static enum status keep_record(struct revision *r, struct error *err) {
    struct text json = {0};
    revision_record_append_json(&json, &(struct revision_record){.before = r->before, .after = r->after, .number = r->number});
    enum status status = job_steps_keep_record(r->run, &json, err);
    if (!status) job_run_log(r->run, LOG_INFO, "This is revision %lld of %s@%s.", (long long)r->number, r->name, r->version);
    if (!status) fault_point("revision-record");
    return status;
}

enum status revision_resume(void *context, struct error *err) {
    struct revision *r = context;
    struct revision_record record;
    enum status status = revision_record_parse(&record, r->run->job.record, r->arena, err);
    if (status) return status;
    r->before = record.before;
    r->after = record.after;
    r->number = record.number;
    job_steps_say_resumed(r->run, "revision %lld of %s@%s", (long long)r->number, r->name, r->version);
    return STATUS_OK;
}

/* ---- The package's lock ---- */

static enum status take_lock(struct revision *r, struct error *err) {
    const char *name = arena_format(r->arena, "package:%s", r->name);
    bool is_said = false;
    enum status status = lock_take(r->run->store, name, r->run->lease_ms, LOCK_WAIT_MS, &r->lock, err);
    for (; status_is_temporary(status); status = lock_take_again(r->run->store, &r->lock, LOCK_WAIT_MS, err)) {
        bool is_held = status == STATUS_BUSY; /* or Redis is away */
        if (is_held && !is_said) job_run_log(r->run, LOG_INFO, "Waiting for another job of %s to end.", r->name);
        is_said |= is_held;
        enum status over = deadline_pause(&r->run->deadline, LOCK_POLL_MS, err);
        if (over) return over;
    }
    return status;
}

static void release_lock(struct revision *r) {
    struct error err;
    if (lock_release(r->run->store, &r->lock, &err))
        log_line(LOG_WARN, "lock_release_failed", log_field("lock", r->lock.name), log_field("error", err.message));
}

/* queued_change.guard: the job's lease and the package's lock must hold (STATUS_BUSY: lock lost). Waits while Redis is away. */
static enum status check_held(void *context, int64_t needed_ms, struct error *err) {
    struct revision *r = context;
    for (;;) {
        enum status status = job_run_guard(r->run, needed_ms, err);
        if (status) return status;
        status = lock_keep(r->run->store, &r->lock, needed_ms, r->run->lease_ms, err);
        if (status == STATUS_STALE) return error_set(err, STATUS_BUSY, "The lock of %s was lost.", r->name);
        if (!job_store_is_away(status)) return status;
        status = deadline_pause(&r->run->deadline, LOCK_POLL_MS, err);
        if (status) return status;
    }
}

/* ---- The last check ---- */

/* Refuses to resume if the version was revised again or unpublished since an earlier run of this job stored the record. */
static enum status check_not_superseded(struct revision *r, struct error *err) {
    const struct manifest_index *index = registry_view_lock(r->service->repositories.view);
    const struct metadata *metadata = manifest_index_find_metadata(index, r->name);
    const struct published_version *published = metadata ? metadata_find_published(metadata, r->request.version) : NULL;
    r->is_superseded = !published || published->revision > r->number;
    registry_view_unlock(r->service->repositories.view);
    if (!r->is_superseded) return STATUS_OK;
    return error_set(err, STATUS_REFUSED, "%s@%s was revised again, or unpublished, before this revision could be completed.",
                     r->name, r->version);
}

/* Sets the number of this revision. */
static enum status number_revision(struct revision *r, struct error *err) {
    const struct manifest_index *index = registry_view_lock(r->service->repositories.view);
    const struct metadata *metadata = manifest_index_find_metadata(index, r->name);
    const struct published_version *published = metadata ? metadata_find_published(metadata, r->request.version) : NULL;
    if (published) r->number = published->revision + 1;
    registry_view_unlock(r->service->repositories.view);
    if (published) return STATUS_OK;
    return revision_start_over(r, err, "%s@%s is no longer published.", r->name, r->version); /* it was a moment ago */
}

/* queued_change.prepare: under the index's lock, against the current registry. */
static enum status check_and_record(void *context, struct deadline *limit, struct error *err) {
    struct revision *r = context;
    (void)limit;
    if (r->run->has_record) return check_not_superseded(r, err);
    enum status status = revision_check_again(r, err);
    if (!status) status = revision_check_dependants(r, err);
    if (!status) status = number_revision(r, err);
    return status ? status : keep_record(r, err);
}

/* ---- Metadata and index ---- */

/* registry_edit_function */
static enum status edit_metadata(struct registry_edit *out, const struct registry_file *current, void *context,
                                 struct arena *arena, struct error *err) {
    const struct revision *r = context;
    struct metadata metadata;
    enum status status = metadata_edit_read(&metadata, r->name, current, arena, err);
    if (status) return status;
    struct published_version *published = metadata_find_published(&metadata, r->request.version);
    if (!published) return error_set(err, STATUS_REFUSED, "%s@%s was unpublished meanwhile.", r->name, r->version);
    out->kind = REGISTRY_KEEP;
    if (published->revision >= r->number) return STATUS_OK;
    published->revision = r->number;
    metadata_edit_write(out, &metadata, arena);
    return STATUS_OK;
}

/* Sets `out` to the version's manifest in the index file, or NULL. */
static enum status find_manifest(const struct manifest **out, const struct revision *r, const struct registry_file *current,
                                 struct arena *arena, struct error *err) {
    struct manifest *manifests;
    size_t count;
    *out = NULL;
    if (!current->bytes) return STATUS_OK;
    enum status status = index_file_parse(&manifests, &count, r->name, current->bytes, current->length, arena, err);
    for (size_t i = 0; !status && i < count; i++)
        if (version_equal(manifests[i].version, r->request.version)) *out = &manifests[i];
    return status;
}

/* registry_edit_function */
static enum status edit_index(struct registry_edit *out, const struct registry_file *current, void *context,
                              struct arena *arena, struct error *err) {
    const struct revision *r = context;
    const struct manifest *there;
    enum status status = find_manifest(&there, r, current, arena, err);
    if (status) return status;
    out->kind = REGISTRY_KEEP;
    if (there && manifest_equal(there, &r->after)) return STATUS_OK;
    if (!there || !manifest_equal(there, &r->before))
        return error_set(err, STATUS_REFUSED, "The manifest of %s@%s in the index was meanwhile changed by another commit.",
                         r->name, r->version);
    struct text text = {0};
    status = index_file_put(&text, current->bytes, current->length, &r->after, err);
    out->kind = REGISTRY_WRITE;
    if (!status) out->content = (struct registry_file){arena_copy_bytes(arena, text_view(&text), text.length), text.length};
    text_release(&text);
    return status;
}

/* If an earlier run of this job pushed its index commit, the superseded job succeeds with that run's commits; otherwise returns
 * the refusal in `err`. */
static enum status take_earlier_commits(struct revision *r, struct job_change *index, struct error *err) {
    const struct registry_access *repositories = &r->service->repositories;
    struct registry_change *made = &index->queued.change, *first = &index->first->queued.change;
    struct error not_found;
    if (registry_repo_find_commit(repositories->index, made->message, made->commit, &not_found)) return err->status;
    made->written = true;
    first->written = !registry_repo_find_commit(repositories->registry, first->message, first->commit, &not_found);
    job_change_say(index->first, r->run);
    job_change_say(index, r->run);
    return STATUS_OK;
}

/* Commits metadata, then index. No change shares the index's round, since two may break a plan that neither breaks alone. */
static enum status write_both(struct revision *r, struct error *err) {
    const char *subject = arena_format(r->arena, "Update manifest for %s@%s", r->name, r->version);
    struct job_change metadata = job_change_of_metadata(r->run, r->name, edit_metadata, r);
    struct job_change index = job_change_of_index(r->run, r->name, subject, edit_index, r);
    index.first = &metadata;
    index.queued.prepare = check_and_record;
    index.queued.is_alone = true;
    metadata.queued.guard = index.queued.guard = check_held;
    metadata.queued.guard_context = index.queued.guard_context = r;
    enum status status = job_change_push(&index, r->run, &r->service->repositories, err);
    if (status == STATUS_REFUSED && r->is_superseded) status = take_earlier_commits(r, &index, err);
    if (status) return status;
    memcpy(r->registry_commit, metadata.queued.change.commit, sizeof r->registry_commit);
    memcpy(r->index_commit, index.queued.change.commit, sizeof r->index_commit);
    return job_change_keep(&index, r->run, &r->service->repositories, err);
}

/* Checks the dependants, which may take seconds, before the index's lock is taken; under the lock they are checked again only
 * if a repository has changed since. */
static enum status commit_under_lock(struct revision *r, struct error *err) {
    enum status status = STATUS_OK;
    if (!r->run->has_record) status = registry_view_refresh(r->service->repositories.view, &r->run->deadline, err);
    if (!status && !r->run->has_record) status = revision_check_again(r, err);
    if (!status && !r->run->has_record) status = revision_check_dependants(r, err);
    return status ? status : write_both(r, err);
}

enum status revision_commit(void *context, struct error *err) {
    struct revision *r = context;
    enum status status = take_lock(r, err);
    if (status) return status;
    status = commit_under_lock(r, err);
    release_lock(r);
    if (status_is_temporary(status) && !r->run->has_record && !r->starts_over && ++r->failed_commits < COMMIT_TRIES)
        r->starts_over = true;
    return status;
}
