/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Converts the `package` section of a `spago.yaml` to a manifest (lib/domain/README.md, Publish, step 3). Its other sections
 * (workspace, test, bundle) concern only the client.
 */
#ifndef LIB_TOOLS_SPAGO_YAML_H
#define LIB_TOOLS_SPAGO_YAML_H

#include <jansson.h>
#include <stddef.h>

#include "lib/base/error.h"

/* Reads the manifest in its JSON form (lib/domain/README.md, Manifest), for the manifest's own reader to check; the caller
 * owns it. `ref` is the request's, since spago.yaml has none. STATUS_INVALID: not YAML, a field that is missing or of the
 * wrong type (named by err->path), or dependencies without a range, which are named. Only the first document is read; tags
 * are ignored, and the expansion of aliases is limited. */
CHECK_RESULT enum status spago_yaml_read(json_t **manifest, const char *bytes, size_t length, const char *ref,
                                         struct error *err);

/* Converts err->path from a field of the manifest to its place in a spago.yaml: `license` becomes `package.publish.license`.
 * Other paths stay. */
void spago_yaml_place_error(struct error *err);

#endif
