/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers queries about one package, or one version (package_version.h).
 *
 * Also answers whether the change of a transfer or an unpublishing still holds.
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json_writer.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/domain/job/operation.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/search/package_list.h"
#include "lib/service/message/message_json.h"
#include "lib/store/registry/fresh_view.h"
#include "lib/store/registry/registry_sets.h"
#include "services/build-matrix/matrix_service.h"
#include "services/build-matrix/query/matrix_query.h"
#include "services/build-matrix/query/package_version.h"

/* ---- One package ---- */

static void write_manifests(struct json_writer *writer, const struct indexed_package *package) {
    json_writer_key(writer, "manifests");
    json_writer_open(writer, '{');
    for (size_t i = 0; i < package->version_count; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(package->versions[i].version, version);
        json_writer_key(writer, version);
        manifest_write(writer, package->versions[i].manifest);
    }
    json_writer_close(writer, '}');
}

static void write_package(struct json_writer *writer, const struct manifest_index *index, const struct indexed_package *package,
                          const struct set_membership *sets, struct arena *arena) {
    const struct metadata *metadata = package->metadata;
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", package->name);
    if (metadata->published_count > 0)
        package_version_write_field(writer, "latest", metadata->published[metadata->published_count - 1].version);
    json_writer_key(writer, "metadata");
    metadata_write(writer, metadata);
    write_manifests(writer, package);
    package_dependants_write(writer, index, package->name, NULL, arena);
    package_sets_write(writer, sets);
    json_writer_close(writer, '}');
}

/* In the package sets of the same commit as the view, or, where these cannot be read, of an earlier one. */
static struct set_membership find_sets(struct matrix_service *service, const char *name, struct version version,
                                       struct arena *arena) {
    struct error err;
    if (registry_sets_follow(service->sets, &err))
        log_line(LOG_DEBUG, "registry_refresh_failed", log_field("error", err.message));
    const struct set_history *history = registry_sets_lock(service->sets);
    const struct set_membership sets = set_history_find_membership(history, name, version, arena);
    registry_sets_unlock(service->sets);
    return sets;
}

/* ---- Answers ---- */

enum { NEAR_MAX = 3 };

/* With the names that may have been meant. */
static enum status no_package(const struct manifest_index *index, const char *name, struct arena *arena, struct error *err) {
    const struct package_list_request request = {
        .search = name, .order = PACKAGE_ORDER_RELEVANCE, .limit = NEAR_MAX, .is_by_name = true};
    struct package_list list;
    struct text near = {0};
    package_list_find(&list, index, &request, arena);
    for (size_t i = 0; i < list.count; i++)
        text_append_format(&near, "%s%s", i == 0 ? " Similar names: " : ", ", list.items[i].place.name);
    if (near.length) text_append(&near, ".");
    enum status status = error_set(err, STATUS_NOT_FOUND, "There is no package %s in the registry.%s", name, text_view(&near));
    text_release(&near);
    return status;
}

/* False: it has none. */
static bool find_latest(struct version *out, struct matrix_service *service, const char *name) {
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    const struct metadata *metadata = manifest_index_find_metadata(index, name);
    bool has_latest = metadata && metadata->published_count > 0;
    if (has_latest) *out = metadata->published[metadata->published_count - 1].version;
    registry_view_unlock(service->repositories.view);
    return has_latest;
}

static enum status write_one(struct json_writer *writer, struct matrix_service *service, const char *name, const char *version,
                             struct arena *arena, struct error *err) {
    struct version_cells cells = {0};
    struct version wanted = {0};
    enum status status = STATUS_OK;
    char latest[VERSION_TEXT_MAX];
    if (text_equal(version, "latest") && find_latest(&wanted, service, name)) {
        version_print(wanted, latest);
        version = latest;
    }
    if (version && version_parse(&wanted, version, err))
        return error_set(err, STATUS_NOT_FOUND, "There is no version %s of %s: %s", version, name, err->message);
    if (version) status = version_cells_read(&cells, service, name, version, arena, err);
    if (status) return status;
    bool is_in_sets = version || find_latest(&wanted, service, name);
    const struct set_membership sets = is_in_sets ? find_sets(service, name, wanted, arena) : (struct set_membership){0};
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    const struct metadata *metadata = manifest_index_find_metadata(index, name);
    const struct published_version *published = metadata && version ? metadata_find_published(metadata, wanted) : NULL;
    const struct unpublished_version *unpublished = metadata && version ? metadata_find_unpublished(metadata, wanted) : NULL;
    if (!metadata)
        status = no_package(index, name, arena, err);
    else if (!version)
        write_package(writer, index, manifest_index_package(index, manifest_index_find_package(index, name)), &sets, arena);
    else if (published)
        package_version_write(writer, index, name, published, &cells, &sets, arena);
    else
        status =
            error_set(err, STATUS_NOT_FOUND, unpublished ? "%s@%s was unpublished." : "%s@%s is not published.", name, version);
    registry_view_unlock(service->repositories.view);
    return status;
}

