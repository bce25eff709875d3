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

/* Commits, and tags, that are to be pushed. */
struct commits {
    struct registry_tip tip;
    struct git_push_ref tags[REGISTRY_TAGS_MAX];
    size_t tag_count;
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

/* Puts the file into the tree. The last commit's folders are packed whole, since readers want them: libgit2 keeps every object of
 * the chain of deltas by which it read one, 50 kB each, for as long as the pack is open. A libgit2 code. */
static int put_edit(struct registry_pack *pack, git_oid *tree, const struct registry_tree_path *path,
                    const struct registry_edit *edit, bool is_last) {
    git_oid file;
    bool is_there = edit->kind == REGISTRY_WRITE;
    int code = 0;
    if (is_there) code = registry_pack_add(pack, &file, GIT_OBJECT_BLOB, edit->content.bytes, edit->content.length, NULL);
    return code == 0 ? registry_tree_replace(tree, path, pack, is_there ? &file : NULL, is_last) : code;
}

/* Applies the edit of one file to the tree; *is_changed: it is another one now. The change's own failure is stored in it. */
static enum status edit_file(struct registry_repo *repo, struct registry_change *change, const struct registry_file_edit *file,
                             bool is_last, git_oid *tree, bool *is_changed, struct error *err) {
    struct arena arena = {0};
    struct registry_file current = {0};
    struct registry_edit edit = {0};
    struct registry_tree_path path;
    enum status status = registry_tree_find(&path, &repo->pack, tree, file->path, err);
    if (!status && !git_oid_is_zero(&path.file))
        status = registry_repo_copy_blob(repo->git, &path.file, file->path, &arena, &current, err);
    if (!status) change->status = file->edit(&edit, &current, change->context, &arena, change->err);
    if (!status && !change->status && !edit_changes_nothing(&edit, &current)) {
        int code = put_edit(&repo->pack, tree, &path, &edit, is_last);
        if (code < 0) status = git_transport_failure(code, "The commit could not be made", err);
        *is_changed = true;
    }
    registry_tree_release(&path);
    arena_release(&arena);
    return status;
}

/* Commits the change on top of `tip`, which becomes its commit, if it changes any file. */
static enum status commit_change(struct registry_repo *repo, struct registry_change *change, bool is_last,
                                 struct registry_tip *tip, struct error *err) {
    struct registry_tip next = *tip;
    const struct registry_file_edit first = {.path = change->path, .edit = change->edit};
    enum status status = edit_file(repo, change, &first, is_last, &next.tree, &change->written, err);
    for (size_t i = 0; i < change->more_count && !status && !change->status; i++)
        status = edit_file(repo, change, &change->more[i], is_last, &next.tree, &change->written, err);
    if (status || change->status) {
        change->written = false;
        return status;
    }
    if (change->written || change->tag_count > 0) {
        assert(!git_oid_is_zero(&next.tree)); /* a change with tags has files */
        int code = create_commit(&repo->pack, &next, change->message);
        if (code < 0) return git_transport_failure(code, "The commit could not be made", err);
        change->written = true;
        *tip = next;
    }
    return STATUS_OK;
}

/* False: the change was decided for another head. */
static bool is_at_base(const struct registry_repo *repo, const struct registry_change *change) {
    char head[REGISTRY_COMMIT_MAX] = "";
    if (!git_oid_is_zero(&repo->head)) git_oid_tostr(head, sizeof head, &repo->head);
    return !change->base || text_equal(change->base, head);
}

/* Looks for the change's first tag, or its commit without tags. STATUS_NOT_FOUND: there is neither. */
static enum status find_made(struct registry_repo *repo, struct registry_change *change, git_oid *commit, bool *is_tagged,
                             struct error *err) {
    const struct registry_tag *tag = registry_repo_tag(repo, change->tags[0]);
    *is_tagged = !git_oid_is_zero(&tag->commit);
    if (!*is_tagged) return registry_repo_find_subject(repo, change->message, commit, err);
    git_oid_cpy(commit, &tag->commit);
    change->is_tag_taken = !registry_repo_has_subject(repo->git, commit, change->message);
    return STATUS_OK;
}

/* The tags of the change that are missing are to be pushed. */
static void add_tags(const struct registry_repo *repo, const struct registry_change *change, const git_oid *commit,
                     struct commits *commits) {
    for (size_t i = change->tag_count; i-- > 0;) { /* the first one, which stands for the change, as the last */
        if (!git_oid_is_zero(&registry_repo_tag(repo, change->tags[i])->commit)) continue;
        commits->tags[commits->tag_count++] = (struct git_push_ref){.name = change->tags[i], .to = *commit};
    }
}

/* Applies one change on top of `commits`. The change's own failure is stored in it. */
static enum status apply_change(struct registry_repo *repo, struct registry_change *change, bool is_last,
                                struct commits *commits, struct error *err) {
    enum status status = STATUS_NOT_FOUND;
    git_oid commit = {0};
    bool is_tagged = false;
    change->status = STATUS_OK;
    change->written = change->is_tag_taken = false;
    change->commit[0] = '\0';
    if (!is_at_base(repo, change)) {
        change->status = error_set(change->err, STATUS_CONFLICT, "The repository was changed by another push.");
        return STATUS_OK;
    }
    if (change->tag_count > 0) status = find_made(repo, change, &commit, &is_tagged, err);
    if (status == STATUS_NOT_FOUND) {
        status = commit_change(repo, change, is_last, &commits->tip, err);
        commit = commits->tip.commit;
    }
    if (status || change->status) return status;
    if (!is_tagged) add_tags(repo, change, &commit, commits);
    if (!git_oid_is_zero(&commit)) git_oid_tostr(change->commit, sizeof change->commit, &commit);
    return STATUS_OK;
}

/* ---- Pushing ---- */

/* Checks that the branch has not moved meanwhile: else the pack would be written for nothing. */
static enum status check_still_there(const struct registry_repo *repo, struct error *err) {
    git_oid now = {0};
    int code = git_reference_name_to_id(&now, repo->git, repo->branch);
    if (code < 0 && code != GIT_ENOTFOUND) return git_transport_failure(code, "The repository's branch could not be read", err);
    return git_oid_equal(&now, &repo->head) ? STATUS_OK
                                            : error_set(err, STATUS_CONFLICT, "The branch was changed by another push.");
}

/* The name of a tag's ref. */
static void print_tag_ref(const struct git_push_ref *tag, struct text *out) {
    text_append_format(out, "refs/tags/%s", tag->name);
}

static int move_branch(struct registry_repo *repo, const git_oid *tip) {
    git_reference *ref = NULL;
    int code = git_oid_is_zero(&repo->head)
                   ? git_reference_create(&ref, repo->git, repo->branch, tip, 0, NULL)
                   : git_reference_create_matching(&ref, repo->git, repo->branch, tip, 1, &repo->head, "push");
    git_reference_free(ref);
    return code == GIT_EEXISTS ? GIT_EMODIFIED : code;
}

static enum status put_tag(struct registry_repo *repo, const struct git_push_ref *tag, struct error *err) {
    git_reference *ref = NULL;
    struct text name = {0};
    print_tag_ref(tag, &name);
    int code = git_reference_create(&ref, repo->git, name.bytes, &tag->to, 0, NULL);
    git_reference_free(ref);
    text_release(&name);
    if (code == GIT_EEXISTS) code = GIT_EMODIFIED;
    return code < 0 ? git_transport_failure(code, "The tag could not be made", err) : STATUS_OK;
}

/* The objects must be on the disk before the branch refers to them, and the tags come last. */
static enum status push_local(struct registry_repo *repo, const struct commits *commits, struct deadline *deadline,
                              struct error *err) {
    enum status status = check_still_there(repo, err);
    if (!status) status = registry_pack_write(&repo->pack, err);
    if (!status) fault_point("unpushed");
    if (!status) status = deadline_check(deadline, err);
    if (status) return status;
    int code = git_oid_equal(&commits->tip.commit, &repo->head) ? 0 : move_branch(repo, &commits->tip.commit);
    if (code < 0) return git_transport_failure(code, "The branch could not be moved", err);
    if (commits->tag_count > 0) fault_point("untagged");
    for (size_t i = 0; i < commits->tag_count && !status; i++)
        status = put_tag(repo, &commits->tags[i], err);
    return status;
}

/* One push for the branch and all tags. */
static enum status push_refs(struct registry_repo *repo, const struct commits *commits, struct deadline *deadline,
                             struct error *err) {
    struct git_access access = registry_repo_access(repo, deadline);
    struct git_push_ref refs[1 + REGISTRY_TAGS_MAX];
    struct text names[REGISTRY_TAGS_MAX] = {0};
    struct git_push push = {.refs = refs, .pack = registry_pack_seal(&repo->pack)};
    if (!git_oid_equal(&commits->tip.commit, &repo->head))
        refs[push.count++] = (struct git_push_ref){.name = repo->branch, .from = repo->head, .to = commits->tip.commit};
    for (size_t i = 0; i < commits->tag_count; i++) {
        print_tag_ref(&commits->tags[i], &names[i]);
        refs[push.count++] = (struct git_push_ref){.name = names[i].bytes, .to = commits->tags[i].to};
    }
    enum status status = git_pusher_push(repo->pusher, &push, &access, err);
    for (size_t i = 0; i < commits->tag_count; i++)
        text_release(&names[i]);
    return status;
}

/* The clone is only a copy: if it cannot take the commits that the remote has by now, the next fetch makes it again. */
static enum status push_remote(struct registry_repo *repo, const struct commits *commits, struct deadline *deadline,
                               struct error *err) {
    struct error ignored;
    repo->seen_ms = 0;
    repo->is_after_move = false;
    fault_point("unpushed");
    enum status status = push_refs(repo, commits, deadline, err);
    if (status == STATUS_CONFLICT) repo->refused_ms = clock_monotonic_ms();
    if (status) return status;
    repo->seen_ms = clock_monotonic_ms();
    if (registry_pack_write(&repo->pack, &ignored) ||
        registry_repo_point_ref(repo, REGISTRY_HEAD_REF, &commits->tip.commit, &ignored)) {
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

static enum status push(struct registry_repo *repo, const struct commits *commits, struct deadline *deadline,
                        struct error *err) {
    enum status status = repo->is_local ? push_local(repo, commits, deadline, err) : push_remote(repo, commits, deadline, err);
    if (status) return status;
    repo->head = commits->tip.commit;
    repo->made = commits->tip;
    return STATUS_OK;
}

static enum status make_commits(struct registry_repo *repo, struct registry_change *changes, size_t count,
                                struct commits *commits, struct error *err) {
    *commits = (struct commits){0};
    enum status status = begin_commits(repo, &commits->tip, err);
    for (size_t i = 0; i < count && !status; i++)
        status = apply_change(repo, &changes[i], i + 1 == count, commits, err);
    if (status == STATUS_INTERNAL) repo->is_damaged = true;
    return status;
}

static bool is_empty(const struct registry_repo *repo, const struct commits *commits) {
    return git_oid_equal(&commits->tip.commit, &repo->head) && commits->tag_count == 0;
}

/* One try: fetch, commit, push. The fetch is left out if the remote was asked just now, but not about tags: the push fails if
 * the branch has moved. If the commits fail, or there is nothing to push, the remote is asked after all. */
static enum status apply_once(struct registry_repo *repo, struct registry_change *changes, size_t count,
                              struct deadline *deadline, struct error *err) {
    struct commits commits;
    bool is_guess = repo->tag_count == 0 && registry_repo_is_fresh(repo);
    enum status status = is_guess ? STATUS_OK : registry_repo_fetch_locked(repo, deadline, err);
    if (!status) status = make_commits(repo, changes, count, &commits, err);
    if (is_guess && (status || is_empty(repo, &commits))) {
        status = registry_repo_fetch_locked(repo, deadline, err);
        if (!status) status = make_commits(repo, changes, count, &commits, err);
    }
    if (!status && !is_empty(repo, &commits)) status = push(repo, &commits, deadline, err);
    registry_pack_clear(&repo->pack);
    return status;
}

/* The fetches to come look the changes' tags up. */
static void want_tags(struct registry_repo *repo, const struct registry_change *changes, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < changes[i].tag_count; j++) {
            if (registry_repo_tag(repo, changes[i].tags[j])) continue;
            assert(repo->tag_count < REGISTRY_TAGS_MAX);
            repo->tags[repo->tag_count++] = (struct registry_tag){.name = changes[i].tags[j]};
        }
}

enum status registry_repo_apply(struct registry_repo *repo, struct registry_change *changes, size_t count, int tries,
                                struct deadline *deadline, struct error *err) {
    assert(tries > 0);
    enum status status = STATUS_CONFLICT;
    pthread_mutex_lock(&repo->mutex);
    want_tags(repo, changes, count);
    for (int i = 0, wait_ms = FIRST_WAIT_MS; i < tries && status == STATUS_CONFLICT; i++) {
        status = STATUS_OK;
        if (i > 0) {
            status = deadline_pause(deadline, wait_ms, err);
            wait_ms = 2 * wait_ms < LONGEST_WAIT_MS ? 2 * wait_ms : LONGEST_WAIT_MS;
        }
        if (!status) status = apply_once(repo, changes, count, deadline, err);
    }
    repo->tag_count = 0;
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
