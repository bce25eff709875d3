/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The `ref` of a source: the name of a tag or a branch, and no other form by which git finds a commit (lib/source/README.md,
 * Sources). Hosts also serve commits from forks, by id and by `pull/…`, and the author of a manifest determines the package's
 * owners.
 */
#ifndef LIB_DOMAIN_PACKAGE_REF_H
#define LIB_DOMAIN_PACKAGE_REF_H

#include "lib/base/error.h"

enum { REF_MAX = 255 }; /* bytes, without the NUL */

/* STATUS_INVALID gives the reason. */
CHECK_RESULT enum status ref_check(const char *ref, struct error *err);

#endif
