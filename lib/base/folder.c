/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

enum { WALK_OPEN_FILES = 32, CLAIM_WAIT_MS = 10000, CLAIM_POLL_MS = 20 };

bool folder_sync(const char *path) {
    int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = file >= 0 && fsync(file) == 0;
    int cause = errno;
    if (file >= 0) close(file);
    errno = cause;
    return done;
}

/* The folder that `path` is in. Where that cannot be synced (no right to read it, a file system without it) there is nothing
 * better to do. */
static void sync_folder_of(const char *path) {
    struct text folder = {0};
    const char *name = strrchr(path, '/');
    text_append_bytes(&folder, path, name ? (size_t)(name - path) : 0);
    folder_sync(folder.length ? text_view(&folder) : name ? "/" : ".");
    text_release(&folder);
}

enum status folder_make(const char *path, struct error *err) {
    struct text part = {0};
    enum status status = STATUS_OK;
    for (const char *end = path; !status && *end;) {
        end = strchrnul(end + 1, '/');
        text_clear(&part);
        text_append_bytes(&part, path, (size_t)(end - path));
        if (mkdir(text_view(&part), 0755) == 0)
            sync_folder_of(text_view(&part));
        else if (errno != EEXIST)
            status = error_set(err, STATUS_INTERNAL, "cannot create the folder %s: %s", text_view(&part), strerror(errno));
    }
    text_release(&part);
    return status;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *where) {
    (void)about, (void)where;
    if (kind == FTW_DNR) chmod(path, 0700);
    if (remove(path) != 0 && errno != ENOENT)
        log_line(LOG_WARN, "cannot remove", "path=\"%s\" error=\"%s\"", path, strerror(errno));
    return 0;
}

void folder_remove(const char *path) {
    nftw(path, remove_entry, WALK_OPEN_FILES, FTW_DEPTH | FTW_PHYS);
}

enum status file_read(const char *path, size_t limit_bytes, struct text *out, struct error *err) {
    FILE *file = fopen(path, "rbe");
    if (!file)
        return error_set(err, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_INTERNAL, "cannot read %s: %s", path,
                         strerror(errno));
    size_t before = out->length;
    enum status status = STATUS_OK;
    for (size_t count = 1; !status && count > 0;) {
        char *end = text_reserve(out, 65536);
        count = fread(end, 1, 65536, file);
        out->length += count;
        end[count] = '\0';
        if (out->length - before > limit_bytes)
            status = error_set(err, STATUS_TOO_LARGE, "%s is larger than %zu bytes", path, limit_bytes);
    }
    if (!status && ferror(file)) status = error_set(err, STATUS_INTERNAL, "cannot read %s: %s", path, strerror(errno));
    fclose(file);
    return status;
}

bool file_write_all(int file, const void *bytes, size_t length) {
    for (size_t done = 0; done < length;) {
        ssize_t count = write(file, (const char *)bytes + done, length - done);
        if (count < 0 && errno != EINTR) return false;
        if (count > 0) done += (size_t)count;
    }
    return true;
}

enum status file_write(const char *path, const void *bytes, size_t length, struct error *err) {
    struct text beside = {0};
    text_append_format(&beside, "%s.new", path);
    int file = open(text_view(&beside), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool failed = file < 0 || !file_write_all(file, bytes, length) || fsync(file) != 0;
    failed = failed || rename(text_view(&beside), path) != 0;
    int cause = errno;
    if (file >= 0) close(file);
    if (failed) unlink(text_view(&beside));
    text_release(&beside);
    if (failed) return error_set(err, STATUS_INTERNAL, "cannot write %s: %s", path, strerror(cause));
    sync_folder_of(path);
    return STATUS_OK;
}

/* A process that was killed in the middle of a fork leaves a child that holds its lock until it notices. */
static bool lock_file(int file) {
    int64_t end_ms = clock_monotonic_ms() + CLAIM_WAIT_MS;
    while (flock(file, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || clock_monotonic_ms() > end_ms) return false;
        poll(NULL, 0, CLAIM_POLL_MS);
    }
    return true;
}

enum status folder_claim(int *file, const char *path, struct error *err) {
    struct text lock = {0};
    *file = -1;
    enum status status = folder_make(path, err);
    if (status) return status;
    text_append_format(&lock, "%s/lock", path);
    *file = open(text_view(&lock), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (*file < 0 || !lock_file(*file)) {
        status = error_set(err, errno == EWOULDBLOCK ? STATUS_BUSY : STATUS_INTERNAL,
                           "The folder %s is used by another process, or cannot be locked: %s.", path, strerror(errno));
        if (*file >= 0) close(*file);
        *file = -1;
    }
    text_release(&lock);
    return status;
}
