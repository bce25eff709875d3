/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A release of several packages at once (lib/domain/README.md, Publish, step 6). If there is no plan, but unfinished
 * publications that were accepted earlier could provide one, the job waits for them (lib/store/job/job_waiting.h) and starts
 * over when they have ended. Every wait ends, and a later wait is for other jobs, so the job terminates.
 *
 * The order matters: the unfinished publications are listed first, and then the registry is read again. A publication that is
 * no longer listed has therefore ended before, and its version is seen.
 */
#include <string.h>

#include "lib/domain/registry/coming_versions.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/store/job/job_waiting.h"
#include "services/publish/publication.h"

/* If this many earlier publications of a package have failed since this one was accepted, it does not wait for that package.
 * Otherwise a flood of failing requests for one package would delay every publication that needs a missing version of it. */
enum { FAILURES_MAX = 5 };

struct others {
    struct earlier_publication *jobs; /* the oldest first */
    struct coming_version *versions;  /* of these jobs, in the same order */
    bool *is_needed;
    size_t count;
};

/* The requirements of a plan: the client's resolutions, then the manifest's dependencies that these do not cover. */
static struct dependency *list_wanted(const struct publication *p, size_t *count) {
    const struct package_versions *resolutions = &p->request.resolutions;
    struct dependency *wanted = arena_alloc(p->arena, (resolutions->count + p->manifest.dependency_count + 1) * sizeof *wanted);
    *count = 0;
    for (size_t i = 0; p->request.has_resolutions && i < resolutions->count; i++)
        wanted[(*count)++] = (struct dependency){resolutions->items[i].name, range_exact(resolutions->items[i].version)};
    for (size_t i = 0; i < p->manifest.dependency_count; i++)
        if (!package_versions_find(resolutions, p->manifest.dependencies[i].name))
            wanted[(*count)++] = p->manifest.dependencies[i];
    return wanted;
}

/* Lists the earlier publications of packages that a plan may need. */
static enum status list_others(struct publication *p, struct others *others, struct error *err) {
    size_t wanted_count, package_count;
    const char **packages;
    const struct dependency *wanted = list_wanted(p, &wanted_count);
    const struct manifest_index *index = registry_view_lock(p->service->repositories.view);
    package_count = coming_versions_packages(&packages, index, wanted, wanted_count, p->arena);
    for (size_t i = 0; i < package_count; i++)
        packages[i] = arena_copy(p->arena, packages[i]);
    registry_view_unlock(p->service->repositories.view);
    enum status status = job_run_list_earlier(p->run, packages, package_count, &others->jobs, &others->count, err);
    if (status) return status;

    others->versions = arena_alloc(p->arena, (others->count + 1) * sizeof *others->versions);
    others->is_needed = arena_alloc(p->arena, (others->count + 1) * sizeof *others->is_needed);
    size_t kept = 0;
    for (size_t i = 0; i < others->count; i++) {
        const struct earlier_publication job = others->jobs[i];
        struct version version;
        if (version_parse(&version, job.version, NULL)) continue;
        others->versions[kept] = (struct coming_version){.name = job.package, .version = version};
        others->jobs[kept++] = job;
    }
    others->count = kept;
    return STATUS_OK;
}

static bool has_plan(void *context, const struct manifest_index *index) {
    struct error why_not;
    return publication_plan(context, index, true, &why_not) == STATUS_OK;
}

static bool fails_too_often(const struct others *others, const char *package) {
    int failures = 0;
    for (size_t i = 0; i < others->count; i++)
        failures += others->jobs[i].has_failed && strcmp(others->jobs[i].package, package) == 0;
    return failures >= FAILURES_MAX;
}

static bool is_candidate(const struct others *others, size_t i, bool with_failed) {
    return with_failed || (!others->jobs[i].has_failed && !fails_too_often(others, others->jobs[i].package));
}

/* Sets `is_needed` for the publications that lead to a plan, chosen among the unfinished ones or, `with_failed`, among all.
 * Returns false if not even all of them would. */
static bool choose(struct publication *p, const struct manifest_index *index, struct others *others, bool with_failed) {
    struct coming_versions coming = {.index = index,
                                     .compilers = p->service->compiler_versions,
                                     .compiler_count = p->service->compilers.count,
                                     .has_plan = has_plan,
                                     .context = p};
    coming.wanted = list_wanted(p, &coming.wanted_count);
    /* The candidates, in the order of `others`, and whether each is needed. */
    struct coming_version *items = arena_alloc(p->arena, (others->count + 1) * sizeof *items);
    bool *is_needed = arena_alloc(p->arena, (others->count + 1) * sizeof *is_needed);
    for (size_t i = 0; i < others->count; i++)
        if (is_candidate(others, i, with_failed)) items[coming.count++] = others->versions[i];
    coming.items = items;
    bool can_help = coming_versions_choose(&coming, is_needed);
    for (size_t i = 0, j = 0; i < others->count; i++)
        others->is_needed[i] = is_candidate(others, i, with_failed) && is_needed[j++];
    return can_help;
}

/* ---- Waiting or refusing ---- */

static enum status wait_for(struct publication *p, const struct others *others, struct error *err) {
    const char **awaited = arena_alloc(p->arena, others->count * sizeof *awaited);
    for (size_t i = 0; i < others->count; i++) {
        const struct earlier_publication *job = &others->jobs[i];
        if (!others->is_needed[i]) continue;
        awaited[p->run->awaited_count++] = job->id;
        job_run_log(p->run, LOG_NOTICE, "Waiting for the publication of %s@%s (job %s).", job->package, job->version, job->id);
    }
    p->run->awaited = awaited;
    return error_set(err, STATUS_BUSY, "%s@%s waits for other publications.", p->request.name, p->version);
}

/* Appends to `err`, which says why there is no plan, the failed publications that would have provided one. */
static enum status add_failures(struct publication *p, const struct others *others, struct error *err) {
    for (size_t i = 0; i < others->count; i++) {
        const struct earlier_publication *other = &others->jobs[i];
        struct job job;
        struct error problem = {0};
        if (!others->is_needed[i] || !other->has_failed) continue;
        enum status status = job_run_get_job(p->run, other->id, &job, &problem);
        if (status == STATUS_NOT_FOUND) continue;
        if (status) {
            *err = problem;
            return status;
        }
        const char *why = job.error ? job.error : "";
        const char *before = arena_copy(p->arena, err->message), *path = arena_copy(p->arena, err->path);
        error_set_at(err, err->status, path,
                     "%s\nThe publication of %s@%s, which was accepted before this one (job %s), failed: %.*s", before,
                     other->package, other->version, other->id, (int)strcspn(why, "\n"), why);
    }
    return err->status;
}

enum status publication_wait_or_refuse(struct publication *p, struct error *err) {
    struct others others = {0};
    enum status status = list_others(p, &others, err);
    if (!status) status = registry_view_refresh(p->service->repositories.view, &p->run->deadline, err);
    if (status) return status;
    const struct manifest_index *index = registry_view_lock(p->service->repositories.view);
    status = publication_plan(p, index, false, err);
    bool can_come = status == STATUS_REFUSED && choose(p, index, &others, false);
    bool could_have = status == STATUS_REFUSED && !can_come && choose(p, index, &others, true);
    registry_view_unlock(p->service->repositories.view);
    if (can_come) return wait_for(p, &others, err);
    return could_have ? add_failures(p, &others, err) : status;
}
