/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a run of the compiler means for each of its jobs: a verdict, or another run (step 4 of compiler_run.c).
 *
 *   a single job   succeeds, fails, is stopped, is given back, or is repeated from nothing
 *   a batch        succeeds; or those with errors go alone, and the rest is compiled again; or all go alone
 */
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/folder.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "services/build-worker/build_parts.h"

enum {
    MODULE_FILE_BYTES_MAX = 256 << 20,
};

void compiler_run_say(struct compiler_run *run, enum log_level level, const char *message) {
    const struct build_listener *listener = run->build->listener;
    for (size_t i = 0; i < run->set->job_count; i++)
        listener->say(listener->context, run->set->jobs[i], level, message);
}

/* ---- Counts ---- */

static size_t count_modules(const struct compiler_run *run) {
    size_t count = 0;
    for (size_t i = 0; i < run->build->work->package_count; i++)
        if (run->is_compiled[i] && !run->is_left_out[i]) count += run->build->sources[i].module_count;
    return count;
}

/* The number of modules to compile that cache-db.json does not have yet. */
static size_t count_missing(const struct compiler_run *run) {
    size_t count = 0;
    for (size_t i = 0; i < run->build->work->package_count; i++) {
        const struct build_source *source = &run->build->sources[i];
        for (size_t j = 0; run->is_compiled[i] && !run->is_left_out[i] && j < source->module_count; j++)
            count += !source->modules[j].name || !json_object_get(run->cache, source->modules[j].name);
    }
    return count;
}

static size_t count_of_package(const struct compiler_run *run, size_t package) {
    const struct build_source *source = &run->build->sources[package];
    return run->is_compiled[package] ? source->module_count : source->entry.module_count;
}

/* The modules from the store that the job uses. */
static size_t count_reused(struct compiler_run *run, size_t i) {
    struct build *build = run->build;
    size_t modules = 0, *closure = NULL, own = compiler_run_job(run, i)->package;
    size_t count = work_order_closure(&closure, build->work, own, build->arena);
    for (size_t j = 0; !compiler_run_is_whole(run) && j < count; j++)
        if (!run->is_compiled[closure[j]]) modules += count_of_package(run, closure[j]);
    for (size_t j = 0; compiler_run_is_whole(run) && j < build->work->package_count; j++)
        if (!run->is_compiled[j]) modules += count_of_package(run, j);
    return modules;
}

/* The time of a batch is divided evenly; modules other than the jobs' own count for the first job. */
static void fill_counts(struct compiler_run *run, size_t i, struct build_result *out) {
    struct build *build = run->build;
    int64_t jobs = (int64_t)run->set->job_count, others = 0;
    for (size_t j = 0; j < run->set->job_count; j++)
        others += j != i ? (int64_t)build->sources[compiler_run_job(run, j)->package].module_count : 0;
    out->own_modules = (int64_t)count_of_package(run, compiler_run_job(run, i)->package);
    out->compiled_modules = i == 0 ? (int64_t)run->compiled + build->wasted_modules - others : out->own_modules;
    if (out->compiled_modules < 0) out->compiled_modules = 0;
    if (i == 0) build->wasted_modules = 0;
    out->reused_modules = (int64_t)count_reused(run, i);
    out->compiler_ms = run->compiler_ms / jobs;
    out->own_ms = (clock_monotonic_ms() - run->began_ms - run->compiler_ms) / jobs;
    out->batch_jobs = jobs;
}

void compiler_run_end_job(struct compiler_run *run, size_t i, enum verdict verdict, const char *reason) {
    struct build_outcome *outcome = &run->set->outcomes[i];
    outcome->verdict = verdict;
    outcome->reason = reason;
    fill_counts(run, i, &outcome->result);
    atomic_fetch_add(&run->build->environment->reused_modules, outcome->result.reused_modules);
}

void compiler_run_give_back(struct compiler_run *run, const char *reason) {
    for (size_t i = 0; i < run->set->job_count; i++)
        run->set->outcomes[i] = (struct build_outcome){.is_given_back = true, .reason = reason};
}

static const char *describe_success(struct compiler_run *run, size_t i, const struct build_result *result) {
    struct build *build = run->build;
    char version[VERSION_TEXT_MAX];
    version_print(build->work->compiler, version);
    if (compiler_run_is_whole(run))
        return arena_format(
            build->arena, "All %zu packages compile together with compiler %s: %lld modules were compiled, %lld reused.",
            build->work->package_count, version, (long long)result->compiled_modules, (long long)result->reused_modules);
    return arena_format(
        build->arena, "Compiled the package's %lld module%s with compiler %s%s; %lld of its dependencies' modules were reused.",
        (long long)result->own_modules, result->own_modules == 1 ? "" : "s", version, compiler_run_say_warnings(run, i),
        (long long)result->reused_modules);
}

