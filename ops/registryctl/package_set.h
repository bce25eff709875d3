/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared by the files of the command `package-set`.
 */
#ifndef OPS_REGISTRYCTL_PACKAGE_SET_H
#define OPS_REGISTRYCTL_PACKAGE_SET_H

#include "lib/base/error.h"

struct invocation;

/* excuses.c: `--excuses [NAME]`, asked of the gateway. */
CHECK_RESULT enum status package_set_excuses(struct invocation *call, struct error *err);

/* set_plans.c: `--dry-run`, and `--propose compiler=V`, asked of the package-set service. */
CHECK_RESULT enum status package_set_dry_run(struct invocation *call, struct error *err);
CHECK_RESULT enum status package_set_propose(struct invocation *call, const char *change, struct error *err);

#endif
