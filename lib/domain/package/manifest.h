/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A manifest: the description of a package version by its author (lib/domain/README.md, Manifest), as a `purs.json` (indented)
 * or a line of the index (compact). Reading is lenient, for old data; manifest_check_new() has the stricter rules for new
 * manifests.
 */
#ifndef LIB_DOMAIN_PACKAGE_MANIFEST_H
#define LIB_DOMAIN_PACKAGE_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/domain/identity/owner.h"
#include "lib/domain/package/location.h"
#include "lib/domain/package/range.h"

struct arena;
struct json_writer;
struct text;

/* In code points, as the clients count. Every released spago fails to read an index file with a longer one, i.e. all versions
 * of the package. */
enum { DESCRIPTION_CHARACTERS_MAX = 300 };

struct dependency {
    const char *name;
    struct range range;
};

struct globs {
    const char **items;
    size_t count; /* 0: no such field in the file */
};

/* All pointers are owned by the arena that it was read into. */
struct manifest {
    const char *name;
    struct version version;
    const char *license;     /* as it was read, see license.h */
    const char *description; /* optional (NULL) */
    struct location location;
    const char *ref;
    struct owners owners;
    struct globs include_files;
    struct globs exclude_files;
    struct dependency *dependencies; /* sorted by name, each name once */
    size_t dependency_count;
};

/* Reads a JSON object; unknown keys are ignored. Names, version, ranges and the types of all fields are checked; the license,
 * the location's rules and lengths are not. STATUS_INVALID with the field as path. */
CHECK_RESULT enum status manifest_read(struct manifest *out, const json_t *object, struct arena *arena, struct error *err);

/* The same from text. `what` is the subject of the message if it is not JSON ("The file purs.json"). */
CHECK_RESULT enum status manifest_parse(struct manifest *out, const char *bytes, size_t length, const char *what,
                                        struct arena *arena, struct error *err);

/* The further rules for newly submitted manifests: a canonical license, a location that every client can read, limited lengths,
 * valid owner keys, ranges that include a version, no dependency on itself. Also for manifests converted from other formats,
 * whose dependencies must be sorted. STATUS_INVALID with the field as path. */
CHECK_RESULT enum status manifest_check_new(const struct manifest *manifest, struct error *err);

/* Checks that released clients (spago 1.0.4, 0.93.45) can decode it: the length of the description, the license's identifiers,
 * no empty patterns. Required of all that is written to the index, since one undecodable line makes them lose the whole file.
 * STATUS_INVALID with the field as path. */
CHECK_RESULT enum status manifest_check_readable(const struct manifest *manifest, struct error *err);

/* Reads only the field `dependencies` of a JSON object, `{NAME: RANGE}`: sorted by name, in the arena. STATUS_INVALID with the
 * field as path. */
CHECK_RESULT enum status dependencies_read(struct dependency **out, size_t *count, const json_t *object, struct arena *arena,
                                           struct error *err);
void dependencies_write(struct json_writer *writer, const struct dependency *dependencies, size_t count); /* with its key */

/* NULL if not found. `dependencies` must be sorted. */
const struct dependency *dependencies_find(const struct dependency *dependencies, size_t count, const char *name);

void manifest_sort_dependencies(struct manifest *manifest); /* for manifests converted from other formats */

void manifest_write(struct json_writer *writer, const struct manifest *manifest); /* as a value of other JSON */
void manifest_append_line(struct text *out, const struct manifest *manifest);     /* compact, without the newline */
void manifest_append_file(struct text *out, const struct manifest *manifest); /* as purs.json: two spaces, a final newline */

bool manifest_equal(const struct manifest *a, const struct manifest *b); /* both print the same bytes */

#endif
