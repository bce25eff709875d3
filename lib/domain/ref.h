/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The `ref` of a source: the name of a tag or a branch, and nothing else that git would take for a commit
 * (lib/source/README.md, Sources). Hosts serve strangers' commits by id and by `pull/…`, and whoever controls a manifest
 * controls its owners.
 */
#ifndef LIB_DOMAIN_REF_H
#define LIB_DOMAIN_REF_H

#include "lib/base/error.h"

enum { REF_MAX = 255 }; /* bytes, without the NUL */

/* STATUS_INVALID with the reason. */
CHECK_RESULT enum status ref_check(const char *ref, struct error *err);

#endif
