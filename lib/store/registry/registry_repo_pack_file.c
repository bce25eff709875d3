/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A pack and its index as files of a repository. The index, version 2 (git's gitformat-pack):
 *
 *   FF "tOc"  00 00 00 02
 *   for each first byte of an id: how many ids begin with it or a lower one (256 times 4 bytes)
 *   the ids, sorted; then in their order: CRC-32 of the packed bytes (4), offset in the pack (4)
 *   the pack's checksum, SHA-1 of all before
 *
 * Readers look for indexes: so the pack is renamed to its final name first, and only when both files are complete.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/hash.h"
#include "lib/store/registry/registry_repo_pack.h"

enum { FILE_MODE = 0444, PATH_BYTES = 4096 };

static void append_number(struct text *out, size_t number) {
    for (int shift = 24; shift >= 0; shift -= 8)
        text_append_character(out, (char)(number >> shift));
}

static int compare_ids(const void *a, const void *b) {
    return git_oid_cmp(&((const struct registry_pack_entry *)a)->id, &((const struct registry_pack_entry *)b)->id);
}

static void append_index(struct text *out, const struct registry_pack_entry *entries, size_t count, const char *pack_sum) {
    static const char header[8] = "\377tOc\0\0\0\2";
    text_append_bytes(out, header, sizeof header);
    for (size_t byte = 0, i = 0; byte < 256; byte++) {
        while (i < count && entries[i].id.id[0] <= byte)
            i++;
        append_number(out, i);
    }
    for (size_t i = 0; i < count; i++)
        text_append_bytes(out, entries[i].id.id, GIT_OID_RAWSZ);
    for (size_t i = 0; i < count; i++)
        append_number(out, entries[i].checksum);
    for (size_t i = 0; i < count; i++)
        append_number(out, entries[i].offset);
    text_append_bytes(out, pack_sum, SHA1_BYTES);
    unsigned char digest[SHA1_BYTES];
    hash_sha1(out->bytes, out->length, digest);
    text_append_bytes(out, digest, sizeof digest);
}

/* ---- Files ---- */

/* A file that is being written: open, under a temporary name until it is renamed. */
struct new_file {
    int file;
    char path[PATH_BYTES];
};

static enum status fail(const char *path, struct error *err) {
    return error_set(err, STATUS_INTERNAL, "The commits could not be written to '%s': %s.", path, strerror(errno));
}

static enum status begin_file(struct new_file *out, const char *folder, const struct text *content, bool is_durable,
                              struct error *err) {
    snprintf(out->path, sizeof out->path, "%s/" REGISTRY_PACK_UNFINISHED "XXXXXX", folder);
    out->file = mkostemp(out->path, O_CLOEXEC);
    if (out->file < 0) return fail(folder, err);
    if (!file_write_all(out->file, content->bytes, content->length) || fchmod(out->file, FILE_MODE) != 0)
        return fail(out->path, err);
    /* Starts the write to the disk, which continues while the next file is written. */
    if (is_durable) sync_file_range(out->file, 0, 0, SYNC_FILE_RANGE_WRITE);
    return STATUS_OK;
}

static enum status finish_file(struct new_file *file, const char *folder, const char *name, const char *suffix,
                               struct error *err) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/pack-%s.%s", folder, name, suffix);
    if (rename(file->path, path) != 0) return fail(path, err);
    file->path[0] = '\0';
    return STATUS_OK;
}

static void release_file(struct new_file *file) {
    if (file->file >= 0) close(file->file);
    if (file->file >= 0 && file->path[0]) unlink(file->path);
}

enum status registry_pack_file_write(const char *folder, const struct text *bytes, struct registry_pack_entry *entries,
                                     size_t count, bool is_durable, struct error *err) {
    struct new_file pack = {.file = -1}, index = {.file = -1};
    struct text index_bytes = {0};
    char name[2 * SHA1_BYTES + 1];
    if (bytes->length > INT32_MAX)
        return error_set(err, STATUS_TOO_LARGE, "The commits do not fit into one pack: %zu bytes.", bytes->length);
    const char *sum = bytes->bytes + bytes->length - SHA1_BYTES;
    hash_hex(sum, SHA1_BYTES, name);
    qsort(entries, count, sizeof *entries, compare_ids);
    append_index(&index_bytes, entries, count, sum);

    enum status status = begin_file(&pack, folder, bytes, is_durable, err);
    if (!status) status = begin_file(&index, folder, &index_bytes, is_durable, err);
    if (!status && is_durable && (fsync(pack.file) != 0 || fsync(index.file) != 0)) status = fail(folder, err);
    if (!status) status = finish_file(&pack, folder, name, "pack", err);
    if (!status) status = finish_file(&index, folder, name, "idx", err);
    if (!status && is_durable && !folder_sync(folder)) status = fail(folder, err);
    release_file(&index);
    release_file(&pack);
    text_release(&index_bytes);
    return status;
}
