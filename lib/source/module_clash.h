/* SPDX-License-Identifier: BSD-3-Clause
 *
 * May the modules of a package and of those that it is built with be compiled together? No name may be in two of them. The
 * compiler's graph lists one of two and does not say that there is another, so this is looked at before what it says is
 * believed (dependency_check.h).
 */
#ifndef LIB_SOURCE_MODULE_CLASH_H
#define LIB_SOURCE_MODULE_CLASH_H

#include "lib/source/source_modules.h"

/* A package that the build takes in. */
struct module_package {
    const char *label;  /* NAME@VERSION */
    const char *folder; /* where it is unpacked */
};

/* STATUS_REFUSED names both files and their packages. Of the own modules those count that the compiler sees; a module whose
 * header does not parse has no name here. */
CHECK_RESULT enum status module_clash_check(const struct source_modules *own, const struct module_package *packages,
                                            size_t count, struct arena *arena, struct error *err);

#endif
