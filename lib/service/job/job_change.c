/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/job/job_change.h"

#include "lib/domain/registry/index_file.h"

/* queued_change.guard */
static enum status check_lease(void *context, int64_t needed_ms, struct error *err) {
    return job_run_guard(context, needed_ms, err);
}

static struct queued_change make_queued(struct job_run *run, const char *path, const char *subject,
                                        registry_edit_function *edit, void *context) {
    return (struct queued_change){
        .change = {.path = path,
                   .message = job_commit_message(&run->job, &run->arena, subject),
                   .edit = edit,
                   .context = context},
        .context = context,
        .guard = check_lease,
        .guard_context = run,
    };
}

struct job_change job_change_of_metadata(struct job_run *run, const char *package, registry_edit_function *edit,
                                         void *context) {
    const char *path = arena_format(&run->arena, "metadata/%s.json", package);
    const char *subject = arena_format(&run->arena, "Update metadata for %s", package);
    return (struct job_change){.queued = make_queued(run, path, subject, edit, context),
                               .written = "Committed the metadata",
                               .kept = "The metadata was already up to date"};
}

struct job_change job_change_of_index(struct job_run *run, const char *package, const char *subject,
                                      registry_edit_function *edit, void *context) {
    char path[INDEX_PATH_MAX];
    index_file_path(package, path);
    return (struct job_change){.queued = make_queued(run, arena_copy(&run->arena, path), subject, edit, context),
                               .is_in_index = true,
                               .written = "Committed the manifest to the index",
                               .kept = "The index already has the manifest"};
}

struct job_change job_change_of_registry(struct job_run *run, const char *path, const char *subject,
                                         registry_edit_function *edit, void *context) {
    return (struct job_change){.queued = make_queued(run, path, subject, edit, context)};
}

void job_change_say(const struct job_change *change, struct job_run *run) {
    const struct registry_change *made = &change->queued.change;
    job_run_log(run, LOG_INFO, "%s: %s.", made->written ? change->written : change->kept, made->commit);
}

enum status job_change_push(struct job_change *change, struct job_run *run, const struct registry_access *repositories,
                            struct error *err) {
    if (change->first) change->queued.first = &change->first->queued;
    struct change_queue *queue = change->is_in_index ? repositories->index_queue : repositories->registry_queue;
    enum status status = change_queue_commit(queue, run->store, &change->queued, 1, &run->deadline, err);
    if (change->first && *change->first->queued.change.commit) job_change_say(change->first, run);
    if (!status) job_change_say(change, run);
    return status;
}

enum status job_change_keep(const struct job_change *change, struct job_run *run, const struct registry_access *repositories,
                            struct error *err) {
    enum status status = change->first ? job_change_keep(change->first, run, repositories, err) : STATUS_OK;
    if (status) return status;
    return job_run_add_commit(run, change->is_in_index ? "index" : "registry",
                              change->is_in_index ? repositories->index : repositories->registry, &change->queued.change, err);
}

enum status job_change_commit(struct job_change *change, struct job_run *run, const struct registry_access *repositories,
                              struct error *err) {
    enum status status = job_change_push(change, run, repositories, err);
    return status ? status : job_change_keep(change, run, repositories, err);
}
