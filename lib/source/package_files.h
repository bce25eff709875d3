/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Selects the files of a package's source for its tarball (lib/source/README.md, Packing).
 */
#ifndef LIB_SOURCE_PACKAGE_FILES_H
#define LIB_SOURCE_PACKAGE_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

struct globs; /* lib/domain/package/manifest.h */
struct text;

/* Paths relative to the package's folder, sorted by bytes; in the caller's arena. */
struct package_files {
    const char **paths;
    size_t count;
    const char **warnings; /* sentences for the author: globs without effect, root files that are left out, a large package */
    size_t warning_count;
    int64_t unpacked_bytes; /* of all files together */
};

/* `folder` is a checkout (lib/tools/git/git_checkout.h). STATUS_REFUSED: a glob that is not supported, or one of `include` that
 * leads out of `folder`; no `.purs` file in src/; a packed file that is a link out of the repository, a submodule, or a
 * source in Git LFS, or whose name is not allowed on all systems; too many bytes. err->path is "includeFiles" or
 * "excludeFiles" if a glob is at fault. Files that are not packed are not checked. */
CHECK_RESULT enum status package_files_select(struct package_files *out, struct arena *arena, const char *folder,
                                              const struct globs *include, const struct globs *exclude, struct error *err);

/* Appends the tarball of these files in the top folder `top` (NAME-VERSION), with `purs_json` as the content of purs.json,
 * which is added if it is missing. */
CHECK_RESULT enum status package_files_pack(struct text *out, const char *folder, const struct package_files *files,
                                            const char *top, const char *purs_json, int64_t limit_bytes, struct error *err);

/* Checks the registry's limits for the size of a tarball. STATUS_REFUSED with the reason. */
CHECK_RESULT enum status package_files_check_size(size_t tarball_bytes, struct error *err);

#endif
