/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One round of committer.c: renews the leases of all its jobs, commits those not yet written with one push, and ends the
 * written ones in Redis, JOB_FINISH_MAX per call.
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/text.h"
#include "lib/domain/job/job_event.h"
#include "lib/store/registry/metadata_edit.h"
#include "services/build-matrix/commit/committer_parts.h"
#include "services/build-matrix/commit/matrix_end.h"
#include "services/build-matrix/matrix_service.h"

enum { ROUND_TIMEOUT_MS = 120000 };

/* ---- The change ---- */

/* registry_edit_function: adds the compiler to the version's `compilers`. */
static enum status add_compiler(struct registry_edit *out, const struct registry_file *current, void *context,
                                struct arena *arena, struct error *err) {
    const struct success *success = context;
    struct metadata metadata;
    const struct job *job = &success->job;
    if (!current->bytes) return error_set(err, STATUS_REFUSED, "The package %s is no longer in the registry.", job->package);
    enum status status = metadata_edit_read(&metadata, job->package, current, arena, err);
    if (status) return status;
    const struct published_version *published = metadata_find_published(&metadata, success->version);
    if (!published)
        return error_set(err, STATUS_REFUSED, "%s@%s was unpublished meanwhile, so nothing is written.", job->package,
                         job->version);
    size_t before = published->compiler_count;
    status = metadata_add_compiler(&metadata, success->version, success->compiler, arena, err);
    if (status) return status;
    out->kind = REGISTRY_KEEP;
    if (metadata_find_published(&metadata, success->version)->compiler_count > before)
        metadata_edit_write(out, &metadata, arena);
    return STATUS_OK;
}

/* queued_change.guard */
static enum status check_lease(void *context, int64_t needed_ms, struct error *err) {
    struct success *success = context;
    int64_t now_ms = clock_monotonic_ms(), lease_ms = success->committer->service->settings.lease_ms;
    if (success->held_until_ms - now_ms >= needed_ms) return STATUS_OK;
    enum status status = job_store_renew(success->committer->store, &success->lease, lease_ms, err);
    if (status) return status;
    success->held_until_ms = now_ms + lease_ms;
    int64_t left_ms = success->held_until_ms - clock_monotonic_ms();
    if (left_ms >= needed_ms) return STATUS_OK;
    return error_set(err, STATUS_STALE, "The job's lease ends in %lld ms.", (long long)left_ms);
}

/* ---- Committing ---- */

static bool is_away(enum status status) {
    return status_is_temporary(status) || status == STATUS_INTERNAL || status == STATUS_CONFLICT;
}

/* Takes the outcome of one change. True: it must be retried. */
static bool take_change(struct success *success, const struct queued_change *queued, const struct error *err) {
    const struct registry_change *change = &queued->change;
    if (change->status == STATUS_OK) {
        success->progress = WRITTEN;
        success->commit = change->written ? arena_copy(&success->arena, change->commit) : NULL;
        return false;
    }
    if (change->status == STATUS_STALE) success->is_stale = true;
    if (change->status == STATUS_STALE || is_away(change->status)) return change->status != STATUS_STALE;
    success->progress = REFUSED;
    success->reason = arena_copy(&success->arena, err->message);
    return false;
}

static const char *subject(struct success *success) {
    return arena_format(&success->arena, "Add compiler %s to %s@%s", success->job.compiler, success->job.package,
                        success->job.version);
}

/* Commits the jobs not yet written. A failure is the reason why some must be retried. */
static enum status commit_round(struct committer *committer, struct success **round, size_t count, struct error *err) {
    struct arena arena = {0};
    struct queued_change *changes = arena_alloc(&arena, (count + 1) * sizeof *changes);
    struct error *errors = arena_alloc(&arena, (count + 1) * sizeof *errors);
    struct success **owners = arena_alloc(&arena, (count + 1) * sizeof(struct success *));
    size_t change_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (round[i]->progress != NOT_WRITTEN || round[i]->is_stale) continue;
        owners[change_count] = round[i];
        changes[change_count] = (struct queued_change){
            .change = {.path = arena_format(&arena, "metadata/%s.json", round[i]->job.package),
                       .message = job_commit_message(&round[i]->job, &arena, subject(round[i])),
                       .edit = add_compiler,
                       .context = round[i],
                       .err = &errors[change_count]},
            .guard = check_lease,
            .guard_context = round[i],
        };
        change_count++;
    }
    enum status again = STATUS_OK;
    if (change_count > 0) {
        struct deadline deadline;
        deadline_start(&deadline, ROUND_TIMEOUT_MS);
        fault_point("matrix-commit");
        enum status status = change_queue_commit(committer->service->repositories.registry_queue, committer->store, changes,
                                                 change_count, &deadline, err);
        fault_point("matrix-pushed");
        size_t written = 0;
        for (size_t i = 0; i < change_count; i++) {
            if (take_change(owners[i], &changes[i], &errors[i])) {
                again = status;
                *err = errors[i];
            }
            written += owners[i]->commit != NULL;
        }
        thread_lock(&committer->thread);
        committer->rounds++;
        committer->commits += (int64_t)written;
        thread_unlock(&committer->thread);
    }
    arena_release(&arena);
    return again;
}

