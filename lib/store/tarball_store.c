/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/tarball_store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

struct tarball_store {
    char *folder;
};

enum status tarball_store_create(struct tarball_store **out, const char *folder, struct error *err) {
    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return error_set(err, STATUS_INVALID, "cannot create the storage folder %s: %s", folder, strerror(errno));
    struct tarball_store *store = memory_alloc(sizeof *store);
    store->folder = memory_copy_text(folder);
    *out = store;
    return STATUS_OK;
}

void tarball_store_free(struct tarball_store *store) {
    if (!store) return;
    free(store->folder);
    free(store);
}

static char *object_path(struct arena *arena, const struct tarball_store *store, const char *name, const char *version) {
    return arena_format(arena, "%s/%s/%s.tar.gz", store->folder, name, version);
}

enum status tarball_store_look_up(struct tarball_store *store, const char *name, const char *version,
                                  struct stored_tarball *out, struct error *err) {
    struct arena arena = {0};
    const char *path = object_path(&arena, store, name, version);
    enum status status = hash_sha256_sri_file(path, out->hash, &out->size_bytes, err);
    arena_release(&arena);
    return status;
}

/* A new file in `folder`, open for writing; *path is what it is linked from. It has no name, so that nothing is left of it
 * where this process is killed; on a file system that cannot do that (NFS) it has one, which the caller unlinks. */
static int open_new_file(struct arena *arena, const char *folder, const char **path, bool *has_name) {
    int file = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
    *has_name = file < 0 && (errno == EOPNOTSUPP || errno == EISDIR);
    if (!*has_name) {
        *path = arena_format(arena, "/proc/self/fd/%d", file);
        return file;
    }
    char unique[UUID_TEXT_MAX];
    hash_random_uuid(unique);
    *path = arena_format(arena, "%s/.%s", folder, unique);
    return open(*path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
}

/* Writes it all, and brings it onto the disk. */
static bool write_to_disk(int file, const char *bytes, size_t length) {
    for (size_t done = 0; done < length;) {
        ssize_t count = write(file, bytes + done, length - done);
        if (count < 0) return false;
        done += (size_t)count;
    }
    return fsync(file) == 0;
}

static void sync_folder(const char *path) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    fsync(folder);
    close(folder);
}

/* The object is there already: fine if it is the same. */
static enum status check_existing(struct tarball_store *store, const char *name, const char *version, const char *hash,
                                  struct error *err) {
    struct stored_tarball stored;
    enum status status = tarball_store_look_up(store, name, version, &stored, err);
    if (status || strcmp(stored.hash, hash) == 0) return status;
    return error_set(err, STATUS_REFUSED,
                     "The storage already holds a different tarball for %s@%s (%s, this one is %s), and a stored tarball is "
                     "never overwritten.",
                     name, version, stored.hash, hash);
}

enum status tarball_store_put(struct tarball_store *store, const char *name, const char *version, const void *bytes,
                              size_t length, struct error *err) {
    struct arena arena = {0};
    enum status status = STATUS_OK;
    char hash[SHA256_SRI_MAX];
    hash_sha256_sri(bytes, length, hash);
    const char *folder = arena_format(&arena, "%s/%s", store->folder, name);
    const char *object = object_path(&arena, store, name, version);
    const char *path = NULL;
    bool has_name = false;

    if (mkdir(folder, 0755) == 0) sync_folder(store->folder);
    int file = open_new_file(&arena, folder, &path, &has_name);
    if (file < 0 || !write_to_disk(file, bytes, length))
        status = error_set(err, STATUS_INTERNAL, "cannot write a file in %s: %s", folder, strerror(errno));
    else if (linkat(AT_FDCWD, path, AT_FDCWD, object, AT_SYMLINK_FOLLOW) == 0) /* never replaces what is there */
        sync_folder(folder);
    else if (errno == EEXIST)
        status = check_existing(store, name, version, hash, err);
    else
        status = error_set(err, STATUS_INTERNAL, "cannot store %s: %s", object, strerror(errno));
    if (file >= 0) close(file);
    if (has_name) unlink(path);
    arena_release(&arena);
    return status;
}

enum status tarball_store_read(struct tarball_store *store, const char *name, const char *version, const char *hash,
                               int64_t size_bytes, struct text *out, struct error *err) {
    struct arena arena = {0};
    enum status status = STATUS_OK;
    char stored_hash[SHA256_SRI_MAX];
    size_t count = 0;
    FILE *file = fopen(object_path(&arena, store, name, version), "rbe");
    if (!file) {
        status = error_set(err, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_INTERNAL,
                           "The tarball of %s@%s cannot be read from storage: %s.", name, version, strerror(errno));
        goto out;
    }
    assert(size_bytes >= 0 && size_bytes < INT32_MAX);
    char *bytes = text_reserve(out, (size_t)size_bytes + 1); /* one more, to see that it is no longer than it should be */
    count = fread(bytes, 1, (size_t)size_bytes + 1, file);
    bytes[count] = '\0';
    hash_sha256_sri(bytes, count, stored_hash);
    if (count == (size_t)size_bytes && strcmp(stored_hash, hash) == 0) {
        out->length += count;
        goto out;
    }
    bytes[0] = '\0';
    status = error_set(err, STATUS_INTERNAL,
                       "The stored tarball of %s@%s is not the one that its metadata describes (%lld bytes, %s).", name,
                       version, (long long)size_bytes, hash);
out:
    if (file) fclose(file);
    arena_release(&arena);
    return status;
}

enum status tarball_store_remove(struct tarball_store *store, const char *name, const char *version, struct error *err) {
    struct arena arena = {0};
    const char *object = object_path(&arena, store, name, version);
    enum status status = STATUS_OK;
    if (unlink(object) != 0 && errno != ENOENT)
        status = error_set(err, STATUS_INTERNAL, "cannot remove %s: %s", object, strerror(errno));
    arena_release(&arena);
    return status;
}

enum status tarball_store_check(struct tarball_store *store, struct error *err) {
    if (access(store->folder, R_OK | W_OK | X_OK) == 0) return STATUS_OK;
    return error_set(err, STATUS_UNAVAILABLE, "The storage folder %s cannot be written: %s.", store->folder, strerror(errno));
}
