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
#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/folder.h"
#include "lib/base/json.h"
#include "services/build-worker/build_parts.h"

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
        compiler_run_end_without_packages(&run, status, &err);
        return false;
    }
    if (set->job_count > 1 && compiler_run_send_away(&run)) return false;
    if (compiler_run_is_whole(&run)) compiler_run_find_unfit(&run);
    const char *unreadable = compiler_run_find_unreadable(&run);
    if (unreadable) {
        compiler_run_end_job(&run, 0, VERDICT_FAILED_TO_COMPILE, unreadable);
        return false;
    }
    status = compiler_run_make_folder(&run, &err);
    run.link_ms = clock_monotonic_ms() - run.began_ms - run.unpack_ms;
    if (status) {
        compiler_run_give_back(&run, arena_copy(build->arena, err.message));
    } else {
        status = compiler_run_compile(&run, &err);
        fault_point("build-compiled");
        is_to_be_repeated = compiler_run_end(&run, status, &err);
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
