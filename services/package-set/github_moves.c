/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A package whose repository has moved at GitHub follows it by a transfer that pacchettibotti signs
 * (lib/domain/registry/moved_repository.h). The transfer service checks it as any other.
 */
#include <string.h>

#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/domain/identity/signature.h"
#include "lib/domain/identity/signer.h"
#include "lib/domain/registry/moved_repository.h"
#include "lib/store/redis/github_store.h"
#include "services/package-set/github_look.h"
#include "services/package-set/package_set_service.h"

static bool is_at_github(const struct location *location) {
    struct arena arena = {0};
    struct github_repository repository;
    bool is_there = location_find_github(&repository, location, &arena);
    arena_release(&arena);
    return is_there;
}

/* ---- The transfer ---- */

static enum status sign(const struct github_worker *worker, const char *payload, struct text *signature, struct error *err) {
    struct signing_key *key = NULL;
    enum status status = signer_read_private_key(&key, worker->service->settings.pacchettibotti_private_key, err);
    if (!status && !key)
        status = error_set(err, STATUS_REFUSED,
                           "The repository has moved, but the package cannot follow it: PACCHETTIBOTTI_ED25519 is not set, so "
                           "nobody can sign the transfer.");
    if (!status) status = signing_key_sign(key, payload, strlen(payload), signature, err);
    signing_key_free(key);
    return status;
}

/* The id follows from the payload, which names the round: so repeating the round makes nothing twice. */
static enum status transfer(struct github_worker *worker, const struct repository_move *move, struct error *err) {
    struct text payload = {0}, signature = {0}, job = {0};
    char key[SHA256_HEX_MAX];
    repository_move_append_payload(&payload, move, worker->round_ms);
    enum status status = sign(worker, payload.bytes, &signature, err);
    if (!status) {
        const struct signed_request signed_request = {payload.bytes, signature.bytes};
        signed_request_append_json(&job, &signed_request);
        signed_request_key(&signed_request, JOB_KIND_TRANSFER, key);
        struct job_request request = {.kind = JOB_KIND_TRANSFER,
                                      .payload = job.bytes,
                                      .package = worker->package,
                                      .actor = "anonymous", /* until the transfer service has checked the signature */
                                      .duplicate_key = key,
                                      .replay_key = key};
        hash_uuid(payload.bytes, payload.length, request.id);
        status = github_worker_make_job(worker, &request, err);
    }
    if (!status) fault_point("transfer-accepted");
    text_release(&job);
    text_release(&signature);
    text_release(&payload);
    return status;
}

/* ---- The look ---- */

/* A package that cannot follow its repository stays, with a WARN line. */
static void leave(struct github_worker *worker, const struct repository_move *move, const char *reason) {
    struct text to = {0};
    location_append_text(&to, &move->to);
    log_line(LOG_WARN, "repository_move_left", log_field("package", move->package), log_field("location", text_view(&to)),
             log_field("error", reason));
    github_worker_report(worker, "%s: its repository has moved to %s, but the package stays: %s", move->package, text_view(&to),
                         reason);
    text_release(&to);
}

static enum status follow(struct github_worker *worker, const struct github_repository *target, struct error *err) {
    struct repository_move move;
    repository_move_init(&move, worker->package, &worker->metadata.location, target);
    const struct manifest_index *index = registry_view_lock(worker->service->repositories.view);
    enum status status = repository_move_check(&move, index, err);
    registry_view_unlock(worker->service->repositories.view);
    if (!status) return transfer(worker, &move, err);
    if (status == STATUS_REFUSED || status == STATUS_INVALID) leave(worker, &move, err->message);
    return STATUS_OK;
}

static enum status look_for_move(struct github_worker *worker, struct error *err) {
    struct github_question question = worker->question;
    const struct github_repository *repository = &question.repository;
    struct kept_etag kept;
    struct github_place place;
    const char *key = arena_format(&worker->arena, "%s: place of %s/%s", worker->package, repository->owner, repository->name);
    enum status status = kept_etag_read(worker->store, key, &kept, err);
    if (*kept.etag) question.etag = kept.etag;
    if (!status) status = github_find_repository(worker->repos, &question, &worker->arena, &place, err);
    if (status) return status;
    if (place.found == GITHUB_GONE)
        return error_set(err, STATUS_NOT_FOUND, "There is no public repository %s/%s at GitHub.", repository->owner,
                         repository->name);
    if (place.found == GITHUB_MOVED) return follow(worker, &place.repository, err);
    if (place.found == GITHUB_UNCHANGED || !*place.etag) return STATUS_OK;
    memcpy(kept.etag, place.etag, sizeof kept.etag);
    return kept_etag_write(worker->store, key, &kept, err);
}

const struct github_look_kind github_look_for_moves = {"moved-repositories", is_at_github, look_for_move};
