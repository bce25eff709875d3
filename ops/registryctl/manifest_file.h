/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads a manifest from a single file or text, without a request to compare it with (for that see lib/source/manifest_source).
 */
#ifndef OPS_REGISTRYCTL_MANIFEST_FILE_H
#define OPS_REGISTRYCTL_MANIFEST_FILE_H

#include "lib/domain/package/manifest.h"

/* Reads a spago.yaml if the file's name ends in .yaml or .yml, else a purs.json, and checks it as a new manifest. `ref` is
 * for a spago.yaml only; NULL: vVERSION, the tag that spago makes. */
CHECK_RESULT enum status manifest_file_read(struct manifest *out, const char *path, const char *ref, struct arena *arena,
                                            struct error *err);

/* The same for the text of a purs.json. */
CHECK_RESULT enum status manifest_text_read(struct manifest *out, const char *bytes, size_t length, struct arena *arena,
                                            struct error *err);

#endif
