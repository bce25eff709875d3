/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-matrix/dispatch/hand_out.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/service/message/message_work.h"
#include "lib/store/registry/fresh_view.h"
#include "services/build-matrix/commit/committer.h"
#include "services/build-matrix/commit/matrix_end.h"
#include "services/build-matrix/dispatch/batch.h"
#include "services/build-matrix/matrix_service.h"

enum {
    LIST_MIN = 64,         /* list at least this many ready jobs, to find some whose plans agree */
    LIST_TIMES = 4,        /* … or this multiple of the batch size */
    FIRST_LEASE_MS = 5000, /* until the first renewal: a worker that died while asking delays its jobs by this at most */
    ROUNDS_MAX = 8,        /* of choosing again, because the chosen jobs needed no worker or could not be built */
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

/* The ready jobs considered for one worker, and those of them that were claimed for it. */
struct round {
    struct matrix_service *service;
    struct job_store *store;
    const struct hand_out_request *request;
    struct arena *arena;
    struct job *ready;
    size_t ready_count;
    struct batch_choice choice;
    struct job *jobs; /* of the choice, with their leases: the jobs that were still ready */
    struct lease *leases;
    size_t claimed;
};

/* The number of ready jobs, from the first on, that are as urgent as the first. */
static size_t count_most_urgent(const struct round *round) {
    size_t count = 0;
    while (count < round->ready_count &&
           matrix_purpose_priority(round->ready[count].purpose) == matrix_purpose_priority(round->ready[0].purpose))
        count++;
    return count;
}

/* The maximum batch size. If all jobs as urgent as the first were listed, it is their number per slot, so that none of them
 * waits while a worker is idle or builds something less urgent. */
static size_t fair_share(const struct round *round, size_t listed_max) {
    size_t most = (size_t)round->service->settings.matrix_batch, slots = round->request->slots;
    size_t count = count_most_urgent(round);
    if (count >= listed_max || slots == 0) return most; /* there may be more than were listed */
    size_t share = count / slots;
    return share < 1 ? 1 : share < most ? share : most;
}

/* Claims and ends a job that can no longer be built as planned; nothing happens if it is no longer ready. */
static enum status end_refused(const struct round *round, const struct batch_refusal *refusal, struct error *err) {
    struct lease lease;
    struct job job;
    size_t claimed = 0;
    const char *id = round->ready[refusal->job].id;
    const struct matrix_outcome outcome = {
        .verdict = VERDICT_DEPENDENCY_MISSING, .is_withdrawn = refusal->is_withdrawn, .reason = refusal->reason};
    const struct job_claim claim = {
        .ids = &id, .count = 1, .runner = "build-matrix", .lease_ms = round->service->settings.lease_ms};
    enum status status = job_store_claim_some(round->store, &claim, round->arena, &lease, &job, &claimed, err);
    if (status || claimed == 0) return status;
    return matrix_job_end(round->service, round->store, &job, &lease, &outcome, err);
}

static const char *say_who_builds(const char *worker, size_t count, struct arena *arena) {
    if (count == 1) return arena_format(arena, "Assigned to the build worker %s.", worker);
    return arena_format(arena, "Assigned to the build worker %s, in a batch of up to %zu.", worker, count);
}

static enum build_how how_to_build(const struct job *job, bool is_whole) {
    if (is_whole) return BUILD_HOW_WHOLE;
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

/* STATUS_TOO_LARGE: the path begins with "packages" if the cause is the jobs' plans. */
static enum status check_size(const struct work_order *work, const struct message *message, struct error *err) {
    if (work->package_count > WORK_ORDER_PACKAGES_MAX)
        return error_set_at(err, STATUS_TOO_LARGE, "packages", "The build needs %zu packages; a build may have at most %d.",
                            work->package_count, WORK_ORDER_PACKAGES_MAX);
    struct text bytes = {0};
    enum status status = message_pack(message, &bytes, err);
    text_release(&bytes);
    return status;
}

static struct build_job *list_jobs(const struct round *round, const size_t *packages, bool is_whole, size_t count) {
    struct build_job *list = arena_alloc(round->arena, count * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        const struct job *job = &round->jobs[i];
        list[i] = (struct build_job){.fence = round->leases[i].fence,
                                     .attempt = job->attempts,
                                     .package = packages[i],
                                     .how = how_to_build(job, is_whole)};
        memcpy(list[i].job_id, job->id, sizeof list[i].job_id);
    }
    return list;
}

/* Makes the work for the first `count` claimed jobs. STATUS_REFUSED: a plan does not agree with the registry as it is known.
 * STATUS_INVALID: a plan has a circle. STATUS_TOO_LARGE: it does not fit into a message. */
static enum status write_work(struct message *out, const struct round *round, size_t count, struct error *err) {
    struct matrix_service *service = round->service;
    struct work_order work = {.time_limit_ms = job_kind_timeout_ms(JOB_KIND_MATRIX, &service->settings),
                              .lease_ms = service->settings.lease_ms,
                              .downloads = hand_out_downloads(service, round->arena),
                              .job_count = count};
    enum status status = version_parse(&work.compiler, round->jobs[0].compiler, err);
    if (status) return status;
    size_t *packages = arena_alloc(round->arena, count * sizeof *packages);
    bool is_whole = false;
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    status = batch_list_packages(&work, packages, &is_whole, index, round->jobs, count, round->arena, err);
    if (!status) add_others(&work, index, round->arena);
    registry_view_unlock(service->repositories.view);
    if (status) return status;
    work.jobs = list_jobs(round, packages, is_whole, count);
    message_write_work(out, &work, round->arena);
    return check_size(&work, out, err);
}

/* Releases claimed jobs that cannot be handed to the worker. */
static void give_back(const struct round *round, size_t first) {
    struct error err;
    for (size_t i = first; i < round->claimed; i++)
        if (job_store_release(round->store, &round->leases[i], &err))
            log_line(LOG_WARN, "job_release_failed", log_field("job", round->leases[i].job_id),
                     log_field("error", err.message));
}

/* Makes the work for all claimed jobs; if that fails, for the first alone, after the others are given back. */
static enum status write_claimed(struct message *out, struct round *round, struct error *err) {
    int64_t asked_us = clock_monotonic_us();
    enum status status = write_work(out, round, round->claimed, err);
    if (status && round->claimed > 1) {
        give_back(round, 1);
        round->claimed = 1;
        status = write_work(out, round, 1, err);
    }
    if (status != STATUS_REFUSED) return status;
    status = fresh_view_look_again(&round->service->fresh, asked_us, err); /* the view may be older than the job */
    return status ? status : write_work(out, round, round->claimed, err);
}

/* The verdict on a job whose plan caused the failure; false: something else did. */
static bool find_verdict(enum status failure, const struct error *err, enum verdict *verdict) {
    bool is_of_packages = text_starts_with(err->path, "packages");
    bool is_too_large = is_of_packages && failure == STATUS_TOO_LARGE, is_circle = is_of_packages && failure == STATUS_INVALID;
    *verdict = is_too_large ? VERDICT_LIMIT_EXCEEDED : is_circle ? VERDICT_NO_PLAN : VERDICT_DEPENDENCY_MISSING;
    return is_too_large || is_circle || failure == STATUS_REFUSED;
}

/* Ends the only claimed job if the failure is of its plan, which it would meet again and again; else gives it back. */
static enum status give_up(const struct round *round, enum status failure, struct error *err) {
    struct matrix_outcome outcome = {0};
    if (!find_verdict(failure, err, &outcome.verdict)) {
        give_back(round, 0);
        return failure;
    }
    outcome.reason = arena_copy(round->arena, err->message);
    return matrix_job_end(round->service, round->store, &round->jobs[0], &round->leases[0], &outcome, err);
}

static enum status claim_chosen(struct round *round, bool has_record, struct error *err) {
    const struct batch_choice *choice = &round->choice;
    const char **ids = arena_alloc(round->arena, choice->job_count * sizeof *ids);
    const char *worker = round->request->worker, *runner = has_record ? "build-matrix" : worker;
    const char *line = has_record ? NULL : say_who_builds(worker, choice->job_count, round->arena);
    int64_t lease_ms = round->service->settings.lease_ms;
    if (!has_record && lease_ms > FIRST_LEASE_MS) lease_ms = FIRST_LEASE_MS;
    for (size_t i = 0; i < choice->job_count; i++)
        ids[i] = round->ready[choice->jobs[i]].id;
    round->leases = arena_alloc(round->arena, choice->job_count * sizeof *round->leases);
    round->jobs = arena_alloc(round->arena, choice->job_count * sizeof *round->jobs);
    const struct job_claim claim = {
        .ids = ids, .count = choice->job_count, .runner = runner, .lease_ms = lease_ms, .line = line};
    return job_store_claim_some(round->store, &claim, round->arena, round->leases, round->jobs, &round->claimed, err);
}

/* Claims the chosen jobs and makes their work. A job whose result is already recorded goes straight to the committer. */
static enum status claim(struct message *work, struct round *round, struct error *err) {
    bool has_record = round->ready[round->choice.jobs[0]].record != NULL;
    enum status status = claim_chosen(round, has_record, err);
    if (status || round->claimed == 0) return status;
    if (has_record) {
        committer_add(round->service->committer, &round->jobs[0], &round->leases[0]);
        return STATUS_OK;
    }
    fault_point("matrix-claimed");
    struct message made;
    status = write_claimed(&made, round, err);
    if (status) return give_up(round, status, err);
    *work = made;
    return STATUS_OK;
}

/* Chooses among the jobs that were ready at `asked_us`. None is refused from an older view: if the repositories cannot be read,
 * the refusals are dropped and those jobs stay pending. */
static enum status choose(struct round *round, size_t most, int64_t asked_us, struct error *err) {
    struct batch_choice *out = &round->choice;
    struct registry_view *view = round->service->repositories.view;
    enum status status = STATUS_OK;
    for (bool is_new = false;; is_new = true) {
        batch_choose(out, registry_view_lock(view), round->ready, round->ready_count, most, round->arena);
        registry_view_unlock(view);
        if (out->refusal_count == 0 || is_new) return STATUS_OK;
        status = fresh_view_look_again(&round->service->fresh, asked_us, err);
        if (status) break;
    }
    out->refusal_count = 0;
    return out->job_count > 0 ? STATUS_OK : status;
}

/* Looks for work once. */
static enum status look(struct message *work, struct round *round, struct error *err) {
    const struct hand_out_request *request = round->request;
    size_t listed_max = (size_t)round->service->settings.matrix_batch * LIST_TIMES;
    if (listed_max < LIST_MIN) listed_max = LIST_MIN;
    int64_t asked_us = clock_monotonic_us();
    const struct job_ready_filter filter = {.compilers = request->compilers,
                                            .compiler_count = request->compiler_count,
                                            .is_urgent = request->is_urgent,
                                            .limit = listed_max};
    enum status status = job_store_list_ready(round->store, &filter, round->arena, &round->ready, &round->ready_count, err);
    if (!status && round->ready_count > 0) status = choose(round, fair_share(round, listed_max), asked_us, err);
    for (size_t i = 0; !status && i < round->choice.refusal_count; i++)
        status = end_refused(round, &round->choice.refusals[i], err);
    if (!status && round->choice.job_count > 0) status = claim(work, round, err);
    return status;
}

enum status hand_out(struct message *work, struct matrix_service *service, struct job_store *store,
                     const struct hand_out_request *request, struct arena *arena, struct error *err) {
    enum status status = STATUS_OK;
    bool may_have_more = true;
    *work = (struct message){.tag = MESSAGE_done};
    for (int i = 0; !status && may_have_more && work->tag == MESSAGE_done && i < ROUNDS_MAX; i++) {
        struct round round = {.service = service, .store = store, .request = request, .arena = arena};
        status = look(work, &round, err);
        may_have_more = round.ready_count > 0;
    }
    return status;
}
