/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where the tarballs are kept: objects `NAME/VERSION.tar.gz` (spec/outside.md, Storage), here in a local folder that the
 * gateway serves. An object is written whole or not at all, and never overwritten. Safe from several threads and processes.
 */
#ifndef LIB_STORE_TARBALL_STORE_H
#define LIB_STORE_TARBALL_STORE_H

#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/hash.h"

struct tarball_store;

/* `folder` is made where it is missing. */
CHECK_RESULT enum status tarball_store_create(struct tarball_store **out, const char *folder, struct error *err);
void tarball_store_free(struct tarball_store *store);

struct stored_tarball {
    char hash[SHA256_SRI_MAX];
    int64_t size_bytes;
};

/* What is stored for NAME VERSION; STATUS_NOT_FOUND where nothing is. */
CHECK_RESULT enum status tarball_store_look_up(struct tarball_store *store, const char *name, const char *version,
                                               struct stored_tarball *out, struct error *err);

/* Stores the file `path`, whose hash is `hash`: on disk when it answers. An object with the same hash is left as it is; one
 * with another hash is STATUS_REFUSED (operations.md, Publish step 10). */
CHECK_RESULT enum status tarball_store_put(struct tarball_store *store, const char *name, const char *version, const char *path,
                                           const char *hash, struct error *err);

/* Copies the object to the file `path`, checked against the metadata's hash and size: a mismatch is STATUS_INTERNAL and leaves
 * no file. */
CHECK_RESULT enum status tarball_store_get(struct tarball_store *store, const char *name, const char *version, const char *hash,
                                           int64_t size_bytes, const char *path, struct error *err);

/* Is storage there and writable? For /readyz. */
CHECK_RESULT enum status tarball_store_check(struct tarball_store *store, struct error *err);

#endif
