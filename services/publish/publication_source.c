/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Steps 1, 3 and 5 of lib/domain/README.md, Publish: location, manifest, and whether the version is new. (Step 2 is in
 * publication_fetch.c, step 4 in publication_license.c.)
 */
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/package/package_name.h"
#include "lib/source/manifest_source.h"
#include "lib/tools/archive/archive.h"
#include "lib/tools/http/pursuit.h"
#include "services/publish/publication.h"

static const char *copy_optional(struct arena *arena, const char *text) {
    return text ? arena_copy(arena, text) : NULL;
}

static struct location copy_location(struct arena *arena, const struct location *from) {
    return (struct location){.kind = from->kind,
                             .github_owner = copy_optional(arena, from->github_owner),
                             .github_repo = copy_optional(arena, from->github_repo),
                             .git_url = copy_optional(arena, from->git_url),
                             .subdir = copy_optional(arena, from->subdir)};
}

static enum status refuse_other_location(const struct publication *p, const struct location *known, struct error *err) {
    struct text was = {0}, asked = {0};
    location_append_text(&was, known);
    location_append_text(&asked, &p->request.location);
    enum status status =
        error_set_at(err, STATUS_REFUSED, "location",
                     "The package %s is registered at %s, but the request has %s. To move a package, request a transfer first.",
                     p->request.name, text_view(&was), text_view(&asked));
    text_release(&was);
    text_release(&asked);
    return status;
}

/* Sets p->location: for a known package its location, which a request may repeat but not change; else the request's. */
static enum status decide_location(struct publication *p, const struct metadata *metadata, struct error *err) {
    if (metadata && p->request.has_location && !location_equal(&metadata->location, &p->request.location))
        return refuse_other_location(p, &metadata->location, err);
    if (!metadata && !p->request.has_location)
        return error_set_at(err, STATUS_REFUSED, "location",
                            "There is no package named %s in the registry. To register it, add the \"location\" of its "
                            "repository to the request.",
                            p->request.name);
    p->location = metadata ? copy_location(p->arena, &metadata->location) : p->request.location;
    return STATUS_OK;
}

enum status publication_check_metadata(void *context, struct error *err) {
    struct publication *p = context;
    const char *name = p->request.name;
    if (package_name_is_reserved(name))
        return error_set_at(err, STATUS_REFUSED, "name", "The name \"%s\" is reserved and can never be published.", name);
    job_run_log(p->run, LOG_INFO, "Publishing %s@%s from %s.", name, p->version, p->request.ref);
    enum status status = registry_view_refresh(p->service->repositories.view, &p->run->deadline, err);
    if (status) return status;
    const struct manifest_index *index = registry_view_lock(p->service->repositories.view);
    const struct metadata *metadata = manifest_index_find_metadata(index, name);
    bool is_new = metadata == NULL;
    status = decide_location(p, metadata, err);
    if (!status && is_new) status = manifest_index_check_place(index, name, &p->location, "location", err);
    registry_view_unlock(p->service->repositories.view);
    if (!status && is_new) status = location_check_published(&p->location, err);
    if (!status) status = location_check_source(&p->location, p->service->settings.source_allow_private, err);
    if (!status && is_new) job_run_log(p->run, LOG_INFO, "%s is a new package.", name);
    return status;
}

enum status publication_read_manifest(void *context, struct error *err) {
    struct publication *p = context;
    struct manifest_request request = {
        .name = p->request.name, .version = p->request.version, .location = &p->location, .ref = p->request.ref};
    const char *file_name = NULL;
    enum status status = manifest_source_read(&p->manifest, &file_name, p->arena, p->source.folder, &request, err);
    if (status) return status;
    struct text printed = {0};
    manifest_append_file(&printed, &p->manifest);
    job_run_log(p->run, LOG_INFO, "Read the manifest from %s:\n%s", file_name, text_view(&printed));
    text_release(&printed);
    return package_files_select(&p->files, p->arena, p->source.folder, &p->manifest.include_files, &p->manifest.exclude_files,
                                err);
}

