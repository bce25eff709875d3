/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One run of the compiler, for one job or for a batch of jobs whose plans agree:
 *
 *   1  link every package of the plans as .registry/NAME-VERSION to its unpacked folder, with every time stamp 0
 *   2  link the modules that the store has to output/MODULE, and join cache-db.json from their parts
 *   3  let the compiler build the rest, as a user who can write neither to the packages nor to the store
 *   4  check that exactly the expected number of modules was compiled; a mismatch means a store entry was not up to date
 *   5  add every package that was compiled to the store: the modules whose sources lie below .registry/NAME-VERSION
 *
 * Why the result equals that of compiling everything: the compiler skips a module if its entry in cache-db.json names exactly
 * these files with these times, its externs exist, and all its imports are up to date. The store's keys cover everything that
 * those depend on, and its entries are either complete or not used at all.
 *
 * In a batch, interference between jobs is excluded first: each header must parse, no two packages may define the same module,
 * and a package may import only its own modules and those of its dependencies. A job that breaks this is built alone, and so is
 * every job whose outcome in the batch is ambiguous.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/folder.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "services/build-worker/build_parts.h"

enum {
    MODULE_FILE_BYTES_MAX = 256 << 20,
};

static void say(struct compiler_run *run, enum log_level level, const char *message) {
    const struct build_listener *listener = run->build->listener;
    for (size_t i = 0; i < run->set->job_count; i++)
        listener->say(listener->context, run->set->jobs[i], level, message);
}

/* ---- Contents of the set ---- */

/* The compiler also recompiles all dependants of a recompiled module, and cannot write to modules from the store. So if an
 * entry is missing (evicted before the others, or being added by another worker), the entries of its dependants are not used
 * either. Dependencies precede their dependants in work->packages. */
static bool depends_on_compiled(const struct compiler_run *run, size_t package) {
    const struct build_package *known = &run->build->work->packages[package];
    for (size_t i = 0; i < known->dependency_count; i++)
        if (run->is_compiled[known->dependencies[i]]) return true;
    return false;
}

static void choose_packages(struct compiler_run *run) {
    struct build *build = run->build;
    for (size_t i = 0; i < build->work->package_count; i++)
        run->is_in[i] = compiler_run_is_whole(run);
    for (size_t i = 0; i < run->set->job_count && !compiler_run_is_whole(run); i++) {
        size_t *closure = NULL, own = compiler_run_job(run, i)->package;
        size_t count = work_order_closure(&closure, build->work, own, build->arena);
        run->is_in[own] = run->is_compiled[own] = true;
        for (size_t j = 0; j < count; j++)
            run->is_in[closure[j]] = true;
    }
    for (size_t i = 0; i < build->work->package_count; i++) {
        if (!run->is_in[i] || run->is_compiled[i]) continue;
        const struct build_entry *entry = run->set->is_from_nothing ? NULL : build_find_entry(build, i);
        run->is_compiled[i] = !entry || !entry->succeeded || depends_on_compiled(run, i);
    }
}

static enum status unpack_packages(struct compiler_run *run, struct error *err) {
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < run->build->work->package_count; i++) {
        if (run->is_in[i]) status = build_unpack(run->build, i, err);
        if (!status && run->is_compiled[i]) status = build_read_headers(run->build, i, err);
    }
    return status;
}

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

/* ---- Adding to the store ---- */

static const char *print_json(struct build *build, const json_t *value) {
    struct text text = {0};
    json_append_value(&text, value, 0);
    const char *copy = arena_copy(build->arena, text_view(&text));
    text_release(&text);
    return copy;
}

/* True if every file that the cache entry names belongs to the package. */
static bool is_of_package(const struct build *build, const json_t *entry, size_t package) {
    const char *path;
    const json_t *value;
    bool has_any = false;
    json_object_foreach((json_t *)entry, path, value) {
        if (build_package_of_path(build, path, NULL) != package) return false;
        has_any = true;
    }
    return has_any;
}

static bool list_built_modules(struct compiler_run *run, size_t package, struct built_module *out) {
    struct build *build = run->build;
    const struct build_source *source = &build->sources[package];
    for (size_t i = 0; i < source->module_count; i++) {
        const struct source_module *module = &source->modules[i];
        const json_t *entry = module->name ? json_object_get(run->cache, module->name) : NULL;
        if (!json_is_object(entry) || !is_of_package(build, entry, package)) return false;
        out[i] = (struct built_module){
            .name = module->name, .imports = (const char *const *)module->imports, .cache_entry = print_json(build, entry)};
    }
    return true;
}

