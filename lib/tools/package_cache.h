/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tarballs, unpacked once for all builds that need them: a build links to the folder, and a package that sixty others are built
 * with is not fetched from storage and written to the disk for each of them.
 *
 *   FOLDER/NUMBER/NAME-VERSION/…    a number for each tarball
 *
 * Builds may only read there: the compiler sees the folder read-only (`readable` of lib/tools/compiler.h), or as a user who may
 * not write. What nobody holds goes when there is too much, the longest unused first. Nothing of it outlives the process:
 * after a power cut files may be there without their content, so the cache begins empty.
 *
 * Safe from several threads.
 */
#ifndef LIB_TOOLS_PACKAGE_CACHE_H
#define LIB_TOOLS_PACKAGE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

struct package_cache;

/* What one build uses: it stays until package_cache_let_go(). A zeroed struct is empty. */
struct package_cache_hold {
    struct cached_package **packages;
    size_t count;
};

struct package_cache_counts {
    int64_t found, added, removed;
    int64_t bytes; /* of the tarballs whose content is there */
};

/* Makes the folder anew, with mode 0755; its parent must be there. `limit_bytes` bounds the tarballs' bytes, unpacked it is
 * some times as much; what is held may pass it. */
CHECK_RESULT enum status package_cache_create(struct package_cache **out, const char *folder, int64_t limit_bytes,
                                              struct error *err);
const char *package_cache_folder(const struct package_cache *cache); /* absolute; borrowed */
void package_cache_free(struct package_cache *cache); /* the folder, too; when nothing is held any more. NULL is fine */

/* The folder with the content of the tarball of that hash (SRI form), whose top folder is `top`: FOLDER/NUMBER/`top`. NULL
 * where it is not there. Borrowed while it is held. */
const char *package_cache_find(struct package_cache *cache, const char *hash, const char *top, struct package_cache_hold *hold);

/* Unpacks the tarball, whose hash the caller has checked, and returns its folder as package_cache_find() does; fine where
 * somebody was faster. STATUS_REFUSED: it is none, as in archive_unpack(). */
CHECK_RESULT enum status package_cache_add(struct package_cache *cache, const char *hash, const char *top, const char *bytes,
                                           size_t length, struct package_cache_hold *hold, const char **folder,
                                           struct error *err);

void package_cache_let_go(struct package_cache *cache, struct package_cache_hold *hold);

struct package_cache_counts package_cache_counts(struct package_cache *cache);

#endif
