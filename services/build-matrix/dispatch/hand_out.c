/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-matrix/dispatch/hand_out.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "services/build-matrix/commit/committer.h"
#include "services/build-matrix/commit/matrix_end.h"
#include "services/build-matrix/dispatch/batch.h"
#include "services/build-matrix/matrix_service.h"
#include "services/build-matrix/plan/fresh_view.h"

enum {
    LOOK_AT_LEAST = 64,    /* list at least so many ready jobs, to find some whose plans agree */
    LOOK_TIMES = 4,        /* … or this multiple of the batch size */
    FIRST_LEASE_MS = 5000, /* until the first renewal: a worker that died while asking delays its jobs by this at most */
    ROUNDS_MAX = 8,        /* of choosing again, because the chosen jobs needed no worker or could not be built */
    WORK_BYTES_MAX = 1800000,
};

const char *hand_out_downloads(const struct matrix_service *service, struct arena *arena) {
    const struct settings *settings = &service->settings;
    const char *base = settings->build_download_url ? settings->build_download_url
                       : settings->s3_api_url       ? settings->s3_api_url
                                                    : "http://127.0.0.1:9000";
    struct text trimmed = {0};
    url_append_base(&trimmed, base);
    const char *copy = arena_copy(arena, text_view(&trimmed));
    text_release(&trimmed);
    return copy;
}

/* The maximum batch size. If all ready jobs were listed, it is their number per slot, so that no worker stays idle. */
static size_t fair_share(const struct matrix_service *service, size_t ready, size_t looked_at,
                         const struct hand_out_request *request) {
    size_t most = (size_t)service->settings.matrix_batch;
    if (ready >= looked_at || request->slots == 0) return most; /* there may be more than were listed */
    size_t share = ready / request->slots;
    return share < 1 ? 1 : share < most ? share : most;
}

static enum status end_claimed(struct matrix_service *service, struct job_store *store, const struct job *job,
                               const struct lease *lease, const struct batch_refusal *refusal, struct error *err) {
    struct matrix_outcome outcome = {
        .verdict = VERDICT_DEPENDENCY_MISSING, .is_withdrawn = refusal->is_withdrawn, .reason = refusal->reason};
    return matrix_job_end(service, store, job, lease, &outcome, err);
}

/* Claims and ends a job that can no longer be built as planned; nothing happens if it is no longer ready. */
static enum status end_refused(struct matrix_service *service, struct job_store *store, const struct job *ready,
                               const struct batch_refusal *refusal, struct arena *arena, struct error *err) {
    struct lease lease;
    struct job job;
    size_t claimed = 0;
    const char *id = ready->id;
    const struct job_claim claim = {.ids = &id, .count = 1, .runner = "build-matrix", .lease_ms = service->settings.lease_ms};
    enum status status = job_store_claim_some(store, &claim, arena, &lease, &job, &claimed, err);
    if (status || claimed == 0) return status;
    return end_claimed(service, store, &job, &lease, refusal, err);
}

static const char *say_who_builds(const char *worker, size_t count, struct arena *arena) {
    if (count == 1) return arena_format(arena, "Handed to the build worker %s.", worker);
    return arena_format(arena, "Handed to the build worker %s, in a batch of up to %zu.", worker, count);
}

static enum build_how how_to_build(const struct job *job) {
    if (job->purpose == MATRIX_PURPOSE_REQUEST) return BUILD_HOW_AGAIN;
    if (job->purpose == MATRIX_PURPOSE_VERIFY) return BUILD_HOW_VERIFY;
    return BUILD_HOW_REUSE;
}

static bool is_in(const struct work_order *work, const char *name) {
    for (size_t i = 0; i < work->package_count; i++)
        if (text_equal(work->packages[i].name, name)) return true;
    return false;
}

/* Adds some published versions of other packages. If a tarball is missing, the worker tries to download these, to tell a
 * missing tarball from a wrong download address. */
static void add_others(struct work_order *work, const struct manifest_index *index, struct arena *arena) {
    size_t count = manifest_index_package_count(index), first = count ? (size_t)clock_monotonic_us() % count : 0;
    struct build_package *others = arena_alloc(arena, WORK_ORDER_OTHERS_MAX * sizeof *others);
    for (size_t i = 0; i < count && work->other_count < WORK_ORDER_OTHERS_MAX; i++) {
        const struct indexed_package *package =
            manifest_index_package(index, manifest_index_by_name(index, (first + i) % count));
        const struct metadata *metadata = package->metadata;
        if (!metadata || metadata->published_count == 0 || is_in(work, package->name)) continue;
        const struct published_version *published = &metadata->published[metadata->published_count - 1];
        others[work->other_count++] = (struct build_package){.name = arena_copy(arena, package->name),
                                                             .version = published->version,
                                                             .hash = arena_copy(arena, published->hash),
                                                             .size_bytes = published->size_bytes};
    }
    work->others = others;
}

/* Appends the work for these claimed jobs. STATUS_TOO_LARGE: it does not fit into a message. */
static enum status write_work(struct text *out, struct matrix_service *service, const struct job *jobs,
                              const struct lease *leases, size_t count, struct arena *arena, struct error *err) {
    struct work_order work = {.time_limit_ms = job_kind_timeout_ms(JOB_KIND_MATRIX, &service->settings),
                              .lease_ms = service->settings.lease_ms,
                              .downloads = hand_out_downloads(service, arena),
                              .job_count = count};
    enum status status = version_parse(&work.compiler, jobs[0].compiler, err);
    if (status) return status;
    size_t *packages = arena_alloc(arena, count * sizeof *packages);
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    status = batch_list_packages(&work, packages, index, jobs, count, arena, err);
    if (!status) add_others(&work, index, arena);
    registry_view_unlock(service->repositories.view);
    if (status) return status;
    struct build_job *list = arena_alloc(arena, count * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i] = (struct build_job){
            .fence = leases[i].fence, .attempt = jobs[i].attempts, .package = packages[i], .how = how_to_build(&jobs[i])};
        memcpy(list[i].job_id, jobs[i].id, sizeof list[i].job_id);
    }
    work.jobs = list;
    size_t before = out->length;
    work_order_append_json(out, &work);
    if (out->length - before <= WORK_BYTES_MAX) return STATUS_OK;
    out->length = before;
    return error_set(err, STATUS_TOO_LARGE, "The work of %zu jobs does not fit into a message.", count);
}

