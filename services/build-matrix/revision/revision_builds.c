/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The builds of a revision: matrix jobs of purpose `revision`, which are never shared and write nothing (matrix_end.h). Their
 * ids are derived from the revision's job id and the build's inputs, so a run that resumes the revision, or a round with
 * unchanged inputs, waits for the same jobs.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/matrix/verdict.h"
#include "lib/domain/matrix/work_order.h"
#include "lib/tools/purs/compiler.h"
#include "services/build-matrix/commit/matrix_end.h"
#include "services/build-matrix/plan/planner.h"
#include "services/build-matrix/revision/revision.h"

enum {
    POLL_MIN_MS = 100, /* polling interval: doubled with each poll, up to POLL_MAX_MS */
    POLL_MAX_MS = 1000,
    AGAIN_MIN_MS = 1000, /* before a build is retried; doubled with each try, up to */
    AGAIN_DOUBLINGS = 6, /* times */
    ERRORS_SHOWN = 20,
};

/* ---- Making them ---- */

static void make_id(struct revision *r, struct revision_build *build) {
    struct text what = {0};
    text_append_format(&what, "revision %s\n%s\n", r->run->job.id, build->compiler_text);
    if (build->tries > 0) text_append_format(&what, "again %d\n", build->tries);
    build_plan_append_payload(&what, &build->plan);
    text_append_character(&what, '\n');
    manifest_append_line(&what, &r->after);
    hash_uuid(what.bytes, what.length, build->job_id);
    text_release(&what);
}

/* Accepts the build's job; retries while Redis is unavailable. */
static enum status accept(struct revision *r, struct revision_build *build, struct error *err) {
    const struct planned_build planned = {.package = r->name,
                                          .version = r->request.version,
                                          .plan = &build->plan,
                                          .purpose = MATRIX_PURPOSE_REVISION,
                                          .job_id = build->job_id};
    struct job_accepted accepted;
    enum status status;
    while (status_is_temporary(status = planner_accept(r->service, r->run->store, &planned, &accepted, err))) {
        enum status over = deadline_pause(&r->run->deadline, POLL_MAX_MS, err);
        if (over) return over;
    }
    if (!status) job_run_log(r->run, LOG_INFO, "Building with compiler %s: job %s.", build->compiler_text, build->job_id);
    return status;
}

/* ---- Ending builds that are not needed ---- */

static enum status end_build(struct revision *r, const struct revision_build *build, struct error *err) {
    struct matrix_service *service = r->service;
    struct arena scratch = {0};
    struct lease lease;
    struct job job;
    size_t claimed = 0;
    const char *id = build->job_id;
    const struct job_claim claim = {.ids = &id, .count = 1, .runner = "build-matrix", .lease_ms = service->settings.lease_ms};
    enum status status = job_store_claim_some(r->run->store, &claim, &scratch, &lease, &job, &claimed, err);
    const struct matrix_outcome outcome = {.verdict = VERDICT_NO_PLAN,
                                           .is_withdrawn = true,
                                           .reason = "The revision that requested this build no longer needs it."};
    if (!status && claimed > 0) status = matrix_job_end(service, r->run->store, &job, &lease, &outcome, err);
    arena_release(&scratch);
    return status;
}

static bool is_among(const struct revision_builds *builds, const char *job_id) {
    for (size_t i = 0; i < builds->count; i++)
        if (strcmp(builds->items[i].job_id, job_id) == 0) return true;
    return false;
}

/* Ends the unfinished builds that are not in `needed` (NULL: all). One that a worker has claimed, or that cannot be ended now,
 * is left to finish; it writes nothing. */
static void end_builds(struct revision *r, struct revision_builds *builds, const struct revision_builds *needed) {
    for (size_t i = 0; i < builds->count; i++) {
        struct revision_build *build = &builds->items[i];
        struct error err = {0};
        if (!*build->job_id || build->has_ended || (needed && is_among(needed, build->job_id))) continue;
        build->has_ended = true;
        if (end_build(r, build, &err))
            log_line(LOG_WARN, "build_withdrawal_failed", log_field("job", build->job_id),
                     log_field("revision", r->run->job.id), log_field("error", err.message));
    }
}

