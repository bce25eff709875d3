/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Do the licences that a source names elsewhere agree with its manifest (spec/operations.md, Publish, step 4)? Looks at the
 * `license` fields of `package.json` and `bower.json`. The texts of LICENSE files are not read here.
 */
#ifndef LIB_SOURCE_LICENCE_CHECK_H
#define LIB_SOURCE_LICENCE_CHECK_H

#include "lib/base/arena.h"
#include "lib/base/error.h"

/* `expression` is the manifest's licence. STATUS_REFUSED names the file, its licence, and what the manifest says. What is not
 * there, or cannot be read as a licence, is ignored. */
CHECK_RESULT enum status licence_check_folder(const char *folder, const char *expression, struct arena *arena,
                                              struct error *err);

#endif
