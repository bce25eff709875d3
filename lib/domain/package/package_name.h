/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Package names (lib/domain/README.md, Package name): 1 to 150 bytes of `a-z`, `0-9` and `-`, and a few further rules. A name
 * is a plain `const char *` everywhere; input from outside must pass package_name_check() once.
 */
#ifndef LIB_DOMAIN_PACKAGE_PACKAGE_NAME_H
#define LIB_DOMAIN_PACKAGE_PACKAGE_NAME_H

#include <stdbool.h>

#include "lib/base/error.h"

enum { PACKAGE_NAME_MAX = 150 }; /* bytes, without the NUL */

/* STATUS_INVALID names the rule that is violated. */
CHECK_RESULT enum status package_name_check(const char *name, struct error *err);

/* Names that are well-formed but can never be published. */
bool package_name_is_reserved(const char *name);

#endif
