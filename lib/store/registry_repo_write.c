/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Commits are built on the head that was fetched last, as objects without a ref, and are found by nobody until the push. In a
 * repository on this disk the push is moving its branch, under git's own lock and only from where it was read.
 */
#include <assert.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/store/registry_repo_parts.h"

enum {
    FIRST_WAIT_MS = 10, /* after a refused push; twice as long each time, up to */
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

/* The tree `base` (NULL: empty) with the edit at `path`. */
static int build_tree(git_oid *out, git_repository *git, git_tree *base, const char *path, const struct registry_edit *edit) {
    git_tree_update update = {.action = edit->kind == REGISTRY_WRITE ? GIT_TREE_UPDATE_UPSERT : GIT_TREE_UPDATE_REMOVE,
                              .filemode = GIT_FILEMODE_BLOB,
                              .path = path};
    git_treebuilder *empty = NULL;
    git_tree *start = NULL;
    int code = 0;
    if (edit->kind == REGISTRY_WRITE)
        code = git_blob_create_from_buffer(&update.id, git, edit->content.bytes, edit->content.length);
    if (code == 0 && !base) {
        code = git_treebuilder_new(&empty, git, NULL);
        if (code == 0) code = git_treebuilder_write(out, empty);
        if (code == 0) code = git_tree_lookup(&start, git, out);
    }
    if (code == 0) code = git_tree_create_updated(out, git, base ? base : start, 1, &update);
    git_tree_free(start);
    git_treebuilder_free(empty);
    return code;
}

static int create_commit(git_oid *out, git_repository *git, const git_oid *tree_id, const git_oid *parent_id,
                         const char *message) {
    git_signature *signature = NULL;
    git_tree *tree = NULL;
    git_commit *parent = NULL;
    struct text whole = {0};
    text_append(&whole, message);
    if (!text_ends_with(message, "\n")) text_append_character(&whole, '\n');
    int code = git_signature_new(&signature, REGISTRY_COMMITTER_NAME, REGISTRY_COMMITTER_EMAIL, time(NULL), 0);
    if (code == 0) code = git_tree_lookup(&tree, git, tree_id);
    if (code == 0 && !git_oid_is_zero(parent_id)) code = git_commit_lookup(&parent, git, parent_id);
    const git_commit *parents[] = {parent};
    if (code == 0)
        code = git_commit_create(out, git, NULL, signature, signature, NULL, whole.bytes, tree, parent ? 1 : 0, parents);
    git_commit_free(parent);
    git_tree_free(tree);
    git_signature_free(signature);
    text_release(&whole);
    return code;
}

/* Applies one change on top of `tip`, which moves to its commit. A status of the change's own is kept in it. */
static enum status apply_change(struct registry_repo *repo, struct registry_change *change, git_oid *tip, struct error *err) {
    struct arena arena = {0};
    struct registry_file current = {0};
    struct registry_edit edit = {0};
    git_tree *base = NULL;
    git_oid tree, commit;
    enum status status = registry_repo_read_tree(&base, repo->git, tip, err);
    if (!status) status = registry_repo_read_file(repo->git, base, change->path, &arena, &current, err);
    if (status) goto out;

