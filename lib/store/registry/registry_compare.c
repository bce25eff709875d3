/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Finds the files that differ between two commits, and visits them. The trees are walked here, and not by libgit2's diff,
 * because that reads every folder of both (the index has hundreds); this walk skips a folder that is the same on both sides.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/array.h"
#include "lib/base/memory.h"
#include "lib/base/thread.h"
#include "lib/store/registry/registry_repo_parts.h"

enum {
    THREADS_MAX = 8,
    FILES_A_THREAD = 64, /* fewer do not justify another thread */
};

/* A file that differs. */
struct difference {
    const char *path;
    git_oid id; /* of its content */
    bool is_removed;
};

struct comparison {
    git_repository *git; /* a handle of its own, so that the repository's other users do not wait */
    struct arena paths;
    struct difference *items; /* the differences, in path order */
    size_t count, capacity;
    atomic_bool is_unreadable; /* an object that must be there could not be read */
};

/* ---- Finding the differences ---- */

/* An entry of a tree on both sides; NULL if it is missing there. Both are folders, or neither is: in git's order a folder and a
 * file of one name are different entries. */
struct entry_pair {
    const git_tree_entry *before, *after;
};

static const git_tree_entry *entry_at(const git_tree *tree, size_t position) {
    return tree && position < git_tree_entrycount(tree) ? git_tree_entry_byindex(tree, position) : NULL;
}

/* Takes the next entry of both trees, in git's order; false at the end of both. */
static bool take_pair(struct entry_pair *out, const git_tree *before, size_t *at_before, const git_tree *after,
                      size_t *at_after) {
    out->before = entry_at(before, *at_before);
    out->after = entry_at(after, *at_after);
    int order = out->before && out->after ? git_tree_entry_cmp(out->before, out->after) : 0;
    if (order < 0) out->after = NULL;
    if (order > 0) out->before = NULL;
    *at_before += out->before != NULL;
    *at_after += out->after != NULL;
    return out->before || out->after;
}

static bool is_folder(const git_tree_entry *entry) {
    return entry && git_tree_entry_type(entry) == GIT_OBJECT_TREE;
}

static bool is_regular(const git_tree_entry *entry) {
    return entry && registry_repo_is_regular(git_tree_entry_filemode(entry));
}

static bool is_unchanged(const struct entry_pair *pair) {
    return pair->before && pair->after && is_regular(pair->before) == is_regular(pair->after) &&
           git_oid_equal(git_tree_entry_id(pair->before), git_tree_entry_id(pair->after));
}

static void add_difference(struct comparison *all, const struct entry_pair *pair, const char *path) {
    bool is_there = is_regular(pair->after);
    if (!is_there && !is_regular(pair->before)) return;
    struct difference *difference = array_add(all);
    *difference = (struct difference){.path = path, .is_removed = !is_there};
    if (is_there) difference->id = *git_tree_entry_id(pair->after);
}

static enum status read_folder(git_tree **out, git_repository *git, const git_tree_entry *entry, const char *path,
                               struct error *err) {
    if (!entry) return STATUS_OK;
    return git_tree_lookup(out, git, git_tree_entry_id(entry)) < 0 ? registry_repo_cannot_read(path, err) : STATUS_OK;
}

static enum status compare_trees(struct comparison *all, const git_tree *before, const git_tree *after, const char *folder,
                                 struct error *err);

static enum status compare_folders(struct comparison *all, const struct entry_pair *pair, const char *path, struct error *err) {
    git_tree *before = NULL, *after = NULL;
    enum status status = read_folder(&before, all->git, pair->before, path, err);
    if (!status) status = read_folder(&after, all->git, pair->after, path, err);
    if (!status) status = compare_trees(all, before, after, path, err);
    git_tree_free(after);
    git_tree_free(before);
    return status;
}

/* Adds the differences below `folder` (NULL: the root). A tree may be NULL: empty. */
static enum status compare_trees(struct comparison *all, const git_tree *before, const git_tree *after, const char *folder,
                                 struct error *err) {
    struct entry_pair pair;
    size_t at_before = 0, at_after = 0;
    enum status status = STATUS_OK;
    while (!status && take_pair(&pair, before, &at_before, after, &at_after)) {
        if (is_unchanged(&pair)) continue;
        const char *name = git_tree_entry_name(pair.after ? pair.after : pair.before);
        const char *path = folder ? arena_format(&all->paths, "%s/%s", folder, name) : arena_copy(&all->paths, name);
        if (is_folder(pair.before) || is_folder(pair.after))
            status = compare_folders(all, &pair, path, err);
        else
            add_difference(all, &pair, path);
    }
    return status;
}

static bool is_missing(git_repository *git, const git_oid *id) {
    git_commit *commit = NULL;
    int code = git_oid_is_zero(id) ? 0 : git_commit_lookup(&commit, git, id);
    git_commit_free(commit);
    return code == GIT_ENOTFOUND;
}

/* The tree of the commit `text` ("": none), or of `folder` in it; NULL if there is none. STATUS_NOT_FOUND: there is no such
 * commit. */
static enum status find_tree(git_tree **out, git_repository *git, const char *text, const char *folder, struct error *err) {
    git_oid id = {0};
    git_tree *root = NULL;
    git_object *inner = NULL;
    *out = NULL;
    if (text[0] && git_oid_fromstr(&id, text) < 0) return error_set(err, STATUS_NOT_FOUND, "'%s' is not a commit id.", text);
    if (is_missing(git, &id)) return error_set(err, STATUS_NOT_FOUND, "The repository has no commit %s.", text);
    enum status status = registry_repo_read_tree(&root, git, &id, err);
    if (status) return status;
    if (!folder || !root) {
        *out = root;
        return STATUS_OK;
    }
    int code = git_object_lookup_bypath(&inner, (git_object *)root, folder, GIT_OBJECT_TREE);
    if (code == 0) *out = (git_tree *)inner;
    /* A tree that is there and cannot be read must not pass for an empty one: all its files would seem to be gone. */
    bool is_there = code == 0 || git_tree_entry_byname(root, folder);
    if (code < 0 && is_there)
        status = error_set(err, STATUS_INTERNAL, "The folder '%s' of the commit %s cannot be read.", folder, text);
    git_tree_free(root);
    return status;
}

