/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/registry/registry_repo.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/disk.h"
#include "lib/base/folder.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/secret.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/store/registry/registry_repo_parts.h"

#define BRANCH_OF_EMPTY_REMOTE "refs/heads/main"

enum {
    HANDLE_MAX_MS = 600000, /* age at which a handle is reopened: other processes repack, too */
    FRESH_MS = 2000,
    CONTENDED_MS = 5000,     /* for this long after a refused push, others are assumed to push all the time */
    FRESH_CONTENDED_MS = 50, /* replaces FRESH_MS then: the head is soon stale */
    LOOK_PAUSE_MS = 10,      /* between polls for the next push of another writer */
};

/* ---- Opening ---- */

static bool is_on_this_disk(const char *url) {
    struct url parts;
    return !url_split(&parts, url) || url_part_is(&parts.scheme, "file");
}

static void set_branch(struct registry_repo *repo, const char *branch) {
    if (text_equal(repo->branch, branch)) return;
    free(repo->branch);
    repo->branch = memory_copy_text(branch);
}

static enum status open_local(struct registry_repo *repo, struct error *err) {
    int code = git_repository_open_bare(&repo->git, repo->path);
    if (code == GIT_ENOTFOUND) return error_set(err, STATUS_NOT_FOUND, "'%s' is not a bare git repository.", repo->path);
    if (code == 0) code = git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1); /* the pushed commits exist nowhere else */
    if (code < 0) return git_transport_failure(code, "The repository could not be opened", err);
    return STATUS_OK;
}

/* True if the clone can be opened and its head, if it has one, can be read. */
static bool clone_is_sound(struct registry_repo *repo) {
    git_tree *tree = NULL;
    git_oid id;
    if (git_repository_open_bare(&repo->git, repo->path) < 0) return false;
    if (git_reference_name_to_id(&id, repo->git, REGISTRY_HEAD_REF) < 0) return true;
    bool is_sound = registry_repo_read_tree(&tree, repo->git, &id, NULL) == STATUS_OK;
    git_tree_free(tree);
    return is_sound;
}

static enum status make_clone(struct registry_repo *repo, struct error *err) {
    registry_pack_release(&repo->pack);
    git_repository_free(repo->git);
    repo->git = NULL;
    folder_remove(repo->path);
    int code = git_repository_init(&repo->git, repo->path, 1);
    repo->is_damaged = code < 0;
    return code < 0 ? git_transport_failure(code, "The clone could not be made", err) : STATUS_OK;
}

static enum status open_clone(struct registry_repo *repo, struct error *err) {
    struct text parent = {0};
    char *slash = strrchr(repo->path, '/');
    if (slash) text_append_bytes(&parent, repo->path, (size_t)(slash - repo->path));
    enum status status = parent.length ? folder_make(parent.bytes, err) : STATUS_OK;
    text_release(&parent);
    if (status || clone_is_sound(repo)) return status;
    if (repo->git) log_line(LOG_WARN, "clone_recreated", log_field("folder", repo->path));
    return make_clone(repo, err);
}

enum status registry_repo_open(struct registry_repo **out, const struct registry_repo_options *options,
                               struct deadline *deadline, struct error *err) {
    enum status status = git_transport_start(err);
    if (status) return status;
    const char *url = options->url;
    bool is_local = is_on_this_disk(url);
    assert(is_local || options->clone_folder);
    struct registry_repo *repo = memory_alloc(sizeof *repo);
    pthread_mutex_init(&repo->mutex, NULL);
    repo->url = memory_copy_text(url);
    repo->token = secret_keep(options->token);
    repo->authorities = options->authorities ? memory_copy_text(options->authorities) : NULL;
    repo->silence_ms = options->silence_ms;
    repo->is_local = is_local;
    const char *file = url_after_scheme(url, "file");
    repo->path = memory_copy_text(!is_local ? options->clone_folder : file ? file : url);
    repo->pusher = is_local ? NULL : git_pusher_create(url);
    status = is_local ? open_local(repo, err) : open_clone(repo, err);
    repo->opened_ms = clock_monotonic_ms();
    if (!status) status = registry_repo_fetch(repo, deadline, NULL, err);
    if (status)
        registry_repo_free(repo);
    else
        *out = repo;
    return status;
}

