/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `bower.json`, the manifest of the registry before this one, for packages that have no other (lib/domain/README.md, Publish,
 * step 3).
 */
#ifndef LIB_SOURCE_BOWER_JSON_H
#define LIB_SOURCE_BOWER_JSON_H

#include "lib/source/manifest_source.h"

/* The name, licences, description and dependencies are the file's; version, location and ref the request's, whose texts the
 * manifest borrows. STATUS_INVALID with the field as path: not JSON, no licence, a dependency whose range cannot be used. */
CHECK_RESULT enum status bower_json_read(struct manifest *out, struct arena *arena, const char *bytes, size_t length,
                                         const struct manifest_request *request, struct error *err);

#endif
