/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The outside writes: tarball, metadata, index, in that order (lib/domain/README.md, Publish, step 10). Their content is stored
 * in the job's record before the first write, each write is conditional on the current state, and repeating one has no effect;
 * so a run that is killed at any point is resumed by another (lib/store/README.md, Once).
 *
 * The index repository's lock is held from the last check of the dependencies until the index is pushed, so that no dependency
 * can be unpublished in between; the registry repository's lock is held for the metadata only. Concurrent publications share
 * both locks and one push to each repository (lib/store/registry/change_queue.h): the callbacks below may run on another slot's
 * thread while this one waits.
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/domain/registry/index_file.h"
#include "lib/service/job/job_change.h"
#include "lib/service/job/job_steps.h"
#include "lib/store/registry/metadata_edit.h"
#include "services/publish/place_claims.h"
#include "services/publish/publication.h"

enum { BACKUP_BYTES_MAX = 16 << 20 };

/* ---- The record ---- */

enum status publication_keep_record(void *context, struct error *err) {
    struct publication *p = context;
    struct publish_record *record = &p->record;
    record->commit = p->source.commit;
    record->committed_ms = p->source.committed_ms;
    record->manifest = p->manifest;
    record->plan = p->plan;
    if (record->finishing == FINISHING_NOTHING) {
        record->hash = p->hash;
        record->size_bytes = (int64_t)p->tarball.length;
        record->published_ms = clock_now_ms();
        record->compiler = p->plan.compiler;
    }
    if (p->run->is_readonly) return STATUS_OK; /* nothing will be written */
    enum status status = STATUS_OK;
    if (record->finishing == FINISHING_NOTHING)
        status = file_write(p->tarball_backup, p->tarball.bytes, p->tarball.length, err);
    if (status) return status;
    struct text json = {0};
    publish_record_append_json(&json, record);
    return job_steps_keep_record(p->run, &json, err);
}

/* Makes the tarball again, from the recorded commit. STATUS_INTERNAL if its hash differs from the record's. */
static enum status make_tarball_again(struct publication *p, struct error *err) {
    enum status status = publication_fetch_source(p, err);
    if (!status)
        status = package_files_select(&p->files, p->arena, p->source.folder, &p->manifest.include_files,
                                      &p->manifest.exclude_files, err);
    if (!status) status = publication_pack(p, err);
    if (status || strcmp(p->hash, p->record.hash) == 0) return status;
    error_set(err, STATUS_INTERNAL, "The tarball made again has the hash %s, but it was %s before.", p->hash, p->record.hash);
    err->trouble = TROUBLE_NONE; /* so that the job's log says this, and not that it waits for the machine */
    return err->status;
}

enum status publication_resume(void *context, struct error *err) {
    struct publication *p = context;
    enum status status = publish_record_parse(&p->record, p->run->job.record, p->arena, err);
    if (status) return status;
    p->manifest = p->record.manifest;
    p->plan = p->record.plan;
    p->location = p->manifest.location;
    if (p->record.finishing < FINISHING_DOCUMENTATION && manifest_check_readable(&p->manifest, err))
        return err->status = STATUS_REFUSED; /* accepted by an older release; it cannot be written to the index */
    job_steps_say_resumed(p->run, "commit %s, tarball %s", p->record.commit, p->record.hash);
    struct stored_tarball stored;
    status = tarball_store_look_up(p->service->tarballs, p->request.name, p->version, &stored, &p->run->deadline, err);
    if (status != STATUS_NOT_FOUND) return status; /* stored; store_tarball() compares the hash */

    char hash[SHA256_SRI_MAX] = "";
    if (!file_read(p->tarball_backup, BACKUP_BYTES_MAX, &p->tarball, err))
        hash_sha256_sri(p->tarball.bytes, p->tarball.length, hash);
    if (strcmp(hash, p->record.hash) == 0) return STATUS_OK;
    text_clear(&p->tarball);
    return make_tarball_again(p, err);
}

/* ---- Tarball ---- */

