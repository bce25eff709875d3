/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The outside writes: tarball, metadata, index, in that order (spec/operations.md, Publish, step 10). What is written stands in
 * the job's record before the first of them, every one of them is conditional on what is there, and doing one again changes
 * nothing; so a run that was killed anywhere is followed by one that goes on (spec/jobs.md, Once).
 *
 * The index repository's lock is held from the last look at the dependencies to the index's push, so that nobody takes a
 * dependency away in between; the registry repository's for the metadata alone.
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/domain/index_file.h"
#include "lib/store/lock.h"
#include "services/publish/publication.h"

enum {
    PUSH_TRIES = 10,
    LOCK_WAIT_MS = 120000,
    BACKUP_BYTES_MAX = 16 << 20,
};

/* ---- The record ---- */

enum status publication_keep_record(struct publication *p, struct error *err) {
    struct publish_record *record = &p->record;
    record->commit = p->source.commit;
    record->manifest = p->manifest;
    if (!record->is_finishing) {
        record->hash = p->hash;
        record->size_bytes = (int64_t)p->tarball.length;
        record->published_ms = clock_now_ms();
        record->compiler = p->plan.compiler;
    }
    if (p->service->settings.readonly) return STATUS_OK; /* nothing will be written */
    enum status status = STATUS_OK;
    if (!record->is_finishing) status = file_write(p->tarball_backup, p->tarball.bytes, p->tarball.length, err);
    struct text json = {0};
    publish_record_append_json(&json, record);
    if (!status) status = job_run_record(p->run, text_view(&json), err);
    text_release(&json);
    return status;
}

/* Makes the tarball again, from the commit that it was made from. */
static enum status make_tarball_again(struct publication *p, struct error *err) {
    enum status status = publication_fetch_source(p, err);
    if (!status)
        status = package_files_select(&p->files, p->arena, p->source.folder, &p->manifest.include_files,
                                      &p->manifest.exclude_files, err);
    if (!status) status = publication_pack(p, err);
    if (!status && strcmp(p->hash, p->record.hash) != 0)
        status =
            error_set(err, STATUS_INTERNAL, "The tarball made again is %s, but it was %s before.", p->hash, p->record.hash);
    return status;
}

enum status publication_resume(struct publication *p, struct error *err) {
    enum status status = publish_record_parse(&p->record, p->run->job.record, p->arena, err);
    if (status) return status;
    p->manifest = p->record.manifest;
    p->location = p->manifest.location;
    job_run_log(p->run, LOG_INFO, "Going on with what an earlier run had decided: commit %s, tarball %s.", p->record.commit,
                p->record.hash);
    struct stored_tarball stored;
    status = tarball_store_look_up(p->service->tarballs, p->request.name, p->version, &stored, err);
    if (status != STATUS_NOT_FOUND) return status; /* it is stored; whether it is the same is checked when it is written */

    char hash[SHA256_SRI_MAX] = "";
    if (!file_read(p->tarball_backup, BACKUP_BYTES_MAX, &p->tarball, err))
        hash_sha256_sri(p->tarball.bytes, p->tarball.length, hash);
    if (strcmp(hash, p->record.hash) == 0) return STATUS_OK;
    text_clear(&p->tarball);
    return make_tarball_again(p, err);
}

/* ---- One write ---- */

/* Called right before each write: the lease and the locks are ours for longer than the write may take. */
static enum status begin_write(struct publication *p, const struct lock *const *locks, struct deadline *limit,
                               struct error *err) {
    int64_t lease_ms = p->service->settings.lease_ms, write_ms = lease_ms / 2;
    enum status status = job_run_guard(p->run, write_ms, err);
    for (; !status && *locks; locks++) {
        status = lock_renew(p->run->store, *locks, lease_ms, err);
        if (status == STATUS_STALE) status = error_set(err, STATUS_BUSY, "The lock %s was lost: trying again.", (*locks)->name);
    }
    deadline_start(limit, write_ms);
    return status;
}

static enum status apply_change(struct publication *p, struct registry_repo *repo, struct registry_change *change,
                                struct deadline *limit, struct error *err) {
    change->context = p;
    change->err = err;
    enum status status = registry_repo_apply(repo, change, 1, PUSH_TRIES, limit, err);
    return status ? status : change->status;
}

/* ---- Tarball ---- */