void revision_end_builds(struct revision *r) {
    end_builds(r, &r->former, &r->builds);
    end_builds(r, &r->builds, NULL);
}

/* ---- Results ---- */

/* Logs the compiler's errors in readable form. */
static void say_errors(struct revision *r, const struct job *job) {
    struct build_result result;
    if (!job->result || build_result_parse(&result, job->result, strlen(job->result), r->arena, NULL)) return;
    if (result.error_count == 0) return;
    struct text errors = {0};
    compiler_result_print_errors(&errors, &result, ERRORS_SHOWN);
    job_run_log(r->run, LOG_ERROR, "%s", text_view(&errors));
    text_release(&errors);
}

/* Refuses the revision, unless the build's inputs have changed since: then the round starts over. */
static enum status take_failure(struct revision *r, const struct revision_build *build, const struct job *job,
                                struct error *err) {
    enum status status = registry_view_refresh(r->service->repositories.view, &r->run->deadline, err);
    if (!status) status = revision_check_again(r, err);
    if (status) return status;
    say_errors(r, job);
    return error_set_at(err, STATUS_REFUSED, "dependencies",
                        "With these bounds %s@%s does not build with compiler %s (job %s): %s", r->name, r->version,
                        build->compiler_text, build->job_id, job->error ? job->error : "It failed.");
}

/* True if the verdict does not stand (lib/domain/matrix/verdict.h): lost workers, a tarball missing in storage, … */
static bool says_nothing(const struct job *job) {
    enum verdict verdict;
    return job->verdict && verdict_parse(job->verdict, &verdict) && !verdict_stands(verdict);
}

static enum status build_again(struct revision *r, struct revision_build *build, const struct job *job, struct error *err) {
    job_run_log(r->run, LOG_WARN, "The build with compiler %s gave no result for these bounds and is repeated: %s",
                build->compiler_text, job->error ? job->error : "It failed.");
    int doublings = build->tries < AGAIN_DOUBLINGS ? build->tries : AGAIN_DOUBLINGS;
    enum status status = deadline_pause(&r->run->deadline, AGAIN_MIN_MS << doublings, err);
    if (status) return status;
    build->tries++;
    make_id(r, build);
    return accept(r, build, err);
}

static enum status look_at(struct revision *r, struct revision_build *build, struct arena *scratch, struct error *err) {
    struct job job;
    enum status status = job_store_get(r->run->store, build->job_id, scratch, &job, err);
    if (status_is_temporary(status)) return STATUS_OK; /* Redis is away; losing the lease ends the run */
    if (status || !job_state_is_finished(job.state)) return status;
    if (job.state == JOB_STATE_FAILED && says_nothing(&job)) return build_again(r, build, &job, err);
    build->has_ended = true;
    if (job.state == JOB_STATE_FAILED) return take_failure(r, build, &job, err);
    job_run_log(r->run, LOG_INFO, "The package builds with compiler %s.", build->compiler_text);
    return STATUS_OK;
}

static enum status wait_for_all(struct revision *r, struct error *err) {
    int pause_ms = POLL_MIN_MS;
    size_t open = r->builds.count;
    enum status status = STATUS_OK;
    while (!status && open > 0) {
        struct arena scratch = {0};
        open = 0;
        for (size_t i = 0; i < r->builds.count && !status; i++) {
            struct revision_build *build = &r->builds.items[i];
            if (!build->has_ended) status = look_at(r, build, &scratch, err);
            open += !build->has_ended;
        }
        arena_release(&scratch);
        if (!status && open > 0) status = deadline_pause(&r->run->deadline, pause_ms, err);
        pause_ms = pause_ms * 2 < POLL_MAX_MS ? pause_ms * 2 : POLL_MAX_MS;
    }
    return status;
}

enum status revision_build(void *context, struct error *err) {
    struct revision *r = context;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < r->builds.count; i++)
        make_id(r, &r->builds.items[i]);
    end_builds(r, &r->former, &r->builds);
    for (size_t i = 0; i < r->builds.count && !status; i++)
        status = accept(r, &r->builds.items[i], err);
    return status ? status : wait_for_all(r, err);
}