static enum status store_tarball(struct publication *p, struct deadline *limit, struct error *err) {
    struct stored_tarball stored;
    if (p->tarball.length == 0) { /* stored by an earlier run or job */
        enum status status = tarball_store_look_up(p->service->tarballs, p->request.name, p->version, &stored, limit, err);
        if (status || strcmp(stored.hash, p->record.hash) == 0) return status;
        return error_set(err, STATUS_REFUSED, "The storage holds another tarball for %s@%s: its hash is %s, this one's is %s.",
                         p->request.name, p->version, stored.hash, p->record.hash);
    }
    enum status status =
        tarball_store_put(p->service->tarballs, p->request.name, p->version, p->tarball.bytes, p->tarball.length, limit, err);
    if (!status) job_run_log(p->run, LOG_INFO, "Stored the tarball.");
    return status;
}

/* Removes the tarball after a refusal. An object with this hash that no metadata lists was stored by this job, because no other
 * job publishes the package meanwhile. */
static void remove_orphaned_tarball(struct publication *p, struct deadline *limit) {
    struct error ignored;
    struct stored_tarball stored;
    if (tarball_store_look_up(p->service->tarballs, p->request.name, p->version, &stored, limit, &ignored)) return;
    if (strcmp(stored.hash, p->record.hash) != 0) return;
    if (tarball_store_remove(p->service->tarballs, p->request.name, p->version, limit, &ignored))
        job_run_log(p->run, LOG_WARN, "%s", ignored.message);
}

/* ---- Metadata ---- */

static enum status refuse_moved(const struct publication *p, const struct location *location, struct error *err) {
    struct text moved = {0};
    location_append_text(&moved, location);
    enum status status = error_set_at(err, STATUS_REFUSED, "location",
                                      "The package %s was moved to %s while this job was running: publish it from there.",
                                      p->request.name, text_view(&moved));
    text_release(&moved);
    return status;
}

/* registry_edit_function: adds this version to the package's metadata. */
static enum status edit_metadata(struct registry_edit *out, const struct registry_file *current, void *context,
                                 struct arena *arena, struct error *err) {
    const struct publication *p = context;
    struct metadata metadata = {.location = p->location};
    enum status status = current->bytes ? metadata_edit_read(&metadata, p->request.name, current, arena, err) : STATUS_OK;
    if (status) return status;
    const struct published_version *there = metadata_find_published(&metadata, p->request.version);
    if (there && strcmp(there->hash, p->record.hash) == 0) {
        out->kind = REGISTRY_KEEP;
        return STATUS_OK;
    }
    if (!location_equal(&metadata.location, &p->location)) return refuse_moved(p, &metadata.location, err);
    struct version compiler = p->record.compiler;
    struct published_version published = {.version = p->request.version,
                                          .size_bytes = p->record.size_bytes,
                                          .compilers = &compiler,
                                          .compiler_count = 1,
                                          .hash = p->record.hash,
                                          .published_ms = p->record.published_ms,
                                          .ref = ""};
    if (metadata_add_published(&metadata, &published, arena, err)) return error_prefix(err, "The package %s", p->request.name);
    metadata.owners = p->manifest.owners;
    struct text text = {0};
    metadata_append_file(&text, &metadata);
    out->kind = REGISTRY_WRITE;
    out->content = (struct registry_file){arena_copy_bytes(arena, text.bytes, text.length), text.length};
    text_release(&text);
    return STATUS_OK;
}

/* ---- Index ---- */

/* Refuses to replace a different manifest of this version: others may have pushed one to the branch. */
static enum status check_line(const struct publication *p, const struct registry_file *current, struct arena *arena,
                              struct error *err) {
    struct manifest *manifests;
    size_t count;
    enum status status = index_file_parse(&manifests, &count, p->request.name, current->bytes, current->length, arena, err);
    for (size_t i = 0; i < count && !status; i++)
        if (version_equal(manifests[i].version, p->request.version))
            status = publication_check_indexed(p, &manifests[i], &p->record.manifest, err);
    return status;
}

/* registry_edit_function: puts this version's manifest into the package's index file. */
static enum status edit_index(struct registry_edit *out, const struct registry_file *current, void *context,
                              struct arena *arena, struct error *err) {
    const struct publication *p = context;
    struct text text = {0};
    if (p->is_revised) {
        out->kind = REGISTRY_KEEP;
        return STATUS_OK;
    }
    enum status status = current->bytes ? check_line(p, current, arena, err) : STATUS_OK;
    if (!status)
        status = index_file_put(&text, current->bytes ? current->bytes : "", current->length, &p->record.manifest, err);
    bool is_same = !status && text.length == current->length && memcmp(text.bytes, current->bytes, text.length) == 0;
    out->kind = is_same ? REGISTRY_KEEP : REGISTRY_WRITE;
    if (!status) out->content = (struct registry_file){arena_copy_bytes(arena, text_view(&text), text.length), text.length};
    text_release(&text);
    return status;
}