void registry_repo_free(struct registry_repo *repo) {
    if (!repo) return;
    git_pusher_free(repo->pusher);
    registry_pack_release(&repo->pack);
    git_repository_free(repo->git);
    pthread_mutex_destroy(&repo->mutex);
    free(repo->url);
    free(repo->authorities);
    free(repo->path);
    free(repo->branch);
    free(repo);
}

void registry_repo_set_token(struct registry_repo *repo, const char *token) {
    repo->token = secret_keep(token);
}

/* ---- Fetching ---- */

struct git_access registry_repo_access(const struct registry_repo *repo, struct deadline *deadline) {
    return (struct git_access){.user = REGISTRY_COMMITTER_NAME,
                               .token = repo->token,
                               .authorities = repo->authorities,
                               .allow_private = true,
                               .silence_ms = repo->silence_ms,
                               .deadline = deadline};
}

static enum status fetch_local(struct registry_repo *repo, struct error *err) {
    git_reference *symbolic = NULL;
    int code = git_reference_lookup(&symbolic, repo->git, "HEAD");
    if (code == 0 && !git_reference_symbolic_target(symbolic)) {
        git_reference_free(symbolic);
        return error_set(err, STATUS_INTERNAL, "HEAD of '%s' is not a branch.", repo->path);
    }
    if (code == 0) set_branch(repo, git_reference_symbolic_target(symbolic));
    git_reference_free(symbolic);
    if (code == 0) code = git_reference_name_to_id(&repo->head, repo->git, repo->branch);
    if (code == GIT_ENOTFOUND && repo->branch) {
        memset(&repo->head, 0, sizeof repo->head);
        return registry_repo_find_tags(repo, NULL, err);
    }
    return code < 0 ? git_transport_failure(code, "The repository's branch could not be read", err)
                    : registry_repo_find_tags(repo, NULL, err);
}

enum status registry_repo_point_ref(struct registry_repo *repo, const char *name, const git_oid *id, struct error *err) {
    git_reference *ref = NULL;
    int code = git_reference_create(&ref, repo->git, name, id, 1, NULL);
    git_reference_free(ref);
    return code < 0 ? git_transport_failure(code, "The clone's ref could not be moved", err) : STATUS_OK;
}

/* Fetches the commit at the head of the branch, unless it is here. */
static enum status fetch_branch(struct registry_repo *repo, struct git_connection *connection, const git_oid *id,
                                struct error *err) {
    git_commit *commit = NULL;
    enum status status = STATUS_OK;
    if (git_commit_lookup(&commit, repo->git, id) < 0) {
        status = git_connection_fetch(connection, repo->branch, err);
        int code = status ? 0 : git_commit_lookup(&commit, repo->git, id);
        if (code < 0) status = git_transport_failure(code, "The fetched commit could not be read", err);
    }
    git_commit_free(commit);
    if (!status) status = registry_repo_point_ref(repo, REGISTRY_HEAD_REF, id, err);
    if (!status) git_oid_cpy(&repo->head, id);
    return status;
}

static enum status fetch_remote(struct registry_repo *repo, struct deadline *deadline, struct error *err) {
    struct git_access access = registry_repo_access(repo, deadline);
    struct git_connection *connection = NULL;
    git_oid id;
    enum status status = git_connection_open(&connection, repo->git, repo->url, &access, err);
    if (status) return status;
    const char *branch = git_connection_default_branch(connection);
    set_branch(repo, branch ? branch : BRANCH_OF_EMPTY_REMOTE);
    if (git_connection_find(connection, repo->branch, &id))
        status = fetch_branch(repo, connection, &id, err);
    else
        memset(&repo->head, 0, sizeof repo->head);
    if (!status) status = registry_repo_find_tags(repo, connection, err);
    git_connection_free(connection);
    if (!status) repo->seen_ms = clock_monotonic_ms();
    return status;
}

