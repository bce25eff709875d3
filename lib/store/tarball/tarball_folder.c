/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tarballs in a folder: an object is a file, created without a name and linked to its own once it is on the disk; the link
 * never replaces an existing file. Deadlines are ignored: a file system that does not answer stops the whole machine.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/array.h"
#include "lib/base/disk.h"
#include "lib/base/folder.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/store/tarball/tarball_place.h"

struct tarball_folder {
    struct tarball_place place;
    char *path;
};

static struct tarball_folder *folder_of(struct tarball_place *place) {
    return (struct tarball_folder *)place;
}

static enum status look_up_object(struct tarball_place *place, const char *object, struct stored_tarball *out,
                                  struct deadline *deadline, struct error *err) {
    (void)deadline;
    struct arena arena = {0};
    const char *path = arena_format(&arena, "%s/%s", folder_of(place)->path, object);
    enum status status = hash_sha256_sri_file(path, out->hash, &out->size_bytes, err);
    arena_release(&arena);
    return status;
}

/* ---- Reading ---- */

enum status tarball_folder_open(int *out, const char *folder, const char *object, struct error *err) {
    struct arena arena = {0};
    struct stat found;
    enum status status = STATUS_OK;
    const char *path = arena_format(&arena, "%s/%s", folder, object);
    *out = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* a FIFO would wait for a writer */
    if (*out < 0 && (errno == ENOENT || errno == ENOTDIR))
        status = error_set(err, STATUS_NOT_FOUND, "There is no object %s.", object);
    else if (*out < 0 && (errno == EMFILE || errno == ENFILE))
        status = error_set(err, STATUS_BUSY, "The registry is very busy: try again in a few seconds.");
    else if (*out < 0 || fstat(*out, &found) != 0)
        status = error_set(err, STATUS_INTERNAL, "%s cannot be read: %s.", path, strerror(errno));
    else if (!S_ISREG(found.st_mode))
        status = error_set(err, STATUS_INTERNAL, "%s cannot be read: it is not a file.", path);
    if (status && *out >= 0) {
        close(*out);
        *out = -1;
    }
    arena_release(&arena);
    return status;
}

enum status tarball_folder_check(const char *folder, struct error *err) {
    if (access(folder, R_OK | X_OK) == 0) return STATUS_OK;
    return error_set(err, STATUS_INTERNAL, "The storage folder %s cannot be read: %s.", folder, strerror(errno));
}

/* ---- Writing ---- */

/* Opens a new file in `folder` for writing; *path is the name to link it from. It has no entry in the folder, so nothing is
 * left if this process is killed; on a file system without such files (NFS) it has one, which the caller unlinks. */
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

static enum status create_object(struct tarball_place *place, const char *object, const void *bytes, size_t length,
                                 struct deadline *deadline, struct error *err) {
    (void)deadline;
    struct arena arena = {0};
    enum status status = STATUS_OK;
    const char *path = arena_format(&arena, "%s/%s", folder_of(place)->path, object), *new_path = NULL;
    const char *folder = arena_copy_bytes(&arena, path, (size_t)(strrchr(path, '/') - path));
    bool has_name = false;

    if (mkdir(folder, 0755) == 0) folder_sync(folder_of(place)->path);
    int file = open_new_file(&arena, folder, &new_path, &has_name);
    if (file < 0 || !file_write_all(file, bytes, length) || fsync(file) != 0)
        status = error_set(err, STATUS_INTERNAL, "Cannot write a file in %s: %s.", folder, strerror(errno));
    else if (linkat(AT_FDCWD, new_path, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
        folder_sync(folder);
    else if (errno == EEXIST)
        status = error_set(err, STATUS_CONFLICT, "%s already exists.", path);
    else
        status = error_set(err, STATUS_INTERNAL, "Cannot store %s: %s.", path, strerror(errno));
    if (file >= 0) close(file);
    if (has_name) unlink(new_path);
    arena_release(&arena);
    return status;
}

static enum status remove_object(struct tarball_place *place, const char *object, struct deadline *deadline,
                                 struct error *err) {
    (void)deadline;
    struct arena arena = {0};
    const char *path = arena_format(&arena, "%s/%s", folder_of(place)->path, object);
    enum status status = STATUS_OK;
    if (unlink(path) != 0 && errno != ENOENT)
        status = error_set(err, STATUS_INTERNAL, "Cannot remove %s: %s.", path, strerror(errno));
    arena_release(&arena);
    return status;
}

/* ---- Reading ---- */

static enum status read_object(struct tarball_place *place, const char *object, const struct stored_tarball *expected,
                               struct text *out, struct deadline *deadline, struct error *err) {
    (void)deadline;
    struct arena arena = {0};
    enum status status = STATUS_OK;
    size_t start = out->length;
    int descriptor = open(arena_format(&arena, "%s/%s", folder_of(place)->path, object), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "rb");
    if (!file) {
        status = error_set(err, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_INTERNAL, "%s cannot be read from storage: %s.",
                           object, strerror(errno));
        goto out;
    }
    size_t most = (size_t)expected->size_bytes + 1; /* one more, to detect a file that is too long */
    char *bytes = text_reserve(out, most);
    out->length += fread(bytes, 1, most, file);
    out->bytes[out->length] = '\0';
    status = tarball_place_accept(out, start, object, expected, err);
out:
    if (file) fclose(file);
    arena_release(&arena);
    return status;
}

static enum status list_objects(struct tarball_place *place, const char *folder, struct arena *arena,
                                struct stored_versions *out, struct deadline *deadline, struct error *err) {
    (void)deadline;
    const char *path = arena_format(arena, "%s/%s", folder_of(place)->path, folder);
    DIR *entries = opendir(path);
    if (!entries && errno == ENOENT) return STATUS_OK;
    if (!entries) return error_set(err, STATUS_INTERNAL, "The folder %s cannot be listed: %s.", path, strerror(errno));
    size_t capacity = 0;
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (entry->d_name[0] == '.') continue;
        out->items = array_grow_in(arena, out->items, out->count, &capacity, sizeof *out->items);
        out->items[out->count++] = arena_copy(arena, entry->d_name);
    }
    closedir(entries);
    return STATUS_OK;
}

/* ---- The folder itself ---- */

static enum status check_folder(struct tarball_place *place, struct deadline *deadline, struct error *err) {
    (void)deadline;
    const char *path = folder_of(place)->path;
    if (access(path, R_OK | W_OK | X_OK))
        return error_set(err, STATUS_UNAVAILABLE, "The storage folder %s cannot be written: %s.", path, strerror(errno));
    return disk_check("STORAGE_DIR", path, err);
}

static void set_key(struct tarball_place *place, const char *key, const char *secret) {
    (void)place, (void)key, (void)secret; /* a folder has none */
}

static void free_folder(struct tarball_place *place) {
    free(folder_of(place)->path);
    free(place);
}

static const struct tarball_place_functions folder_functions = {
    .look_up = look_up_object,
    .create = create_object,
    .read = read_object,
    .remove = remove_object,
    .list = list_objects,
    .check = check_folder,
    .set_key = set_key,
    .free = free_folder,
};

enum status tarball_folder_create(struct tarball_place **out, const char *path, struct error *err) {
    enum status status = folder_make(path, err);
    if (status) return status;
    struct tarball_folder *folder = memory_alloc(sizeof *folder);
    folder->place.functions = &folder_functions;
    folder->path = memory_copy_text(path);
    *out = &folder->place;
    return STATUS_OK;
}