/* A package that cannot be added is only compiled again next time; the job does not fail. */
static void keep_package(struct compiler_run *run, size_t package) {
    struct build *build = run->build;
    const struct build_source *source = &build->sources[package];
    struct built_module *modules = arena_alloc(build->arena, (source->module_count + 1) * sizeof *modules);
    struct build_entry entry = {
        .succeeded = true, .folder = run->folder, .modules = modules, .module_count = source->module_count};
    struct error err;
    if (source->header_problem || !list_built_modules(run, package, modules)) return;
    if (build_store_add(build->environment->store, source->key, &entry, &err))
        log_line(LOG_WARN, "build_not_stored", log_field("package", source->top), log_field("error", err.message));
    build_forget_entry(build, package);
}

static void make_key(struct build *build, size_t package) {
    if (!*build->sources[package].key) build_store_key(build->sources[package].key, build->work, package);
}

/* Adds every package that was compiled completely. */
static void keep_packages(struct compiler_run *run) {
    if (run->set->keeps_nothing || !run->cache) return;
    for (size_t i = 0; i < run->build->work->package_count; i++) {
        if (!run->is_compiled[i] || run->is_left_out[i] || (run->is_unfit && run->is_unfit[i])) continue;
        make_key(run->build, i);
        keep_package(run, i);
    }
}

static void keep_failure(struct compiler_run *run, size_t package, const struct build_result *result) {
    struct build *build = run->build;
    struct error err;
    if (run->set->keeps_nothing) return;
    make_key(build, package);
    const struct build_entry entry = {.errors = build_print_result(build, result)};
    if (build_store_add(build->environment->store, build->sources[package].key, &entry, &err))
        log_line(LOG_WARN, "build_not_stored", log_field("package", build->sources[package].top),
                 log_field("error", err.message));
    build_forget_entry(build, package);
}

/* ---- Outcomes ---- */

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

static void end_job(struct compiler_run *run, size_t i, enum verdict verdict, const char *reason) {
    struct build_outcome *outcome = &run->set->outcomes[i];
    outcome->verdict = verdict;
    outcome->reason = reason;
    fill_counts(run, i, &outcome->result);
    atomic_fetch_add(&run->build->environment->reused_modules, outcome->result.reused_modules);
}

static void give_back_all(struct compiler_run *run, const char *reason) {
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
    end_job(run, i, VERDICT_SUCCEEDED, NULL);
    const char *line = describe_success(run, i, &run->set->outcomes[i].result);
    build->listener->say(build->listener->context, run->set->jobs[i], LOG_INFO, line);
}

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
        give_back_all(run, reason);
    else
        end_job(run, 0, verdicts[stop], reason);
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
    end_job(run, 0, VERDICT_FAILED_TO_COMPILE,
            is_own ? arena_format(build->arena, "The package does not compile with compiler %s: %zu error%s.", version, count,
                                  count == 1 ? "" : "s")
                   : arena_format(build->arena, "%s, on which it depends, does not compile with compiler %s.",
                                  build->sources[culprit].top, version));
    build_take_errors(build, &outcome->result, &run->report, is_clear ? culprit : package_count, own);
    compiler_report_localize(&run->report, build->arena, build->sources[is_clear ? culprit : own].top);
    struct text errors = {0};
    compiler_report_print_errors(&errors, &run->report, BUILD_ERRORS_SHOWN);
    say(run, LOG_ERROR, text_view(&errors));
    text_release(&errors);
    if (is_clear) keep_failure(run, culprit, &outcome->result);
    for (size_t i = 0; i < package_count; i++) /* dependencies that do compile are added */
        run->is_left_out[i] = i == own || i == culprit;
    keep_packages(run);
}

/* No failure is kept, since an error may come of two packages that no build of one has together. */
static void fail_whole(struct compiler_run *run) {
    struct build_result reported = {0}, *out = &run->set->outcomes[0].result;
    end_job(run, 0, VERDICT_FAILED_TO_COMPILE, compiler_run_report_whole(run, &reported));
    out->errors = reported.errors;
    out->error_count = reported.error_count;
    out->errors_left_out = reported.errors_left_out;
    keep_packages(run);
}

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
    keep_packages(run);
    for (size_t i = 0; i < run->set->job_count; i++)
        if (!run->set->goes_alone[i]) succeed(run, i);
}

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

