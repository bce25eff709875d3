/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/git_checkout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/file_names.h"
#include "lib/tools/git_transport.h"

enum {
    DEPTH_MAX = 100,
    LINKS_FOLLOWED_MAX = 40, /* as the kernel counts */
    LINK_TARGET_MAX = 4096,
    LFS_POINTER_MAX = 1024, /* as Git LFS has it */
};

struct checkout {
    git_repository *repository;
    git_tree *root; /* the package's folder */
    const struct git_checkout_limits *limits;
    struct deadline *deadline;
    int64_t bytes;
    int64_t files;
    struct text path; /* of what is being written, from the root, for messages */
};

/* ---- Links ---- */

static void pop_component(struct text *path) {
    char *slash = path->length ? strrchr(path->bytes, '/') : NULL;
    path->length = slash ? (size_t)(slash - path->bytes) : 0;
    if (path->bytes) path->bytes[path->length] = '\0';
}

/* Appends the target of the link at `path`, if there is one: true. */
static bool append_link_target(struct checkout *checkout, const char *path, struct text *out) {
    git_tree_entry *entry = NULL;
    git_blob *blob = NULL;
    bool is_link =
        git_tree_entry_bypath(&entry, checkout->root, path) == 0 && git_tree_entry_filemode(entry) == GIT_FILEMODE_LINK &&
        git_blob_lookup(&blob, checkout->repository, git_tree_entry_id(entry)) == 0 && git_blob_rawsize(blob) < LINK_TARGET_MAX;
    if (is_link) text_append_bytes(out, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
    git_blob_free(blob);
    git_tree_entry_free(entry);
    return is_link;
}

/* Follows the link at `path` within the tree, through other links, as the kernel would: does it stay below the root all the
 * way? (What it leads to need not exist.) */
static bool link_stays_inside(struct checkout *checkout, const char *path) {
    struct text at = {0};   /* where we are, without links */
    struct text left = {0}; /* the path still to be walked */
    bool inside = true;
    int followed = 0;
    text_append(&left, path);
    while (inside && left.length > 0) {
        size_t length = strcspn(left.bytes, "/");
        struct text rest = {0};
        if (length < left.length) text_append(&rest, left.bytes + length + 1);
        left.bytes[length] = '\0';
        if (strcmp(left.bytes, "..") == 0) {
            inside = at.length > 0;
            pop_component(&at);
        } else if (length > 0 && strcmp(left.bytes, ".") != 0) {
            size_t before = at.length;
            if (before) text_append_character(&at, '/');
            text_append(&at, left.bytes);
            struct text target = {0};
            if (append_link_target(checkout, at.bytes, &target)) {
                inside = target.length > 0 && target.bytes[0] != '/' && strlen(target.bytes) == target.length &&
                         ++followed <= LINKS_FOLLOWED_MAX;
                at.length = before;
                at.bytes[before] = '\0';
                text_append_character(&target, '/');
                text_append(&target, text_view(&rest));
                text_release(&rest);
                rest = target;
            } else {
                text_release(&target);
            }
        }
        text_release(&left);
        left = rest;
    }
    text_release(&at);
    text_release(&left);
    return inside;
}

/* ---- Looking at everything before anything is written ---- */

static enum status refuse_damaged(const struct checkout *checkout, struct error *err) {
    return error_set(err, STATUS_REFUSED, "The repository is damaged: '%.500s' is not in it, or is not what it should be.",
                     text_view(&checkout->path));
}

static enum status refuse_many(const struct checkout *checkout, struct error *err) {
    return error_set(err, STATUS_TOO_LARGE, "The package has more than %lld files and folders.",
                     (long long)checkout->limits->files);
}

static enum status refuse_clash(const struct checkout *checkout, const char *one, const char *other, struct error *err) {
    const char *folder = text_view(&checkout->path), *slash = *folder ? "/" : "";
    if (text_equal(one, other))
        return error_set(err, STATUS_REFUSED, "The repository has '%.300s%s%.300s' twice.", folder, slash, one);
    return error_set(err, STATUS_REFUSED,
                     "'%.300s%s%.300s' and '%.300s%s%.300s' differ in nothing but upper and lower case, so not everybody could "
                     "unpack them: rename one of them.",
                     folder, slash, one, folder, slash, other);
}

/* The size comes from the object's header, so that a large one is never loaded. */
static enum status count_blob(struct checkout *checkout, const git_oid *id, struct error *err) {
    size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    git_odb *odb = NULL;
    int code = git_repository_odb(&odb, checkout->repository);
    if (code == 0) code = git_odb_read_header(&size, &type, odb, id);
    git_odb_free(odb);
    if (code < 0 || type != GIT_OBJECT_BLOB) return refuse_damaged(checkout, err);
    if (size > (uint64_t)(checkout->limits->bytes - checkout->bytes))
        return error_set(err, STATUS_TOO_LARGE, "The files of the package are larger than %lld bytes together.",
                         (long long)checkout->limits->bytes);
    checkout->bytes += (int64_t)size;
    return STATUS_OK;
}

/* No name in a folder may be another's, upper or lower case. Folders with too many entries are not looked at any further. */
static enum status check_names(struct checkout *checkout, const git_tree *tree, struct error *err) {
    size_t count = git_tree_entrycount(tree), one, other;
    if (count > (uint64_t)(checkout->limits->files - checkout->files)) return refuse_many(checkout, err);
    const char **names = memory_resize(NULL, count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = git_tree_entry_name(git_tree_entry_byindex(tree, i));
    bool clash = file_names_clash(names, count, &one, &other);
    enum status status = clash ? refuse_clash(checkout, names[one], names[other], err) : STATUS_OK;
    free(names);
    return status;
}

static enum status check_tree(struct checkout *checkout, const git_tree *tree, int depth, struct error *err);

static enum status check_folder(struct checkout *checkout, const git_oid *id, int depth, struct error *err) {
    git_tree *tree = NULL;
    if (depth >= DEPTH_MAX)
        return error_set(err, STATUS_REFUSED, "The repository's folders are more than %d deep ('%.500s').", DEPTH_MAX,
                         text_view(&checkout->path));
    if (git_tree_lookup(&tree, checkout->repository, id) < 0) return refuse_damaged(checkout, err);
    enum status status = check_tree(checkout, tree, depth + 1, err);
    git_tree_free(tree);
    return status;
}

static enum status check_entry(struct checkout *checkout, const git_tree_entry *entry, int depth, struct error *err) {
    git_filemode_t mode = git_tree_entry_filemode(entry);
    const char *fault = file_name_fault(git_tree_entry_name(entry));
    if (fault)
        return error_set(err, STATUS_REFUSED, "The repository has a file or folder '%.500s', whose name %s.",
                         text_view(&checkout->path), fault);
    if (mode == GIT_FILEMODE_COMMIT)
        return error_set(err, STATUS_REFUSED,
                         "'%.500s' is a submodule, and those are not fetched: put its files into the repository itself.",
                         text_view(&checkout->path));
    if (++checkout->files > checkout->limits->files) return refuse_many(checkout, err);
    const git_oid *id = git_tree_entry_id(entry);
    return mode == GIT_FILEMODE_TREE ? check_folder(checkout, id, depth, err) : count_blob(checkout, id, err);
}

/* The entry's path in place of its folder's; leave_entry() goes back. */
static size_t enter_entry(struct checkout *checkout, const git_tree_entry *entry) {
    size_t parent_length = checkout->path.length;
    if (parent_length) text_append_character(&checkout->path, '/');
    text_append(&checkout->path, git_tree_entry_name(entry));
    return parent_length;
}

static void leave_entry(struct checkout *checkout, size_t parent_length) {
    checkout->path.length = parent_length;
    checkout->path.bytes[parent_length] = '\0';
}

static enum status check_tree(struct checkout *checkout, const git_tree *tree, int depth, struct error *err) {
    enum status status = check_names(checkout, tree, err);
    for (size_t i = 0; i < git_tree_entrycount(tree) && !status; i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
        size_t parent_length = enter_entry(checkout, entry);
        status = deadline_check(checkout->deadline, err);
        if (!status) status = check_entry(checkout, entry, depth, err);
        leave_entry(checkout, parent_length);
    }
    return status;
}

/* ---- Writing ---- */

static enum status fail_to_write(struct checkout *checkout, struct error *err) {
    if (errno == ENAMETOOLONG)
        return error_set(err, STATUS_REFUSED, "The name '%.500s' in the repository is too long.", text_view(&checkout->path));
    return error_set(err, STATUS_INTERNAL, "'%.500s' could not be written: %s.", text_view(&checkout->path), strerror(errno));
}

static bool write_all(int file, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(file, bytes, length);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

static enum status write_link(struct checkout *checkout, int folder, const char *name, const git_blob *blob,
                              struct error *err) {
    if (!link_stays_inside(checkout, text_view(&checkout->path)))
        return error_set(err, STATUS_REFUSED, "The symbolic link '%.500s' leads out of the package's folder.",
                         text_view(&checkout->path));
    struct text target = {0};
    text_append_bytes(&target, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
    int result = symlinkat(text_view(&target), folder, name);
    text_release(&target);
    return result ? fail_to_write(checkout, err) : STATUS_OK;
}

/* What Git LFS has in a repository in place of a file. */
static bool is_lfs_pointer(const git_blob *blob) {
    static const char *const beginnings[] = {"version https://git-lfs.github.com/spec/",
                                             "version https://hawser.github.com/spec/", "version http://git-media.io/v/"};
    size_t length = (size_t)git_blob_rawsize(blob);
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings && length < LFS_POINTER_MAX; i++)
        if (length > strlen(beginnings[i]) && memcmp(git_blob_rawcontent(blob), beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

static enum status write_regular(struct checkout *checkout, int folder, const char *name, const git_blob *blob, mode_t mode,
                                 struct error *err) {
    if (is_lfs_pointer(blob))
        return error_set(
            err, STATUS_REFUSED,
            "The file '%.500s' is kept in Git LFS, which sources are not fetched from: put the file itself into the "
            "repository.",
            text_view(&checkout->path));
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (file < 0) return fail_to_write(checkout, err);
    bool written = fchmod(file, mode) == 0 && write_all(file, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
    enum status status = written ? STATUS_OK : fail_to_write(checkout, err);
    close(file);
    return status;
}

static enum status write_blob(struct checkout *checkout, int folder, const git_tree_entry *entry, struct error *err) {
    git_blob *blob = NULL;
    enum status status;
    if (git_blob_lookup(&blob, checkout->repository, git_tree_entry_id(entry)) < 0) return refuse_damaged(checkout, err);
    git_filemode_t mode = git_tree_entry_filemode(entry);
    const char *name = git_tree_entry_name(entry);
    if (mode == GIT_FILEMODE_LINK)
        status = write_link(checkout, folder, name, blob, err);
    else
        status = write_regular(checkout, folder, name, blob, mode == GIT_FILEMODE_BLOB_EXECUTABLE ? 0755 : 0644, err);
    git_blob_free(blob);
    return status;
}

static enum status write_tree(struct checkout *checkout, int folder, const git_tree *tree, struct error *err);

static enum status write_folder(struct checkout *checkout, int parent, const git_tree_entry *entry, struct error *err) {
    const char *name = git_tree_entry_name(entry);
    git_tree *tree = NULL;
    if (git_tree_lookup(&tree, checkout->repository, git_tree_entry_id(entry)) < 0) return refuse_damaged(checkout, err);
    enum status status = STATUS_OK;
    int folder = -1;
    if (mkdirat(parent, name, 0755) == 0) folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 || fchmod(folder, 0755) != 0)
        status = fail_to_write(checkout, err);
    else
        status = write_tree(checkout, folder, tree, err);
    if (folder >= 0) close(folder);
    git_tree_free(tree);
    return status;
}

static enum status write_tree(struct checkout *checkout, int folder, const git_tree *tree, struct error *err) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < git_tree_entrycount(tree) && !status; i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
        size_t parent_length = enter_entry(checkout, entry);
        status = deadline_check(checkout->deadline, err);
        if (!status)
            status = git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE ? write_folder(checkout, folder, entry, err)
                                                                         : write_blob(checkout, folder, entry, err);
        leave_entry(checkout, parent_length);
    }
    return status;
}

/* ---- The package's folder ---- */

static enum status find_root(git_tree **out, git_repository *repository, const git_oid *commit_id, const char *subdir,
                             struct error *err) {
    git_commit *commit = NULL;
    git_tree *tree = NULL;
    git_object *folder = NULL;
    enum status status = STATUS_OK;
    int code = git_commit_lookup(&commit, repository, commit_id);
    if (code == 0) code = git_commit_tree(&tree, commit);
    if (code < 0) {
        status = git_transport_failure(code, "The commit could not be read", err);
    } else if (!subdir) {
        *out = tree;
        tree = NULL;
    } else if (git_object_lookup_bypath(&folder, (git_object *)tree, subdir, GIT_OBJECT_TREE) < 0) {
        status = error_set_at(err, STATUS_INVALID, "location.subdir", "There is no folder '%s' in the repository.", subdir);
    } else {
        *out = (git_tree *)folder;
    }
    git_tree_free(tree);
    git_commit_free(commit);
    return status;
}

enum status git_checkout_write(git_repository *repository, const git_oid *commit, const char *subdir, const char *folder,
                               const struct git_checkout_limits *limits, struct deadline *deadline, struct error *err) {
    struct checkout checkout = {.repository = repository, .limits = limits, .deadline = deadline};
    enum status status = find_root(&checkout.root, repository, commit, subdir, err);
    if (status) return status;
    int top = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0) status = error_set(err, STATUS_INTERNAL, "The folder '%s' could not be opened: %s.", folder, strerror(errno));
    if (!status) status = check_tree(&checkout, checkout.root, 0, err);
    if (!status) status = write_tree(&checkout, top, checkout.root, err);
    if (top >= 0) close(top);
    git_tree_free(checkout.root);
    text_release(&checkout.path);
    return status;
}
