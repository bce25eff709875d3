/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Builds the package from exactly the content of its tarball: steps 6 to 9 of lib/domain/README.md, Publish, and the packing of
 * step 10.
 *
 *   WORK_FOLDER/build/.registry/NAME-VERSION/   the package itself, unpacked from its tarball, and each package of its plan, as
 *                                               a link into the shared cache (lib/tools/archive/package_cache.h)
 *   WORK_FOLDER/build/output/                   the compiler's output
 */
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/supported_compilers.h"
#include "lib/domain/solver/solver.h"
#include "lib/source/dependency_check.h"
#include "lib/source/module_clash.h"
#include "services/publish/publication.h"

enum {
    TARBALL_BYTES_WARNING = 200000,
    COMPILER_MESSAGES_SHOWN = 50,
    TRIAL_STEP_LIMIT = 500000, /* per trial solve: milliseconds, since a wait may need many of them */
};

static const char *const source_globs[] = {PUBLICATION_PACKAGES_FOLDER "/*/src/**/*.purs", NULL};

const char *publication_build_folder(const struct publication *p) {
    return arena_format(p->arena, "%s/build", p->work_folder);
}

const char *const *publication_readable(const struct publication *p) {
    const char **folders = arena_alloc(p->arena, 2 * sizeof *folders);
    folders[0] = package_cache_folder(p->service->packages);
    return folders;
}

static const struct compiler *chosen_compiler(const struct publication *p) {
    return compilers_get(&p->service->compilers, p->plan.compiler);
}

static struct compiler_request ask_compiler(const struct publication *p, const struct compiler *compiler) {
    return (struct compiler_request){.compiler = compiler,
                                     .sandbox = &p->service->sandbox,
                                     .folder = publication_build_folder(p),
                                     .globs = source_globs,
                                     .readable = publication_readable(p),
                                     .deadline = &p->run->deadline};
}

/* ---- Plan ---- */

/* The versions as requirements with exact ranges; in the arena. */
static struct dependency *require_exactly(struct publication *p, const struct package_versions *versions) {
    struct dependency *required = arena_alloc(p->arena, (versions->count + 1) * sizeof *required);
    for (size_t i = 0; i < versions->count; i++) {
        required[i].name = versions->items[i].name;
        required[i].range = range_exact(versions->items[i].version);
    }
    return required;
}

/* Sets p->plan. Resolutions and compiler of the request are taken as they are; only the missing ones are solved for. */
static enum status find_plan(struct publication *p, const struct manifest_index *index, bool is_trial, struct error *err) {
    const struct publish_request *asked = &p->request;
    struct solver_request request = {
        .required = p->manifest.dependencies,
        .required_count = p->manifest.dependency_count,
        .compilers = p->service->compiler_versions,
        .compiler_count = p->service->compilers.count,
        .acceptable_compilers = asked->has_compiler ? range_exact(asked->compiler) : SOLVER_ANY_COMPILER,
        .step_limit = is_trial ? TRIAL_STEP_LIMIT : 0,
        .is_quiet = is_trial,
    };
    if (asked->has_resolutions) {
        request.required = require_exactly(p, &asked->resolutions);
        request.required_count = asked->resolutions.count;
    }
    bool is_given = asked->has_resolutions && asked->has_compiler;
    p->plan = (struct build_plan){.compiler = asked->compiler};
    if (!is_given) {
        enum status status = solver_solve(&p->plan, index, &request, p->arena, err);
        if (status) return status;
    }
    if (asked->has_resolutions) p->plan.packages = asked->resolutions;
    return STATUS_OK;
}

/* Refuses a plan with another version of the package itself: no plan of a dependant could contain both versions. */
static enum status check_leaves_itself_out(const struct publication *p, const struct manifest_index *index, struct error *err) {
    const struct package_versions *packages = &p->plan.packages;
    const struct package_version *itself = package_versions_find(packages, p->request.name);
    if (!itself) return STATUS_OK;
    char version[VERSION_TEXT_MAX];
    struct text wanted_by = {0};
    for (size_t i = 0; i < packages->count; i++) {
        const struct package_version *package = &packages->items[i];
        const struct indexed_version *indexed = manifest_index_find(index, package->name, package->version);
        for (size_t j = 0; indexed && j < indexed->manifest->dependency_count; j++) {
            if (strcmp(indexed->manifest->dependencies[j].name, p->request.name) != 0) continue;
            version_print(package->version, version);
            text_append_format(&wanted_by, "%s%s@%s", wanted_by.length ? ", " : " (wanted by ", package->name, version);
        }
    }
    if (wanted_by.length) text_append(&wanted_by, ")");
    version_print(itself->version, version);
    enum status status = error_set(err, STATUS_REFUSED,
                                   "%s@%s cannot be built with another version "
                                   "of itself, but the plan has %s@%s%s.",
                                   p->request.name, p->version, itself->name, version, text_view(&wanted_by));
    text_release(&wanted_by);
    return status;
}

