/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading of untrusted tarballs; packing is in archive_pack.c. */
#include "lib/tools/archive/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/tools/archive/archive_locale.h"

enum { CHUNK_BYTES = 64 * 1024 };

const struct archive_limits archive_package_limits = {.bytes = 256 << 20, .entries = 100000};

/* Callbacks for the entries: begin() for each; for a file then content() for each piece, and end(). */
struct entry_sink {
    enum status (*begin)(void *context, const char *path, bool is_folder, struct error *err); /* `path` is below the top */
    enum status (*content)(void *context, const void *bytes, size_t length, struct error *err);
    enum status (*end)(void *context, struct error *err); /* of a file */
    void *context;
};

static enum status refuse(struct error *err, const char *path, const char *why) {
    return error_set(err, STATUS_REFUSED, "The tarball is refused: the entry \"%s\" %s.", path, why);
}

/* Sets *inner to the part of `path` below the folder `top` ("" for the folder itself). STATUS_REFUSED: it is not in `top`,
 * or is not a clean relative path. */
static enum status find_inner_path(const char **inner, const char *path, const char *top, struct error *err) {
    size_t length = strlen(top);
    if (strncmp(path, "./", 2) == 0) path += 2;
    if (path[0] == '/') return refuse(err, path, "has an absolute path");
    for (const char *part = path; *part;) {
        size_t part_length = strcspn(part, "/");
        if (part_length == 0 && part[1]) return refuse(err, path, "has an empty name in its path");
        if ((part_length == 1 && part[0] == '.') || (part_length == 2 && part[0] == '.' && part[1] == '.'))
            return refuse(err, path, "has a \".\" or \"..\" in its path");
        part += part_length + (part[part_length] == '/');
    }
    if (strncmp(path, top, length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return error_set(err, STATUS_REFUSED,
                         "The tarball is refused: everything must be in the folder \"%s\", but \"%s\" is not.", top, path);
    *inner = path + length + (path[length] == '/');
    return STATUS_OK;
}

static enum status read_content(struct archive *archive, const char *path, int64_t *bytes_left, const struct entry_sink *sink,
                                struct error *err) {
    char chunk[CHUNK_BYTES];
    for (;;) {
        la_ssize_t length = archive_read_data(archive, chunk, sizeof chunk);
        if (length < 0) return refuse(err, path, "is damaged or cut short");
        if (length == 0) return sink->end(sink->context, err);
        if ((*bytes_left -= length) < 0) return refuse(err, path, "exceeds the size that a package may have unpacked");
        enum status status = sink->content(sink->context, chunk, (size_t)length, err);
        if (status) return status;
    }
}

static enum status read_entry(struct archive *archive, struct archive_entry *entry, const char *top, int64_t *bytes_left,
                              const struct entry_sink *sink, struct error *err) {
    const char *path = archive_entry_pathname(entry), *inner = NULL;
    if (!path) return refuse(err, "?", "has no name");
    enum status status = find_inner_path(&inner, path, top, err);
    if (status) return status;
    bool is_folder = archive_entry_filetype(entry) == AE_IFDIR;
    if (archive_entry_hardlink(entry) || archive_entry_symlink(entry)) return refuse(err, path, "is a link");
    if (!is_folder && archive_entry_filetype(entry) != AE_IFREG)
        return refuse(err, path, "is neither a regular file nor a folder");
    if (!is_folder && (inner[0] == '\0' || text_ends_with(inner, "/")))
        return refuse(err, path, "is a file, but its name ends in a slash");
    if ((status = sink->begin(sink->context, inner, is_folder, err))) return status;
    return is_folder ? STATUS_OK : read_content(archive, path, bytes_left, sink, err);
}

static enum status open_archive(struct archive *archive, const char *bytes, size_t length, struct error *err) {
    if (!archive || archive_read_support_filter_gzip(archive) || archive_read_support_format_tar(archive) ||
        archive_read_open_memory(archive, bytes, length) != ARCHIVE_OK)
        return error_set(err, STATUS_REFUSED, "The tarball cannot be read: %s.",
                         archive ? archive_error_string(archive) : "no memory");
    if (archive_filter_code(archive, 0) == ARCHIVE_FILTER_GZIP) return STATUS_OK;
    return error_set(err, STATUS_REFUSED, "The tarball cannot be read: it is not gzipped.");
}

/* Passes all entries of a tarball to the sink, and checks each. */
static enum status walk_archive(const char *bytes, size_t length, const char *top, const struct archive_limits *limits,
                                const struct entry_sink *sink, struct error *err) {
    int64_t bytes_left = limits->bytes, entries_left = limits->entries;
    struct archive_locale locale = archive_locale_enter();
    struct archive *archive = archive_read_new();
    enum status status = open_archive(archive, bytes, length, err);
    while (!status) {
        struct archive_entry *entry;
        int result = archive_read_next_header(archive, &entry);
        if (result == ARCHIVE_EOF) break;
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
            status = error_set(err, STATUS_REFUSED, "The tarball cannot be read: %s.", archive_error_string(archive));
        else if (entries_left-- <= 0)
            status = error_set(err, STATUS_REFUSED, "The tarball is refused: it has more than %lld files and folders.",
                               (long long)limits->entries);
        else
            status = read_entry(archive, entry, top, &bytes_left, sink, err);
    }
    if (!status && entries_left == limits->entries) status = error_set(err, STATUS_REFUSED, "The tarball is empty.");
    archive_read_free(archive);
    archive_locale_leave(&locale);
    return status;
}

enum status archive_find_top(struct text *out, const char *bytes, size_t length, struct error *err) {
    struct archive_locale locale = archive_locale_enter();
    struct archive *archive = archive_read_new();
    struct archive_entry *entry = NULL;
    enum status status = open_archive(archive, bytes, length, err);
    if (!status && archive_read_next_header(archive, &entry) < ARCHIVE_WARN)
        status = error_set(err, STATUS_REFUSED, "The tarball cannot be read: %s.", archive_error_string(archive));
    const char *path = !status && entry ? archive_entry_pathname(entry) : NULL, *inner = NULL;
    if (!status && !path) status = error_set(err, STATUS_REFUSED, "The tarball is empty.");
    if (!status && strncmp(path, "./", 2) == 0) path += 2;
    if (!status) {
        char *top = strndup(path, strcspn(path, "/"));
        assert(top);
        status = top[0] && path[strlen(top)] ? find_inner_path(&inner, path, top, err) : refuse(err, path, "is in no folder");
        if (!status) text_append(out, top);
        free(top);
    }
    archive_read_free(archive);
    archive_locale_leave(&locale);
    return status;
}

/* State of archive_unpack(). */
struct unpacking {
    int top;  /* the top folder */
    int file; /* the file being written, or -1 */
    char path[PATH_MAX];
};

static enum status disk_error(struct error *err, const char *path) {
    if (errno == EEXIST || errno == ENOTDIR || errno == EISDIR || errno == ELOOP || errno == ENAMETOOLONG)
        return refuse(err, path, "occurs twice, or has too long a path");
    return error_set(err, STATUS_INTERNAL, "The file %s of the tarball cannot be written: %s.", path, strerror(errno));
}

/* Creates the folders that lead to `path`, and `path` itself if it ends with `/` or `with_last` is set. No part of it is a
 * link: only this file creates entries here, and it creates no links. */
static enum status make_folders(int top, const char *path, bool with_last, struct error *err) {
    char part[PATH_MAX];
    for (const char *at = path; *at;) {
        at += strcspn(at, "/");
        if (*at == '\0' && !with_last) break;
        snprintf(part, sizeof part, "%.*s", (int)(at - path), path);
        struct stat information;
        if (mkdirat(top, part, 0755) &&
            (errno != EEXIST || fstatat(top, part, &information, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(information.st_mode)))
            return disk_error(err, path);
        at += *at == '/';
    }
    return STATUS_OK;
}

static enum status begin_unpacking(void *context, const char *path, bool is_folder, struct error *err) {
    struct unpacking *unpacking = context;
    if (strlen(path) >= sizeof unpacking->path) return refuse(err, path, "has too long a path");
    enum status status = make_folders(unpacking->top, path, is_folder, err);
    if (status || is_folder) return status;
    snprintf(unpacking->path, sizeof unpacking->path, "%s", path);
    unpacking->file = openat(unpacking->top, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    return unpacking->file < 0 ? disk_error(err, path) : STATUS_OK;
}

static enum status unpack_content(void *context, const void *bytes, size_t length, struct error *err) {
    struct unpacking *unpacking = context;
    for (size_t done = 0; done < length;) {
        ssize_t written = write(unpacking->file, (const char *)bytes + done, length - done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return disk_error(err, unpacking->path);
        done += (size_t)written;
    }
    return STATUS_OK;
}

static enum status end_unpacking(void *context, struct error *err) {
    static const struct timespec long_ago[2] = {{0, 0}, {0, 0}};
    struct unpacking *unpacking = context;
    enum status status = STATUS_OK;
    if (fchmod(unpacking->file, 0644) || futimens(unpacking->file, long_ago)) status = disk_error(err, unpacking->path);
    close(unpacking->file);
    unpacking->file = -1;
    return status;
}

enum status archive_unpack(const char *bytes, size_t length, const char *folder, const char *top,
                           const struct archive_limits *limits, struct error *err) {
    struct unpacking unpacking = {.top = -1, .file = -1};
    struct entry_sink sink = {begin_unpacking, unpack_content, end_unpacking, &unpacking};
    int parent = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    enum status status = STATUS_OK;
    assert(top[0] && !strchr(top, '/'));
    if (parent >= 0 && mkdirat(parent, top, 0755) == 0) unpacking.top = openat(parent, top, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (unpacking.top < 0)
        status = error_set(err, STATUS_INTERNAL, "The folder %s/%s cannot be made: %s.", folder, top, strerror(errno));
    if (!status) status = walk_archive(bytes, length, top, limits, &sink, err);
    if (unpacking.file >= 0) close(unpacking.file);
    if (unpacking.top >= 0) close(unpacking.top);
    if (parent >= 0) close(parent);
    return status;
}

/* State of archive_read_file(). */
struct picking {
    struct text *out;
    const char *wanted;
    bool is_here, was_found;
};

static enum status begin_picking(void *context, const char *path, bool is_folder, struct error *err) {
    struct picking *picking = context;
    picking->is_here = !is_folder && text_equal(path, picking->wanted);
    if (picking->is_here && picking->was_found) return refuse(err, path, "occurs twice");
    if (picking->is_here) picking->was_found = true;
    return STATUS_OK;
}

static enum status pick_content(void *context, const void *bytes, size_t length, struct error *err) {
    (void)err;
    struct picking *picking = context;
    if (picking->is_here) text_append_bytes(picking->out, bytes, length);
    return STATUS_OK;
}

static enum status ignore_end(void *context, struct error *err) {
    (void)context;
    (void)err;
    return STATUS_OK;
}

enum status archive_read_file(struct text *out, const char *bytes, size_t length, const char *top, const char *path,
                              const struct archive_limits *limits, struct error *err) {
    struct picking picking = {.out = out, .wanted = path};
    struct entry_sink sink = {begin_picking, pick_content, ignore_end, &picking};
    enum status status = walk_archive(bytes, length, top, limits, &sink, err);
    if (!status && !picking.was_found)
        status = error_set(err, STATUS_NOT_FOUND, "There is no file %s/%s in the tarball.", top, path);
    return status;
}

/* State of archive_list(). */
struct listing {
    struct text *out;
    const char *top;
};

static enum status list_entry(void *context, const char *path, bool is_folder, struct error *err) {
    (void)err;
    struct listing *listing = context;
    bool needs_slash = is_folder && path[0] && !text_ends_with(path, "/");
    text_append_format(listing->out, "%s/%s%s\n", listing->top, path, needs_slash ? "/" : "");
    return STATUS_OK;
}

static enum status ignore_content(void *context, const void *bytes, size_t length, struct error *err) {
    (void)bytes;
    (void)length;
    return ignore_end(context, err);
}

enum status archive_list(struct text *out, const char *bytes, size_t length, const char *top,
                         const struct archive_limits *limits, struct error *err) {
    struct listing listing = {out, top};
    struct entry_sink sink = {list_entry, ignore_content, ignore_end, &listing};
    return walk_archive(bytes, length, top, limits, &sink, err);
}
