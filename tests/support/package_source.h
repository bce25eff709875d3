/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: packages' sources, as git repositories `OWNER/purescript-NAME.git` in a folder. One package is one module
 * (`Flow.LeftPad` of `left-pad`) that imports the modules of its dependencies.
 */
#ifndef TESTS_SUPPORT_PACKAGE_SOURCE_H
#define TESTS_SUPPORT_PACKAGE_SOURCE_H

#include <stdbool.h>

#include "lib/base/arena.h"

#define PACKAGE_OWNER "flow"
#define PACKAGE_LICENSE "BSD-3-Clause"
#define PACKAGE_LICENSE_TEXT "BSD 3-Clause\n" /* licensee.c knows it */

enum { PACKAGE_DEPENDENCIES_MAX = 4, PACKAGE_FILES_MAX = 6 };

struct package_dependency {
    const char *name;
    const char *range;
};

struct package_file {
    const char *path;
    const char *content; /* NULL: leaves out this file of the default ones */
};

struct package {
    const char *name;
    const char *version;
    struct package_dependency dependencies[PACKAGE_DEPENDENCIES_MAX];
    const char *pragma;                           /* pragma for the stand-in compiler: "sleep 2000" */
    struct package_file files[PACKAGE_FILES_MAX]; /* more files, or replacements of the default ones */
    const char *owners;                           /* of its purs.json, a JSON array; NULL: none */
    const char *script;                           /* run by /bin/sh in the source's folder before the commit: links, modes */
};

/* Puts the package into its repository below `sources`, as one more commit of `main`, with the tag `vVERSION`. */
void package_push(const char *sources, const struct package *package);

/* Its purs.json (lib/domain/README.md), and the body of a request to publish it. In the arena. */
char *package_manifest(struct arena *arena, const struct package *package);
char *package_request(struct arena *arena, const struct package *package);
char *package_module(struct arena *arena, const char *name); /* the module's name */

/* The manifest as one line of the index, with its line break. */
char *package_index_line(struct arena *arena, const struct package *package);

#endif
