/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Commits are built in memory, on the last fetched head, and are unreferenced until the push. In a repository on this disk the
 * push moves its branch, under git's own lock and only from where it was read.
 */
#include <assert.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/store/registry/registry_repo_parts.h"
#include "lib/store/registry/registry_repo_tree.h"

enum {
    FIRST_WAIT_MS = 10, /* pause after a refused push; doubled each time, up to the next */
    LONGEST_WAIT_MS = 1000,
};

/* ---- One change, one commit ---- */

static bool edit_changes_nothing(const struct registry_edit *edit, const struct registry_file *current) {
    switch (edit->kind) {
    case REGISTRY_KEEP: return true;
    case REGISTRY_REMOVE: return !current->bytes;
    case REGISTRY_WRITE:
        return current->bytes && current->length == edit->content.length &&
               memcmp(current->bytes, edit->content.bytes, current->length) == 0;
    }
    return true;
}

static int create_commit(struct registry_pack *pack, struct registry_tip *tip, const char *message) {
    struct text text = {0};
    char id[REGISTRY_COMMIT_MAX];
    const char *const roles[] = {"author", "committer"};
    long long now_s = (long long)time(NULL);
    text_append_format(&text, "tree %s\n", git_oid_tostr(id, sizeof id, &tip->tree));
    if (!git_oid_is_zero(&tip->commit)) text_append_format(&text, "parent %s\n", git_oid_tostr(id, sizeof id, &tip->commit));
    for (int i = 0; i < 2; i++)
        text_append_format(&text, "%s %s <%s> %lld +0000\n", roles[i], REGISTRY_COMMITTER_NAME, REGISTRY_COMMITTER_EMAIL,
                           now_s);
    text_append_format(&text, "\n%s%s", message, text_ends_with(message, "\n") ? "" : "\n");
    int code = registry_pack_add(pack, &tip->commit, GIT_OBJECT_COMMIT, text.bytes, text.length, NULL);
    text_release(&text);
    return code;
}

/* The last commit's folders are packed whole, since readers want them: libgit2 keeps every object of the chain of deltas by which
 * it read one, 50 kB each, for as long as the pack is open. */
static int commit_edit(struct registry_pack *pack, struct registry_tip *tip, const struct registry_tree_path *path,
                       const struct registry_edit *edit, const char *message, bool is_last) {
    git_oid file;
    bool is_there = edit->kind == REGISTRY_WRITE;
    int code = 0;
    if (is_there) code = registry_pack_add(pack, &file, GIT_OBJECT_BLOB, edit->content.bytes, edit->content.length, NULL);
    if (code == 0) code = registry_tree_replace(&tip->tree, path, pack, is_there ? &file : NULL, is_last);
    return code == 0 ? create_commit(pack, tip, message) : code;
}

/* False: the change was decided for another head. */
static bool is_at_base(const struct registry_repo *repo, const struct registry_change *change) {
    char head[REGISTRY_COMMIT_MAX] = "";
    if (!git_oid_is_zero(&repo->head)) git_oid_tostr(head, sizeof head, &repo->head);
    return !change->base || text_equal(change->base, head);
}

/* Applies one change on top of `tip`, which becomes its commit. The change's own failure is stored in it. */
static enum status apply_change(struct registry_repo *repo, struct registry_change *change, bool is_last,
                                struct registry_tip *tip, struct error *err) {
    struct arena arena = {0};
    struct registry_file current = {0};
    struct registry_edit edit = {0};
    struct registry_tree_path path;
    change->written = false;
    change->commit[0] = '\0';
    if (!is_at_base(repo, change)) {
        change->status = error_set(change->err, STATUS_CONFLICT, "The repository was changed by another push.");
        return STATUS_OK;
    }
    enum status status = registry_tree_find(&path, &repo->pack, &tip->tree, change->path, err);
    if (!status && !git_oid_is_zero(&path.file))
        status = registry_repo_copy_blob(repo->git, &path.file, change->path, &arena, &current, err);
    if (status) goto out;

    change->status = change->edit(&edit, &current, change->context, &arena, change->err);
    if (change->status) goto out;
    if (!edit_changes_nothing(&edit, &current)) {
        int code = commit_edit(&repo->pack, tip, &path, &edit, change->message, is_last);
        if (code < 0) {
            status = git_transport_failure(code, "The commit could not be made", err);
            goto out;
        }
        change->written = true;
    }
    if (!git_oid_is_zero(&tip->commit)) git_oid_tostr(change->commit, sizeof change->commit, &tip->commit);
out:
    registry_tree_release(&path);
    arena_release(&arena);
    return status;
}