static enum status store_tarball(struct publication *p, const struct lock *index_lock, struct error *err) {
    const struct lock *locks[] = {index_lock, NULL};
    struct deadline limit;
    struct stored_tarball stored;
    if (p->tarball.length == 0) { /* stored by an earlier run, or published long ago */
        enum status status = tarball_store_look_up(p->service->tarballs, p->request.name, p->version, &stored, err);
        if (status || strcmp(stored.hash, p->record.hash) == 0) return status;
        return error_set(err, STATUS_REFUSED, "The storage holds another tarball for %s@%s: %s, this one is %s.",
                         p->request.name, p->version, stored.hash, p->record.hash);
    }
    enum status status = begin_write(p, locks, &limit, err);
    if (!status)
        status = tarball_store_put(p->service->tarballs, p->request.name, p->version, p->tarball.bytes, p->tarball.length, err);
    if (!status) job_run_log(p->run, LOG_INFO, "Stored the tarball.");
    return status;
}

/* A refusal leaves nothing behind: an object that no metadata names was put there by this job's earlier run. */
static void remove_orphaned_tarball(struct publication *p) {
    struct error ignored;
    struct stored_tarball stored;
    if (tarball_store_look_up(p->service->tarballs, p->request.name, p->version, &stored, &ignored)) return;
    if (strcmp(stored.hash, p->record.hash) != 0) return;
    if (tarball_store_remove(p->service->tarballs, p->request.name, p->version, &ignored))
        job_run_log(p->run, LOG_WARN, "%s", ignored.message);
}

/* ---- Metadata ---- */

/* registry_edit_function: adds this version to the package's metadata. */
static enum status edit_metadata(struct registry_edit *out, const struct registry_file *current, void *context,
                                 struct arena *arena, struct error *err) {
    const struct publication *p = context;
    struct metadata metadata = {.location = p->location};
    if (current->bytes) {
        enum status status = metadata_parse(&metadata, current->bytes, current->length, arena, err);
        if (status)
            return error_set(err, STATUS_INTERNAL, "The metadata of %s cannot be read: %s", p->request.name, err->message);
    }
    const struct published_version *there = metadata_find_published(&metadata, p->request.version);
    if (there && strcmp(there->hash, p->record.hash) == 0) {
        out->kind = REGISTRY_KEEP;
        return STATUS_OK;
    }
    if (!location_equal(&metadata.location, &p->location))
        return error_set(err, STATUS_REFUSED, "The package %s has moved to another location meanwhile.", p->request.name);
    struct version compiler = p->record.compiler;
    struct published_version published = {.version = p->request.version,
                                          .size_bytes = p->record.size_bytes,
                                          .compilers = &compiler,
                                          .compiler_count = 1,
                                          .hash = p->record.hash,
                                          .published_ms = p->record.published_ms,
                                          .ref = ""};
    enum status status = metadata_add_published(&metadata, &published, arena, err);
    if (status) return status;
    metadata.owners = p->manifest.owners;
    struct text text = {0};
    metadata_append_file(&text, &metadata);
    out->kind = REGISTRY_WRITE;
    out->content = (struct registry_file){arena_copy_bytes(arena, text.bytes, text.length), text.length};
    text_release(&text);
    return STATUS_OK;
}

static enum status commit_metadata_locked(struct publication *p, const struct lock *index_lock,
                                          const struct lock *registry_lock, struct error *err) {
    const struct lock *locks[] = {index_lock, registry_lock, NULL};
    struct registry_repo *repo = p->service->registry;
    struct deadline limit;
    struct registry_change change = {
        .path = arena_format(p->arena, "metadata/%s.json", p->request.name),
        .message = arena_format(p->arena, "Update metadata for %s\n\nJob ID: %s\n", p->request.name, p->run->job.id),
        .edit = edit_metadata,
    };
    enum status status = registry_repo_remove_stale_locks(repo, p->service->settings.lease_ms, NULL, err);
    if (!status) status = begin_write(p, locks, &limit, err);
    if (!status) status = apply_change(p, repo, &change, &limit, err);
    if (status) return status;
    memcpy(p->registry_commit, change.commit, sizeof change.commit);
    job_run_log(p->run, LOG_INFO, change.written ? "Committed the metadata: %s." : "The metadata is there already: %s.",
                change.commit);
    return STATUS_OK;
}