enum status publication_refuse_without_plan(struct error *err) {
    static const char beginning[] = "Could not produce valid dependencies for manifest."; /* clients match this phrase */
    struct error why = *err;
    return error_set_at(err, why.status, why.path, "%s\n%s", beginning, why.message);
}

enum status publication_plan(struct publication *p, const struct manifest_index *index, bool is_trial, struct error *err) {
    const struct publish_request *asked = &p->request;
    enum status status = manifest_index_check_dependencies(index, &p->manifest, err);
    if (!status && asked->has_resolutions) status = build_plan_check_resolutions(index, &p->manifest, &asked->resolutions, err);
    if (!status) status = find_plan(p, index, is_trial, err);
    if (!status) status = check_leaves_itself_out(p, index, err);
    return status && !is_trial ? publication_refuse_without_plan(err) : status;
}

enum status publication_solve(void *context, struct error *err) {
    struct publication *p = context;
    const struct publish_service *service = p->service;
    enum status status = STATUS_OK;
    if (p->request.has_compiler)
        status = supported_compilers_check(service->compiler_versions, service->compilers.count, p->request.compiler, err);
    if (status) return status;

    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    status = publication_plan(p, index, false, err);
    registry_view_unlock(service->repositories.view);
    if (status == STATUS_REFUSED) status = publication_wait_or_refuse(p, err);
    if (status) return status;

    char version[VERSION_TEXT_MAX];
    struct text plan = {0};
    for (size_t i = 0; i < p->plan.packages.count; i++) {
        version_print(p->plan.packages.items[i].version, version);
        text_append_format(&plan, "%s%s@%s", i ? ", " : "", p->plan.packages.items[i].name, version);
    }
    version_print(p->plan.compiler, version);
    job_run_log(p->run, LOG_INFO, "Building with compiler %s and %s.", version, plan.length ? plan.bytes : "no other packages");
    text_release(&plan);
    return STATUS_OK;
}

/* ---- Modules ---- */

enum status publication_check_modules(void *context, struct error *err) {
    struct publication *p = context;
    bool headers_may_fail = version_compare(p->plan.compiler, (struct version){0, 15, 0}) < 0;
    struct source_modules *modules = &p->modules;
    enum status status =
        source_modules_read(modules, p->arena, p->source.folder, p->files.paths, p->files.count, headers_may_fail, err);
    if (status) return status;
    for (size_t i = 0; i < modules->problem_count; i++)
        job_run_log(p->run, LOG_WARN, "%s", modules->problems[i]);
    job_run_log(p->run, LOG_INFO, "Checked the headers of %zu module%s.", modules->count, modules->count == 1 ? "" : "s");
    return STATUS_OK;
}

/* ---- Tarball ---- */

enum status publication_pack(void *context, struct error *err) {
    struct publication *p = context;
    struct text purs_json = {0};
    manifest_append_file(&purs_json, &p->manifest);
    for (size_t i = 0; i < p->files.warning_count; i++)
        job_run_log(p->run, LOG_WARN, "%s", p->files.warnings[i]);
    enum status status = package_files_pack(&p->tarball, p->source.folder, &p->files, p->folder_name, text_view(&purs_json),
                                            p->service->settings.source_limit_bytes, err);
    text_release(&purs_json);
    if (!status) status = package_files_check_size(p->tarball.length, err);
    if (status) return status;

    if (p->tarball.length > TARBALL_BYTES_WARNING)
        job_run_log(p->run, LOG_WARN, "The tarball has %zu bytes, more than the recommended %d. Consider excludeFiles.",
                    p->tarball.length, TARBALL_BYTES_WARNING);
    hash_sha256_sri(p->tarball.bytes, p->tarball.length, p->hash);
    job_run_log(p->run, LOG_INFO, "Packed %zu files into %zu bytes, %s.", p->files.count, p->tarball.length, p->hash);
    return STATUS_OK;
}

/* ---- Graph and compile ---- */

/* Logs that there is no import graph. The chosen compiler repeats its errors when it compiles, so only others are quoted. */
static void warn_of_imports(const struct publication *p, struct compiler_report *report, bool is_chosen,
                            const struct error *err) {
    struct text words = {0};
    compiler_report_localize(report, p->arena, p->folder_name);
    compiler_report_print_errors(&words, report, COMPILER_MESSAGES_SHOWN);
    if (report->stop == COMPILER_STOP_SILENT)
        text_append(&words, compiler_localize_text(p->arena, err->message, p->folder_name));
    job_run_log(p->run, LOG_WARN, "The imports could not be read, so the dependencies are left as declared%s%s",
                is_chosen ? "; the compiler will report the cause." : ":\n", is_chosen ? "" : text_view(&words));
    text_release(&words);
}

