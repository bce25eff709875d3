/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs one update of the package set: its steps in order (update.h), again from the first if the registry has changed
 * meanwhile. Before the commit nothing is written but builds and what they came to.
 */
#include <stdarg.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/service/job/job_proof.h"
#include "lib/service/job/job_steps.h"
#include "services/package-set/update.h"

enum {
    START_OVER_MS = 100, /* pause before the second round; doubled with each round, up to */
    START_OVER_MAX = 7,  /* times */
};

enum status update_start_over(struct update *u, struct error *err, const char *format, ...) {
    struct text sentence = {0};
    va_list arguments;
    va_start(arguments, format);
    text_append_format_list(&sentence, format, arguments);
    va_end(arguments);
    u->starts_over = true;
    enum status status = error_set(err, STATUS_CONFLICT, "%s", text_view(&sentence));
    text_release(&sentence);
    return status;
}

/* ---- The steps ---- */

static const struct job_step steps[] = {
    {"package-set-read", .begin = update_read},
    {"package-set-check", .begin = update_check},
    {"package-set-try", .begin = update_try},
    {"package-set-whole", .begin = update_whole},
    {"package-set-findings", .begin = update_keep_findings},
    {"package-set-resume", .resume = update_resume},
    {"package-set-commit", .write = update_commit, .is_needed = update_has_release,
     .left_out = {"the package set is not committed"}},
    {"package-set-mirror", .write = update_mirror, .is_needed = update_has_mirror,
     .left_out = {"the package set is not mirrored"}},
    {0},
};

/* Repeats the steps while they start over, until the job's deadline. */
static enum status run_rounds(struct update *u, struct error *err) {
    for (int round = 0;; round++) {
        u->starts_over = false;
        u->set = (struct package_set){0};
        u->whole_failures = NULL;
        enum status status = job_steps_carry_out(&(struct job_steps){.table = steps, .context = u}, u->run, err);
        if (!status || !u->starts_over || u->run->has_record) return status;
        job_run_log(u->run, LOG_WARN, "%s Starting over.", err->message);
        update_end_builds(u);
        status = deadline_pause(&u->run->deadline, START_OVER_MS << (round < START_OVER_MAX ? round : START_OVER_MAX), err);
        if (status) return status;
    }
}

/* ---- The job ---- */

/* True if the job will be run again: its builds are kept. */
static bool goes_on(enum status status, const struct error *err) {
    return status == STATUS_CANCELLED || status == STATUS_STALE || (status && err->trouble);
}

static const char *explain_no_release(const struct update *u) {
    const char *lost = u->is_automatic ? update_list_unreplaced(u) : NULL;
    if (lost)
        return arena_format(
            u->arena,
            "a new one would be without %s, and nothing is removed without a request: a trustee must replace or "
            "remove it first",
            lost);
    return u->checked.changes.count ? "none of the candidates compiles with it" : "there is nothing to change";
}

static void say_result(struct update *u) {
    const struct set_difference *difference = &u->difference;
    if (!update_has_release(u)) {
        job_run_log(u->run, LOG_NOTICE, "The package set stays at %s: %s.", update_print_version(u, u->before.version),
                    explain_no_release(u));
        return;
    }
    const char *version = update_print_version(u, u->set.version);
    if (u->run->is_readonly)
        job_run_log(u->run, LOG_NOTICE, "The package set %s would be released now, but this server is read-only.", version);
    else
        job_run_log(u->run, LOG_NOTICE,
                    "Released the package set %s: %zu packages, compiler %s; %zu added, %zu updated, %zu removed.", version,
                    u->set.packages.count, update_print_version(u, u->set.compiler), difference->added_count,
                    difference->updated_count, difference->removed_count);
}

/* A trial succeeds if the set compiles with all of its changes. */
static enum status end_trial(struct update *u, struct error *err) {
    size_t asked = u->checked.changes.count + u->checked.rejection_count;
    if (u->set.packages.count == 0 || u->kept_count < asked)
        return error_set(err, STATUS_REFUSED,
                         "The package set does not compile with all of these changes: %zu of %zu cannot be made, for the "
                         "reasons above.",
                         asked - u->kept_count, asked);
    job_run_log(
        u->run, LOG_NOTICE,
        "The package set compiles with these changes: it would be %s, %zu packages, compiler %s. This was a trial, so it "
        "is not released.",
        update_print_version(u, u->set.version), u->set.packages.count, update_print_version(u, u->set.compiler));
    return STATUS_OK;
}

static void show_change(struct package_set_request *shown, const char *name, struct version version) {
    shown->changes[shown->change_count++] = (struct package_set_change){.name = name, .version = version};
}

/* An automatic update shows in its payload which changes it tried; if it was resumed, those that it made. */
static void show_candidates(struct update *u) {
    const struct set_changes *changes = &u->checked.changes;
    const struct set_difference *made = &u->difference;
    size_t capacity = changes->count + made->added_count + made->updated_count;
    struct package_set_request shown = {.changes = arena_alloc(u->arena, (capacity + 1) * sizeof *shown.changes)};
    struct text json = {0};
    for (size_t i = 0; i < changes->count; i++)
        show_change(&shown, set_members_name(&u->members, changes->items[i].package), changes->items[i].version->version);
    for (size_t i = 0; u->run->job.record && i < made->added_count; i++)
        show_change(&shown, made->added[i].name, made->added[i].version);
    for (size_t i = 0; u->run->job.record && i < made->updated_count; i++)
        show_change(&shown, made->updated[i].name, made->updated[i].to);
    package_set_request_append_json(&json, &shown);
    u->run->end.payload = arena_copy(u->arena, text_view(&json));
    text_release(&json);
}

/* The gateway has checked the signature of a request that needs one, and says so in the job. A trial releases nothing. */
static enum status check_right(const struct update *u, struct error *err) {
    const struct job *job = &u->run->job;
    if (!u->request.is_restricted || u->is_trial || job_is_by_trustee(job) || job->credential) return STATUS_OK;
    return error_set_at(
        err, STATUS_REFUSED, "signature",
        "Only pacchettibotti and the registry's trustees can remove packages from the package set or change its "
        "compiler.");
}

static void release(struct update *u) {
    update_forget_builds(u);
    update_release_view(u);
}

enum status update_job_run(void *context, struct job_run *run, struct error *err) {
    struct update u = {.service = context, .run = run, .arena = &run->arena};
    enum status status = package_set_request_parse(&u.request, run->job.payload, u.arena, err);
    if (status) return status;
    update_init_builds(&u);
    u.is_automatic = u.request.change_count == 0 && !u.request.has_compiler;
    u.is_trial = package_set_payload_is_trial(run->job.payload);
    if (!run->job.record && job_is_by_trustee(&run->job)) job_say_trustee(run);
    status = check_right(&u, err);
    if (!status) status = run_rounds(&u, err);
    if (!goes_on(status, err)) update_end_builds(&u);
    if (!status && u.is_automatic) show_candidates(&u);
    if (!status && u.is_trial)
        status = end_trial(&u, err);
    else if (!status)
        say_result(&u);
    release(&u);
    return status;
}
