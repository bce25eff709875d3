/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Decides which jobs may share a run of the compiler: none may see a module that it would not see when built alone. By the same
 * rule, decides which packages may be added to the store after a run that had more packages than a job's package depends on.
 */
#include "lib/base/map.h"
#include "lib/base/text.h"
#include "services/build-worker/build_parts.h"

/* Maps each module name to the package that defines it, which is an element of `is_bad`. A package that defines another's module
 * again is flagged there, and so is the first of the two. */
static struct map list_owners(struct compiler_run *run, bool *is_bad) {
    struct build *build = run->build;
    struct map owners = {0};
    for (size_t i = 0; i < build->work->package_count; i++) {
        const struct build_source *source = &build->sources[i];
        if (!run->is_in[i]) continue;
        size_t count = run->is_compiled[i] ? source->module_count : source->entry.module_count;
        for (size_t j = 0; j < count; j++) {
            const char *name = run->is_compiled[i] ? source->modules[j].name : source->entry.modules[j].name;
            bool *other = name ? map_find(&owners, name) : NULL;
            if (other) is_bad[i] = *other = true;
            if (name && !other) map_put(&owners, name, &is_bad[i]);
        }
    }
    return owners;
}

static bool is_built_in(const char *module) {
    return text_equal(module, "Prim") || text_starts_with(module, "Prim.");
}

/* True if each import is a module of the package, built in, or of one of its dependencies. */
static bool keeps_to_its_closure(struct compiler_run *run, size_t package, const struct map *owners, const bool *is_bad) {
    struct build *build = run->build;
    const struct build_source *source = &build->sources[package];
    bool *may_see = arena_alloc(build->arena, (package + 1) * sizeof *may_see);
    size_t *closure = NULL, count = work_order_closure(&closure, build->work, package, build->arena);
    may_see[package] = true;
    for (size_t i = 0; i < count; i++)
        may_see[closure[i]] = true;
    for (size_t i = 0; i < source->module_count; i++)
        for (const char **import = source->modules[i].imports; import && *import; import++) {
            const bool *owner = map_find(owners, *import);
            if (is_built_in(*import)) continue;
            if (!owner || owner > &is_bad[package] || !may_see[owner - is_bad]) return false;
        }
    return true;
}

/* By package: true if it may see a module that it could not see alone, or define one that others should not see. */
static bool *find_bad(struct compiler_run *run) {
    struct build *build = run->build;
    bool *is_bad = arena_alloc(build->arena, build->work->package_count * sizeof *is_bad);
    struct map owners = list_owners(run, is_bad);
    for (size_t i = 0; i < build->work->package_count; i++)
        if (run->is_compiled[i] && (build->sources[i].header_problem || !keeps_to_its_closure(run, i, &owners, is_bad)))
            is_bad[i] = true;
    map_release(&owners, NULL);
    return is_bad;
}

bool compiler_run_send_away(struct compiler_run *run) {
    struct build *build = run->build;
    bool *is_bad = find_bad(run), is_any = false;
    for (size_t i = 0; i < run->set->job_count; i++) {
        size_t *closure = NULL, own = compiler_run_job(run, i)->package;
        size_t count = work_order_closure(&closure, build->work, own, build->arena);
        bool goes = is_bad[own];
        for (size_t j = 0; j < count; j++)
            goes = goes || is_bad[closure[j]];
        run->set->goes_alone[i] = goes;
        is_any = is_any || goes;
    }
    return is_any;
}

/* Dependencies precede their dependants in work->packages. */
void compiler_run_find_unfit(struct compiler_run *run) {
    const struct work_order *work = run->build->work;
    run->is_unfit = find_bad(run);
    for (size_t i = 0; i < work->package_count; i++)
        for (size_t j = 0; j < work->packages[i].dependency_count; j++)
            if (run->is_unfit[work->packages[i].dependencies[j]]) run->is_unfit[i] = true;
}
