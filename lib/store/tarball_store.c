/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/tarball_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/memory.h"

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

/* Copies the file `from` into the new file `to` and onto the disk. */
static enum status copy_file(const char *from, const char *to, struct error *err) {
    enum status status = STATUS_OK;
    char buffer[65536];
    ssize_t count = 0;
    int target = -1;
    int source = open(from, O_RDONLY | O_CLOEXEC);
    if (source < 0) {
        status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_INTERNAL;
        error_set(err, status, "cannot read %s: %s", from, strerror(errno));
        goto out;
    }
    target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (target < 0) goto failed;
    while ((count = read(source, buffer, sizeof buffer)) > 0)
        if (write(target, buffer, (size_t)count) != count) goto failed;
    if (count < 0 || fsync(target) != 0) goto failed;
    goto out;
failed:
    status = error_set(err, STATUS_INTERNAL, "cannot copy %s to %s: %s", from, to, strerror(errno));
out:
    if (source >= 0) close(source);
    if (target >= 0) close(target);
    return status;
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

enum status tarball_store_put(struct tarball_store *store, const char *name, const char *version, const char *path,
                              const char *hash, struct error *err) {
    struct arena arena = {0};
    enum status status = STATUS_OK;
    char unique[UUID_TEXT_MAX];
    hash_random_uuid(unique);
    const char *folder = arena_format(&arena, "%s/%s", store->folder, name);
    const char *object = object_path(&arena, store, name, version);
    const char *temporary = arena_format(&arena, "%s/.%s.%s", folder, version, unique);

    if (mkdir(folder, 0755) == 0) sync_folder(store->folder);
    status = copy_file(path, temporary, err);
    if (status) goto out;
    if (link(temporary, object) == 0) /* unlike a rename, this never replaces what is there */
        sync_folder(folder);
    else if (errno == EEXIST)
        status = check_existing(store, name, version, hash, err);
    else
        status = error_set(err, STATUS_INTERNAL, "cannot store %s: %s", object, strerror(errno));
out:
    unlink(temporary);
    arena_release(&arena);
    return status;
}

enum status tarball_store_get(struct tarball_store *store, const char *name, const char *version, const char *hash,
                              int64_t size_bytes, const char *path, struct error *err) {
    struct arena arena = {0};
    struct stored_tarball copied = {.size_bytes = -1};
    enum status status = copy_file(object_path(&arena, store, name, version), path, err);
    if (status == STATUS_NOT_FOUND) error_set(err, status, "The storage has no tarball of %s@%s.", name, version);
    if (!status) status = hash_sha256_sri_file(path, copied.hash, &copied.size_bytes, err);
    if (!status && (copied.size_bytes != size_bytes || strcmp(copied.hash, hash) != 0))
        status = error_set(err, STATUS_INTERNAL,
                           "The stored tarball of %s@%s has %lld bytes and %s, but its metadata says %lld bytes and %s.", name,
                           version, (long long)copied.size_bytes, copied.hash, (long long)size_bytes, hash);
    if (status) unlink(path);
    arena_release(&arena);
    return status;
}

enum status tarball_store_check(struct tarball_store *store, struct error *err) {
    if (access(store->folder, R_OK | W_OK | X_OK) == 0) return STATUS_OK;
    return error_set(err, STATUS_UNAVAILABLE, "The storage folder %s cannot be written: %s.", store->folder, strerror(errno));
}
