/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A tarball in storage, and the stored versions of a package.
 */
#ifndef LIB_STORE_TARBALL_STORED_TARBALL_H
#define LIB_STORE_TARBALL_STORED_TARBALL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/hash.h"

struct stored_tarball {
    char hash[SHA256_SRI_MAX];
    int64_t size_bytes;
};

struct stored_versions {
    char **items; /* as in the objects' names, in ascending order of bytes; in the arena */
    size_t count;
};

#endif
