/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/job/trial_builds.h"

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/store/job/matrix_build.h"

enum {
    POLL_MIN_MS = 100, /* polling interval: doubled with each poll, up to POLL_MAX_MS */
    POLL_MAX_MS = 1000,
    AGAIN_MIN_MS = 1000, /* before a build is repeated; doubled with each repetition, up to */
    AGAIN_DOUBLINGS = 6, /* times */
};

/* ---- Making them ---- */

void trial_build_id(char out[UUID_TEXT_MAX], const struct trial_builds *builds, const struct trial_build *build, int tries) {
    char version[VERSION_TEXT_MAX], compiler[VERSION_TEXT_MAX];
    struct text inputs = {0};
    version_print(build->version, version);
    version_print(build->compiler, compiler);
    text_append_format(&inputs, "%s\n%s\n%s@%s\n", matrix_purpose_text(builds->purpose), compiler, build->package, version);
    package_versions_append_json(&inputs, build->plan);
    if (build->id_basis) text_append_format(&inputs, "\n%s", build->id_basis);
    if (tries > 0) text_append_format(&inputs, "\nagain %d", tries);
    hash_uuid(inputs.bytes, inputs.length, out);
    text_release(&inputs);
}

/* Repeats a step while Redis is unavailable, until the run's deadline. True: once more. */
static bool goes_on(const struct trial_builds *builds, enum status *status, struct error *err) {
    if (!status_is_temporary(*status)) return false;
    enum status over = deadline_pause(&builds->run->deadline, POLL_MAX_MS, err);
    if (over) *status = over;
    return !over;
}

static enum status accept(const struct trial_builds *builds, const struct trial_build *build, struct error *err) {
    const struct matrix_build wanted = {.package = build->package,
                                        .version = build->version,
                                        .compiler = build->compiler,
                                        .plan = build->plan,
                                        .purpose = builds->purpose,
                                        .job_id = build->job_id};
    struct job_accepted accepted;
    enum status status;
    do
        status = matrix_build_accept(builds->run->store, &wanted, &accepted, err);
    while (goes_on(builds, &status, err));
    return status;
}

/* True if the job's verdict stands, or it succeeded. */
static bool has_outcome(const struct trial_builds *builds, const struct job *job) {
    enum verdict verdict;
    if (job->state == JOB_STATE_SUCCEEDED) return true;
    if (!job->verdict || !verdict_parse(job->verdict, &verdict)) return false;
    return builds->stands ? builds->stands(verdict) : verdict_stands(verdict);
}