/* An incomplete publication may only be completed from a source with the same manifest as the stored tarball's. */
static enum status check_stored_manifest(struct publication *p, const char *hash, int64_t size_bytes, struct error *err) {
    struct text stored = {0}, ours = {0}, tarball = {0};
    manifest_append_file(&ours, &p->manifest);
    enum status status = tarball_store_read(p->service->tarballs, p->request.name, p->version, hash, size_bytes, &tarball,
                                            &p->run->deadline, err);
    if (!status)
        status = archive_read_file(&stored, tarball.bytes, tarball.length, p->folder_name, "purs.json", &archive_package_limits,
                                   err);
    struct manifest manifest;
    if (!status) status = manifest_parse(&manifest, stored.bytes, stored.length, "The stored purs.json", p->arena, err);
    if (!status && !manifest_equal(&manifest, &p->manifest))
        status = error_set(err, STATUS_REFUSED,
                           "%s@%s is already published with another manifest. The published one is:\n%s\nThis source has:\n%s",
                           p->request.name, p->version, text_view(&stored), text_view(&ours));
    text_release(&stored);
    text_release(&ours);
    text_release(&tarball);
    return status;
}

enum status publication_check_indexed(const struct publication *p, const struct manifest *indexed, const struct manifest *ours,
                                      struct error *err) {
    if (manifest_equal(indexed, ours)) return STATUS_OK;
    struct text theirs = {0}, own = {0};
    manifest_append_file(&theirs, indexed);
    manifest_append_file(&own, ours);
    enum status status = error_set_at(
        err, STATUS_REFUSED, "version",
        "%s@%s is already in the index with another manifest, and an entry is never replaced. The index has:\n%s\nThis source "
        "has:\n%sPublish a higher version, or ask the registry's trustees to remove the entry.",
        p->request.name, p->version, text_view(&theirs), text_view(&own));
    text_release(&theirs);
    text_release(&own);
    return status;
}

static enum status refuse_published(const struct publication *p, struct error *err) {
    const struct settings *settings = &p->service->settings;
    struct text tarball = {0}, page = {0};
    bool is_public = tarball_store_append_address(&tarball, settings, p->request.name, p->version);
    pursuit_append_page(&page, settings->pursuit_api_url, p->request.name, p->version);
    enum status status =
        error_set_at(err, STATUS_REFUSED, "version",
                     "%s@%s is already published, and a published version cannot be published again. Its tarball is at "
                     "%s%s and its documentation at %s.",
                     p->request.name, p->version, is_public ? "" : "this server's ", tarball.bytes, page.bytes);
    text_release(&page);
    text_release(&tarball);
    return status;
}

enum status publication_check_is_new(void *context, struct error *err) {
    struct publication *p = context;
    const struct manifest_index *index = registry_view_lock(p->service->repositories.view);
    const struct metadata *metadata = manifest_index_find_metadata(index, p->request.name);
    const struct indexed_version *indexed = manifest_index_find(index, p->request.name, p->request.version);
    bool is_indexed = indexed != NULL;
    bool is_unpublished = metadata && metadata_find_unpublished(metadata, p->request.version);
    const struct published_version *published = metadata ? metadata_find_published(metadata, p->request.version) : NULL;
    if (published) { /* copied while the view is locked: published fields are not changed */
        p->record.finishing = is_indexed ? FINISHING_DOCUMENTATION : FINISHING_INDEX;
        p->record.hash = arena_copy(p->arena, published->hash);
        p->record.size_bytes = published->size_bytes;
        p->record.published_ms = published->published_ms;
        p->record.compiler = published->compilers[0];
    }
    enum status status = STATUS_OK;
    if (indexed && !published && !is_unpublished) status = publication_check_indexed(p, indexed->manifest, &p->manifest, err);
    registry_view_unlock(p->service->repositories.view);

    if (is_unpublished)
        return error_set_at(
            err, STATUS_REFUSED, "version",
            "%s@%s was unpublished, and an unpublished version cannot be published again. Publish a higher one.",
            p->request.name, p->version);
    if (p->record.finishing == FINISHING_NOTHING) return status;
    bool lacks_documentation = false;
    status = is_indexed ? publication_look_for_documentation(p, &lacks_documentation, err) : STATUS_OK;
    if (status) return status;
    if (is_indexed && !lacks_documentation) return refuse_published(p, err);
    job_run_log(p->run, LOG_NOTICE, "%s@%s is published, but %s; this job completes it.", p->request.name, p->version,
                is_indexed ? "its documentation is not on Pursuit" : "its manifest is not in the index");
    return check_stored_manifest(p, p->record.hash, p->record.size_bytes, err);
}
