/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads `bower.json`, the manifest of the former registry, for packages that have no other (lib/domain/README.md, Publish, step
 * 3).
 */
#ifndef LIB_SOURCE_BOWER_JSON_H
#define LIB_SOURCE_BOWER_JSON_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/domain/package/manifest.h"
#include "lib/source/manifest_request.h"

/* Name, licenses, description and dependencies come from the file; version, location and ref from the request, whose texts
 * the manifest borrows. STATUS_INVALID with the field as path: not JSON, no license, or a dependency whose range cannot be
 * converted. */
CHECK_RESULT enum status bower_json_read(struct manifest *out, struct arena *arena, const char *bytes, size_t length,
                                         const struct manifest_request *request, struct error *err);

#endif
