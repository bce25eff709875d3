/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks that the modules of a package and of the packages in its build can be compiled together: no two may have the same
 * name. The compiler's graph silently lists only one of two such modules, so this check must precede its use
 * (dependency_check.h).
 */
#ifndef LIB_SOURCE_MODULE_CLASH_H
#define LIB_SOURCE_MODULE_CLASH_H

#include "lib/source/source_modules.h"

/* A package in the build. */
struct module_package {
    const char *label;  /* NAME@VERSION */
    const char *folder; /* where it is unpacked */
};

/* STATUS_REFUSED names both files and their packages. Of the package's own modules only those count that the compiler sees;
 * modules whose header does not parse are ignored. */
CHECK_RESULT enum status module_clash_check(const struct source_modules *own, const struct module_package *packages,
                                            size_t count, struct arena *arena, struct error *err);

#endif
