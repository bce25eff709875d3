/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which files of a package's source go into its tarball (spec/formats.md, Tarball). The limits on its size are the caller's.
 */
#ifndef LIB_SOURCE_PACKAGE_FILES_H
#define LIB_SOURCE_PACKAGE_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

struct globs; /* lib/domain/manifest.h */
struct text;

/* Paths relative to the package's folder, sorted by bytes; in the caller's arena. */
struct package_files {
    const char **paths;
    size_t count;
    const char **left_out; /* root files that would be in it, but are links to no file in the package's folder */
    size_t left_out_count;
};

/* STATUS_REFUSED: a glob that cannot be used, one of `include` that matches outside of `folder`, a link in src/ that leads
 * outside, or no `.purs` file in src/; err->path is "includeFiles" or "excludeFiles" where it is a glob's fault. */
CHECK_RESULT enum status package_files_select(struct package_files *out, struct arena *arena, const char *folder,
                                              const struct globs *include, const struct globs *exclude, struct error *err);

/* Appends the tarball of these files in the top folder `top` (NAME-VERSION), with `purs_json` as the content of purs.json,
 * which is added where it is not among them. */
CHECK_RESULT enum status package_files_pack(struct text *out, const char *folder, const struct package_files *files,
                                            const char *top, const char *purs_json, int64_t limit_bytes, struct error *err);

/* Whether the registry takes a tarball of this size. STATUS_REFUSED says why not. */
CHECK_RESULT enum status package_files_check_size(size_t tarball_bytes, struct error *err);

#endif