/* ---- Ending ---- */

static const char *make_event(struct success *success) {
    const struct job_event event = {.kind = JOB_EVENT_BUILT,
                                    .package = success->job.package,
                                    .version = success->version,
                                    .compiler = success->compiler,
                                    .purpose = success->job.purpose,
                                    .registry_commit = success->commit};
    return job_event_print(&event, &success->arena);
}

static const char *last_line(struct success *success, bool is_readonly) {
    if (is_readonly) return "Read-only: the compiler is not added to the metadata.";
    if (!success->commit) return "The metadata already has the compiler.";
    return arena_format(&success->arena, "Committed the metadata: %s.", success->commit);
}

static void make_end(struct job_end *out, struct committer *committer, struct success *success) {
    bool is_readonly = committer->service->settings.readonly;
    *out = (struct job_end){.success = true,
                            .readonly = is_readonly,
                            .verdict = verdict_text(VERDICT_SUCCEEDED),
                            .result = success->result,
                            .event = is_readonly ? NULL : make_event(success),
                            .line = last_line(success, is_readonly),
                            .line_level = is_readonly ? LOG_WARN : LOG_INFO};
    if (success->commit) out->commit = arena_format(&success->arena, "registry=%s", success->commit);
}

/* Takes the outcome of ending the job. True: it must be retried. */
static bool take_end(struct success *success, enum status status) {
    success->is_stale = status == STATUS_STALE;
    success->is_ended = status == STATUS_OK;
    return status != STATUS_OK && status != STATUS_STALE;
}

static enum status end_refused(struct committer *committer, struct success *success, struct error *err) {
    struct matrix_outcome outcome = {.verdict = VERDICT_SUCCEEDED, .is_withdrawn = true, .reason = success->reason};
    struct error problem;
    enum status status =
        matrix_job_end(committer->service, committer->store, &success->job, &success->lease, &outcome, &problem);
    if (!take_end(success, status)) return STATUS_OK;
    if (err) *err = problem;
    return status;
}

/* Ends written jobs, at most JOB_FINISH_MAX. A failure is the reason why some must be retried. */
static enum status end_written(struct committer *committer, struct success **written, size_t count, struct error *err) {
    struct job_end ends[JOB_FINISH_MAX];
    struct job_finish finishes[JOB_FINISH_MAX];
    enum status again = STATUS_OK;
    for (size_t i = 0; i < count; i++) {
        make_end(&ends[i], committer, written[i]);
        finishes[i] = (struct job_finish){.lease = &written[i]->lease, .end = &ends[i]};
    }
    fault_point("matrix-end");
    job_store_finish_some(committer->store, finishes, count);
    for (size_t i = 0; i < count; i++) {
        if (!take_end(written[i], finishes[i].status)) continue;
        again = finishes[i].status;
        if (err) *err = finishes[i].err;
    }
    return again;
}

static bool may_end(const struct committer *committer, const struct success *success) {
    return !success->is_stale && (success->progress != NOT_WRITTEN || committer->service->settings.readonly);
}

/* Ends the jobs that are written or refused. A failure is the reason why some must be retried. */
static enum status end_round(struct committer *committer, struct success **round, size_t count, struct error *err) {
    struct success *written[ROUND_MAX];
    size_t written_count = 0;
    enum status again = STATUS_OK;
    for (size_t i = 0; i < count; i++) {
        if (!may_end(committer, round[i])) continue;
        enum status status = STATUS_OK;
        if (round[i]->progress == REFUSED)
            status = end_refused(committer, round[i], err);
        else
            written[written_count++] = round[i];
        if (status) again = status;
    }
    for (size_t i = 0; i < written_count; i += JOB_FINISH_MAX) {
        size_t left = written_count - i;
        enum status status = end_written(committer, written + i, left < JOB_FINISH_MAX ? left : JOB_FINISH_MAX, err);
        if (status) again = status;
    }
    return again;
}

/* ---- A round ---- */

/* Renews the leases of all jobs of the round; marks the lost ones as stale. */
static enum status renew_round(struct committer *committer, struct success **round, size_t count, struct error *err) {
    struct arena arena = {0};
    struct lease *leases = arena_alloc(&arena, count * sizeof *leases);
    bool *is_held = arena_alloc(&arena, count * sizeof *is_held);
    for (size_t i = 0; i < count; i++)
        leases[i] = round[i]->lease;
    int64_t lease_ms = committer->service->settings.lease_ms, until_ms = clock_monotonic_ms() + lease_ms;
    enum status status = job_store_renew_some(committer->store, leases, count, lease_ms, is_held, err);
    for (size_t i = 0; !status && i < count; i++) {
        round[i]->is_stale = !is_held[i];
        round[i]->held_until_ms = until_ms;
    }
    arena_release(&arena);
    return status;
}

enum status committer_go_round(struct committer *committer, struct success **round, size_t count, struct error *err) {
    enum status status = renew_round(committer, round, count, err);
    if (status) return status;
    if (!committer->service->settings.readonly) status = commit_round(committer, round, count, err);
    enum status ended = end_round(committer, round, count, err);
    return ended ? ended : status;
}
