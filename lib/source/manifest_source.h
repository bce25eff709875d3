/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The manifest of a package's source (lib/domain/README.md, Publish, step 3): the first of `purs.json`, `spago.yaml` and
 * `bower.json` in its folder, made into one, and held against what was asked for. `spago.dhall` is not read: it imports
 * environment, files and addresses.
 */
#ifndef LIB_SOURCE_MANIFEST_SOURCE_H
#define LIB_SOURCE_MANIFEST_SOURCE_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/domain/manifest.h"

/* What was asked for. The manifest may borrow its texts. */
struct manifest_request {
    const char *name;
    struct version version;
    const struct location *location; /* the request's, or else the metadata's */
    const char *ref;                 /* becomes the manifest's where the format has none */
};

/* Reads it, into the arena. *file_name is the file it was read from, a constant. STATUS_REFUSED: there is none, or only a
 * spago.dhall, or it is about another name, version, ref or location. STATUS_INVALID: it cannot be read, or
 * manifest_check_new() does not take it; err->path is the field as the file calls it, and the sentence begins with both. */
CHECK_RESULT enum status manifest_source_read(struct manifest *out, const char **file_name, struct arena *arena,
                                              const char *folder, const struct manifest_request *request, struct error *err);

/* The same for the bytes of one file, which `file_name` says to be a purs.json, spago.yaml or bower.json. Of the request only
 * what the format lacks is looked at: `ref` for a spago.yaml, all but the name for a bower.json. */
CHECK_RESULT enum status manifest_source_parse(struct manifest *out, struct arena *arena, const char *file_name,
                                               const char *bytes, size_t length, const struct manifest_request *request,
                                               struct error *err);

#endif
