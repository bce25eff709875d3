/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The result of building one package, as the build store keeps it (lib/tools/purs/build_store.h).
 */
#ifndef LIB_TOOLS_PURS_BUILT_PACKAGE_H
#define LIB_TOOLS_PURS_BUILT_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>

/* One module of a package. */
struct built_module {
    const char *name;           /* "Data.Maybe": also its folder below `output` */
    const char *const *imports; /* NULL at the end */
    const char *cache_entry;    /* JSON: its value in cache-db.json, {"PATH": ["TIME", "HASH"], …} */
};

struct build_entry {
    bool succeeded;
    const char *folder;                 /* absolute; its modules are FOLDER/output/MODULE. NULL for a failure */
    const struct built_module *modules; /* found: sorted by name; to be added: any order. None for a failure */
    size_t module_count;
    const char *errors;   /* JSON of the errors, for a failure; else NULL */
    const char *warnings; /* JSON of the warnings, or NULL: for a module that is up to date the compiler does not repeat them */
};

#endif