static void succeed(struct compiler_run *run, size_t i) {
    struct build *build = run->build;
    compiler_run_end_job(run, i, VERDICT_SUCCEEDED, NULL);
    const char *line = describe_success(run, i, &run->set->outcomes[i].result);
    build->listener->say(build->listener->context, run->set->jobs[i], LOG_INFO, line);
}

/* ---- A single job ---- */

/* Single job: the run ended without a usable answer. Sets the verdict, or gives the job back. */
static void stop_single(struct compiler_run *run, enum status status, const struct error *err) {
    static const enum verdict verdicts[] = {
        [COMPILER_STOP_TIME] = VERDICT_TIMED_OUT,           [COMPILER_STOP_CPU_TIME] = VERDICT_TIMED_OUT,
        [COMPILER_STOP_MEMORY] = VERDICT_OUT_OF_MEMORY,     [COMPILER_STOP_PROCESSES] = VERDICT_LIMIT_EXCEEDED,
        [COMPILER_STOP_DISK] = VERDICT_LIMIT_EXCEEDED,      [COMPILER_STOP_OUTPUT] = VERDICT_LIMIT_EXCEEDED,
        [COMPILER_STOP_SILENT] = VERDICT_FAILED_TO_COMPILE, [COMPILER_STOP_NO_ANSWER] = VERDICT_SPURIOUS,
    };
    enum compiler_stop stop = run->report.stop;
    const char *own = compiler_run_is_whole(run) ? "" : run->build->sources[compiler_run_job(run, 0)->package].top;
    const char *reason = arena_copy(run->build->arena, compiler_localize_text(run->build->arena, err->message, own));
    if (stop == COMPILER_STOP_NONE || stop == COMPILER_STOP_CANCELLED || status == STATUS_STALE)
        compiler_run_give_back(run, reason);
    else
        compiler_run_end_job(run, 0, verdicts[stop], reason);
}

/* False for errors that two packages may share: these are recorded for neither. */
static bool is_of_one_package(const struct compiler_message *message) {
    return !text_equal(message->code, "DuplicateModule") && !text_equal(message->code, "CycleInModules");
}

/* The package to blame: the job's own if it contains any of the error's positions. */
static size_t find_culprit(const struct compiler_run *run, const struct compiler_message *message) {
    size_t own = compiler_run_job(run, 0)->package, owner = build_package_of_path(run->build, message->filename, NULL);
    for (size_t i = 0; i < message->more_span_count; i++)
        if (build_package_of_path(run->build, message->more_spans[i].filename, NULL) == own) return own;
    return owner;
}

/* Single job: it or a dependency does not compile. */
static void fail_single(struct compiler_run *run) {
    struct build *build = run->build;
    size_t own = compiler_run_job(run, 0)->package, package_count = build->work->package_count, culprit = package_count;
    bool is_clear = true;
    char version[VERSION_TEXT_MAX];
    for (size_t i = 0; i < run->report.error_count; i++) {
        size_t owner = find_culprit(run, &run->report.errors[i]);
        if (culprit == package_count) culprit = owner;
        is_clear = is_clear && owner == culprit && owner < package_count && is_of_one_package(&run->report.errors[i]);
    }
    struct build_outcome *outcome = &run->set->outcomes[0];
    version_print(build->work->compiler, version);
    bool is_own = culprit == own || culprit == package_count;
    size_t count = run->report.error_count;
    compiler_run_end_job(run, 0, VERDICT_FAILED_TO_COMPILE,
                         is_own ? arena_format(build->arena, "The package does not compile with compiler %s: %zu error%s.",
                                               version, count, count == 1 ? "" : "s")
                                : arena_format(build->arena, "%s, on which it depends, does not compile with compiler %s.",
                                               build->sources[culprit].top, version));
    build_take_errors(build, &outcome->result, &run->report, is_clear ? culprit : package_count, own);
    compiler_report_localize(&run->report, build->arena, build->sources[is_clear ? culprit : own].top);
    struct text errors = {0};
    compiler_report_print_errors(&errors, &run->report, BUILD_ERRORS_SHOWN);
    compiler_run_say(run, LOG_ERROR, text_view(&errors));
    text_release(&errors);
    if (is_clear) compiler_run_keep_failure(run, culprit, &outcome->result);
    for (size_t i = 0; i < package_count; i++) /* dependencies that do compile are added */
        run->is_left_out[i] = i == own || i == culprit;
    compiler_run_keep_packages(run);
}

/* No failure is kept, since an error may come of two packages that no build of one has together. */
static void fail_whole(struct compiler_run *run) {
    struct build_result reported = {0}, *out = &run->set->outcomes[0].result;
    compiler_run_end_job(run, 0, VERDICT_FAILED_TO_COMPILE, compiler_run_report_whole(run, &reported));
    out->errors = reported.errors;
    out->error_count = reported.error_count;
    out->errors_left_out = reported.errors_left_out;
    compiler_run_keep_packages(run);
}

/* ---- A batch ---- */

