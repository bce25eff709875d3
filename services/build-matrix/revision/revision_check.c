/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks against the in-memory registry whether the bounds of a version may be revised: the version exists, only existing
 * ranges change, it has a plan with each of its compilers, and no dependant loses its plan.
 *
 * The index is not modified for that: the solver takes the revised package in place of the index's. A change that only loosens
 * bounds removes no plan, so dependants are not checked. Tightening the bounds of a package like prelude takes seconds; it is
 * checked in chunks, and the view is unlocked in between.
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/matrix_plan.h"
#include "lib/domain/package/bounds.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/solver/solver.h"
#include "lib/store/redis/matrix_store.h"
#include "services/build-matrix/revision/revision.h"

enum {
    CHUNK_US = 3000, /* time limit for holding the view's lock */
    LOSSES_SHOWN = 10,
    AWAY_POLL_MS = 50, /* between tries while Redis is away */
};

static const struct manifest_index *lock_view(const struct revision *r) {
    return registry_view_lock(r->service->repositories.view);
}

static void unlock_view(const struct revision *r) {
    registry_view_unlock(r->service->repositories.view);
}

/* ---- The version and its compilers ---- */

static enum status refuse_missing(const struct revision *r, const struct metadata *metadata, struct error *err) {
    if (!metadata) return error_set_at(err, STATUS_REFUSED, "name", "There is no package named %s in the registry.", r->name);
    if (metadata_find_unpublished(metadata, r->request.version))
        return error_set_at(err, STATUS_REFUSED, "version",
                            "%s@%s was unpublished, and only the bounds of published versions can be revised.", r->name,
                            r->version);
    return error_set_at(err, STATUS_REFUSED, "version", "There is no version %s of %s in the registry.", r->version, r->name);
}

static void take_compilers(struct revision *r, const struct published_version *published) {
    r->builds.count = published->compiler_count;
    r->builds.items = arena_alloc(r->arena, published->compiler_count * sizeof r->builds.items[0]);
    for (size_t i = 0; i < published->compiler_count; i++) {
        char text[VERSION_TEXT_MAX];
        version_print(published->compilers[i], text);
        r->builds.items[i] =
            (struct revision_build){.compiler = published->compilers[i], .compiler_text = arena_copy(r->arena, text)};
    }
}

/* The view must be locked. */
static enum status take_version(struct revision *r, const struct manifest_index *index, struct error *err) {
    const struct metadata *metadata = manifest_index_find_metadata(index, r->name);
    const struct published_version *published = metadata ? metadata_find_published(metadata, r->request.version) : NULL;
    if (!published) return refuse_missing(r, metadata, err);
    if (!manifest_index_find(index, r->name, r->request.version))
        return error_set_at(err, STATUS_REFUSED, "version",
                            "%s@%s is published, but its manifest is not in the registry index: publish it again to complete "
                            "that; then its bounds can be revised.",
                            r->name, r->version);
    take_compilers(r, published);
    return manifest_index_copy_manifest(&r->before, index, r->name, r->request.version, r->arena, err);
}

/* Reads the supported compilers; retries while Redis is away. */
static enum status read_supported(struct revision *r, struct version **out, size_t *count, struct error *err) {
    enum status status;
    while (job_store_is_away(status = compiler_list_read(r->run->store, r->arena, out, count, err))) {
        status = deadline_pause(&r->run->deadline, AWAY_POLL_MS, err);
        if (status) return status;
    }
    return status;
}

/* Refuses a version with a compiler that is not supported here, because its build could not be checked. */
static enum status check_compilers(struct revision *r, struct error *err) {
    struct version *supported;
    size_t count, missing_count = 0;
    struct text missing = {0};
    enum status status = read_supported(r, &supported, &count, err);
    for (size_t i = 0; !status && i < r->builds.count; i++) {
        if (version_is_among(r->builds.items[i].compiler, supported, count)) continue;
        text_append_format(&missing, "%s%s", missing_count++ ? ", " : "", r->builds.items[i].compiler_text);
    }
    if (missing_count > 0)
        status = error_set_at(err, STATUS_REFUSED, "version",
                              "%s@%s is known to build with %s %s, which this server does not have, so it cannot be checked "
                              "whether it still builds: its bounds are not changed.",
                              r->name, r->version, missing_count == 1 ? "compiler" : "compilers", text_view(&missing));
    text_release(&missing);
    return status;
}

