/* SPDX-License-Identifier: BSD-3-Clause
 *
 *   jobs ──► result known? ──► BUILD_HOW_VERIFY: each alone, twice
 *                        ├───► BUILD_HOW_WHOLE: each alone, with all packages of the work order
 *                        └───► the others as one batch, repeated without the jobs that must leave it; those then one by one
 */
#include "services/build-worker/build.h"

#include <string.h>

#include "lib/base/text.h"
#include "services/build-worker/build_parts.h"

static const struct build_job *job_at(const struct build *build, size_t job) {
    return &build->work->jobs[job];
}

static bool may_share(const struct build_job *job) {
    return job->how != BUILD_HOW_VERIFY && job->how != BUILD_HOW_WHOLE;
}

static void end_job(struct build *build, size_t job, struct build_outcome *outcome) {
    build->is_done[job] = true;
    if (!outcome->is_given_back) atomic_fetch_add(&build->environment->verdicts[outcome->verdict], 1);
    build->listener->end(build->listener->context, job, outcome);
}

static void end_all(struct build *build, struct build_outcome outcome) {
    for (size_t i = 0; i < build->work->job_count; i++)
        if (!build->is_done[i]) end_job(build, i, &outcome);
}

/* ---- Known results ---- */

/* Copies the errors of a recorded failure to the result. */
static void take_kept_errors(struct build *build, const struct build_entry *entry, struct build_result *out) {
    struct build_result kept;
    if (!entry->errors || build_result_parse(&kept, entry->errors, strlen(entry->errors), build->arena, NULL)) return;
    out->errors = kept.errors;
    out->error_count = kept.error_count;
    out->errors_left_out = kept.errors_left_out;
}

static void end_failed_before(struct build *build, size_t job, size_t culprit) {
    char version[VERSION_TEXT_MAX];
    version_print(build->work->compiler, version);
    bool is_own = culprit == job_at(build, job)->package;
    struct build_outcome outcome = {.verdict = VERDICT_FAILED_TO_COMPILE, .result.batch_jobs = 1};
    outcome.reason = is_own ? arena_format(build->arena,
                                           "The package does not compile with compiler %s, as an earlier build found.", version)
                            : arena_format(build->arena, "%s, on which it depends, does not compile with compiler %s.",
                                           build->sources[culprit].top, version);
    take_kept_errors(build, &build->sources[culprit].entry, &outcome.result);
    if (outcome.result.error_count > 0)
        build->listener->say(build->listener->context, job, LOG_ERROR, build_print_errors(build, &outcome.result));
    end_job(build, job, &outcome);
}

static void end_built_before(struct build *build, size_t job, const struct build_entry *entry) {
    struct build_outcome outcome = {.verdict = VERDICT_SUCCEEDED, .result.batch_jobs = 1};
    outcome.result.own_modules = outcome.result.reused_modules = (int64_t)entry->module_count;
    build->listener->say(build->listener->context, job, LOG_INFO, "The same build is in the build store.");
    atomic_fetch_add(&build->environment->reused_modules, outcome.result.reused_modules);
    end_job(build, job, &outcome);
}

/* Ends a BUILD_HOW_REUSE job if the store has its result, or the failure of a dependency. With BUILD_HOW_AGAIN, recorded
 * failures of dependencies are ignored. */
static void use_what_is_known(struct build *build, size_t job) {
    const struct build_job *asked = job_at(build, job);
    size_t *closure = NULL, count = work_order_closure(&closure, build->work, asked->package, build->arena);
    const struct build_entry *entry = asked->how == BUILD_HOW_REUSE ? build_find_entry(build, asked->package) : NULL;
    if (!may_share(asked)) return;
    for (size_t i = 0; i < count; i++) {
        const struct build_entry *dependency = build_find_entry(build, closure[i]);
        if (!dependency || dependency->succeeded) continue;
        if (asked->how == BUILD_HOW_REUSE) {
            end_failed_before(build, job, closure[i]);
            return;
        }
        build->sources[closure[i]].is_known = false; /* built again along with the job */
    }
    if (entry && entry->succeeded) end_built_before(build, job, entry);
    if (entry && !entry->succeeded) end_failed_before(build, job, asked->package);
}

/* ---- Alone, as a batch, twice ---- */

static void build_alone(struct build *build, size_t job) {
    struct build_batch set = {.jobs = &job, .job_count = 1};
    compiler_run_batch(build, &set);
    end_job(build, job, &set.outcomes[0]);
}

/* Lists the jobs that are not done and may share a run; returns their number. */
static size_t list_rest(struct build *build, size_t *out) {
    size_t count = 0;
    for (size_t i = 0; i < build->work->job_count; i++)
        if (!build->is_done[i] && may_share(job_at(build, i))) out[count++] = i;
    return count;
}