static enum status commit_metadata(struct publication *p, const struct lock *index_lock, struct error *err) {
    struct lock lock;
    struct error ignored;
    enum status status =
        lock_take(p->run->store, "repository:registry", p->service->settings.lease_ms, LOCK_WAIT_MS, &lock, err);
    if (status) return status;
    status = commit_metadata_locked(p, index_lock, &lock, err);
    if (lock_release(p->run->store, &lock, &ignored)) log_line(LOG_WARN, "lock not released", "error=\"%s\"", ignored.message);
    return status;
}

/* ---- Index ---- */

/* registry_edit_function: puts this version's manifest into the package's index file. */
static enum status edit_index(struct registry_edit *out, const struct registry_file *current, void *context,
                              struct arena *arena, struct error *err) {
    const struct publication *p = context;
    struct text text = {0};
    enum status status = index_file_put(&text, current->bytes ? current->bytes : "", current->length, &p->record.manifest, err);
    bool is_same = !status && text.length == current->length && memcmp(text.bytes, current->bytes, text.length) == 0;
    out->kind = is_same ? REGISTRY_KEEP : REGISTRY_WRITE;
    if (!status) out->content = (struct registry_file){arena_copy_bytes(arena, text_view(&text), text.length), text.length};
    text_release(&text);
    return status;
}

static enum status commit_index(struct publication *p, const struct lock *index_lock, struct error *err) {
    const struct lock *locks[] = {index_lock, NULL};
    struct registry_repo *repo = p->service->index;
    struct deadline limit;
    char path[INDEX_PATH_MAX];
    index_file_path(p->request.name, path);
    struct registry_change change = {
        .path = path,
        .message =
            arena_format(p->arena, "Update manifest for %s@%s\n\nJob ID: %s\n", p->request.name, p->version, p->run->job.id),
        .edit = edit_index,
    };
    enum status status = begin_write(p, locks, &limit, err);
    if (!status) status = apply_change(p, repo, &change, &limit, err);
    if (status) return status;
    memcpy(p->index_commit, change.commit, sizeof change.commit);
    job_run_log(p->run, LOG_INFO, change.written ? "Committed the manifest to the index: %s." : "The index has it already: %s.",
                change.commit);
    return STATUS_OK;
}

/* ---- All of it ---- */

/* The last look at the dependencies, under the index's lock. Once the version is in the metadata it is too late to refuse. */
static enum status check_dependencies_again(struct publication *p, struct error *err) {
    enum status status = registry_view_refresh(p->service->view, &p->run->deadline, err);
    if (status) return status;
    const struct manifest_index *index = registry_view_lock(p->service->view);
    const struct metadata *metadata = manifest_index_find_metadata(index, p->request.name);
    bool is_published = metadata && metadata_find_published(metadata, p->request.version);
    if (!manifest_index_find(index, p->request.name, p->request.version))
        status = manifest_index_check_dependencies(index, &p->record.manifest, err);
    registry_view_unlock(p->service->view);
    if (!status || p->record.is_finishing) return status;
    if (is_published) return error_set(err, STATUS_UNAVAILABLE, "The manifest waits for its dependencies: %s", err->message);
    remove_orphaned_tarball(p);
    return status;
}

static enum status write_locked(struct publication *p, const struct lock *index_lock, struct error *err) {
    enum status status = registry_repo_remove_stale_locks(p->service->index, p->service->settings.lease_ms, NULL, err);
    if (!status) status = check_dependencies_again(p, err);
    if (!status) status = store_tarball(p, index_lock, err);
    if (!status) status = commit_metadata(p, index_lock, err);
    if (!status) status = commit_index(p, index_lock, err);
    return status;
}

enum status publication_write(struct publication *p, struct error *err) {
    if (p->service->settings.readonly) {
        job_run_log(p->run, LOG_WARN, "Read-only: the tarball is not stored.");
        job_run_log(p->run, LOG_WARN, "Read-only: the metadata is not committed.");
        job_run_log(p->run, LOG_WARN, "Read-only: the manifest is not committed to the index.");
        return STATUS_OK;
    }
    struct lock lock;
    struct error ignored;
    enum status status =
        lock_take(p->run->store, "repository:registry-index", p->service->settings.lease_ms, LOCK_WAIT_MS, &lock, err);
    if (status) return status;
    status = write_locked(p, &lock, err);
    if (lock_release(p->run->store, &lock, &ignored)) log_line(LOG_WARN, "lock not released", "error=\"%s\"", ignored.message);
    return status;
}
