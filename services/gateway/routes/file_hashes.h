/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A cache of SHA-256 hashes of files. A file is considered unchanged if its device, inode, size and times are the same. A
 * second request for a hash that is being computed waits for it. The table has a fixed size and evicts the entries used least
 * recently. Thread-safe.
 */
#ifndef SERVICES_GATEWAY_ROUTES_FILE_HASHES_H
#define SERVICES_GATEWAY_ROUTES_FILE_HASHES_H

#include <stdint.h>

#include "lib/base/hash.h"

struct file_hashes;

struct file_hashes *file_hashes_create(void) __attribute__((returns_nonnull));
void file_hashes_free(struct file_hashes *hashes); /* NULL is allowed */

/* The hash and size of the open regular file `descriptor`. `path` is for error messages only. STATUS_INTERNAL: the file cannot
 * be read, or changed meanwhile. */
CHECK_RESULT enum status file_hashes_find(struct file_hashes *hashes, int descriptor, const char *path,
                                          char out[SHA256_SRI_MAX], int64_t *size_bytes, struct error *err);

/* The number of hashes computed so far. */
uint64_t file_hashes_computed(struct file_hashes *hashes);

#endif