/* Marks all jobs of the set to be built alone. */
static void split(struct compiler_run *run) {
    run->build->wasted_modules += (int64_t)run->compiled;
    for (size_t i = 0; i < run->set->job_count; i++)
        run->set->goes_alone[i] = true;
}

/* Some jobs of a batch do not compile: marks them to be built alone, so that their errors are those of a lone build. True if
 * every error belongs to a job and other jobs remain. */
static bool send_failed_away(struct compiler_run *run) {
    struct build *build = run->build;
    size_t left = run->set->job_count;
    for (size_t i = 0; i < run->report.error_count; i++) {
        size_t owner = build_package_of_path(build, run->report.errors[i].filename, NULL), job = 0;
        while (job < run->set->job_count && compiler_run_job(run, job)->package != owner)
            job++;
        if (job == run->set->job_count) return false;
        left -= !run->set->goes_alone[job];
        run->set->goes_alone[job] = true;
        run->is_left_out[owner] = true;
    }
    return left > 0;
}

/* Compiles the remaining jobs in the same folder, where the modules that compiled are up to date. */
static enum status compile_rest(struct compiler_run *run, bool *is_right, struct error *err) {
    struct build *build = run->build;
    compiler_run_read_cache(run);
    size_t expected = count_missing(run);
    for (size_t i = 0; i < build->work->package_count; i++)
        if (run->is_left_out[i])
            unlink(arena_format(build->arena, "%s/" BUILD_PACKAGES_FOLDER "/%s", run->folder, build->sources[i].top));
    run->first_report = run->report;
    enum status status = run->cache ? compiler_run_compile(run, err) : STATUS_INTERNAL;
    *is_right = !status && run->report.succeeded && run->report.compiled_count == expected;
    return status;
}

static void end_several(struct compiler_run *run, enum status status) {
    struct error err;
    bool is_right = !status && run->report.succeeded && run->report.compiled_count == count_modules(run);
    if (!status && !run->report.succeeded && send_failed_away(run)) status = compile_rest(run, &is_right, &err);
    if (!is_right) {
        split(run);
        return;
    }
    compiler_run_read_cache(run);
    compiler_run_keep_packages(run);
    for (size_t i = 0; i < run->set->job_count; i++)
        if (!run->set->goes_alone[i]) succeed(run, i);
}

/* ---- The end of a run ---- */

/* A hash over the output of the single job's own modules. The output is untrusted, so links are not followed. */
static const char *hash_output(struct compiler_run *run) {
    static const char *const files[] = {"externs.cbor", "index.js", "foreign.js"};
    struct build *build = run->build;
    const struct build_source *source = &build->sources[compiler_run_job(run, 0)->package];
    struct text all = {0};
    char *hash = arena_alloc(build->arena, SHA256_HEX_MAX);
    for (size_t i = 0; i < source->module_count; i++)
        for (size_t j = 0; source->modules[i].name && j < sizeof files / sizeof files[0]; j++) {
            struct text file = {0};
            char part[SHA256_HEX_MAX] = "";
            const char *path = arena_format(build->arena, "output/%s/%s", source->modules[i].name, files[j]);
            if (!file_read_below(run->folder, path, MODULE_FILE_BYTES_MAX, &file, NULL))
                hash_sha256_hex(file.bytes, file.length, part);
            text_append_format(&all, "%s %s\n", path, part);
            text_release(&file);
        }
    hash_sha256_hex(all.bytes, all.length, hash);
    text_release(&all);
    return hash;
}

/* True: must be repeated from nothing. */
static bool end_single(struct compiler_run *run, enum status status, const struct error *err) {
    size_t expected = count_modules(run);
    if (status) {
        stop_single(run, status, err);
        return false;
    }
    if (!run->report.succeeded) {
        compiler_run_read_cache(run);
        if (compiler_run_is_whole(run))
            fail_whole(run);
        else
            fail_single(run);
        return false;
    }
    bool is_right = run->report.compiled_count == expected;
    if (!is_right && !run->set->is_from_nothing) {
        compiler_run_distrust_store(run, expected);
        run->build->wasted_modules += (int64_t)run->compiled;
        return true;
    }
    compiler_run_read_cache(run);
    if (is_right) compiler_run_keep_packages(run);
    run->set->digest = hash_output(run);
    succeed(run, 0);
    return false;
}

bool compiler_run_end(struct compiler_run *run, enum status status, const struct error *err) {
    if (run->set->job_count == 1) return end_single(run, status, err);
    end_several(run, status);
    return false;
}

/* A tarball that is missing ends a single job; a batch is split, so that each job is judged alone. Other failures give the
 * jobs back. */
void compiler_run_end_without_packages(struct compiler_run *run, enum status status, const struct error *err) {
    const char *reason = arena_copy(run->build->arena, err->message);
    if (run->set->job_count > 1 && status == STATUS_REFUSED)
        split(run);
    else if (status == STATUS_REFUSED)
        compiler_run_end_job(run, 0, VERDICT_DEPENDENCY_MISSING, reason);
    else
        compiler_run_give_back(run, reason);
}
