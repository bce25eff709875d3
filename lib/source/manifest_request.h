/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The fields of a publication request that are needed to read its manifest.
 */
#ifndef LIB_SOURCE_MANIFEST_REQUEST_H
#define LIB_SOURCE_MANIFEST_REQUEST_H

#include "lib/domain/package/location.h"
#include "lib/domain/package/version.h"

/* The manifest may borrow its texts. */
struct manifest_request {
    const char *name;
    struct version version;
    const struct location *location; /* of the request, or else of the metadata */
    const char *ref;                 /* becomes the manifest's if the file's format has none */
};

#endif