/* Releases claimed jobs that cannot be handed to the worker. */
static void give_back(struct job_store *store, const struct lease *leases, size_t count) {
    struct error err;
    for (size_t i = 0; i < count; i++)
        if (job_store_release(store, &leases[i], &err))
            log_line(LOG_WARN, "job_release_failed", log_field("job", leases[i].job_id), log_field("error", err.message));
}

/* Claims the chosen jobs and writes their work. A job whose result is already recorded goes straight to the committer. */
static enum status claim(struct text *work, size_t *job_count, struct matrix_service *service, struct job_store *store,
                         const struct hand_out_request *request, const struct job *ready, const struct batch_choice *choice,
                         struct arena *arena, struct error *err) {
    const char **ids = arena_alloc(arena, choice->job_count * sizeof *ids);
    struct lease *leases = arena_alloc(arena, choice->job_count * sizeof *leases);
    struct job *jobs = arena_alloc(arena, choice->job_count * sizeof *jobs);
    size_t claimed = 0;
    bool has_record = ready[choice->jobs[0]].record != NULL;
    const char *runner = has_record ? "build-matrix" : request->worker;
    const char *line = has_record ? NULL : say_who_builds(request->worker, choice->job_count, arena);
    int64_t lease_ms = service->settings.lease_ms;
    if (!has_record && lease_ms > FIRST_LEASE_MS) lease_ms = FIRST_LEASE_MS;
    for (size_t i = 0; i < choice->job_count; i++)
        ids[i] = ready[choice->jobs[i]].id;
    const struct job_claim claim = {
        .ids = ids, .count = choice->job_count, .runner = runner, .lease_ms = lease_ms, .line = line};
    enum status status = job_store_claim_some(store, &claim, arena, leases, jobs, &claimed, err);
    if (status || claimed == 0) return status;
    if (has_record) {
        committer_add(service->committer, &jobs[0], &leases[0]);
        return STATUS_OK;
    }
    fault_point("matrix-claimed");
    int64_t asked_us = clock_monotonic_us();
    status = write_work(work, service, jobs, leases, claimed, arena, err);
    if (status && claimed > 1) { /* retry with the first job only */
        give_back(store, leases + 1, claimed - 1);
        claimed = 1;
        status = write_work(work, service, jobs, leases, 1, arena, err);
    }
    if (status == STATUS_REFUSED) { /* the view may be older than the job */
        status = fresh_view_look_again(service, asked_us, err);
        if (!status) status = write_work(work, service, jobs, leases, claimed, arena, err);
    }
    if (!status) *job_count = claimed;
    if (status == STATUS_REFUSED) {
        const struct batch_refusal refusal = {.reason = arena_copy(arena, err->message)};
        return end_claimed(service, store, jobs, leases, &refusal, err);
    }
    if (status) give_back(store, leases, 1);
    return status;
}

/* Chooses among the jobs that were ready at `asked_us`. None is refused from an older view: if the repositories cannot be read,
 * the refusals are dropped and those jobs stay pending. */
static enum status choose(struct batch_choice *out, struct matrix_service *service, const struct job *ready, size_t count,
                          size_t most, int64_t asked_us, struct arena *arena, struct error *err) {
    enum status status = STATUS_OK;
    for (bool is_new = false;; is_new = true) {
        batch_choose(out, registry_view_lock(service->repositories.view), ready, count, most, arena);
        registry_view_unlock(service->repositories.view);
        if (out->refusal_count == 0 || is_new) return STATUS_OK;
        status = fresh_view_look_again(service, asked_us, err);
        if (status) break;
    }
    out->refusal_count = 0;
    return out->job_count > 0 ? STATUS_OK : status;
}

enum status hand_out(struct text *work, size_t *job_count, struct matrix_service *service, struct job_store *store,
                     const struct hand_out_request *request, struct error *err) {
    enum status status = STATUS_OK;
    size_t look_at = (size_t)service->settings.matrix_batch * LOOK_TIMES;
    if (look_at < LOOK_AT_LEAST) look_at = LOOK_AT_LEAST;
    bool may_have_more = true;
    *job_count = 0;
    for (int round = 0; !status && may_have_more && *job_count == 0 && round < ROUNDS_MAX; round++) {
        struct arena arena = {0};
        struct job *ready = NULL;
        size_t count = 0;
        struct batch_choice choice = {0};
        int64_t asked_us = clock_monotonic_us();
        status = job_store_list_ready(store, request->compilers, request->compiler_count, look_at, &arena, &ready, &count, err);
        if (!status && count > 0)
            status =
                choose(&choice, service, ready, count, fair_share(service, count, look_at, request), asked_us, &arena, err);
        for (size_t i = 0; !status && i < choice.refusal_count; i++)
            status = end_refused(service, store, &ready[choice.refusals[i].job], &choice.refusals[i], &arena, err);
        if (!status && choice.job_count > 0)
            status = claim(work, job_count, service, store, request, ready, &choice, &arena, err);
        may_have_more = count > 0;
        arena_release(&arena);
    }
    return status;
}
