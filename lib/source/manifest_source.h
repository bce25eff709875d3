/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The manifest of a package's source (lib/domain/README.md, Publish, step 3): read from the first of `purs.json`, `spago.yaml`
 * and `bower.json` in its folder, and compared with the request. `spago.dhall` is not supported: it imports environment
 * variables, files and addresses.
 */
#ifndef LIB_SOURCE_MANIFEST_SOURCE_H
#define LIB_SOURCE_MANIFEST_SOURCE_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/domain/package/manifest.h"
#include "lib/source/manifest_request.h"

/* Reads the manifest into the arena. *file_name is the file it was read from, a constant. STATUS_REFUSED: there is no
 * manifest, or only a spago.dhall, or it is about another name, version, ref or location. STATUS_INVALID: it cannot be read,
 * or manifest_check_new() rejects it; err->path is the field's name in the file, and the sentence begins with both. */
CHECK_RESULT enum status manifest_source_read(struct manifest *out, const char **file_name, struct arena *arena,
                                              const char *folder, const struct manifest_request *request, struct error *err);

/* The same for the bytes of one file; `file_name` must be purs.json, spago.yaml or bower.json. Uses only those fields of the
 * request that the format lacks: `ref` for a spago.yaml, all but the name for a bower.json. */
CHECK_RESULT enum status manifest_source_parse(struct manifest *out, struct arena *arena, const char *file_name,
                                               const char *bytes, size_t length, const struct manifest_request *request,
                                               struct error *err);

#endif
