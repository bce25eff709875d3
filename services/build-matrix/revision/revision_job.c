/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs one revision of bounds: its steps in order (revision.h), again from the first if the registry has changed meanwhile.
 * Before the commit nothing is written but matrix jobs.
 */
#include <stdarg.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/job/job_event.h"
#include "lib/service/job/job_proof.h"
#include "lib/service/job/job_steps.h"
#include "services/build-matrix/revision/revision.h"

enum {
    START_OVER_MS = 100, /* pause before the second round; doubled with each round, up to */
    START_OVER_MAX = 7,  /* times */
};

enum status revision_start_over(struct revision *r, struct error *err, const char *format, ...) {
    struct text sentence = {0};
    va_list arguments;
    va_start(arguments, format);
    text_append_format_list(&sentence, format, arguments);
    va_end(arguments);
    r->starts_over = true;
    enum status status = error_set(err, STATUS_CONFLICT, "%s", text_view(&sentence));
    text_release(&sentence);
    return status;
}

/* ---- The steps ---- */

static const struct job_step steps[] = {
    {"revision-read", .begin = revision_read},
    {"revision-plan", .begin = revision_plan},
    {"revision-dependants", .begin = revision_check_dependants},
    {"revision-builds", .begin = revision_build},
    {"revision-resume", .resume = revision_resume},
    {"revision-commit", .write = revision_commit,
     .left_out = {"the metadata is not committed", "the manifest is not committed to the index"}},
    {0},
};

/* Repeats the steps while they start over, until the job's deadline. */
static enum status run_rounds(struct revision *r, struct error *err) {
    enum status status;
    for (int round = 0;; round++) {
        r->starts_over = false;
        status = job_steps_carry_out(&(struct job_steps){.table = steps, .context = r}, r->run, err);
        if (!status || !r->starts_over || r->run->has_record) return status;
        job_run_log(r->run, LOG_WARN, "%s Starting over.", err->message);
        status = deadline_pause(&r->run->deadline, START_OVER_MS << (round < START_OVER_MAX ? round : START_OVER_MAX), err);
        if (status) return status;
    }
}

/* ---- The job ---- */

static enum status read_request(struct revision *r, struct error *err) {
    char version[VERSION_TEXT_MAX];
    enum status status = revise_request_parse(&r->request, r->run->job.payload, r->arena, err);
    if (status) return status;
    if (!job_is_by_trustee(&r->run->job))
        return error_set(err, STATUS_REFUSED, "Only the registry's trustees can change the bounds of a published version.");
    version_print(r->request.version, version);
    r->name = r->request.name;
    r->version = arena_copy(r->arena, version);
    return STATUS_OK;
}

/* The event for the planner, which plans builds that the new bounds allow (lib/domain/README.md, Build matrix). */
static const char *make_event(const struct revision *r) {
    const struct job_event event = {.kind = JOB_EVENT_REVISED,
                                    .package = r->name,
                                    .version = r->request.version,
                                    .registry_commit = *r->registry_commit ? r->registry_commit : NULL,
                                    .index_commit = *r->index_commit ? r->index_commit : NULL};
    return job_event_print(&event, r->arena);
}

/* True if the job will be run again: its builds are kept. */
static bool goes_on(enum status status, const struct error *err) {
    return status == STATUS_CANCELLED || status == STATUS_STALE || (status && err->trouble);
}

enum status revision_job_run(void *context, struct job_run *run, struct error *err) {
    struct revision r = {.service = context, .run = run, .arena = &run->arena};
    enum status status = read_request(&r, err);
    if (!status && !run->job.record) job_say_trustee(run);
    if (!status) status = run_rounds(&r, err);
    if (!goes_on(status, err)) revision_end_builds(&r);
    if (status) return status;
    if (!run->is_readonly) run->end.event = make_event(&r);
    job_run_log(run, LOG_NOTICE,
                run->is_readonly ? "The bounds of %s@%s would be revised now, but this server is read-only."
                                 : "Revised the bounds of %s@%s.",
                r.name, r.version);
    return STATUS_OK;
}