/* ---- Committing ---- */

/* The last check of the dependencies. Once the version is in the metadata, the job waits instead of refusing. */
static enum status check_dependencies_again(struct publication *p, struct error *err) {
    enum status status = STATUS_OK;
    const struct manifest_index *index = registry_view_lock(p->service->repositories.view);
    const struct metadata *metadata = manifest_index_find_metadata(index, p->request.name);
    const struct published_version *published = metadata ? metadata_find_published(metadata, p->request.version) : NULL;
    bool is_published = published != NULL;
    const struct indexed_version *indexed = manifest_index_find(index, p->request.name, p->request.version);
    bool is_indexed = indexed != NULL;
    p->is_revised = is_indexed && is_published && published->revision > 0;
    if (!is_indexed) status = manifest_index_check_dependencies(index, &p->record.manifest, err);
    if (status == STATUS_REFUSED) status = publication_refuse_without_plan(err);
    if (is_indexed && !is_published) status = publication_check_indexed(p, indexed->manifest, &p->record.manifest, err);
    registry_view_unlock(p->service->repositories.view);
    if (!status || p->record.finishing != FINISHING_NOTHING) return status;
    if (is_published) return error_set(err, STATUS_UNAVAILABLE, "The manifest waits for its dependencies: %s", err->message);
    const char *lost = publication_lost_dependencies(p);
    return *lost ? publication_blame_unpublishing(p, lost, err) : status;
}

/* queued_change.prepare: under the index's lock, against the current registry. */
static enum status prepare_commits(void *context, struct deadline *limit, struct error *err) {
    struct publication *p = context;
    enum status status = check_dependencies_again(p, err);
    if (!status) status = store_tarball(p, limit, err);
    if (!status) fault_point("tarball");
    return status;
}

/* queued_change.prepare of a first version's metadata: under the registry's lock, which transfers take too. */
static enum status check_place_again(void *context, struct deadline *limit, struct error *err) {
    const struct publication *p = context;
    struct registry_view *view = p->service->repositories.view;
    enum status status = registry_view_refresh(view, limit, err);
    if (status) return status;
    const struct manifest_index *index = registry_view_lock(view);
    if (!manifest_index_find_metadata(index, p->request.name))
        status = manifest_index_check_place(index, p->request.name, &p->location, "location", err);
    registry_view_unlock(view);
    return status;
}

static bool is_first_version(struct publication *p) {
    const struct manifest_index *index = registry_view_lock(p->service->repositories.view);
    bool answer = !manifest_index_find_metadata(index, p->request.name);
    registry_view_unlock(p->service->repositories.view);
    return answer;
}

/* The metadata, then the index. Of two new packages at one location, one is alone in its round, and finds the other there. */
enum status publication_write(void *context, struct error *err) {
    struct publication *p = context;
    bool is_first = is_first_version(p), is_claimed = false;
    struct place_claim claim = {0};
    const char *subject = arena_format(p->arena, "Update manifest for %s@%s", p->request.name, p->version);
    struct job_change metadata = job_change_of_metadata(p->run, p->request.name, edit_metadata, p);
    struct job_change index = job_change_of_index(p->run, p->request.name, subject, edit_index, p);
    metadata.queued.prepare = is_first ? check_place_again : NULL;
    index.queued.prepare = prepare_commits;
    index.first = &metadata;
    if (is_first) is_claimed = place_claims_add(p->service->places, &claim, &p->location);
    metadata.queued.is_alone = index.queued.is_alone = is_claimed;
    enum status status = job_change_push(&index, p->run, &p->service->repositories, err);
    place_claims_remove(p->service->places, &claim);
    memcpy(p->registry_commit, metadata.queued.change.commit, sizeof p->registry_commit);
    memcpy(p->index_commit, index.queued.change.commit, sizeof p->index_commit);
    if (status == STATUS_REFUSED && !*p->registry_commit && p->record.finishing == FINISHING_NOTHING)
        remove_orphaned_tarball(p, &p->run->deadline);
    return status ? status : job_change_keep(&index, p->run, &p->service->repositories, err);
}
