/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tarballs (lib/source/README.md, Packing), on libarchive. Packing gives the same bytes for the same files, whatever their
 * owners, times and modes, the umask and the locale. Unpacking trusts nothing: plain files and folders only, all in one top
 * folder, bounded in number and bytes.
 */
#ifndef LIB_TOOLS_ARCHIVE_ARCHIVE_H
#define LIB_TOOLS_ARCHIVE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

struct text;

/* A file to pack; its folders are added automatically. */
struct archive_item {
    const char *path;  /* inside the top folder: relative, no `.` or `..` in it */
    const char *bytes; /* its content; NULL: the content of the file `path` below the source folder */
    size_t length;     /* of `bytes` */
};

/* Appends the gzipped tarball of the items (in any order, no path twice) under the folder `top`. A file is read from below
 * `folder`; a symbolic link that leads out of it, and anything but a plain file, is STATUS_REFUSED. Over `limit_bytes` of
 * content in all is STATUS_TOO_LARGE. Files get mode 0644, folders 0755. */
CHECK_RESULT enum status archive_pack(struct text *out, const char *folder, const char *top, const struct archive_item *items,
                                      size_t item_count, int64_t limit_bytes, struct error *err);

struct archive_limits {
    int64_t bytes;   /* most content, unpacked */
    int64_t entries; /* most files and folders */
};

/* Those of one package's tarball: far above any in the registry, and harmless for the disk. */
extern const struct archive_limits archive_package_limits;

/* Appends the name of the top folder, taken from the first entry. STATUS_REFUSED: not a gzipped tarball, or the first entry
 * is in no folder. The remaining entries are not read. */
CHECK_RESULT enum status archive_find_top(struct text *out, const char *bytes, size_t length, struct error *err);

/* Unpacks into `folder`/`top`; `folder` must exist, `folder`/`top` must not. Every entry must be a plain file or a folder
 * under the top folder `top`. Files get mode 0644 and time stamp 0. STATUS_REFUSED: a rule is broken, a limit is exceeded,
 * or this is not a complete gzipped tarball; part of it may then have been written, but nothing outside `folder`/`top`. */
CHECK_RESULT enum status archive_unpack(const char *bytes, size_t length, const char *folder, const char *top,
                                        const struct archive_limits *limits, struct error *err);

/* Appends the content of the file `top`/`path`. The whole tarball is checked as in archive_unpack(). STATUS_NOT_FOUND: it
 * has no such file. */
CHECK_RESULT enum status archive_read_file(struct text *out, const char *bytes, size_t length, const char *top,
                                           const char *path, const struct archive_limits *limits, struct error *err);

/* Appends the paths of all entries, one per line, in the tarball's order; those of folders end with `/`. Same checks as
 * archive_unpack(). */
CHECK_RESULT enum status archive_list(struct text *out, const char *bytes, size_t length, const char *top,
                                      const struct archive_limits *limits, struct error *err);

#endif
