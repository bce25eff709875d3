/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The SHA-256 of files that are asked for again and again, each computed once: a file is the same as before where its device,
 * inode, size and times are. A second request for a hash that is being computed waits for it. The table has a fixed size; any
 * thread may ask.
 */
#ifndef SERVICES_GATEWAY_FILE_HASHES_H
#define SERVICES_GATEWAY_FILE_HASHES_H

#include <stdint.h>

#include "lib/base/hash.h"

struct file_hashes;

struct file_hashes *file_hashes_create(void) __attribute__((returns_nonnull));
void file_hashes_free(struct file_hashes *hashes); /* NULL is fine */

/* The hash of the regular file that `descriptor` has open, and its size. `path` is for the error. STATUS_INTERNAL: it cannot be
 * read, or changed meanwhile. */
CHECK_RESULT enum status file_hashes_find(struct file_hashes *hashes, int descriptor, const char *path,
                                          char out[SHA256_SRI_MAX], int64_t *size_bytes, struct error *err);

/* How many were computed so far. */
uint64_t file_hashes_computed(struct file_hashes *hashes);

#endif
