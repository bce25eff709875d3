/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The header of a PureScript source file: `module NAME (EXPORTS) where`, and the imports that follow it. Comments (which do not
 * nest), layout, and names with letters beyond ASCII are read as by the compiler. The rest of the file is ignored.
 */
#ifndef LIB_SOURCE_MODULE_HEADER_H
#define LIB_SOURCE_MODULE_HEADER_H

#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/source/source_position.h"

struct module_import {
    const char *module;
    struct source_position start; /* of the `import` */
    struct source_position end;   /* after the module's name */
};

/* In the caller's arena. */
struct module_header {
    const char *name;
    struct source_position start; /* of the name */
    struct source_position end;
    struct module_import *imports;
    size_t import_count;
    struct source_position problem; /* where parsing failed */
};

/* STATUS_REFUSED: the header is malformed; the sentence says what was expected, and where. */
CHECK_RESULT enum status module_header_parse(struct module_header *out, struct arena *arena, const char *bytes, size_t length,
                                             struct error *err);

#endif