/* ---- Pushing ---- */

/* Checks that the branch has not moved meanwhile: else the pack would be written in vain. */
static enum status check_still_there(const struct registry_repo *repo, struct error *err) {
    git_oid now = {0};
    int code = git_reference_name_to_id(&now, repo->git, repo->branch);
    if (code < 0 && code != GIT_ENOTFOUND) return git_transport_failure(code, "The repository's branch could not be read", err);
    return git_oid_equal(&now, &repo->head) ? STATUS_OK
                                            : error_set(err, STATUS_CONFLICT, "The branch was changed by another push.");
}

/* The objects must be on the disk before the branch refers to them. */
static enum status push_local(struct registry_repo *repo, const git_oid *tip, struct deadline *deadline, struct error *err) {
    git_reference *ref = NULL;
    enum status status = check_still_there(repo, err);
    if (!status) status = registry_pack_write(&repo->pack, err);
    if (!status) fault_point("unpushed");
    if (!status) status = deadline_check(deadline, err);
    if (status) return status;
    int code = git_oid_is_zero(&repo->head)
                   ? git_reference_create(&ref, repo->git, repo->branch, tip, 0, NULL)
                   : git_reference_create_matching(&ref, repo->git, repo->branch, tip, 1, &repo->head, "push");
    git_reference_free(ref);
    if (code == GIT_EEXISTS) code = GIT_EMODIFIED;
    return code < 0 ? git_transport_failure(code, "The branch could not be moved", err) : STATUS_OK;
}

/* The clone is only a copy: if it cannot take the commits that the remote has by now, the next fetch makes it again. */
static enum status push_remote(struct registry_repo *repo, const git_oid *tip, struct deadline *deadline, struct error *err) {
    struct git_access access = registry_repo_access(repo, deadline);
    struct git_push push = {.ref = repo->branch, .from = repo->head, .to = *tip, .pack = registry_pack_seal(&repo->pack)};
    struct error ignored;
    repo->seen_ms = 0;
    repo->is_after_move = false;
    fault_point("unpushed");
    enum status status = git_pusher_push(repo->pusher, &push, &access, err);
    if (status == STATUS_CONFLICT) repo->refused_ms = clock_monotonic_ms();
    if (status) return status;
    repo->seen_ms = clock_monotonic_ms();
    if (registry_pack_write(&repo->pack, &ignored) || registry_repo_point_ref(repo, REGISTRY_HEAD_REF, tip, &ignored)) {
        log_line(LOG_WARN, "clone_write_failed", log_field("error", ignored.message));
        repo->is_damaged = true;
    }
    return STATUS_OK;
}

/* The fetched head, and an empty pack for the commits on top of it. */
static enum status begin_commits(struct registry_repo *repo, struct registry_tip *tip, struct error *err) {
    git_tree *tree = NULL;
    int code = repo->pack.odb ? 0 : registry_pack_init(&repo->pack, repo->git, repo->is_local);
    if (code < 0) return git_transport_failure(code, "The repository could not be written to", err);
    registry_pack_clear(&repo->pack);
    *tip = repo->made;
    if (git_oid_equal(&repo->head, &repo->made.commit)) return STATUS_OK;
    *tip = (struct registry_tip){.commit = repo->head};
    enum status status = registry_repo_read_tree(&tree, repo->git, &repo->head, err);
    if (tree) tip->tree = *git_tree_id(tree);
    git_tree_free(tree);
    return status;
}

static enum status push(struct registry_repo *repo, const struct registry_tip *tip, struct deadline *deadline,
                        struct error *err) {
    enum status status =
        repo->is_local ? push_local(repo, &tip->commit, deadline, err) : push_remote(repo, &tip->commit, deadline, err);
    if (status) return status;
    repo->head = tip->commit;
    repo->made = *tip;
    return STATUS_OK;
}