static enum status check_module_names(struct publication *p, struct error *err) {
    const struct package_versions *plan = &p->plan.packages;
    struct module_package *packages = arena_alloc(p->arena, (plan->count + 1) * sizeof *packages);
    for (size_t i = 0; i < plan->count; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(plan->items[i].version, version);
        packages[i].label = arena_format(p->arena, "%s@%s", plan->items[i].name, version);
        packages[i].folder = arena_format(p->arena, "%s/" PUBLICATION_PACKAGES_FOLDER "/%s-%s", publication_build_folder(p),
                                          plan->items[i].name, version);
    }
    return module_clash_check(&p->modules, packages, plan->count, p->arena, err);
}

enum status publication_check_dependencies(void *context, struct error *err) {
    struct publication *p = context;
    enum status status = check_module_names(p, err);
    if (status) return status;
    const struct compiler *compiler = compilers_choose_for_graph(&p->service->compilers, p->plan.compiler);
    if (!compiler) {
        job_run_log(p->run, LOG_WARN, "No compiler that reads imports is installed: the dependencies are left as declared.");
        return STATUS_OK;
    }
    json_t *graph = NULL;
    struct compiler_report report;
    const struct compiler_request request = ask_compiler(p, compiler);
    status = compiler_graph(&graph, &report, p->arena, &request, err);
    p->compiler_ms += report.elapsed_ms;
    if (report.stop == COMPILER_STOP_SILENT || (!status && !report.succeeded)) {
        warn_of_imports(p, &report, compiler == chosen_compiler(p), err);
        return STATUS_OK;
    }
    struct dependency_findings findings;
    const char **declared = arena_alloc(p->arena, (p->manifest.dependency_count + 1) * sizeof *declared);
    for (size_t i = 0; i < p->manifest.dependency_count; i++)
        declared[i] = p->manifest.dependencies[i].name;
    if (!status)
        status =
            dependency_findings_make(&findings, p->arena, graph, p->request.name, declared, p->manifest.dependency_count, err);
    if (!status) status = dependency_findings_check(&findings, err);
    json_decref(graph);
    return status;
}

/* Logs the warnings of the package's own modules and returns their number. */
static size_t log_warnings(const struct publication *p, const struct compiler_report *report) {
    size_t count = 0;
    struct text shown = {0};
    const struct compiler_message *warnings = compiler_report_own_warnings(report, p->arena, p->folder_name, &count);
    compiler_messages_print(&shown, warnings, count, COMPILER_MESSAGES_SHOWN);
    if (count > 0) job_run_log(p->run, LOG_DEBUG, "The compiler warns:\n%s", text_view(&shown));
    text_release(&shown);
    return count;
}

/* ", with 2 warnings in the package's own", or "". */
static const char *count_warnings(const struct publication *p, size_t count) {
    return count ? arena_format(p->arena, ", with %zu warning%s in the package's own", count, count == 1 ? "" : "s") : "";
}

enum status publication_compile(void *context, struct error *err) {
    struct publication *p = context;
    struct compiler_report report;
    char version[VERSION_TEXT_MAX];
    version_print(p->plan.compiler, version);
    if (!p->service->sandbox.is_isolating) job_run_log(p->run, LOG_WARN, "%s", p->service->sandbox.warning);
    const struct compiler_request request = ask_compiler(p, chosen_compiler(p));
    enum status status = compiler_compile(&report, p->arena, &request, err);
    p->compiler_ms += report.elapsed_ms;
    if (status == STATUS_REFUSED)
        return error_set(err, status, "%s", compiler_localize_text(p->arena, err->message, p->folder_name));
    if (status) return status;
    size_t warnings = log_warnings(p, &report);
    if (report.succeeded) {
        job_run_log(p->run, LOG_INFO, "Compiled %zu module%s with compiler %s%s.", report.compiled_count,
                    report.compiled_count == 1 ? "" : "s", version, count_warnings(p, warnings));
        return STATUS_OK;
    }
    struct text errors = {0};
    compiler_report_localize(&report, p->arena, p->folder_name);
    compiler_report_print_errors(&errors, &report, COMPILER_MESSAGES_SHOWN);
    job_run_log(p->run, LOG_ERROR, "%s", text_view(&errors));
    text_release(&errors);
    return error_set(err, STATUS_REFUSED, "%s@%s does not compile with compiler %s: %s.", p->request.name, p->version, version,
                     compiler_report_count_errors(&report, p->arena, COMPILER_MESSAGES_SHOWN));
}