void registry_repo_wear(struct registry_repo *repo) {
    pthread_mutex_lock(&repo->mutex);
    repo->is_worn = true;
    pthread_mutex_unlock(&repo->mutex);
}

/* libgit2 never closes a pack, not even a deleted one: they would accumulate, with their files open. */
static enum status open_again(struct registry_repo *repo, struct error *err) {
    git_repository *fresh = NULL;
    int code = git_repository_open_bare(&fresh, repo->path);
    if (code < 0) return git_transport_failure(code, "The repository could not be opened again", err);
    registry_pack_release(&repo->pack);
    git_repository_free(repo->git);
    repo->git = fresh;
    repo->is_worn = false;
    repo->opened_ms = clock_monotonic_ms();
    return STATUS_OK;
}

static bool is_worn(const struct registry_repo *repo) {
    return repo->is_worn || clock_monotonic_ms() - repo->opened_ms >= HANDLE_MAX_MS;
}

bool registry_repo_is_fresh(const struct registry_repo *repo) {
    int64_t now_ms = clock_monotonic_ms();
    bool is_contended = !repo->is_after_move && repo->refused_ms && now_ms - repo->refused_ms < CONTENDED_MS;
    return repo->seen_ms && now_ms - repo->seen_ms < (is_contended ? FRESH_CONTENDED_MS : FRESH_MS) && !is_worn(repo) &&
           !repo->is_damaged;
}

/* Polls the remote once, holding the mutex no longer than that: *now is where its branch is. If that differs from `before`
 * (NULL: not compared), it is fetched. */
static enum status look_for_move(struct registry_repo *repo, const git_oid *before, git_oid *now, struct deadline *deadline,
                                 struct error *err) {
    struct git_access access = registry_repo_access(repo, deadline);
    struct git_connection *connection = NULL;
    pthread_mutex_lock(&repo->mutex);
    enum status status = repo->is_damaged ? error_set(err, STATUS_INTERNAL, "The clone in '%s' is damaged.", repo->path)
                                          : git_connection_open(&connection, repo->git, repo->url, &access, err);
    bool is_there = !status && repo->branch && git_connection_find(connection, repo->branch, now);
    if (is_there && before && !git_oid_equal(before, now)) {
        status = fetch_branch(repo, connection, now, err);
        repo->is_after_move = status == STATUS_OK;
        if (!status) repo->seen_ms = clock_monotonic_ms();
    }
    git_connection_free(connection);
    pthread_mutex_unlock(&repo->mutex);
    return status;
}

enum status registry_repo_await_move(struct registry_repo *repo, int wait_ms, struct deadline *deadline, struct error *err) {
    int64_t until_ms = clock_monotonic_ms() + wait_ms;
    git_oid first = {0}, now = {0};
    if (repo->is_local) return STATUS_OK;
    enum status status = look_for_move(repo, NULL, &first, deadline, err);
    git_oid_cpy(&now, &first);
    while (!status && git_oid_equal(&first, &now) && clock_monotonic_ms() < until_ms) {
        status = deadline_pause(deadline, LOOK_PAUSE_MS, err);
        if (!status) status = look_for_move(repo, &first, &now, deadline, err);
    }
    return status;
}

enum status registry_repo_fetch_locked(struct registry_repo *repo, struct deadline *deadline, struct error *err) {
    if (is_worn(repo) && !repo->is_damaged) {
        enum status status = open_again(repo, err);
        if (status && repo->is_local) return status;
        if (status) repo->is_damaged = true;
    }
    if (repo->is_local) return fetch_local(repo, err);
    enum status status = repo->is_damaged ? STATUS_INTERNAL : fetch_remote(repo, deadline, err);
    if (status != STATUS_INTERNAL) return status;
    log_line(LOG_WARN, "clone_recreated", log_field("folder", repo->path));
    status = make_clone(repo, err);
    return status ? status : fetch_remote(repo, deadline, err);
}

enum status registry_repo_name_place(const struct registry_repo *repo, enum status status, struct error *err) {
    if (status == STATUS_INTERNAL && err && !strstr(err->message, repo->path)) error_prefix(err, "In %s", repo->path);
    return status;
}