static enum status make_commits(struct registry_repo *repo, struct registry_change *changes, size_t count,
                                struct registry_tip *tip, struct error *err) {
    enum status status = begin_commits(repo, tip, err);
    for (size_t i = 0; i < count && !status; i++)
        status = apply_change(repo, &changes[i], i + 1 == count, tip, err);
    if (status == STATUS_INTERNAL) repo->is_damaged = true;
    return status;
}

/* One try: fetch, commit, push. The fetch is left out if the remote was asked just now: the push fails if the branch has moved.
 * If the commits fail, or there is nothing to push, the remote is asked after all. */
static enum status apply_once(struct registry_repo *repo, struct registry_change *changes, size_t count,
                              struct deadline *deadline, struct error *err) {
    struct registry_tip tip;
    bool is_guess = registry_repo_is_fresh(repo);
    enum status status = is_guess ? STATUS_OK : registry_repo_fetch_locked(repo, deadline, err);
    if (!status) status = make_commits(repo, changes, count, &tip, err);
    if (is_guess && (status || git_oid_equal(&tip.commit, &repo->head))) {
        status = registry_repo_fetch_locked(repo, deadline, err);
        if (!status) status = make_commits(repo, changes, count, &tip, err);
    }
    if (!status && !git_oid_equal(&tip.commit, &repo->head)) status = push(repo, &tip, deadline, err);
    registry_pack_clear(&repo->pack);
    return status;
}

enum status registry_repo_apply(struct registry_repo *repo, struct registry_change *changes, size_t count, int tries,
                                struct deadline *deadline, struct error *err) {
    assert(tries > 0);
    enum status status = STATUS_CONFLICT;
    pthread_mutex_lock(&repo->mutex);
    for (int i = 0, wait_ms = FIRST_WAIT_MS; i < tries && status == STATUS_CONFLICT; i++) {
        status = STATUS_OK;
        if (i > 0) {
            status = deadline_pause(deadline, wait_ms, err);
            wait_ms = 2 * wait_ms < LONGEST_WAIT_MS ? 2 * wait_ms : LONGEST_WAIT_MS;
        }
        if (!status) status = apply_once(repo, changes, count, deadline, err);
    }
    pthread_mutex_unlock(&repo->mutex);
    return registry_repo_name_place(repo, status, err);
}

/* ---- Files of killed writers ---- */

/* Lock files, and unfinished packs: ours, and those that libgit2 fetches. */
static bool is_left_behind(const FTSENT *entry, int64_t older_than_ms) {
    int64_t changed_ms = (int64_t)entry->fts_statp->st_mtim.tv_sec * 1000 + entry->fts_statp->st_mtim.tv_nsec / 1000000;
    return entry->fts_info == FTS_F &&
           (text_ends_with(entry->fts_name, ".lock") || text_starts_with(entry->fts_name, "pack_git2_") ||
            text_starts_with(entry->fts_name, REGISTRY_PACK_UNFINISHED)) &&
           clock_now_ms() - changed_ms >= older_than_ms;
}

/* Of the folders of objects, which are many, only `pack` is searched. */
static bool is_folder_of_objects(const FTSENT *entry) {
    return entry->fts_info == FTS_D && entry->fts_level == 2 && strcmp(entry->fts_parent->fts_name, "objects") == 0 &&
           strcmp(entry->fts_name, "pack") != 0;
}

enum status registry_repo_remove_stale_locks(struct registry_repo *repo, int64_t older_than_ms, size_t *removed,
                                             struct error *err) {
    char *const paths[] = {repo->path, NULL};
    size_t count = 0;
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!walk) return error_set(err, STATUS_INTERNAL, "The folder '%s' could not be read.", repo->path);
    for (FTSENT *entry = fts_read(walk); entry; entry = fts_read(walk)) {
        if (is_folder_of_objects(entry)) fts_set(walk, entry, FTS_SKIP);
        if (!is_left_behind(entry, older_than_ms) || unlink(entry->fts_accpath) != 0) continue;
        log_line(LOG_WARN, "writer_file_removed", log_field("file", entry->fts_path));
        count++;
    }
    fts_close(walk);
    if (removed) *removed = count;
    return STATUS_OK;
}
