/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

enum { REMOVE_DEPTH = 32, CLAIM_WAIT_MS = 10000, CLAIM_POLL_MS = 20 };

bool folder_sync(const char *path) {
    int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = file >= 0 && fsync(file) == 0;
    int cause = errno;
    if (file >= 0) close(file);
    errno = cause;
    return done;
}

/* Syncs the parent folder of `path`. A failure (no permission to read it, a file system without folder sync) is ignored: there
 * is no alternative. */
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
            status = error_set(err, STATUS_INTERNAL, "Cannot create the folder %s: %s.", text_view(&part), strerror(errno));
    }
    text_release(&part);
    return status;
}

void folder_spread(const char *path) {
    int flags = 0, file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) return;
    if (ioctl(file, FS_IOC_GETFLAGS, &flags) == 0) {
        flags |= FS_TOPDIR_FL;
        ioctl(file, FS_IOC_SETFLAGS, &flags); /* fails on file systems without this flag */
    }
    close(file);
}

/* The state of folder_remove(). The content may come from untrusted code: links are not followed, and the nesting may exceed
 * PATH_MAX and the limit of open files. Folders below REMOVE_DEPTH are moved up to the top, and removed from there. */
struct removal {
    int top;
    int moved;   /* folders moved up so far; also numbers their new names */
    int problem; /* the first errno */
};

static void remove_content(struct removal *removal, int folder, int depth);

static void remove_folder_entry(struct removal *removal, int folder, const char *name, int depth) {
    char unused[64];
    int inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner < 0 && errno == EACCES && fchmodat(folder, name, 0700, 0) == 0)
        inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner >= 0 && depth >= REMOVE_DEPTH) {
        close(inner);
        do
            snprintf(unused, sizeof unused, "to-be-removed-%d", removal->moved++);
        while (renameat2(folder, name, removal->top, unused, RENAME_NOREPLACE) && errno == EEXIST);
        return;
    }
    if (inner >= 0) remove_content(removal, inner, depth + 1); /* closes it */
    if (unlinkat(folder, name, AT_REMOVEDIR) && errno != ENOENT && !removal->problem) removal->problem = errno;
}

/* Takes ownership of the descriptor `folder`. */
static void remove_content(struct removal *removal, int folder, int depth) {
    (void)fchmod(folder, 0700); /* it may be read-only; if this fails, unlinkat() reports the problem */
    DIR *list = fdopendir(folder);
    if (!list) {
        if (!removal->problem) removal->problem = errno;
        close(folder);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(list));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (unlinkat(folder, entry->d_name, 0) && errno != ENOENT) remove_folder_entry(removal, folder, entry->d_name, depth);
    }
    closedir(list);
}

void folder_remove(const char *path) {
    struct removal removal = {.top = -1};
    int moved;
    if (unlink(path) == 0 || errno == ENOENT) return;
    chmod(path, 0700);
    do {
        moved = removal.moved;
        removal.top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int list = removal.top < 0 ? -1 : dup(removal.top);
        if (list >= 0) remove_content(&removal, list, 1);
        if (removal.top >= 0) close(removal.top);
    } while (removal.moved > moved && !removal.problem);
    if (rmdir(path) && errno != ENOENT)
        log_line(LOG_WARN, "removal_failed", log_field("path", path),
                 log_field("error", strerror(removal.problem ? removal.problem : errno)));
}

/* Appends the content of the open file to `out`, and closes the file. */
static enum status read_whole(int file, const char *path, size_t limit_bytes, struct text *out, struct error *err) {
    size_t before = out->length;
    enum status status = STATUS_OK;
    for (ssize_t count = 1; !status && count > 0;) {
        char *end = text_reserve(out, 65536);
        do
            count = read(file, end, 65536);
        while (count < 0 && errno == EINTR);
        if (count < 0) status = error_set(err, STATUS_INTERNAL, "Cannot read %s: %s.", path, strerror(errno));
        out->length += count > 0 ? (size_t)count : 0;
        out->bytes[out->length] = '\0';
        if (out->length - before > limit_bytes)
            status = error_set(err, STATUS_TOO_LARGE, "%s is larger than %zu bytes.", path, limit_bytes);
    }
    close(file);
    return status;
}

enum status file_read(const char *path, size_t limit_bytes, struct text *out, struct error *err) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_set(err, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_INTERNAL, "Cannot read %s: %s.", path,
                         strerror(errno));
    return read_whole(file, path, limit_bytes, out, err);
}

