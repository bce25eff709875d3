/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `spago.yaml`, as far as it describes a package to publish (lib/domain/README.md, Publish, step 3): its `package` section made
 * into a manifest. Not for its other sections (workspace, test, bundle), which are the client's affair.
 */
#ifndef LIB_TOOLS_SPAGO_YAML_H
#define LIB_TOOLS_SPAGO_YAML_H

#include <jansson.h>
#include <stddef.h>

#include "lib/base/error.h"

/* The manifest in its JSON form (lib/domain/README.md, Manifest), for the manifest's own reader to check; the caller owns it.
 * `ref` is the request's, since spago.yaml has none. STATUS_INVALID: not YAML, a field missing or of the wrong kind (err->path
 * names it), or dependencies without a range, which are named. Only the first document of several is read; tags are ignored,
 * and what aliases multiply is bounded. */
CHECK_RESULT enum status spago_yaml_read(json_t **manifest, const char *bytes, size_t length, const char *ref,
                                         struct error *err);

/* Puts err->path, a field of the manifest, to where it stands in a spago.yaml: `license` becomes `package.publish.license`.
 * Any other path is left as it is. */
void spago_yaml_place_error(struct error *err);

#endif