/* Builds the remaining jobs as one batch, until each is done or must be built alone, and then those one by one. */
static void build_together(struct build *build) {
    size_t *jobs = arena_alloc(build->arena, build->work->job_count * sizeof *jobs);
    size_t *alone = arena_alloc(build->arena, build->work->job_count * sizeof *alone), alone_count = 0;
    size_t count = list_rest(build, jobs);
    while (count > 1) {
        struct build_batch set = {.jobs = jobs, .job_count = count};
        size_t left = 0, gone = 0;
        compiler_run_batch(build, &set);
        for (size_t i = 0; i < count; i++)
            gone += set.goes_alone[i];
        bool has_run = false;
        for (size_t i = 0; i < count; i++) {
            if (set.goes_alone[i]) {
                alone[alone_count++] = jobs[i];
            } else if (set.outcomes[i].is_given_back || set.outcomes[i].result.batch_jobs > 0) {
                end_job(build, jobs[i], &set.outcomes[i]);
                has_run = true;
            } else {
                jobs[left++] = jobs[i];
            }
        }
        count = has_run || gone == 0 ? 0 : left;
    }
    if (count == 1) alone[alone_count++] = jobs[0];
    for (size_t i = 0; i < alone_count; i++)
        build_alone(build, alone[i]);
}

/* Compares code, message and file of the errors, in order. */
static bool have_same_errors(const struct build_result *a, const struct build_result *b) {
    if (a->error_count != b->error_count || a->errors_left_out != b->errors_left_out) return false;
    for (size_t i = 0; i < a->error_count; i++)
        if (!text_equal(a->errors[i].code, b->errors[i].code) || !text_equal(a->errors[i].message, b->errors[i].message) ||
            !text_equal(a->errors[i].filename, b->errors[i].filename))
            return false;
    return true;
}

static const char *find_difference(struct build *build, const struct build_batch *reused, const struct build_batch *fresh) {
    const struct build_outcome *a = &reused->outcomes[0], *b = &fresh->outcomes[0];
    if (a->verdict != b->verdict)
        return arena_format(build->arena, "With the build store: %s; without it: %s.", verdict_text(a->verdict),
                            verdict_text(b->verdict));
    if (!have_same_errors(&a->result, &b->result)) return "With the build store, the build has other errors than without it.";
    if (!text_equal(reused->digest, fresh->digest))
        return "With the build store, the build's output differs from the one without it.";
    return NULL;
}

static void build_twice(struct build *build, size_t job) {
    struct build_batch reused = {.jobs = &job, .job_count = 1, .keeps_nothing = true};
    struct build_batch fresh = {.jobs = &job, .job_count = 1, .keeps_nothing = true, .is_from_nothing = true};
    compiler_run_batch(build, &reused);
    if (reused.outcomes[0].is_given_back) {
        end_job(build, job, &reused.outcomes[0]);
        return;
    }
    compiler_run_batch(build, &fresh);
    struct build_outcome outcome = fresh.outcomes[0];
    const char *difference = outcome.is_given_back ? NULL : find_difference(build, &reused, &fresh);
    if (difference) {
        outcome.verdict = VERDICT_DIFFERS;
        outcome.reason = difference;
    }
    end_job(build, job, &outcome);
}

/* ---- The whole work ---- */

static void make_sources(struct build *build) {
    size_t count = build->work->package_count;
    build->sources = arena_alloc(build->arena, count * sizeof *build->sources);
    for (size_t i = 0; i < count; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(build->work->packages[i].version, version);
        build->sources[i].top = arena_format(build->arena, "%s-%s", build->work->packages[i].name, version);
    }
}

void build_run(struct build_environment *environment, const struct work_order *work, const struct build_listener *listener,
               struct deadline *deadline, struct arena *arena) {
    struct build build = {.environment = environment,
                          .work = work,
                          .listener = listener,
                          .deadline = deadline,
                          .arena = arena,
                          .compiler = compilers_get(&environment->compilers, work->compiler),
                          .is_done = arena_alloc(arena, work->job_count * sizeof *build.is_done)};
    make_sources(&build);
    if (!build.compiler)
        end_all(&build, (struct build_outcome){.verdict = VERDICT_COMPILER_MISSING,
                                               .reason = verdict_meaning(VERDICT_COMPILER_MISSING)});
    for (size_t i = 0; i < work->job_count; i++)
        if (!build.is_done[i]) use_what_is_known(&build, i);
    for (size_t i = 0; i < work->job_count; i++)
        if (!build.is_done[i] && job_at(&build, i)->how == BUILD_HOW_VERIFY) build_twice(&build, i);
    for (size_t i = 0; i < work->job_count; i++)
        if (!build.is_done[i] && job_at(&build, i)->how == BUILD_HOW_WHOLE) build_alone(&build, i);
    build_together(&build);
    build_store_let_go(environment->store, &build.held);
    package_cache_let_go(environment->packages, &build.unpacked);
}
