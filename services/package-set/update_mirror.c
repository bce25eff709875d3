/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The released set, written once more to the repository of package sets that older tools read (lib/domain/README.md, Mirror of
 * package sets): one commit with three files, and its tags. The tag of the set's compiler and day says whether that was done
 * already, so any run may repeat it (struct registry_change). Its failure is a line of the job's log: the set is released, and
 * the next mirror is of a newer one.
 */
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/domain/set/set_mirror.h"
#include "services/package-set/update.h"

enum { NAMES_SHOWN = 40 };

bool update_has_mirror(const void *context) {
    const struct update *u = context;
    return update_has_release(u) && u->service->settings.legacy_package_sets_repo;
}

/* ---- The files ---- */

struct mirror {
    struct update *u;
    struct registry_file json, dhall; /* packages.json, src/packages.dhall */
    char tag[SET_TAG_MAX];
};

static struct registry_file take_file(const struct update *u, struct text *text) {
    struct registry_file file = {arena_copy(u->arena, text_view(text)), text->length};
    text_release(text);
    return file;
}

static void say_left_out(const struct update *u, const struct set_members *members, const struct set_mirror *mirror) {
    struct text list = {0};
    for (size_t i = 0; i < mirror->left_out_count && i < NAMES_SHOWN; i++)
        text_append_format(&list, "%s%s", i ? ", " : "", set_members_name(members, mirror->left_out[i]));
    if (mirror->left_out_count > NAMES_SHOWN) text_append_format(&list, " and %zu more", mirror->left_out_count - NAMES_SHOWN);
    if (list.length > 0)
        job_run_log(u->run, LOG_INFO,
                    "The mirror of the package set is without packages in a folder of their repository, and without those that "
                    "depend on one: %s.",
                    list.bytes);
    text_release(&list);
}

/* From the manifests of the current registry; a version that was unpublished since the commit is absent. */
static void make_files(struct mirror *out, struct update *u) {
    struct set_members members;
    struct set_mirror mirror;
    struct text json = {0}, dhall = {0};
    struct registry_view *view = u->service->repositories.view;
    const struct manifest_index *index = registry_view_lock(view);
    set_members_read(&members, index, &u->set, u->arena);
    set_mirror_make(&mirror, &members, u->arena);
    set_mirror_append_json(&json, &mirror);
    set_mirror_append_dhall(&dhall, &mirror);
    say_left_out(u, &members, &mirror);
    registry_view_unlock(view);
    *out = (struct mirror){.u = u, .json = take_file(u, &json), .dhall = take_file(u, &dhall)};
    set_mirror_print_tag(u->set.compiler, u->set.published, out->tag);
}

/* registry_edit_function, as the next ones */
static enum status edit_json(struct registry_edit *out, const struct registry_file *current, void *context, struct arena *arena,
                             struct error *err) {
    const struct mirror *mirror = context;
    (void)current, (void)arena, (void)err;
    *out = (struct registry_edit){.kind = REGISTRY_WRITE, .content = mirror->json};
    return STATUS_OK;
}

static enum status edit_dhall(struct registry_edit *out, const struct registry_file *current, void *context,
                              struct arena *arena, struct error *err) {
    const struct mirror *mirror = context;
    (void)current, (void)arena, (void)err;
    *out = (struct registry_edit){.kind = REGISTRY_WRITE, .content = mirror->dhall};
    return STATUS_OK;
}

static enum status edit_latest(struct registry_edit *out, const struct registry_file *current, void *context,
                               struct arena *arena, struct error *err) {
    const struct mirror *mirror = context;
    struct text text = {0};
    enum status status =
        set_mirror_append_latest(&text, current->bytes, current->length, mirror->u->set.compiler, mirror->tag, err);
    *out = (struct registry_edit){.kind = REGISTRY_WRITE, .content = {arena_copy(arena, text_view(&text)), text.length}};
    text_release(&text);
    return status;
}

/* ---- The commit ---- */

/* queued_change.guard */
static enum status check_lease(void *context, int64_t needed_ms, struct error *err) {
    return job_run_guard(context, needed_ms, err);
}

static void say_mirrored(const struct mirror *mirror, const struct registry_change *change) {
    struct job_run *run = mirror->u->run;
    if (change->is_tag_taken)
        job_run_log(run, LOG_NOTICE,
                    "The package set is not mirrored: another one of the same day has the tag %s already, at %s.", mirror->tag,
                    change->commit);
    else if (change->written)
        job_run_log(run, LOG_INFO, "Mirrored the package set: %s, with the tag %s.", change->commit, mirror->tag);
    else
        job_run_log(run, LOG_INFO, "The package set was mirrored already: %s, with the tag %s.", change->commit, mirror->tag);
}

static enum status commit_mirror(struct mirror *mirror, struct error *err) {
    static const struct registry_file_edit more[] = {{"packages.json", edit_json}, {"src/packages.dhall", edit_dhall}};
    struct update *u = mirror->u;
    const char *subject = arena_format(u->arena, "Update to the %s package set.", update_print_version(u, u->set.version));
    const char *const tags[] = {mirror->tag, update_print_version(u, u->set.compiler)};
    struct queued_change change = {.change = {.path = "latest-compatible-sets.json",
                                              .message = job_commit_message(&u->run->job, u->arena, subject),
                                              .edit = edit_latest,
                                              .context = mirror,
                                              .more = more,
                                              .more_count = sizeof more / sizeof more[0],
                                              .tags = tags,
                                              .tag_count = sizeof tags / sizeof tags[0]},
                                   .guard = check_lease,
                                   .guard_context = u->run};
    enum status status = change_queue_commit(u->service->mirror_queue, u->run->store, &change, 1, &u->run->deadline, err);
    if (!status) say_mirrored(mirror, &change.change);
    return status;
}

/* True if this run must end; another one mirrors the set. */
static bool must_end(struct update *u, enum status status) {
    enum status why = deadline_check(&u->run->deadline, NULL);
    return status == STATUS_STALE || status == STATUS_CANCELLED || why == STATUS_STALE || why == STATUS_CANCELLED;
}

enum status update_mirror(void *context, struct error *err) {
    struct update *u = context;
    struct mirror mirror;
    enum status status = package_set_service_open_mirror(u->service, &u->run->deadline, err);
    if (!status) {
        make_files(&mirror, u);
        status = commit_mirror(&mirror, err);
    }
    if (!status || must_end(u, status)) return status;
    log_line(LOG_WARN, "set_mirror_failed", log_field("job", u->run->job.id), log_field("error", err->message));
    job_run_log(u->run, LOG_WARN, "The package set is released, but it could not be mirrored; the next one will be. %s",
                err->message);
    return STATUS_OK;
}