/* Sets *is_spent if the try, which may be an earlier run's or another job's, has ended without an outcome. */
static enum status find_end(const struct trial_builds *builds, const struct trial_build *build, bool *is_spent,
                            struct error *err) {
    struct arena scratch = {0};
    struct job job;
    enum status status;
    do
        status = job_store_get(builds->run->store, build->job_id, &scratch, &job, err);
    while (goes_on(builds, &status, err));
    *is_spent = !status && job_state_is_finished(job.state) && !has_outcome(builds, &job);
    arena_release(&scratch);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status trial_build_start(const struct trial_builds *builds, struct trial_build *build, struct error *err) {
    bool is_spent = false;
    build->repeat_at_ms = 0;
    do {
        if (is_spent) build->tries++;
        trial_build_id(build->job_id, builds, build, build->tries);
        enum status status = accept(builds, build, err);
        if (!status) status = find_end(builds, build, &is_spent, err);
        if (status) return status;
    } while (is_spent);
    if (builds->begun) builds->begun(builds->context, build);
    return STATUS_OK;
}

/* ---- Waiting for them ---- */

static void end(const struct trial_builds *builds, struct trial_build *build, enum trial_outcome outcome,
                const struct job *job) {
    struct arena *arena = &builds->run->arena;
    build->has_ended = true;
    build->outcome = outcome;
    build->verdict = job->verdict ? arena_copy(arena, job->verdict) : NULL;
    build->reason = outcome == TRIAL_SUCCEEDED ? NULL : arena_copy(arena, job->error ? job->error : "It failed.");
    build->result = job->result ? arena_copy(arena, job->result) : NULL;
    build->ended_ms = job->finished_ms;
}

/* The job has ended without an outcome: the build is repeated, unless it was withdrawn, repeated often enough, or is hopeless. */
static void plan_again(const struct trial_builds *builds, struct trial_build *build, const struct job *job) {
    bool is_over = !job->verdict || (builds->repeats_max > 0 && build->repeats >= builds->repeats_max) ||
                   (builds->is_hopeless && builds->is_hopeless(builds->context, build));
    if (is_over) {
        end(builds, build, TRIAL_UNKNOWN, job);
        return;
    }
    if (builds->repeated) builds->repeated(builds->context, build, job->error ? job->error : "It failed.");
    int doublings = build->repeats < AGAIN_DOUBLINGS ? build->repeats : AGAIN_DOUBLINGS;
    build->repeat_at_ms = clock_monotonic_ms() + ((int64_t)AGAIN_MIN_MS << doublings);
    build->repeats++;
}

static enum status start_again(const struct trial_builds *builds, struct trial_build *build, struct error *err) {
    if (clock_monotonic_ms() < build->repeat_at_ms) return STATUS_OK;
    build->tries++;
    return trial_build_start(builds, build, err);
}

static enum status poll_build(const struct trial_builds *builds, struct trial_build *build, struct arena *scratch,
                              struct error *err) {
    struct job job;
    if (build->repeat_at_ms) return start_again(builds, build, err);
    enum status status = job_store_get(builds->run->store, build->job_id, scratch, &job, err);
    if (status_is_temporary(status)) return STATUS_OK; /* Redis is away; losing the lease ends the run */
    if (status == STATUS_NOT_FOUND) return trial_build_start(builds, build, err); /* its time in Redis was over */
    if (status || !job_state_is_finished(job.state)) return status;
    if (!has_outcome(builds, &job))
        plan_again(builds, build, &job);
    else
        end(builds, build, job.state == JOB_STATE_SUCCEEDED ? TRIAL_SUCCEEDED : TRIAL_FAILED, &job);
    return STATUS_OK;
}

enum status trial_builds_poll(const struct trial_builds *builds, struct trial_build *const *items, size_t count, size_t *ended,
                              struct error *err) {
    struct arena scratch = {0};
    enum status status = STATUS_OK;
    *ended = 0;
    for (size_t i = 0; i < count && !status; i++) {
        if (!*items[i]->job_id || items[i]->has_ended) continue;
        status = poll_build(builds, items[i], &scratch, err);
        *ended += items[i]->has_ended;
    }
    arena_release(&scratch);
    return status;
}

static bool is_any_open(struct trial_build *const *items, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (*items[i]->job_id && !items[i]->has_ended) return true;
    return false;
}

enum status trial_builds_wait(const struct trial_builds *builds, struct trial_build *const *items, size_t count, size_t *ended,
                              struct error *err) {
    int pause_ms = POLL_MIN_MS;
    enum status status = trial_builds_poll(builds, items, count, ended, err);
    while (!status && *ended == 0 && is_any_open(items, count)) {
        status = deadline_pause(&builds->run->deadline, pause_ms, err);
        if (!status) status = trial_builds_poll(builds, items, count, ended, err);
        pause_ms = pause_ms * 2 < POLL_MAX_MS ? pause_ms * 2 : POLL_MAX_MS;
    }
    return status;
}

/* ---- Ending those that are not needed ---- */

enum status trial_build_withdraw(const struct trial_builds *builds, struct trial_build *build, struct error *err) {
    struct arena scratch = {0};
    struct lease lease;
    struct job job;
    size_t claimed = 0;
    const char *id = build->job_id;
    if (!*build->job_id || build->has_ended) return STATUS_OK;
    build->has_ended = true;
    build->outcome = TRIAL_UNKNOWN;
    build->reason = builds->unneeded;
    const struct job_claim claim = {.ids = &id, .count = 1, .runner = builds->program, .lease_ms = builds->run->lease_ms};
    const struct job_end finish = {.error = builds->unneeded, .line = builds->unneeded, .line_level = LOG_ERROR};
    enum status status = job_store_claim_some(builds->run->store, &claim, &scratch, &lease, &job, &claimed, err);
    if (!status && claimed > 0) status = job_store_finish(builds->run->store, &lease, &finish, err);
    arena_release(&scratch);
    return status;
}
