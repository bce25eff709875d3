/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-matrix/commit/matrix_end.h"

#include "lib/domain/registry/manifest_index.h"
#include "lib/store/registry/fresh_view.h"
#include "services/build-matrix/matrix_service.h"

/* True if the metadata lists this compiler for this version. */
static bool is_known_to_build(struct matrix_service *service, const struct job *job) {
    struct version version, compiler;
    if (version_parse(&version, job->version, NULL) || version_parse(&compiler, job->compiler, NULL)) return false;
    fresh_view_follow(&service->fresh);
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    bool is_known = metadata_has_compiler(manifest_index_find_metadata(index, job->package), version, compiler);
    registry_view_unlock(service->repositories.view);
    return is_known;
}

static void raise_alarms(struct matrix_service *service, const struct job *job, const struct matrix_outcome *outcome) {
    const char *event = NULL;
    if (outcome->verdict == VERDICT_DIFFERS)
        event = "build_differs";
    else if (outcome->verdict == VERDICT_DEPENDENCY_MISSING && outcome->is_of_build)
        event = "tarball_missing";
    else if (outcome->verdict != VERDICT_SUCCEEDED && verdict_stands(outcome->verdict) && !outcome->is_withdrawn &&
             job->purpose == MATRIX_PURPOSE_REQUEST && is_known_to_build(service, job))
        event = "build_regressed";
    if (!event) return;
    atomic_fetch_add(&service->alarms, 1);
    log_line(LOG_ERROR, event, log_field("job", job->id), log_field("package", job->package),
             log_field("version", job->version), log_field("compiler", job->compiler),
             log_field("verdict", verdict_text(outcome->verdict)), log_field("reason", outcome->reason));
}

enum status matrix_job_end(struct matrix_service *service, struct job_store *store, const struct job *job,
                           const struct lease *lease, const struct matrix_outcome *outcome, struct error *err) {
    bool has_succeeded = outcome->verdict == VERDICT_SUCCEEDED && !outcome->is_withdrawn;
    const char *reason = outcome->reason ? outcome->reason : verdict_meaning(outcome->verdict);
    const struct job_end end = {.success = has_succeeded,
                                .error = has_succeeded ? NULL : reason,
                                .verdict = outcome->is_withdrawn ? NULL : verdict_text(outcome->verdict),
                                .result = outcome->result,
                                .line = reason,
                                .line_level = has_succeeded ? LOG_INFO : LOG_ERROR};
    enum status status = job_store_finish(store, lease, &end, err);
    if (status) return status;
    raise_alarms(service, job, outcome);
    return STATUS_OK;
}
