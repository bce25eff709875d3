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
struct text;

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

/* Stores these bytes: on disk when it answers. An object with the same bytes is left as it is; one with others is
 * STATUS_REFUSED (spec/operations.md, Publish, step 10). */
CHECK_RESULT enum status tarball_store_put(struct tarball_store *store, const char *name, const char *version,
                                           const void *bytes, size_t length, struct error *err);

/* Appends the object to `out`, checked against the hash and size that the metadata says: a mismatch is STATUS_INTERNAL and
 * appends nothing. */
CHECK_RESULT enum status tarball_store_read(struct tarball_store *store, const char *name, const char *version,
                                            const char *hash, int64_t size_bytes, struct text *out, struct error *err);

/* Removes the object; fine where there is none. */
CHECK_RESULT enum status tarball_store_remove(struct tarball_store *store, const char *name, const char *version,
                                              struct error *err);

/* Is storage there and writable? For /readyz. */
CHECK_RESULT enum status tarball_store_check(struct tarball_store *store, struct error *err);

#endif