enum status registry_repo_fetch(struct registry_repo *repo, struct deadline *deadline, char head[REGISTRY_COMMIT_MAX],
                                struct error *err) {
    pthread_mutex_lock(&repo->mutex);
    enum status status = registry_repo_fetch_locked(repo, deadline, err);
    if (!status && head) {
        head[0] = '\0';
        if (!git_oid_is_zero(&repo->head)) git_oid_tostr(head, REGISTRY_COMMIT_MAX, &repo->head);
    }
    pthread_mutex_unlock(&repo->mutex);
    return registry_repo_name_place(repo, status, err);
}

enum status registry_repo_as_trouble(enum status status, struct error *err) {
    static const enum status ours[] = {STATUS_NOT_FOUND, STATUS_FORBIDDEN, STATUS_REFUSED, STATUS_INVALID, STATUS_TOO_LARGE};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (status == ours[i]) status = error_set(err, STATUS_UNAVAILABLE, "%s", err ? err->message : "");
    return error_mark(err, status, TROUBLE_REPOSITORY);
}

enum status registry_repo_check_disk(const struct registry_repo *repo, struct error *err) {
    return disk_check(NULL, repo->path, err);
}

/* ---- Reading ---- */

enum status registry_repo_cannot_read(const char *what, struct error *err) {
    const git_error *last = git_error_last();
    return error_set(err, STATUS_INTERNAL, "%s could not be read from the repository: %s.", what,
                     last && last->message ? last->message : "it is damaged");
}

enum status registry_repo_read_tree(git_tree **out, git_repository *git, const git_oid *commit_id, struct error *err) {
    git_commit *commit = NULL;
    *out = NULL;
    if (git_oid_is_zero(commit_id)) return STATUS_OK;
    int code = git_commit_lookup(&commit, git, commit_id);
    if (code == 0) code = git_commit_tree(out, commit);
    git_commit_free(commit);
    return code < 0 ? registry_repo_cannot_read("A commit", err) : STATUS_OK;
}

bool registry_repo_is_regular(git_filemode_t mode) {
    return mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE;
}

enum status registry_repo_copy_blob(git_repository *git, const git_oid *id, const char *path, struct arena *arena,
                                    struct registry_file *out, struct error *err) {
    git_blob *blob = NULL;
    if (git_blob_lookup(&blob, git, id) < 0) return registry_repo_cannot_read(path, err);
    out->length = (size_t)git_blob_rawsize(blob);
    out->bytes = arena_copy_bytes(arena, git_blob_rawcontent(blob), out->length);
    git_blob_free(blob);
    return STATUS_OK;
}

/* `tree` may be NULL: empty. */
static enum status read_file(git_repository *git, const git_tree *tree, const char *path, struct arena *arena,
                             struct registry_file *out, struct error *err) {
    *out = (struct registry_file){0};
    git_tree_entry *entry = NULL;
    int code = tree ? git_tree_entry_bypath(&entry, tree, path) : GIT_ENOTFOUND;
    enum status status = STATUS_OK;
    if (code == 0 && registry_repo_is_regular(git_tree_entry_filemode(entry)))
        status = registry_repo_copy_blob(git, git_tree_entry_id(entry), path, arena, out, err);
    else if (code == 0)
        status = error_set(err, STATUS_REFUSED, "'%s' in the repository is not a file.", path);
    else if (code != GIT_ENOTFOUND)
        status = registry_repo_cannot_read(path, err);
    git_tree_entry_free(entry);
    return status;
}

enum status registry_repo_read(struct registry_repo *repo, const char *path, struct arena *arena, struct registry_file *out,
                               struct error *err) {
    git_tree *tree = NULL;
    pthread_mutex_lock(&repo->mutex);
    enum status status = registry_repo_read_tree(&tree, repo->git, &repo->head, err);
    if (!status) status = read_file(repo->git, tree, path, arena, out, err);
    if (status == STATUS_INTERNAL) repo->is_damaged = true;
    git_tree_free(tree);
    pthread_mutex_unlock(&repo->mutex);
    return status;
}
