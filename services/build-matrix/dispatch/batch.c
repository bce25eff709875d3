/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A union is a table indexed by package id: the version that the batch uses, if any, and whether the package is a job's own.
 * So checking whether another plan is consistent with the batch takes one look-up per package of the plan.
 */
#include "services/build-matrix/dispatch/batch.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/registry/package_versions.h"

struct member {
    bool is_in;
    bool is_own;
    struct version version;
};

/* A job with its plan resolved against the index. */
struct candidate {
    uint32_t own;
    struct version version;
    struct package_versions plan;
    uint32_t *ids; /* of the plan's packages */
    enum matrix_purpose purpose;
};

/* ---- Reading a job ---- */

static enum status read_plan(struct candidate *out, const struct job *job, struct arena *arena, struct error *err) {
    json_t *plan = NULL;
    enum status status = json_read(&plan, job->payload, strlen(job->payload), "The plan", err);
    if (!status) status = package_versions_read(&out->plan, plan, arena, err);
    json_decref(plan);
    if (!status) status = version_parse(&out->version, job->version, err);
    return status;
}

/* Sets `id` to the package's id. True if that version of it is published. */
static bool find_published(const struct manifest_index *index, const char *name, struct version version, uint32_t *id) {
    *id = manifest_index_find_package(index, name);
    if (*id == PACKAGE_NONE) return false;
    const struct indexed_version *indexed = indexed_package_find(manifest_index_package(index, *id), version);
    return indexed && indexed->is_published;
}

/* STATUS_NOT_FOUND: the version itself is no longer published. STATUS_REFUSED: a version of its plan is not, or the plan cannot
 * be read. */
static enum status read_candidate(struct candidate *out, const struct manifest_index *index, const struct job *job,
                                  struct arena *arena, struct error *err) {
    *out = (struct candidate){.purpose = job->purpose};
    enum status status = read_plan(out, job, arena, err);
    if (status) return error_set(err, STATUS_REFUSED, "The job's plan cannot be read: %s", err->message);
    if (!find_published(index, job->package, out->version, &out->own))
        return error_set(err, STATUS_NOT_FOUND, "%s@%s is no longer published.", job->package, job->version);
    out->ids = arena_alloc(arena, (out->plan.count + 1) * sizeof *out->ids);
    for (size_t i = 0; i < out->plan.count; i++) {
        const struct package_version *package = &out->plan.items[i];
        if (find_published(index, package->name, package->version, &out->ids[i])) continue;
        char version[VERSION_TEXT_MAX];
        version_print(package->version, version);
        return error_set(err, STATUS_REFUSED, "%s@%s, which the build needs, is no longer published.", package->name, version);
    }
    return STATUS_OK;
}

/* True if the plan has packages on which the job's package does not depend, also through others. */
static bool plan_has_more(const struct manifest_index *index, const struct candidate *candidate, struct arena *arena) {
    const struct package_versions *plan = &candidate->plan;
    const struct indexed_version **open = arena_alloc(arena, (plan->count + 1) * sizeof *open);
    bool *is_needed = arena_alloc(arena, (plan->count + 1) * sizeof *is_needed);
    size_t open_count = 0, needed_count = 0;
    open[open_count++] = indexed_package_find(manifest_index_package(index, candidate->own), candidate->version);
    while (open_count > 0) {
        const struct indexed_version *version = open[--open_count];
        for (size_t i = 1; i < version->need_count; i++) { /* needs[0] is the compiler */
            const struct indexed_package *needed = manifest_index_package(index, version->needs[i].package);
            const struct package_version *planned = package_versions_find(plan, needed->name);
            if (!planned || is_needed[planned - plan->items]) continue;
            is_needed[planned - plan->items] = true;
            needed_count++;
            open[open_count++] = indexed_package_find(needed, planned->version);
        }
    }
    return needed_count < plan->count;
}

static bool is_whole_set(const struct manifest_index *index, const struct candidate *candidate, struct arena *arena) {
    return candidate->purpose == MATRIX_PURPOSE_SET && plan_has_more(index, candidate, arena);
}

