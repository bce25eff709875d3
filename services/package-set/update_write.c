/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The outside write of an update: the file of the new set, one commit to the registry repository. Under the repository's lock
 * the latest set must still be the one that the update began with, and every version must still be published; if so, the set
 * is stored in the job as its record and committed on exactly the head for which that was checked. So a set is released whole
 * or not at all, and a run that is killed at any point is resumed by another (lib/store/README.md, Once).
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/text.h"
#include "lib/service/job/job_change.h"
#include "lib/service/job/job_steps.h"
#include "services/package-set/update.h"

enum {
    MOVED_TRIES = 32, /* commits that find another head than the one that was checked */
    MOVED_WAIT_MS = 200,
};

static const char *print_path(const struct update *u) {
    return arena_format(u->arena, "package-sets/%s.json", update_print_version(u, u->set.version));
}

static const char *print_file(const struct update *u, const struct package_set *set, size_t *length) {
    struct text file = {0};
    package_set_append_file(&file, set);
    const char *copy = arena_copy(u->arena, text_view(&file));
    *length = file.length;
    text_release(&file);
    return copy;
}

/* ---- The record ---- */

static void print_today(char out[DATE_TEXT_MAX]) {
    char now[TIME_TEXT_MAX];
    time_print(clock_now_ms(), now);
    memcpy(out, now, DATE_TEXT_MAX - 1);
    out[DATE_TEXT_MAX - 1] = '\0';
}

static enum status keep_record(struct update *u, struct error *err) {
    struct text file = {0};
    print_today(u->set.published);
    package_set_append_file(&file, &u->set);
    enum status status = job_steps_keep_record(u->run, &file, err);
    if (!status) fault_point("package-set-record");
    return status;
}

enum status update_resume(void *context, struct error *err) {
    struct update *u = context;
    const char *record = u->run->job.record;
    enum status status = package_set_parse(&u->set, record, strlen(record), u->arena, err);
    if (status) return error_prefix(err, "The job's record");
    job_steps_say_resumed(u->run, "package set %s", update_print_version(u, u->set.version));
    return STATUS_OK;
}

/* ---- Checks under the lock ---- */

/* After the record the job's decision stands, so what speaks against it ends the job; before, the update starts over. `reason`:
 * a sentence without its full stop. */
static enum status object(struct update *u, struct error *err, const char *reason) {
    if (!u->run->has_record) return update_start_over(u, err, "%s.", reason);
    return error_set(err, STATUS_REFUSED, "%s, so the package set %s, which was ready, is not released.", reason,
                     update_print_version(u, u->set.version));
}

/* True if an interrupted run has pushed the set. Then nothing speaks against it any more. */
static bool is_released(const struct update *u, const struct set_history *history) {
    struct package_set found;
    size_t length, found_length;
    if (!u->run->has_record || !set_history_read(&found, history, u->set.version, u->arena)) return false;
    const char *file = print_file(u, &u->set, &length), *found_file = print_file(u, &found, &found_length);
    return length == found_length && memcmp(file, found_file, length) == 0;
}

/* The newest set must still be the one that the new set was made from: with a record, the newest below. Reads that again, for
 * the message of the commit. */
static enum status check_latest(struct update *u, struct error *err) {
    struct registry_sets *sets = u->service->sets;
    struct newest_set newest = registry_sets_newest(sets, u->arena);
    const struct set_history *history = registry_sets_lock(sets);
    size_t position = set_history_position_below(history, u->set.version);
    const struct released_set *below = set_history_at(history, position);
    struct package_set before = {0};
    if (below) set_history_read(&before, history, below->version, u->arena);
    u->is_released = is_released(u, history);
    registry_sets_unlock(sets);
    bool is_latest = !newest.problem && version_equal(newest.version, u->run->has_record ? before.version : u->before.version);
    if (!u->is_released && !is_latest) return object(u, err, "Another package set was released meanwhile");
    u->before = before;
    set_difference_find(&u->difference, &u->before, &u->set, u->arena);
    return STATUS_OK;
}

