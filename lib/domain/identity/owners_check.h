/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which keys a package may get as owners (lib/domain/README.md, Owner and signature).
 */
#ifndef LIB_DOMAIN_IDENTITY_OWNERS_CHECK_H
#define LIB_DOMAIN_IDENTITY_OWNERS_CHECK_H

#include "lib/base/error.h"
#include "lib/domain/identity/owner.h"

/* Checks newly submitted owners: each must be a complete key of its type, an RSA key with at least 2,048 bits. STATUS_INVALID
 * with the field as path. (Keys that are already in the registry may be shorter, see ssh_key.h.) */
CHECK_RESULT enum status owners_check(const struct owners *owners, struct error *err);

#endif