/* ---- Unions ---- */

static bool agrees(const struct member *members, const struct candidate *candidate) {
    if (members[candidate->own].is_in) return false;
    for (size_t i = 0; i < candidate->plan.count; i++) {
        const struct member *member = &members[candidate->ids[i]];
        if (member->is_own || candidate->ids[i] == candidate->own) return false;
        if (member->is_in && version_compare(member->version, candidate->plan.items[i].version) != 0) return false;
    }
    return true;
}

/* Returns the number of packages that were added. */
static size_t join(struct member *members, const struct candidate *candidate) {
    size_t added = 1;
    members[candidate->own] = (struct member){.is_in = true, .is_own = true, .version = candidate->version};
    for (size_t i = 0; i < candidate->plan.count; i++) {
        struct member *member = &members[candidate->ids[i]];
        added += !member->is_in;
        *member = (struct member){.is_in = true, .version = candidate->plan.items[i].version};
    }
    return added;
}

static struct member *make_union(const struct manifest_index *index, struct arena *arena) {
    return arena_alloc(arena, (manifest_index_package_count(index) + 1) * sizeof(struct member));
}

/* ---- Choosing ---- */

/* True if the job needs a batch of its own: urgent jobs must not wait for others, and a job that lost a worker may do so again.
 * Jobs that are verified, that already have a result, or that build a whole package set do not share one either. */
static bool goes_alone(const struct job *job, const struct candidate *candidate, const struct manifest_index *index,
                       struct arena *arena) {
    return matrix_purpose_priority(candidate->purpose) == 0 || candidate->purpose == MATRIX_PURPOSE_VERIFY ||
           job->attempts > 0 || job->record || is_whole_set(index, candidate, arena);
}

static void refuse(struct batch_choice *out, size_t job, enum status status, const struct error *err, struct arena *arena) {
    out->refusals[out->refusal_count++] = (struct batch_refusal){
        .job = job, .reason = arena_copy(arena, err->message), .is_withdrawn = status == STATUS_NOT_FOUND};
}

void batch_choose(struct batch_choice *out, const struct manifest_index *index, const struct job *ready, size_t count,
                  size_t most, struct arena *arena) {
    *out = (struct batch_choice){.jobs = arena_alloc(arena, (count + 1) * sizeof *out->jobs),
                                 .refusals = arena_alloc(arena, (count + 1) * sizeof *out->refusals)};
    if (most > WORK_ORDER_JOBS_MAX) most = WORK_ORDER_JOBS_MAX;
    struct member *members = make_union(index, arena);
    size_t packages = 0;
    bool is_closed = false;
    for (size_t i = 0; i < count && out->job_count < most && !is_closed; i++) {
        struct candidate candidate;
        struct error err = {0};
        const struct job *first = out->job_count ? &ready[out->jobs[0]] : NULL;
        if (first && (!text_equal(first->compiler, ready[i].compiler) || first->purpose != ready[i].purpose)) continue;
        enum status status = ready[i].record ? STATUS_OK : read_candidate(&candidate, index, &ready[i], arena, &err);
        if (status) {
            refuse(out, i, status, &err, arena);
            continue;
        }
        bool is_alone = ready[i].record || goes_alone(&ready[i], &candidate, index, arena);
        if (first &&
            (is_alone || packages + candidate.plan.count + 1 > WORK_ORDER_PACKAGES_MAX || !agrees(members, &candidate)))
            continue;
        if (!ready[i].record) packages += join(members, &candidate);
        out->jobs[out->job_count++] = i;
        is_closed = is_alone;
    }
}

/* ---- The packages of a batch ---- */

/* State of sorting a union's packages topologically, dependencies first. */
struct sorter {
    const struct manifest_index *index;
    const struct member *members;
    struct build_package *packages;
    size_t count;
    size_t *positions; /* by id: 0 not seen, 1 in progress, else position + 2 */
    struct arena *arena;
};

