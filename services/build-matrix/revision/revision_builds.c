/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The builds of a revision: trials (lib/service/job/trial_builds.h) of purpose `revision`. Besides its own inputs, a build is
 * identified by the revision's job and the manifest with the new bounds; so builds are never shared with another revision, and
 * a round with unchanged inputs waits for the same jobs.
 */
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/matrix/work_order.h"
#include "lib/tools/purs/compiler.h"
#include "services/build-matrix/dispatch/dispatcher.h"
#include "services/build-matrix/revision/revision.h"

enum { ERRORS_SHOWN = 20 };

/* ---- Making them ---- */

static const char *print_compiler(const struct trial_build *build, char out[VERSION_TEXT_MAX]) {
    version_print(build->compiler, out);
    return out;
}

static void note_begun(void *context, const struct trial_build *build) {
    struct revision *r = context;
    char compiler[VERSION_TEXT_MAX];
    job_run_log(r->run, LOG_INFO, "Building with compiler %s: job %s.", print_compiler(build, compiler), build->job_id);
    if (r->service->dispatcher) dispatcher_wake(r->service->dispatcher);
}

static void note_repeated(void *context, const struct trial_build *build, const char *reason) {
    struct revision *r = context;
    char compiler[VERSION_TEXT_MAX];
    job_run_log(r->run, LOG_WARN, "The build with compiler %s gave no result for these bounds and is repeated: %s",
                print_compiler(build, compiler), reason);
}

static struct trial_builds trials_of(struct revision *r) {
    return (struct trial_builds){.run = r->run,
                                 .purpose = MATRIX_PURPOSE_REVISION,
                                 .program = "build-matrix",
                                 .unneeded = "The revision that requested this build no longer needs it.",
                                 .begun = note_begun,
                                 .repeated = note_repeated,
                                 .context = r};
}

static void describe_builds(struct revision *r) {
    struct text basis = {0};
    text_append_format(&basis, "%s\n", r->run->job.id);
    manifest_append_line(&basis, &r->after);
    const char *copy = arena_copy(r->arena, text_view(&basis));
    text_release(&basis);
    for (size_t i = 0; i < r->builds.count; i++) {
        struct revision_build *build = &r->builds.items[i];
        build->trial = (struct trial_build){.package = r->name,
                                            .version = r->request.version,
                                            .compiler = build->compiler,
                                            .plan = &build->plan.packages,
                                            .id_basis = copy};
    }
}

/* ---- Ending builds that are not needed ---- */

/* True if `needed` has a build with the same inputs. */
static bool is_among(const struct trial_builds *trials, const struct revision_builds *needed, const struct trial_build *build) {
    char id[UUID_TEXT_MAX], other[UUID_TEXT_MAX];
    trial_build_id(id, trials, build, 0);
    for (size_t i = 0; i < needed->count; i++) {
        if (!needed->items[i].trial.package) continue; /* it has no plan yet */
        trial_build_id(other, trials, &needed->items[i].trial, 0);
        if (strcmp(id, other) == 0) return true;
    }
    return false;
}

/* Ends the unfinished builds that are not in `needed` (NULL: all). One that a worker has claimed, or that cannot be ended now,
 * is left to finish; it writes nothing. */
static void end_builds(struct revision *r, struct revision_builds *builds, const struct revision_builds *needed) {
    const struct trial_builds trials = trials_of(r);
    for (size_t i = 0; i < builds->count; i++) {
        struct trial_build *build = &builds->items[i].trial;
        struct error err = {0};
        if (!*build->job_id || build->has_ended || (needed && is_among(&trials, needed, build))) continue;
        if (trial_build_withdraw(&trials, build, &err))
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
static void say_errors(struct revision *r, const struct trial_build *build) {
    struct build_result result;
    if (!build->result || build_result_parse(&result, build->result, strlen(build->result), r->arena, NULL)) return;
    if (result.error_count == 0) return;
    struct text errors = {0};
    compiler_result_print_errors(&errors, &result, ERRORS_SHOWN);
    job_run_log(r->run, LOG_ERROR, "%s", text_view(&errors));
    text_release(&errors);
}

/* Refuses the revision, unless the build's inputs have changed since: then the round starts over. */
static enum status take_failure(struct revision *r, const struct revision_build *build, struct error *err) {
    enum status status = registry_view_refresh(r->service->repositories.view, &r->run->deadline, err);
    if (!status) status = revision_check_again(r, err);
    if (status) return status;
    say_errors(r, &build->trial);
    return error_set_at(err, STATUS_REFUSED, "dependencies",
                        "With these bounds %s@%s does not build with compiler %s (job %s): %s", r->name, r->version,
                        build->compiler_text, build->trial.job_id, build->trial.reason);
}

static enum status take_end(struct revision *r, const struct revision_build *build, struct error *err) {
    if (build->trial.outcome != TRIAL_SUCCEEDED) return take_failure(r, build, err);
    job_run_log(r->run, LOG_INFO, "The package builds with compiler %s.", build->compiler_text);
    return STATUS_OK;
}

/* Until all have succeeded, or one has not. */
static enum status wait_for_all(struct revision *r, const struct trial_builds *trials, struct error *err) {
    enum status status = STATUS_OK;
    size_t open = r->builds.count, ended;
    bool *is_taken = arena_alloc(r->arena, (open + 1) * sizeof *is_taken);
    struct trial_build **items = arena_alloc(r->arena, (open + 1) * sizeof *items);
    for (size_t i = 0; i < r->builds.count; i++)
        items[i] = &r->builds.items[i].trial;
    while (!status && open > 0) {
        status = trial_builds_wait(trials, items, r->builds.count, &ended, err);
        for (size_t i = 0; i < r->builds.count && !status; i++) {
            if (is_taken[i] || !items[i]->has_ended) continue;
            is_taken[i] = true;
            open--;
            status = take_end(r, &r->builds.items[i], err);
        }
    }
    return status;
}

enum status revision_build(void *context, struct error *err) {
    struct revision *r = context;
    const struct trial_builds trials = trials_of(r);
    enum status status = STATUS_OK;
    describe_builds(r);
    end_builds(r, &r->former, &r->builds);
    for (size_t i = 0; i < r->builds.count && !status; i++)
        status = trial_build_start(&trials, &r->builds.items[i].trial, err);
    return status ? status : wait_for_all(r, &trials, err);
}