static void say_changes(const struct revision *r) {
    struct text changes = {0};
    for (size_t i = 0; i < r->before.dependency_count; i++) {
        char was[RANGE_TEXT_MAX], is[RANGE_TEXT_MAX];
        const struct dependency *dependency = &r->before.dependencies[i];
        range_print(dependency->range, was);
        range_print(r->after.dependencies[i].range, is);
        if (strcmp(was, is) != 0) text_append_format(&changes, "\n  %s %s (was %s)", dependency->name, is, was);
    }
    job_run_log(r->run, LOG_INFO, "Revising the bounds of %s@%s:%s", r->name, r->version, text_view(&changes));
    text_release(&changes);
}

enum status revision_read(void *context, struct error *err) {
    struct revision *r = context;
    r->former = r->builds;
    r->builds = (struct revision_builds){0};
    r->harmless = (struct registry_view_state){0};
    enum status status = registry_view_refresh(r->service->repositories.view, &r->run->deadline, err);
    if (status) return status;
    const struct manifest_index *index = lock_view(r);
    status = take_version(r, index, err);
    unlock_view(r);
    if (!status) status = bounds_change(&r->after, &r->before, &r->request, r->arena, err);
    if (!status) status = check_compilers(r, err);
    if (!status) say_changes(r);
    return status;
}

/* ---- Its own plans ---- */

static enum status plan_build(struct revision *r, struct revision_build *build, struct error *err) {
    const struct manifest_index *index = lock_view(r);
    enum status status = build_plan_for_compiler(&build->plan, index, &r->after, build->compiler, r->arena, err);
    unlock_view(r);
    if (!status) return STATUS_OK;
    error_prefix(err, "With these bounds %s@%s cannot be built with compiler %s", r->name, r->version, build->compiler_text);
    return error_under(err, "dependencies");
}

enum status revision_plan(void *context, struct error *err) {
    struct revision *r = context;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < r->builds.count && !status; i++)
        status = plan_build(r, &r->builds.items[i], err);
    return status;
}

/* True if the build's plan is still valid in `index`. */
static bool plan_stands(const struct revision_build *build, const struct manifest_index *index, struct arena *arena) {
    const struct package_versions *packages = &build->plan.packages;
    struct dependency *exactly = arena_alloc(arena, (packages->count + 1) * sizeof *exactly);
    for (size_t i = 0; i < packages->count; i++)
        exactly[i] = (struct dependency){.name = packages->items[i].name, .range = range_exact(packages->items[i].version)};
    const struct solver_request request = {.required = exactly,
                                           .required_count = packages->count,
                                           .compilers = &build->compiler,
                                           .compiler_count = 1,
                                           .acceptable_compilers = range_exact(build->compiler),
                                           .is_quiet = true};
    struct build_plan plan;
    return solver_solve(&plan, index, &request, arena, NULL) == STATUS_OK;
}

/* ---- Checking again ---- */

static bool is_checked(const struct revision *r, struct version compiler) {
    for (size_t i = 0; i < r->builds.count; i++)
        if (version_equal(r->builds.items[i].compiler, compiler)) return true;
    return false;
}

/* The view must be locked. */
static enum status check_unchanged(struct revision *r, const struct manifest_index *index, struct error *err) {
    const struct indexed_version *version = manifest_index_find(index, r->name, r->request.version);
    if (!version || !version->is_published)
        return revision_start_over(r, err, "%s@%s is no longer published.", r->name, r->version);
    if (!manifest_equal(version->manifest, &r->before))
        return revision_start_over(r, err, "The manifest of %s@%s in the index has changed meanwhile.", r->name, r->version);
    return STATUS_OK;
}

static enum status check_builds_stand(struct revision *r, const struct manifest_index *index, struct error *err) {
    struct arena scratch = {0};
    enum status status = STATUS_OK;
    const struct published_version *published =
        metadata_find_published(manifest_index_find_metadata(index, r->name), r->request.version);
    for (size_t i = 0; i < published->compiler_count && !status; i++)
        if (!is_checked(r, published->compilers[i]))
            status =
                revision_start_over(r, err, "Meanwhile, %s@%s was found to build with another compiler.", r->name, r->version);
    for (size_t i = 0; i < r->builds.count && !status; i++)
        if (!plan_stands(&r->builds.items[i], index, &scratch))
            status = revision_start_over(r, err, "The plan for %s@%s with compiler %s has changed meanwhile.", r->name,
                                         r->version, r->builds.items[i].compiler_text);
    arena_release(&scratch);
    return status;
}

