/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The files of the repository of package sets that older tools read, made from one set (lib/domain/README.md, Mirror of package
 * sets). No I/O; the caller holds the read lock of the index while it makes the mirror.
 */
#ifndef LIB_DOMAIN_SET_SET_MIRROR_H
#define LIB_DOMAIN_SET_SET_MIRROR_H

#include <stddef.h>

#include "lib/base/error.h"
#include "lib/domain/package/manifest.h"
#include "lib/domain/set/set_members.h"

struct arena;
struct text;

enum { SET_TAG_MAX = 4 + VERSION_TEXT_MAX + 9 }; /* `psc-COMPILER-YYYYMMDD` with the NUL */

struct mirrored_package {
    const char *name;
    const struct dependency *dependencies;
    size_t dependency_count;
    const char *repo; /* URL */
    const char *version;
};

/* In the arena; borrows from the index. */
struct set_mirror {
    struct mirrored_package *packages; /* by name, `metadata` included */
    size_t package_count;
    uint32_t *left_out; /* ids by name: packages in a folder of their repository, which these tools do not know, and all that
                           depend on them */
    size_t left_out_count;
};

void set_mirror_make(struct set_mirror *out, const struct set_members *members, struct arena *arena);

void set_mirror_append_json(struct text *out, const struct set_mirror *mirror);  /* packages.json */
void set_mirror_append_dhall(struct text *out, const struct set_mirror *mirror); /* src/packages.dhall */

/* The tag of a set for the compiler that was published on the date `YYYY-MM-DD`. */
void set_mirror_print_tag(struct version compiler, const char *date, char out[SET_TAG_MAX]);

/* latest-compatible-sets.json with the tag for the compiler, unless the file has a later one. `content` is the file, NULL: there
 * is none. STATUS_INVALID: it is not an object of texts. */
CHECK_RESULT enum status set_mirror_append_latest(struct text *out, const char *content, size_t length, struct version compiler,
                                                  const char *tag, struct error *err);

#endif