enum status file_read_below(const char *folder, const char *path, size_t limit_bytes, struct text *out, struct error *err) {
    struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    struct stat about;
    int top = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int file = top < 0 ? -1 : (int)syscall(SYS_openat2, top, path, &how, sizeof how);
    int problem = errno;
    if (top >= 0) close(top);
    if (file < 0 && (problem == ENOENT || problem == ENOTDIR))
        return error_set(err, STATUS_NOT_FOUND, "There is no file %s in %s.", path, folder);
    if (file < 0 && (problem == ELOOP || problem == EXDEV))
        return error_set(err, STATUS_REFUSED, "The path %s in %s contains a symbolic link.", path, folder);
    if (file < 0) return error_set(err, STATUS_INTERNAL, "Cannot read %s in %s: %s.", path, folder, strerror(problem));
    if (fstat(file, &about) || !S_ISREG(about.st_mode) || about.st_nlink != 1) {
        close(file);
        return error_set(err, STATUS_REFUSED, "%s in %s is not a regular file with a single name.", path, folder);
    }
    return read_whole(file, path, limit_bytes, out, err);
}

int file_open_below(int folder, const char *path, int flags) {
    struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC), .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int file;
    do /* EAGAIN: the kernel gives up on a `..` if anything on the machine is renamed meanwhile */
        file = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
    while (file < 0 && (errno == EAGAIN || errno == EINTR));
    return file;
}

bool file_write_all(int file, const void *bytes, size_t length) {
    for (size_t done = 0; done < length;) {
        ssize_t count = write(file, (const char *)bytes + done, length - done);
        if (count < 0 && errno != EINTR) return false;
        if (count > 0) done += (size_t)count;
    }
    return true;
}

/* Opens an empty PATH.new for this writer alone: another one, of any process, waits until it is closed, and then finds that the
 * name has gone with the rename. The name is always the same, so that the next writer uses the file that a killed one left. -1
 * with errno. */
static int open_beside(const char *path) {
    for (;;) {
        struct stat opened, named;
        int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (file < 0) return -1;
        while (flock(file, LOCK_EX) != 0 && errno == EINTR)
            continue;
        bool is_ours = fstat(file, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino;
        if (is_ours && ftruncate(file, 0) == 0) return file;
        int cause = errno;
        close(file);
        errno = cause;
        if (is_ours) return -1;
    }
}

enum status file_draft_open(struct file_draft *draft, const char *path, struct error *err) {
    *draft = (struct file_draft){.file = -1};
    text_append(&draft->path, path);
    text_append_format(&draft->beside, "%s.new", path);
    draft->file = open_beside(text_view(&draft->beside));
    if (draft->file >= 0) return STATUS_OK;
    return error_set(err, STATUS_INTERNAL, "Cannot write %s: %s.", path, strerror(errno));
}

enum status file_draft_append(struct file_draft *draft, const void *bytes, size_t length, struct error *err) {
    if (file_write_all(draft->file, bytes, length)) return STATUS_OK;
    return error_set(err, STATUS_INTERNAL, "Cannot write %s: %s.", text_view(&draft->path), strerror(errno));
}

enum status file_draft_publish(struct file_draft *draft, struct error *err) {
    const char *path = text_view(&draft->path);
    if (fsync(draft->file) != 0 || rename(text_view(&draft->beside), path) != 0)
        return error_set(err, STATUS_INTERNAL, "Cannot write %s: %s.", path, strerror(errno));
    text_release(&draft->beside);
    sync_folder_of(path);
    return STATUS_OK;
}

void file_draft_release(struct file_draft *draft) {
    if (draft->file >= 0 && draft->beside.length) unlink(draft->beside.bytes); /* while its lock is held */
    if (draft->file >= 0) close(draft->file);
    draft->file = -1;
    text_release(&draft->beside);
    text_release(&draft->path);
}

enum status file_write(const char *path, const void *bytes, size_t length, struct error *err) {
    struct file_draft draft;
    enum status status = file_draft_open(&draft, path, err);
    if (!status) status = file_draft_append(&draft, bytes, length, err);
    if (!status) status = file_draft_publish(&draft, err);
    file_draft_release(&draft);
    return status;
}

/* Retries for CLAIM_WAIT_MS: a process killed during a fork leaves a child that holds its lock until that execs or exits. */
static bool lock_file(int file) {
    int64_t end_ms = clock_monotonic_ms() + CLAIM_WAIT_MS;
    while (flock(file, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || clock_monotonic_ms() > end_ms) return false;
        clock_sleep_ms(CLAIM_POLL_MS);
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