static enum status end_answer(enum status status, struct message *answer, struct text *json, struct arena *arena) {
    if (status)
        text_release(json);
    else
        message_take_json(answer, json, arena);
    return status;
}

enum status answer_package_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err) {
    struct matrix_service *service = context;
    const struct message_package_query *query = &request->package_query;
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    int64_t asked_us = clock_monotonic_us();
    if (!query->name) {
        const struct message page = {.tag = MESSAGE_package_list_query,
                                     .package_list_query = {.after = query->after, .limit = query->limit}};
        return answer_package_list_query(context, &page, arena, answer, err);
    }
    fresh_view_follow(&service->fresh);
    enum status status = write_one(&writer, service, query->name, query->version, arena, err);
    if (status == STATUS_NOT_FOUND) { /* the view may be older than the query */
        status = fresh_view_look_again(&service->fresh, asked_us, err);
        if (!status) status = write_one(&writer, service, query->name, query->version, arena, err);
    }
    return end_answer(status, answer, &json, arena);
}

enum status answer_known_package_query(void *context, const struct message *request, struct arena *arena,
                                       struct message *answer, struct error *err) {
    struct matrix_service *service = context;
    const struct message_known_package_query *query = &request->known_package_query;
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    if (!query->name) return error_set_at(err, STATUS_INVALID, "name", "The field \"name\" must be the name of a package.");
    fresh_view_follow(&service->fresh);
    return end_answer(write_one(&writer, service, query->name, query->version, arena, err), answer, &json, arena);
}

/* ---- Whether a change still holds ---- */

static enum status check_place(const struct metadata *metadata, const struct transfer_request *done, struct error *err) {
    struct text place = {0};
    if (!metadata) return error_set(err, STATUS_REFUSED, "The package %s is no longer in the registry.", done->name);
    if (location_equal(&metadata->location, &done->new_location)) return STATUS_OK;
    location_append_text(&place, &metadata->location);
    enum status status = error_set(err, STATUS_REFUSED, "%s is now at %s.", done->name, text_view(&place));
    text_release(&place);
    return status;
}

/* A version in neither list of the metadata is not available either, so the unpublishing holds. */
static enum status check_unpublished(const struct metadata *metadata, const struct unpublish_request *done, struct error *err) {
    char version[VERSION_TEXT_MAX];
    if (!metadata || !metadata_find_published(metadata, done->version)) return STATUS_OK;
    version_print(done->version, version);
    return error_set(err, STATUS_REFUSED, "%s@%s is published again.", done->name, version);
}

enum status answer_holds_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                               struct error *err) {
    struct matrix_service *service = context;
    const char *payload = request->holds_query.payload ? request->holds_query.payload : "";
    bool is_transfer = text_equal(request->holds_query.kind, job_kind_text(JOB_KIND_TRANSFER));
    struct transfer_request transfer = {0};
    struct unpublish_request unpublish = {0};
    int64_t asked_us = clock_monotonic_us();
    if (!is_transfer && !text_equal(request->holds_query.kind, job_kind_text(JOB_KIND_UNPUBLISH)))
        return error_set_at(err, STATUS_INVALID, "kind", "The kind must be transfer or unpublish.");
    enum status status = is_transfer ? transfer_request_parse(&transfer, payload, arena, err)
                                     : unpublish_request_parse(&unpublish, payload, arena, err);
    if (!status) status = fresh_view_look_again(&service->fresh, asked_us, err);
    if (status) return status;
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    status = is_transfer ? check_place(manifest_index_find_metadata(index, transfer.name), &transfer, err)
                         : check_unpublished(manifest_index_find_metadata(index, unpublish.name), &unpublish, err);
    registry_view_unlock(service->repositories.view);
    *answer = (struct message){.tag = MESSAGE_done};
    return status;
}
