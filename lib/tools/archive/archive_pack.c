/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Packing: the same files always give the same bytes. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/tools/archive/archive.h"
#include "lib/tools/archive/archive_locale.h"

/* An entry of the tarball, a file or a folder. */
struct pack_entry {
    const char *path; /* with the top folder; a folder's ends with `/`, so that it sorts directly before its contents */
    const struct archive_item *item; /* NULL for a folder */
};

static int compare_entries(const void *a, const void *b) {
    return strcmp(((const struct pack_entry *)a)->path, ((const struct pack_entry *)b)->path);
}

/* The items and the folders that contain them, each once, sorted by the bytes of their paths. */
static struct pack_entry *list_entries(struct arena *arena, const char *top, const struct archive_item *items,
                                       size_t item_count, size_t *count) {
    size_t capacity = 1 + item_count, used = 0;
    for (size_t i = 0; i < item_count; i++)
        for (const char *at = items[i].path; *at; at++)
            capacity += *at == '/';
    struct pack_entry *entries = arena_alloc(arena, capacity * sizeof *entries);
    entries[used++].path = arena_format(arena, "%s/", top);
    for (size_t i = 0; i < item_count; i++) {
        for (const char *at = items[i].path; *at; at++)
            if (*at == '/')
                entries[used++].path = arena_format(arena, "%s/%.*s", top, (int)(at + 1 - items[i].path), items[i].path);
        entries[used++] = (struct pack_entry){arena_format(arena, "%s/%s", top, items[i].path), &items[i]};
    }
    qsort(entries, used, sizeof *entries, compare_entries);
    *count = 0;
    for (size_t i = 0; i < used; i++)
        if (*count == 0 || strcmp(entries[*count - 1].path, entries[i].path) != 0) entries[(*count)++] = entries[i];
    return entries;
}

/* Appends the content of the plain file `path` below `root`. Links are followed as long as they stay below it.
 * STATUS_TOO_LARGE over `left_bytes`, without a message: the caller sets it. */
static enum status read_below(struct text *out, int root, const char *path, int64_t left_bytes, struct error *err) {
    int file = file_open_below(root, path, O_RDONLY | O_NONBLOCK);
    if (file < 0 && (errno == EXDEV || errno == ELOOP))
        return error_set(err, STATUS_REFUSED, "The file %s is a link that leads out of the package's folder.", path);
    if (file < 0) return error_set(err, STATUS_INTERNAL, "The file %s cannot be opened: %s.", path, strerror(errno));
    enum status status = STATUS_OK;
    struct stat information;
    if (fstat(file, &information) || !S_ISREG(information.st_mode))
        status = error_set(err, STATUS_REFUSED, "%s is not a regular file.", path);
    else if (information.st_size > left_bytes)
        status = STATUS_TOO_LARGE;
    for (size_t left = status ? 0 : (size_t)information.st_size; left > 0 && !status;) {
        ssize_t length = read(file, text_reserve(out, left), left);
        if (length < 0 && errno == EINTR) continue;
        if (length <= 0) {
            status = error_set(err, STATUS_INTERNAL, "The file %s cannot be read: %s.", path,
                               length ? strerror(errno) : "it became shorter while it was read");
        } else {
            out->length += (size_t)length;
            out->bytes[out->length] = '\0';
            left -= (size_t)length;
        }
    }
    close(file);
    return status;
}

static enum status write_entry(struct archive *archive, const char *path, bool is_folder, const char *bytes, size_t length,
                               struct error *err) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    archive_entry_set_filetype(entry, is_folder ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(entry, is_folder ? 0755 : 0644);
    archive_entry_set_mtime(entry, 0, 0);
    archive_entry_set_size(entry, (int64_t)length);
    bool is_written = archive_write_header(archive, entry) == ARCHIVE_OK &&
                      (length == 0 || archive_write_data(archive, bytes, length) == (la_ssize_t)length);
    archive_entry_free(entry);
    if (is_written) return STATUS_OK;
    return error_set(err, STATUS_REFUSED, "The file %s cannot be packed: %s.", path, archive_error_string(archive));
}

static la_ssize_t append_packed(struct archive *archive, void *out, const void *bytes, size_t length) {
    (void)archive;
    text_append_bytes(out, bytes, length);
    return (la_ssize_t)length;
}

/* Writes all entries to the open archive. Over `limit_bytes` of content: STATUS_TOO_LARGE. */
static enum status write_entries(struct archive *archive, const struct pack_entry *entries, size_t count, int root,
                                 int64_t limit_bytes, struct error *err) {
    enum status status = STATUS_OK;
    struct text content = {0};
    int64_t left_bytes = limit_bytes;
    for (size_t i = 0; i < count && !status; i++) {
        const struct archive_item *item = entries[i].item;
        const char *bytes = item ? item->bytes : NULL;
        size_t length = item ? item->length : 0;
        text_clear(&content);
        if (item && !bytes) {
            status = read_below(&content, root, item->path, left_bytes, err);
            bytes = text_view(&content);
            length = content.length;
        }
        left_bytes -= (int64_t)length;
        if (status == STATUS_TOO_LARGE || left_bytes < 0)
            status = error_set(err, STATUS_TOO_LARGE,
                               "The files of the tarball have more than the %lld bytes that are allowed: %s exceeds them.",
                               (long long)limit_bytes, entries[i].path);
        if (!status) status = write_entry(archive, entries[i].path, !item, bytes, length, err);
    }
    text_release(&content);
    return status;
}

enum status archive_pack(struct text *out, const char *folder, const char *top, const struct archive_item *items,
                         size_t item_count, int64_t limit_bytes, struct error *err) {
    enum status status = STATUS_OK;
    struct arena arena = {0};
    struct archive *archive = NULL;
    int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return error_set(err, STATUS_INTERNAL, "The folder %s cannot be opened: %s.", folder, strerror(errno));
    size_t count;
    struct pack_entry *entries = list_entries(&arena, top, items, item_count, &count);
    struct archive_locale locale = archive_locale_enter();
    archive = archive_write_new();
    /* ustar if a path fits, else pax headers that hold only the path. */
    if (!archive || archive_write_set_format_pax_restricted(archive) || archive_write_add_filter_gzip(archive) ||
        archive_write_set_filter_option(archive, "gzip", "timestamp", NULL) ||
        archive_write_set_bytes_in_last_block(archive, 1) || archive_write_open(archive, out, NULL, append_packed, NULL))
        status =
            error_set(err, STATUS_INTERNAL, "Packing cannot begin: %s.", archive ? archive_error_string(archive) : "no memory");
    if (!status) status = write_entries(archive, entries, count, root, limit_bytes, err);
    if (!status && archive_write_close(archive))
        status = error_set(err, STATUS_INTERNAL, "Packing failed: %s.", archive_error_string(archive));
    archive_write_free(archive);
    archive_locale_leave(&locale);
    close(root);
    arena_release(&arena);
    return status;
}
