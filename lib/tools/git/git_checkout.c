/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/git/git_checkout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/archive/file_names.h"
#include "lib/tools/git/git_transport.h"

enum {
    DEPTH_MAX = 100,
    LINKS_FOLLOWED_MAX = 40, /* like the kernel */
    LINK_TARGET_MAX = 4096,
    FAILED_LINKS_MAX = 100, /* with targets over the remaining limits; after this many no further targets are measured */
};

struct checkout {
    git_repository *repository;
    git_tree *top;  /* of the whole repository */
    git_tree *root; /* the package's folder */
    const char *subdir;
    const struct git_checkout_limits *limits;
    struct deadline *deadline;
    int64_t bytes;
    int64_t files;
    int failed_links;
    struct text path; /* of the current entry, from the root, for messages */
};

/* ---- Links ---- */

static void pop_component(struct text *path) {
    char *slash = path->length ? strrchr(path->bytes, '/') : NULL;
    path->length = slash ? (size_t)(slash - path->bytes) : 0;
    if (path->bytes) path->bytes[path->length] = '\0';
}

/* True if `path` below `root` is a link; appends its target. */
static bool append_link_target(struct checkout *checkout, git_tree *root, const char *path, struct text *out) {
    git_tree_entry *entry = NULL;
    git_blob *blob = NULL;
    bool is_link = git_tree_entry_bypath(&entry, root, path) == 0 && git_tree_entry_filemode(entry) == GIT_FILEMODE_LINK &&
                   git_blob_lookup(&blob, checkout->repository, git_tree_entry_id(entry)) == 0 &&
                   git_blob_rawsize(blob) < LINK_TARGET_MAX;
    if (is_link) text_append_bytes(out, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
    git_blob_free(blob);
    git_tree_entry_free(entry);
    return is_link;
}

/* Follows the link at `path` below `root`, through other links, as the kernel would. True: it stays below `root` all the
 * way. *at, initially empty, becomes the resolved path, which need not exist. */
static bool follow_link(struct checkout *checkout, git_tree *root, const char *path, struct text *at) {
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
            inside = at->length > 0;
            pop_component(at);
        } else if (length > 0 && strcmp(left.bytes, ".") != 0) {
            size_t before = at->length;
            if (before) text_append_character(at, '/');
            text_append(at, left.bytes);
            struct text target = {0};
            if (append_link_target(checkout, root, at->bytes, &target)) {
                inside = target.length > 0 && target.bytes[0] != '/' && strlen(target.bytes) == target.length &&
                         ++followed <= LINKS_FOLLOWED_MAX;
                at->length = before;
                at->bytes[before] = '\0';
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
    text_release(&left);
    return inside;
}

/* ---- Checks before anything is written ---- */

static enum status refuse_damaged(const struct checkout *checkout, struct error *err) {
    return error_set(err, STATUS_REFUSED, "The repository is damaged: the object at '%.500s' is missing or of the wrong type.",
                     text_view(&checkout->path));
}

static enum status refuse_many(const struct checkout *checkout, struct error *err) {
    return error_set(err, STATUS_TOO_LARGE, "The package has more than %lld files and folders.",
                     (long long)checkout->limits->files);
}

/* Reads the size from the object's header, so that a large object is not loaded. False: it is no blob. */
static bool measure_blob(struct checkout *checkout, const git_oid *id, size_t *size) {
    git_object_t type = GIT_OBJECT_INVALID;
    git_odb *odb = NULL;
    int code = git_repository_odb(&odb, checkout->repository);
    if (code == 0) code = git_odb_read_header(size, &type, odb, id);
    git_odb_free(odb);
    return code == 0 && type == GIT_OBJECT_BLOB;
}

static enum status count_blob(struct checkout *checkout, const git_oid *id, struct error *err) {
    size_t size = 0;
    if (!measure_blob(checkout, id, &size)) return refuse_damaged(checkout, err);
    if (size > (uint64_t)(checkout->limits->bytes - checkout->bytes))
        return error_set(err, STATUS_TOO_LARGE, "The files of the package are larger than %lld bytes in total.",
                         (long long)checkout->limits->bytes);
    checkout->bytes += (int64_t)size;
    return STATUS_OK;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Refuses duplicate names in a folder, which could not be written. */
static enum status check_names(struct checkout *checkout, const git_tree *tree, struct error *err) {
    size_t count = git_tree_entrycount(tree);
    enum status status = STATUS_OK;
    if (count > (uint64_t)(checkout->limits->files - checkout->files)) return refuse_many(checkout, err);
    const char **names = memory_resize(NULL, count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = git_tree_entry_name(git_tree_entry_byindex(tree, i));
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 1; i < count && !status; i++)
        if (text_equal(names[i - 1], names[i]))
            status = error_set(err, STATUS_REFUSED, "The repository has '%.300s%s%.300s' twice.", text_view(&checkout->path),
                               checkout->path.length ? "/" : "", names[i]);
    free(names);
    return status;
}

static enum status check_tree(struct checkout *checkout, const git_tree *tree, int depth, struct error *err);

static enum status check_folder(struct checkout *checkout, const git_oid *id, int depth, struct error *err) {
    git_tree *tree = NULL;
    if (depth >= DEPTH_MAX)
        return error_set(err, STATUS_REFUSED, "The repository's folders are nested more than %d deep ('%.500s').", DEPTH_MAX,
                         text_view(&checkout->path));
    if (git_tree_lookup(&tree, checkout->repository, id) < 0) return refuse_damaged(checkout, err);
    enum status status = check_tree(checkout, tree, depth + 1, err);
    git_tree_free(tree);
    return status;
}

static enum status check_entry(struct checkout *checkout, const git_tree_entry *entry, int depth, struct error *err) {
    git_filemode_t mode = git_tree_entry_filemode(entry);
    const char *fault = file_name_danger(git_tree_entry_name(entry));
    if (fault)
        return error_set(err, STATUS_REFUSED, "The repository has a file or folder '%.500s', whose name %s.",
                         text_view(&checkout->path), fault);
    if (++checkout->files > checkout->limits->files) return refuse_many(checkout, err);
    if (mode == GIT_FILEMODE_COMMIT) return STATUS_OK;
    const git_oid *id = git_tree_entry_id(entry);
    return mode == GIT_FILEMODE_TREE ? check_folder(checkout, id, depth, err) : count_blob(checkout, id, err);
}

/* Appends the entry's name to the path and returns the former length, with which leave_entry() undoes that. */
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

static enum status write_link(struct checkout *checkout, int folder, const char *name, const char *target, struct error *err) {
    return symlinkat(target, folder, name) ? fail_to_write(checkout, err) : STATUS_OK;
}

static enum status write_regular(struct checkout *checkout, int folder, const char *name, const git_blob *blob, mode_t mode,
                                 struct error *err) {
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (file < 0) return fail_to_write(checkout, err);
    bool written = fchmod(file, mode) == 0 && write_all(file, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
    enum status status = written ? STATUS_OK : fail_to_write(checkout, err);
    close(file);
    return status;
}

/* Creates the folder and opens it; -1 with `err` set. */
static int make_folder(struct checkout *checkout, int parent, const char *name, struct error *err) {
    int folder = -1;
    if (mkdirat(parent, name, 0755) == 0) folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0 && fchmod(folder, 0755) == 0) return folder;
    enum status failed = fail_to_write(checkout, err);
    (void)failed; /* err has it */
    if (folder >= 0) close(folder);
    return -1;
}

/* ---- Links out of the package's folder, but not out of the repository ---- */

/* The entry at `path` in the repository, links followed; NULL: it leads out of the repository or does not exist. */
static git_tree_entry *find_target(struct checkout *checkout, const char *path) {
    struct text at = {0};
    git_tree_entry *entry = NULL;
    if (!follow_link(checkout, checkout->top, path, &at) || at.length == 0 ||
        git_tree_entry_bypath(&entry, checkout->top, at.bytes) < 0)
        entry = NULL;
    text_release(&at);
    return entry;
}

/* Copies the target of a path in the repository to `name` in `folder`, replacing links within it by their targets. With
 * `folder` -1 nothing is written, only counted. STATUS_TOO_LARGE: over the limits; STATUS_REFUSED: it cannot be copied. */
static enum status copy_target(struct checkout *checkout, const char *path, int folder, const char *name, int depth,
                               struct error *err);

static enum status copy_tree(struct checkout *checkout, const char *path, const git_oid *id, int folder, const char *name,
                             int depth, struct error *err) {
    git_tree *tree = NULL;
    enum status status = STATUS_OK;
    struct text inner = {0};
    int target = -1;
    if (depth >= DEPTH_MAX || git_tree_lookup(&tree, checkout->repository, id) < 0) return STATUS_REFUSED;
    if (folder >= 0 && (target = make_folder(checkout, folder, name, err)) < 0) status = err->status;
    if (!status && folder < 0) status = check_names(checkout, tree, err);
    for (size_t i = 0; i < git_tree_entrycount(tree) && !status; i++) {
        const char *entry_name = git_tree_entry_name(git_tree_entry_byindex(tree, i));
        text_clear(&inner);
        text_append_format(&inner, "%s/%s", path, entry_name);
        status = deadline_check(checkout->deadline, err);
        if (!status && file_name_danger(entry_name)) status = STATUS_REFUSED;
        if (!status) status = copy_target(checkout, inner.bytes, target, entry_name, depth + 1, err);
    }
    if (target >= 0) close(target);
    text_release(&inner);
    git_tree_free(tree);
    return status;
}

static enum status copy_file(struct checkout *checkout, const git_tree_entry *entry, int folder, const char *name,
                             struct error *err) {
    git_blob *blob = NULL;
    size_t size = 0;
    if (folder < 0) {
        if (!measure_blob(checkout, git_tree_entry_id(entry), &size)) return STATUS_REFUSED;
        if (size > (uint64_t)(checkout->limits->bytes - checkout->bytes)) return STATUS_TOO_LARGE;
        checkout->bytes += (int64_t)size;
        return STATUS_OK;
    }
    if (git_blob_lookup(&blob, checkout->repository, git_tree_entry_id(entry)) < 0) return refuse_damaged(checkout, err);
    mode_t mode = git_tree_entry_filemode(entry) == GIT_FILEMODE_BLOB_EXECUTABLE ? 0755 : 0644;
    enum status status = write_regular(checkout, folder, name, blob, mode, err);
    git_blob_free(blob);
    return status;
}

static enum status copy_target(struct checkout *checkout, const char *path, int folder, const char *name, int depth,
                               struct error *err) {
    git_tree_entry *entry = find_target(checkout, path);
    git_filemode_t mode = entry ? git_tree_entry_filemode(entry) : GIT_FILEMODE_UNREADABLE;
    struct text at = {0};
    enum status status = STATUS_OK;
    if (folder < 0 && ++checkout->files > checkout->limits->files)
        status = STATUS_TOO_LARGE;
    else if (!entry) /* marked by a dangling link, which is refused only where it would be packed */
        status = folder < 0 ? STATUS_OK : write_link(checkout, folder, name, GIT_CHECKOUT_OUTSIDE, err);
    else if (mode == GIT_FILEMODE_COMMIT)
        status = folder < 0 ? STATUS_OK : write_link(checkout, folder, name, GIT_CHECKOUT_SUBMODULE, err);
    else if (mode != GIT_FILEMODE_TREE)
        status = copy_file(checkout, entry, folder, name, err);
    else if (follow_link(checkout, checkout->top, path, &at))
        status = copy_tree(checkout, at.bytes, git_tree_entry_id(entry), folder, name, depth, err);
    git_tree_entry_free(entry);
    text_release(&at);
    return status;
}

/* A link in the package's folder: kept if it stays inside; else replaced by its target, or by GIT_CHECKOUT_OUTSIDE if that
 * cannot be copied. */
static enum status place_link(struct checkout *checkout, int folder, const char *name, const git_blob *blob,
                              struct error *err) {
    struct text at = {0}, path = {0}, target = {0};
    struct error reason = {0};
    int64_t bytes = checkout->bytes, files = checkout->files;
    bool stays =
        git_blob_rawsize(blob) < LINK_TARGET_MAX && follow_link(checkout, checkout->root, text_view(&checkout->path), &at);
    text_append_bytes(&target, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
    if (checkout->subdir) text_append_format(&path, "%s/", checkout->subdir);
    text_append(&path, text_view(&checkout->path));
    bool can_be_copied =
        !stays && checkout->failed_links < FAILED_LINKS_MAX && !copy_target(checkout, path.bytes, -1, name, 0, &reason);
    enum status status = deadline_check(checkout->deadline, err);
    if (!stays && !can_be_copied) {
        checkout->failed_links++;
        checkout->bytes = bytes;
        checkout->files = files;
    }
    if (!status)
        status = stays           ? write_link(checkout, folder, name, text_view(&target), err)
                 : can_be_copied ? copy_target(checkout, path.bytes, folder, name, 0, err)
                                 : write_link(checkout, folder, name, GIT_CHECKOUT_OUTSIDE, err);
    text_release(&at);
    text_release(&path);
    text_release(&target);
    return status;
}

/* ---- The package's files ---- */

static enum status write_blob(struct checkout *checkout, int folder, const git_tree_entry *entry, struct error *err) {
    git_blob *blob = NULL;
    enum status status;
    if (git_blob_lookup(&blob, checkout->repository, git_tree_entry_id(entry)) < 0) return refuse_damaged(checkout, err);
    git_filemode_t mode = git_tree_entry_filemode(entry);
    const char *name = git_tree_entry_name(entry);
    if (mode == GIT_FILEMODE_LINK)
        status = place_link(checkout, folder, name, blob, err);
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
    int folder = make_folder(checkout, parent, name, err);
    enum status status = folder < 0 ? err->status : write_tree(checkout, folder, tree, err);
    if (folder >= 0) close(folder);
    git_tree_free(tree);
    return status;
}

static enum status write_entry(struct checkout *checkout, int folder, const git_tree_entry *entry, struct error *err) {
    switch (git_tree_entry_filemode(entry)) {
    case GIT_FILEMODE_TREE: return write_folder(checkout, folder, entry, err);
    case GIT_FILEMODE_COMMIT: return write_link(checkout, folder, git_tree_entry_name(entry), GIT_CHECKOUT_SUBMODULE, err);
    default: return write_blob(checkout, folder, entry, err);
    }
}

static enum status write_tree(struct checkout *checkout, int folder, const git_tree *tree, struct error *err) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < git_tree_entrycount(tree) && !status; i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
        size_t parent_length = enter_entry(checkout, entry);
        status = deadline_check(checkout->deadline, err);
        if (!status) status = write_entry(checkout, folder, entry, err);
        leave_entry(checkout, parent_length);
    }
    return status;
}

/* ---- The package's folder ---- */

/* Finds the trees of the repository and of the package's folder. */
static enum status find_trees(struct checkout *checkout, const git_oid *commit_id, struct error *err) {
    git_commit *commit = NULL;
    git_object *folder = NULL;
    git_repository *repository = checkout->repository;
    enum status status = STATUS_OK;
    int code = git_commit_lookup(&commit, repository, commit_id);
    if (code == 0) code = git_commit_tree(&checkout->top, commit);
    if (code < 0)
        status = git_transport_failure(code, "The commit could not be read", err);
    else if (!checkout->subdir)
        git_tree_dup(&checkout->root, checkout->top);
    else if (git_object_lookup_bypath(&folder, (git_object *)checkout->top, checkout->subdir, GIT_OBJECT_TREE) < 0)
        status = error_set_at(err, STATUS_INVALID, "location.subdir", "There is no folder '%s' in the repository.",
                              checkout->subdir);
    else
        checkout->root = (git_tree *)folder;
    git_commit_free(commit);
    return status;
}

enum status git_checkout_write(git_repository *repository, const git_oid *commit, const char *subdir, const char *folder,
                               const struct git_checkout_limits *limits, struct deadline *deadline, struct error *err) {
    struct checkout checkout = {.repository = repository, .subdir = subdir, .limits = limits, .deadline = deadline};
    struct error own; /* err may be NULL, but is read here */
    if (!err) err = &own;
    enum status status = find_trees(&checkout, commit, err);
    int top = status ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!status && top < 0)
        status = error_set(err, STATUS_INTERNAL, "The folder '%s' could not be opened: %s.", folder, strerror(errno));
    if (!status) status = check_tree(&checkout, checkout.root, 0, err);
    if (!status) status = write_tree(&checkout, top, checkout.root, err);
    if (top >= 0) close(top);
    git_tree_free(checkout.root);
    git_tree_free(checkout.top);
    text_release(&checkout.path);
    return status;
}