/* The compiler rejected something from the store as not up to date: removes all entries that this run used. */
static void distrust_store(struct compiler_run *run, size_t expected) {
    struct build *build = run->build;
    for (size_t i = 0; i < build->work->package_count; i++)
        if (run->is_in[i] && !run->is_compiled[i]) {
            build_store_remove(build->environment->store, build->sources[i].key);
            build_forget_entry(build, i);
        }
    say(run, LOG_WARN,
        arena_format(build->arena,
                     "The compiler compiled %zu modules instead of %zu, so the outputs from the build store are not trusted: "
                     "everything is compiled again.",
                     run->report.compiled_count, expected));
}

static void end_single(struct compiler_run *run, enum status status, const struct error *err, bool *is_to_be_repeated) {
    size_t expected = count_modules(run);
    *is_to_be_repeated = false;
    if (status) {
        stop_single(run, status, err);
        return;
    }
    if (!run->report.succeeded) {
        compiler_run_read_cache(run);
        if (compiler_run_is_whole(run))
            fail_whole(run);
        else
            fail_single(run);
        return;
    }
    bool is_right = run->report.compiled_count == expected;
    if (!is_right && !run->set->is_from_nothing) {
        distrust_store(run, expected);
        run->build->wasted_modules += (int64_t)run->compiled;
        *is_to_be_repeated = true;
        return;
    }
    compiler_run_read_cache(run);
    if (is_right) keep_packages(run);
    run->set->digest = hash_output(run);
    succeed(run, 0);
}

/* A tarball that is missing ends a single job; a batch is split, so that each job is judged alone. Other failures give the
 * jobs back. */
static void end_without_packages(struct compiler_run *run, enum status status, const struct error *err) {
    const char *reason = arena_copy(run->build->arena, err->message);
    if (run->set->job_count > 1 && status == STATUS_REFUSED)
        split(run);
    else if (status == STATUS_REFUSED)
        end_job(run, 0, VERDICT_DEPENDENCY_MISSING, reason);
    else
        give_back_all(run, reason);
}

/* True: must be repeated from nothing. */
static bool run_once(struct build *build, struct build_batch *set) {
    size_t count = build->work->package_count;
    struct compiler_run run = {.build = build,
                               .set = set,
                               .is_in = arena_alloc(build->arena, count * sizeof *run.is_in),
                               .is_compiled = arena_alloc(build->arena, count * sizeof *run.is_compiled),
                               .is_left_out = arena_alloc(build->arena, count * sizeof *run.is_left_out),
                               .began_ms = clock_monotonic_ms()};
    struct error err = {0};
    bool is_to_be_repeated = false;
    choose_packages(&run);
    enum status status = unpack_packages(&run, &err);
    run.unpack_ms = clock_monotonic_ms() - run.began_ms;
    if (status) {
        end_without_packages(&run, status, &err);
        return false;
    }
    if (set->job_count > 1 && compiler_run_send_away(&run)) return false;
    if (compiler_run_is_whole(&run)) compiler_run_find_unfit(&run);
    const char *unreadable = compiler_run_find_unreadable(&run);
    if (unreadable) {
        end_job(&run, 0, VERDICT_FAILED_TO_COMPILE, unreadable);
        return false;
    }
    status = compiler_run_make_folder(&run, &err);
    run.link_ms = clock_monotonic_ms() - run.began_ms - run.unpack_ms;
    if (status) {
        give_back_all(&run, arena_copy(build->arena, err.message));
    } else {
        status = compiler_run_compile(&run, &err);
        fault_point("build-compiled");
        if (set->job_count > 1)
            end_several(&run, status);
        else
            end_single(&run, status, &err, &is_to_be_repeated);
        compiler_run_say_timings(&run);
    }
    atomic_fetch_add(&build->environment->compiled_modules, (long long)run.compiled);
    folder_remove(run.folder);
    json_decref(run.cache);
    return is_to_be_repeated;
}

void compiler_run_batch(struct build *build, struct build_batch *set) {
    set->goes_alone = arena_alloc(build->arena, set->job_count * sizeof *set->goes_alone);
    set->outcomes = arena_alloc(build->arena, set->job_count * sizeof *set->outcomes);
    if (!run_once(build, set)) return;
    set->is_from_nothing = true;
    run_once(build, set);
}