static enum status find_differences(struct comparison *all, const char *from, const char *to, const char *folder,
                                    struct error *err) {
    git_tree *before = NULL, *after = NULL;
    enum status status = find_tree(&before, all->git, from, folder, err);
    if (!status) {
        status = find_tree(&after, all->git, to, folder, err);
        if (status == STATUS_NOT_FOUND) status = STATUS_INTERNAL; /* it was fetched: only `from` may be of another history */
        if (status && err) err->status = status;
    }
    if (!status) status = compare_trees(all, before, after, folder, err);
    git_tree_free(after);
    git_tree_free(before);
    return status;
}

/* ---- Visiting them ---- */

/* Shared by the visiting threads. */
struct visiting {
    struct comparison *all;
    const char *repository; /* its path: each thread needs a libgit2 handle of its own */
    registry_visit *visit;
    void *context;
    atomic_size_t next;
    atomic_bool is_over; /* a visit failed */
};

struct visitor {
    struct visiting *visiting;
    enum status status;
    struct error err;
};

static enum status visit_difference(struct comparison *all, size_t i, git_repository *git, registry_visit *visit, void *context,
                                    struct error *err) {
    const struct difference *difference = &all->items[i];
    struct arena arena = {0};
    struct registry_file file = {0};
    enum status status = STATUS_OK;
    if (!difference->is_removed) status = registry_repo_copy_blob(git, &difference->id, difference->path, &arena, &file, err);
    if (status) atomic_store(&all->is_unreadable, true);
    if (!status) status = visit(difference->path, &file, context, err);
    arena_release(&arena);
    return status;
}

static void visit_some(void *context) {
    struct visitor *visitor = context;
    struct visiting *visiting = visitor->visiting;
    struct comparison *all = visiting->all;
    git_repository *git = NULL;
    if (git_repository_open_bare(&git, visiting->repository) < 0)
        visitor->status = registry_repo_cannot_read(visiting->repository, &visitor->err);
    while (!visitor->status && !atomic_load(&visiting->is_over)) {
        size_t i = atomic_fetch_add(&visiting->next, 1);
        if (i >= all->count) break;
        visitor->status = visit_difference(all, i, git, visiting->visit, visiting->context, &visitor->err);
    }
    if (visitor->status) atomic_store(&visiting->is_over, true);
    git_repository_free(git);
}

/* One thread for each core, the calling one included, if there is enough to do for each. */
static size_t count_threads(size_t file_count) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t most = cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (size_t)cores;
    size_t wanted = 1 + file_count / FILES_A_THREAD;
    return wanted < most ? wanted : most;
}

static enum status visit_in_threads(struct visiting *visiting, struct error *err) {
    size_t count = count_threads(visiting->all->count), started = 1;
    struct visitor *visitors = memory_alloc(count * sizeof *visitors);
    struct thread threads;
    thread_init(&threads);
    for (size_t i = 0; i < count; i++)
        visitors[i].visiting = visiting;
    while (started < count && !thread_start(&threads, "compare", visit_some, &visitors[started], NULL))
        started++;
    visit_some(&visitors[0]); /* does everything if no other thread could be started */
    thread_release(&threads);
    enum status status = visitors[0].status;
    size_t failed = 0;
    for (size_t i = 1; i < started; i++) {
        if (status || !visitors[i].status) continue;
        status = visitors[i].status;
        failed = i;
    }
    if (status && err) *err = visitors[failed].err;
    free(visitors);
    return status;
}

static enum status start_comparison(struct comparison *all, const struct registry_repo *repo, const char *from, const char *to,
                                    const char *folder, struct error *err) {
    if (git_repository_open_bare(&all->git, repo->path) < 0) return registry_repo_cannot_read(repo->path, err);
    enum status status = find_differences(all, from, to, folder, err);
    if (status == STATUS_INTERNAL) atomic_store(&all->is_unreadable, true);
    return status;
}

/* Has the next fetch make a clone again whose objects cannot be read. */
static void end_comparison(struct comparison *all, struct registry_repo *repo) {
    if (atomic_load(&all->is_unreadable)) {
        pthread_mutex_lock(&repo->mutex);
        repo->is_damaged = true;
        pthread_mutex_unlock(&repo->mutex);
    }
    free(all->items);
    arena_release(&all->paths);
    git_repository_free(all->git);
}

enum status registry_repo_compare(struct registry_repo *repo, const char *from, const char *to, const char *folder,
                                  registry_visit *visit, void *context, struct error *err) {
    struct comparison all = {0};
    enum status status = start_comparison(&all, repo, from, to, folder, err);
    for (size_t i = 0; i < all.count && !status; i++)
        status = visit_difference(&all, i, all.git, visit, context, err);
    end_comparison(&all, repo);
    return status;
}

enum status registry_repo_compare_in_threads(struct registry_repo *repo, const char *from, const char *to, const char *folder,
                                             registry_visit *visit, void *context, struct error *err) {
    struct comparison all = {0};
    enum status status = start_comparison(&all, repo, from, to, folder, err);
    struct visiting visiting = {.all = &all, .repository = repo->path, .visit = visit, .context = context};
    if (!status) status = visit_in_threads(&visiting, err);
    end_comparison(&all, repo);
    return status;
}