    change->written = false;
    change->commit[0] = '\0';
    change->status = change->edit(&edit, &current, change->context, &arena, change->err);
    if (change->status) goto out;
    if (!edit_changes_nothing(&edit, &current)) {
        int code = build_tree(&tree, repo->git, base, change->path, &edit);
        if (code == 0) code = create_commit(&commit, repo->git, &tree, tip, change->message);
        if (code < 0) {
            status = git_transport_failure(code, "The commit could not be made", err);
            goto out;
        }
        git_oid_cpy(tip, &commit);
        change->written = true;
    }
    if (!git_oid_is_zero(tip)) git_oid_tostr(change->commit, sizeof change->commit, tip);
out:
    git_tree_free(base);
    arena_release(&arena);
    return status;
}

/* ---- Pushing ---- */

static enum status push_local(struct registry_repo *repo, const git_oid *tip, struct error *err) {
    git_reference *ref = NULL;
    int code = git_oid_is_zero(&repo->head)
                   ? git_reference_create(&ref, repo->git, repo->branch, tip, 0, NULL)
                   : git_reference_create_matching(&ref, repo->git, repo->branch, tip, 1, &repo->head, "push");
    git_reference_free(ref);
    if (code == GIT_EEXISTS) code = GIT_EMODIFIED;
    return code < 0 ? git_transport_failure(code, "The branch could not be moved", err) : STATUS_OK;
}

static enum status push_remote(struct registry_repo *repo, const git_oid *tip, struct deadline *deadline, struct error *err) {
    struct git_access access = registry_repo_access(repo, deadline);
    struct git_connection *connection = NULL;
    enum status status = registry_repo_point_ref(repo, REGISTRY_PUSHING_REF, tip, err);
    if (!status) status = git_connection_open(&connection, repo->git, repo->url, GIT_DIRECTION_PUSH, &access, err);
    if (!status) status = git_connection_push(connection, REGISTRY_PUSHING_REF, repo->branch, err);
    git_connection_free(connection);
    git_reference_remove(repo->git, REGISTRY_PUSHING_REF);
    return status ? status : registry_repo_point_ref(repo, REGISTRY_HEAD_REF, tip, err);
}

/* One try: fetch, commit, push. */
static enum status apply_once(struct registry_repo *repo, struct registry_change *changes, size_t count,
                              struct deadline *deadline, struct error *err) {
    enum status status = registry_repo_fetch_locked(repo, deadline, err);
    if (status) return status;
    git_oid tip = repo->head;
    for (size_t i = 0; i < count && !status; i++)
        status = apply_change(repo, &changes[i], &tip, err);
    if (status == STATUS_INTERNAL) repo->is_damaged = true;
    if (!status) status = deadline_check(deadline, err);
    if (status || git_oid_equal(&tip, &repo->head)) return status;
    status = repo->is_local ? push_local(repo, &tip, err) : push_remote(repo, &tip, deadline, err);
    if (!status) git_oid_cpy(&repo->head, &tip);
    return status;
}

enum status registry_repo_apply(struct registry_repo *repo, struct registry_change *changes, size_t count, int tries,
                                struct deadline *deadline, struct error *err) {
    assert(tries > 0);
    enum status status = STATUS_CONFLICT;
    pthread_mutex_lock(&repo->mutex);
    for (int i = 0, wait_ms = FIRST_WAIT_MS; i < tries && status == STATUS_CONFLICT; i++) {
        if (i > 0) {
            usleep((useconds_t)deadline_left_ms(deadline, wait_ms) * 1000);
            wait_ms = 2 * wait_ms < LONGEST_WAIT_MS ? 2 * wait_ms : LONGEST_WAIT_MS;
        }
        status = apply_once(repo, changes, count, deadline, err);
    }
    pthread_mutex_unlock(&repo->mutex);
    return status;
}

/* ---- Locks of killed writers ---- */

static bool lock_is_stale(const FTSENT *entry, int64_t older_than_ms) {
    int64_t changed_ms = (int64_t)entry->fts_statp->st_mtim.tv_sec * 1000 + entry->fts_statp->st_mtim.tv_nsec / 1000000;
    return entry->fts_info == FTS_F && text_ends_with(entry->fts_name, ".lock") && clock_now_ms() - changed_ms >= older_than_ms;
}

enum status registry_repo_remove_stale_locks(struct registry_repo *repo, int64_t older_than_ms, size_t *removed,
                                             struct error *err) {
    char *const paths[] = {repo->path, NULL};
    size_t count = 0;
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!walk) return error_set(err, STATUS_INTERNAL, "The folder '%s' could not be read.", repo->path);
    for (FTSENT *entry = fts_read(walk); entry; entry = fts_read(walk)) {
        if (entry->fts_info == FTS_D && entry->fts_level == 1 && strcmp(entry->fts_name, "objects") == 0)
            fts_set(walk, entry, FTS_SKIP);
        if (!lock_is_stale(entry, older_than_ms) || unlink(entry->fts_accpath) != 0) continue;
        log_line(LOG_WARN, "stale lock of a killed writer removed", "file=\"%s\"", entry->fts_path);
        count++;
    }
    fts_close(walk);
    if (removed) *removed = count;
    return STATUS_OK;
}
