/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks whether this version may be unpublished, and by this requester. Each refusal says how to proceed.
 */
#include <inttypes.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/domain/identity/signer.h"
#include "lib/service/job/job_proof.h"
#include "services/publish/unpublishing.h"

enum { HOURS = 48, DEPENDANTS_SHOWN = 20 };
#define HOUR_MS INT64_C(3600000)

enum status unpublishing_read_metadata(void *context, struct error *err) {
    struct unpublishing *u = context;
    const char *name = u->request.name;
    job_run_log(u->run, LOG_INFO, "Unpublishing %s@%s: %s", name, u->version, u->request.reason);
    enum status status = registry_view_refresh(u->service->repositories.view, &u->run->deadline, err);
    if (status) return status;
    const struct manifest_index *index = registry_view_lock(u->service->repositories.view);
    status = manifest_index_copy_metadata(&u->metadata, index, name, u->arena, err);
    registry_view_unlock(u->service->repositories.view);
    if (status != STATUS_NOT_FOUND) return status;
    return error_set_at(err, STATUS_REFUSED, "name", "There is no package named %s in the registry.", name);
}

enum status unpublishing_check_right(void *context, struct error *err) {
    struct unpublishing *u = context;
    return job_prove_right(u->run, &u->signed_request, u->request.name, &u->metadata.owners, u->service->pacchettibotti, err);
}

enum status unpublishing_check_version(void *context, struct error *err) {
    struct unpublishing *u = context;
    const char *name = u->request.name;
    const struct unpublished_version *unpublished = metadata_find_unpublished(&u->metadata, u->request.version);
    if (unpublished) {
        char time[TIME_TEXT_MAX];
        time_print(unpublished->unpublished_ms, time);
        return error_set_at(err, STATUS_REFUSED, "version", "%s@%s is already unpublished, since %s: %s", name, u->version,
                            time, unpublished->reason);
    }
    if (metadata_find_published(&u->metadata, u->request.version)) return STATUS_OK;
    struct text versions = {0};
    for (size_t i = 0; i < u->metadata.published_count; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(u->metadata.published[i].version, version);
        text_append_format(&versions, "%s%s", i ? ", " : " Published versions: ", version);
    }
    if (versions.length) text_append_character(&versions, '.');
    enum status status =
        error_set_at(err, STATUS_REFUSED, "version", "%s has no version %s.%s", name, u->version, text_view(&versions));
    text_release(&versions);
    return status;
}

/* Trustees may unpublish at any age but must give a reason. The age is that at the time of the request, so time in the queue
 * does not count. */
enum status unpublishing_check_age(void *context, struct error *err) {
    struct unpublishing *u = context;
    const struct job *job = &u->run->job;
    int64_t published_ms = metadata_find_published(&u->metadata, u->request.version)->published_ms;
    if (job->created_ms - published_ms <= HOURS * HOUR_MS) return STATUS_OK;
    char published[TIME_TEXT_MAX], asked[TIME_TEXT_MAX];
    time_print(published_ms, published);
    time_print(job->created_ms, asked);
    if (!job_is_by_trustee(job))
        return error_set_at(
            err, STATUS_REFUSED, "version",
            "%s@%s was published at %s, more than %d hours before this request (%s), so its owners can no longer unpublish it. "
            "Publish a newer version in its place, or, if it must be removed, ask the registry's trustees at %s.",
            u->request.name, u->version, published, HOURS, asked, REGISTRY_ISSUES_URL);
    if (!text_is_blank(job->reason) || !text_is_blank(u->request.reason)) return STATUS_OK;
    return error_set_at(err, STATUS_REFUSED, "reason",
                        "%s@%s was published at %s, more than %d hours before this request, so a reason is required.",
                        u->request.name, u->version, published, HOURS);
}

/* ---- Dependants ---- */

static enum status refuse_orphans(const struct unpublishing *u, const struct dependant *orphans, size_t count,
                                  struct error *err) {
    struct text list = {0};
    for (size_t i = 0; i < count && i < DEPENDANTS_SHOWN; i++) {
        char version[VERSION_TEXT_MAX], range[RANGE_TEXT_MAX];
        version_print(orphans[i].version, version);
        range_print(orphans[i].range, range);
        text_append_format(&list, "\n  %s@%s (needs %s)", orphans[i].name, version, range);
    }
    if (count > DEPENDANTS_SHOWN) text_append_format(&list, "\n  and %zu more", count - DEPENDANTS_SHOWN);
    enum status status = error_set_at(err, STATUS_REFUSED, "version",
                                      "Unpublishing %s@%s would leave unsatisfied dependencies. It is still needed by:%s\n"
                                      "Publish another version of %s within these ranges first, or have its dependants "
                                      "unpublished.",
                                      u->request.name, u->version, text_view(&list), u->request.name);
    text_release(&list);
    return status;
}

/* A version that is not in the index satisfies no dependency, so its removal orphans nothing. */
enum status unpublishing_check_dependants(void *context, struct error *err) {
    struct unpublishing *u = context;
    struct arena scratch = {0};
    struct dependant *orphans = NULL;
    size_t count = 0;
    const struct manifest_index *index = registry_view_lock(u->service->repositories.view);
    if (manifest_index_find(index, u->request.name, u->request.version))
        count = manifest_index_find_orphans(&orphans, index, u->request.name, u->request.version, &scratch);
    enum status status = count ? refuse_orphans(u, orphans, count, err) : STATUS_OK;
    registry_view_unlock(u->service->repositories.view);
    arena_release(&scratch);
    return status;
}
