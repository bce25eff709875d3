/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A manifest from a file that stands by itself, without a request to hold it against (that is lib/source/manifest_source).
 */
#ifndef OPS_REGISTRYCTL_MANIFEST_FILE_H
#define OPS_REGISTRYCTL_MANIFEST_FILE_H

#include "lib/domain/manifest.h"

/* Reads a spago.yaml where the file's name ends so, else a purs.json, and checks it as a new manifest. `ref` is what a
 * spago.yaml is given, NULL: vVERSION, which is the tag that spago makes. */
CHECK_RESULT enum status manifest_file_read(struct manifest *out, const char *path, const char *ref, struct arena *arena,
                                            struct error *err);

#endif