/* The first version of the set that is not published any more; NULL: all are. */
static const struct package_version *find_lost(struct update *u) {
    const struct package_version *lost = NULL;
    const struct manifest_index *index = registry_view_lock(u->service->repositories.view);
    for (size_t i = 0; i < u->set.packages.count && !lost; i++) {
        const struct package_version *package = &u->set.packages.items[i];
        const struct indexed_version *indexed = manifest_index_find(index, package->name, package->version);
        if (!indexed || !indexed->is_published) lost = package;
    }
    registry_view_unlock(u->service->repositories.view);
    return lost;
}

static enum status check_published(struct update *u, struct error *err) {
    const struct package_version *lost = find_lost(u);
    if (!lost) return STATUS_OK;
    return object(
        u, err, arena_format(u->arena, "%s@%s is not published any more", lost->name, update_print_version(u, lost->version)));
}

/* queued_change.prepare: under the repository's lock, against the current registry. */
static enum status check_and_record(void *context, struct deadline *limit, struct error *err) {
    struct update *u = context;
    enum status status = registry_view_refresh(u->service->repositories.view, limit, err);
    if (!status) status = registry_sets_follow(u->service->sets, err);
    if (!status) status = check_latest(u, err);
    if (!status && !u->is_released) status = check_published(u, err);
    if (status) return status;
    snprintf(u->base, sizeof u->base, "%s", registry_sets_state(u->service->sets).commit);
    return u->run->has_record ? STATUS_OK : keep_record(u, err);
}

/* ---- The commit ---- */

/* registry_edit_function */
static enum status edit_set(struct registry_edit *out, const struct registry_file *current, void *context, struct arena *arena,
                            struct error *err) {
    const struct update *u = context;
    size_t length;
    const char *file = print_file(u, &u->set, &length);
    (void)arena;
    out->kind = REGISTRY_KEEP;
    if (current->bytes && current->length == length && memcmp(current->bytes, file, length) == 0) return STATUS_OK;
    if (current->bytes)
        return error_set(err, STATUS_REFUSED, "Another package set %s was released meanwhile.",
                         update_print_version(u, u->set.version));
    out->kind = REGISTRY_WRITE;
    out->content = (struct registry_file){file, length};
    return STATUS_OK;
}

/* The message needs the set before, which is known for certain only under the lock; it does not change from there on, since a
 * change of the latest set ends the commit. */
static enum status commit_once(struct update *u, struct error *err) {
    struct text message = {0};
    set_difference_append_message(&message, &u->difference, u->set.version);
    struct job_change change =
        job_change_of_registry(u->run, print_path(u), arena_copy(u->arena, text_view(&message)), edit_set, u);
    text_release(&message);
    change.queued.prepare = check_and_record;
    change.queued.is_alone = true;
    change.queued.change.base = u->base;
    change.written = "Committed the package set";
    change.kept = "The package set was committed already";
    return job_change_commit(&change, u->run, &u->service->repositories, err);
}

/* What an interrupted run had decided to release, compared with the set below it. */
static enum status find_difference(struct update *u, struct error *err) {
    enum status status = registry_view_refresh(u->service->repositories.view, &u->run->deadline, err);
    if (!status) status = registry_sets_follow(u->service->sets, err);
    return status ? status : check_latest(u, err);
}

enum status update_commit(void *context, struct error *err) {
    struct update *u = context;
    enum status status = u->run->has_record ? find_difference(u, err) : STATUS_OK;
    for (int i = 0; !status && i < MOVED_TRIES; i++) {
        status = commit_once(u, err);
        if (status != STATUS_CONFLICT || u->starts_over) return status;
        status = registry_repo_await_move(u->service->repositories.registry, MOVED_WAIT_MS, &u->run->deadline, err);
    }
    return status
               ? status
               : error_mark(err,
                            error_set(err, STATUS_CONFLICT, "The registry repository was changed by other pushes each time."),
                            TROUBLE_REPOSITORY);
}
