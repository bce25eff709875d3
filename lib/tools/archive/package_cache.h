/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Unpacked tarballs, shared by all builds: a build links to the folder, so a package that sixty others depend on is downloaded
 * and unpacked only once.
 *
 *   FOLDER/NUMBER/NAME-VERSION/…    one number per tarball
 *
 * Builds may only read there: the compiler sees the folder read-only (`readable` of lib/tools/purs/compiler.h), or runs as a
 * user without permission to write. Over the limit, packages that are not held are removed, least recently used first. Nothing
 * outlives the process: after a power failure files may lack their content, so the cache starts empty.
 *
 * Thread-safe.
 */
#ifndef LIB_TOOLS_ARCHIVE_PACKAGE_CACHE_H
#define LIB_TOOLS_ARCHIVE_PACKAGE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

struct package_cache;

/* The packages that one build uses: they stay until package_cache_let_go(). Starts zeroed. */
struct package_cache_hold {
    struct cached_package **items;
    size_t count, capacity;
};

struct package_cache_counts {
    int64_t found, added, removed;
    int64_t bytes; /* of the cached tarballs, packed */
};

/* Creates the folder, empty, with mode 0755; its parent must exist. `limit_bytes` bounds the packed tarballs' bytes
 * (unpacked they take several times as much); held packages may exceed it. */
CHECK_RESULT enum status package_cache_create(struct package_cache **out, const char *folder, int64_t limit_bytes,
                                              struct error *err);
const char *package_cache_folder(const struct package_cache *cache); /* absolute; borrowed */
void package_cache_free(struct package_cache *cache); /* removes the folder; when nothing is held. NULL is fine */

/* The folder with the content of the tarball with this hash (SRI form) and the top folder `top`: FOLDER/NUMBER/`top`. NULL:
 * not cached. Borrowed while it is held. */
const char *package_cache_find(struct package_cache *cache, const char *hash, const char *top, struct package_cache_hold *hold);

/* Unpacks the tarball, whose hash the caller has checked, and sets *folder as package_cache_find() returns it; also if
 * another thread has added it meanwhile. STATUS_REFUSED: as in archive_unpack(); STATUS_INTERNAL: the disk. */
CHECK_RESULT enum status package_cache_add(struct package_cache *cache, const char *hash, const char *top, const char *bytes,
                                           size_t length, struct package_cache_hold *hold, const char **folder,
                                           struct error *err);

void package_cache_let_go(struct package_cache *cache, struct package_cache_hold *hold);

struct package_cache_counts package_cache_counts(struct package_cache *cache);

#endif
