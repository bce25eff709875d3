/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/web/readme.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/store/tarball/tarball_store.h"
#include "lib/tools/archive/archive.h"

/* The README is read for every answer, so less is unpacked here than a package may have. */
enum { PACKED_BYTES_MAX = 2 << 20 };
static const struct archive_limits limits = {.bytes = 32 << 20, .entries = 5000};

static bool read_file(struct text *out, int file) {
    struct stat stat;
    if (fstat(file, &stat) || stat.st_size > PACKED_BYTES_MAX) return false;
    char *bytes = text_reserve(out, (size_t)stat.st_size);
    while (out->length < (size_t)stat.st_size) {
        ssize_t got = pread(file, bytes + out->length, (size_t)stat.st_size - out->length, (off_t)out->length);
        if (got <= 0) return false;
        out->length += (size_t)got;
    }
    return true;
}

/* How a file at the top of a package may be called, the best name first. */
static int rank_name(const char *path, size_t length) {
    static const char *const names[] = {"README.md", "README", "README.txt", "README.markdown", "README.rst", "README.org"};
    int rank = 0;
    for (; rank < (int)(sizeof names / sizeof *names); rank++)
        if (strlen(names[rank]) == length && strncasecmp(path, names[rank], length) == 0) break;
    return rank;
}

/* Appends the name of the README among the paths of the tarball, `TOP/PATH` each a line; false: there is none. */
static bool find_name(struct text *out, const char *paths, const char *top) {
    size_t top_length = strlen(top), length;
    int best = rank_name("", 0);
    for (const char *line = paths; *line; line += length + (line[length] == '\n')) {
        length = strcspn(line, "\n");
        bool is_below = length > top_length + 1 && strncmp(line, top, top_length) == 0 && line[top_length] == '/';
        const char *path = is_below ? line + top_length + 1 : line;
        size_t path_length = (size_t)(line + length - path);
        int rank = rank_name(path, path_length);
        if (rank >= best) continue;
        best = rank;
        text_clear(out);
        text_append_bytes(out, path, path_length);
    }
    return out->length > 0;
}

static const char *find_and_unpack(struct text *out, const struct text *packed) {
    struct text top = {0}, paths = {0}, name = {0};
    struct error err;
    const char *fault = "Its tarball cannot be read.";
    if (archive_find_top(&top, packed->bytes, packed->length, &err) ||
        archive_list(&paths, packed->bytes, packed->length, text_view(&top), &limits, &err))
        goto out;
    fault = "It has no README.";
    if (find_name(&name, text_view(&paths), text_view(&top)))
        fault = archive_read_file(out, packed->bytes, packed->length, top.bytes, name.bytes, &limits, &err)
                    ? "Its README cannot be read."
                    : NULL;
out:
    text_release(&name);
    text_release(&paths);
    text_release(&top);
    return fault;
}

/* Ends the text before a character that began within the limit and ends after it. */
static void cut(struct text *text, size_t start) {
    size_t end = start + README_SHOWN_BYTES;
    while (end > start && ((unsigned char)text->bytes[end] & 0xc0) == 0x80)
        end--;
    text->length = end;
    text->bytes[end] = '\0';
}

struct readme readme_read(struct text *out, const struct settings *settings, const char *name, const char *version) {
    struct readme readme = {0};
    struct text packed = {0};
    struct error err;
    size_t start = out->length;
    int file = -1;
    if (!tarball_store_is_folder(settings))
        return (struct readme){
            .fault = "Tarballs are stored on another server, so it is only in the tarball and in the repository."};
    if (tarball_store_open_file(&file, settings, name, version, &err))
        return (struct readme){.fault = "The tarball is not on this server."};
    readme.fault = read_file(&packed, file)
                       ? find_and_unpack(out, &packed)
                       : "The tarball is too large to look for it here: see the tarball or the repository.";
    close(file);
    text_release(&packed);
    readme.is_cut = out->length - start > README_SHOWN_BYTES;
    if (readme.is_cut) cut(out, start);
    return readme;
}