static enum status place(struct sorter *sorter, uint32_t id, struct error *err);

static enum status place_dependencies(struct sorter *sorter, const struct indexed_version *indexed,
                                      struct build_package *package, struct error *err) {
    enum status status = STATUS_OK;
    size_t *dependencies = arena_alloc(sorter->arena, (indexed->need_count + 1) * sizeof *dependencies);
    for (size_t i = 1; !status && i < indexed->need_count; i++) { /* needs[0] is the compiler */
        uint32_t id = indexed->needs[i].package;
        if (!sorter->members[id].is_in)
            return error_set(err, STATUS_REFUSED, "The plan does not have %s, on which %s depends.",
                             manifest_index_package(sorter->index, id)->name, package->name);
        status = place(sorter, id, err);
        if (!status) dependencies[package->dependency_count++] = sorter->positions[id] - 2;
    }
    package->dependencies = dependencies;
    return status;
}

static enum status place(struct sorter *sorter, uint32_t id, struct error *err) {
    const struct indexed_package *known = manifest_index_package(sorter->index, id);
    if (sorter->positions[id] > 1) return STATUS_OK;
    if (sorter->positions[id] == 1)
        return error_set_at(err, STATUS_INVALID, "packages",
                            "With these versions %s depends on itself, through others, so it cannot be built.", known->name);
    sorter->positions[id] = 1;
    struct version version = sorter->members[id].version;
    const struct indexed_version *indexed = manifest_index_find(sorter->index, known->name, version);
    const struct published_version *published = known->metadata ? metadata_find_published(known->metadata, version) : NULL;
    if (!indexed || !published) return error_set(err, STATUS_REFUSED, "%s is no longer published.", known->name);
    struct build_package package = {.name = arena_copy(sorter->arena, known->name),
                                    .version = version,
                                    .hash = arena_copy(sorter->arena, published->hash),
                                    .size_bytes = published->size_bytes};
    enum status status = place_dependencies(sorter, indexed, &package, err);
    if (status) return status;
    sorter->positions[id] = sorter->count + 2;
    sorter->packages[sorter->count++] = package;
    return STATUS_OK;
}

/* Places the packages of a plan on which its own package does not depend. */
static enum status place_rest(struct sorter *sorter, const struct candidate *candidate, struct error *err) {
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < candidate->plan.count; i++)
        status = place(sorter, candidate->ids[i], err);
    return status;
}

enum status batch_list_packages(struct work_order *out, size_t *packages, bool *is_whole, const struct manifest_index *index,
                                const struct job *jobs, size_t count, struct arena *arena, struct error *err) {
    struct candidate candidate = {0};
    size_t package_count = manifest_index_package_count(index);
    struct member *members = make_union(index, arena);
    uint32_t *own = arena_alloc(arena, (count + 1) * sizeof *own);
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        enum status status = read_candidate(&candidate, index, &jobs[i], arena, err);
        if (status) return error_set(err, STATUS_REFUSED, "%s", err->message);
        if (!agrees(members, &candidate))
            return error_set(err, STATUS_REFUSED, "The plans of the jobs in the batch do not agree.");
        total += join(members, &candidate);
        own[i] = candidate.own;
    }
    struct sorter sorter = {.index = index,
                            .members = members,
                            .packages = arena_alloc(arena, (total + 1) * sizeof *sorter.packages),
                            .positions = arena_alloc(arena, (package_count + 1) * sizeof *sorter.positions),
                            .arena = arena};
    for (size_t i = 0; i < count; i++) {
        enum status status = place(&sorter, own[i], err);
        if (status) return status;
        packages[i] = sorter.positions[own[i]] - 2;
    }
    *is_whole = count == 1 && is_whole_set(index, &candidate, arena);
    if (*is_whole) {
        enum status status = place_rest(&sorter, &candidate, err);
        if (status) return status;
    }
    out->packages = sorter.packages;
    out->package_count = sorter.count;
    return STATUS_OK;
}