enum status revision_check_again(struct revision *r, struct error *err) {
    const struct manifest_index *index = lock_view(r);
    enum status status = check_unchanged(r, index, err);
    if (!status) status = check_builds_stand(r, index, err);
    unlock_view(r);
    return status;
}

/* ---- Its dependants' plans ---- */

/* A pair whose plan is lost, or may be: MATRIX_UNDECIDED. */
struct loss {
    struct matrix_pair pair;
    enum matrix_loss kind;
};

static enum status refuse_losses(const struct revision *r, const struct loss *lost, size_t count, struct error *err) {
    struct text list = {0};
    for (size_t i = 0; i < count && i < LOSSES_SHOWN; i++) {
        const struct matrix_pair *pair = &lost[i].pair;
        char version[VERSION_TEXT_MAX], compiler[VERSION_TEXT_MAX];
        version_print(pair->version, version);
        version_print(pair->compiler, compiler);
        const char *doubt =
            lost[i].kind == MATRIX_UNDECIDED ? ", which is not certain: too many combinations would have to be tried" : "";
        text_append_format(&list, "\n  %s@%s (compiler %s)%s", pair->package, version, compiler, doubt);
    }
    if (count > LOSSES_SHOWN) text_append(&list, "\n  and others");
    enum status status = error_set_at(err, STATUS_REFUSED, "dependencies",
                                      "With these bounds of %s@%s, published versions that depend on it could no longer be "
                                      "built with compilers with which they are known to build:%s",
                                      r->name, r->version, text_view(&list));
    text_release(&list);
    return status;
}

/* Checks pairs from pairs[*next] on, for CHUNK_US. Pairs that would lose their plan are added to `lost`. */
static enum status check_chunk(struct revision *r, const struct matrix_pairs *pairs, size_t *next,
                               struct loss lost[LOSSES_SHOWN + 1], size_t *lost_count, struct error *err) {
    struct arena scratch = {0};
    struct indexed_package revised;
    const struct manifest_index *index = lock_view(r);
    int64_t until_us = clock_monotonic_us() + CHUNK_US;
    enum status status = check_unchanged(r, index, err);
    if (!status) manifest_index_revise(&revised, index, &r->after, &scratch);
    while (!status && *next < pairs->count && *lost_count <= LOSSES_SHOWN && clock_monotonic_us() < until_us) {
        const struct matrix_pair *pair = &pairs->items[(*next)++];
        enum matrix_loss kind = matrix_plan_find_loss(index, &revised, pair, 0, &scratch);
        if (kind != MATRIX_KEPT) lost[(*lost_count)++] = (struct loss){*pair, kind};
    }
    unlock_view(r);
    arena_release(&scratch);
    return status;
}

static enum status check_pairs(struct revision *r, const struct matrix_pairs *pairs, struct error *err) {
    struct loss lost[LOSSES_SHOWN + 1];
    size_t next = 0, lost_count = 0;
    enum status status = STATUS_OK;
    while (!status && next < pairs->count && lost_count <= LOSSES_SHOWN) {
        status = deadline_check(&r->run->deadline, err);
        if (!status) status = check_chunk(r, pairs, &next, lost, &lost_count, err);
    }
    if (!status && lost_count > 0) status = refuse_losses(r, lost, lost_count, err);
    return status;
}

/* Does nothing if both repositories are unchanged since the last successful check. */
enum status revision_check_dependants(void *context, struct error *err) {
    struct revision *r = context;
    struct registry_view_state now = registry_view_state(r->service->repositories.view);
    if (bounds_are_looser(&r->before, &r->after)) return STATUS_OK;
    if (strcmp(now.registry_commit, r->harmless.registry_commit) == 0 &&
        strcmp(now.index_commit, r->harmless.index_commit) == 0)
        return STATUS_OK;
    struct matrix_pairs pairs = {0};
    const struct manifest_index *index = lock_view(r);
    matrix_plan_list_dependants(&pairs, index, r->name, r->request.version);
    unlock_view(r);
    enum status status = check_pairs(r, &pairs, err);
    if (!status) r->harmless = now;
    job_run_log(r->run, LOG_DEBUG, "Checked %zu pairs of a dependant and a compiler.", pairs.count);
    matrix_pairs_release(&pairs);
    return status;
}
