/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A manifest: what a package version says of itself (lib/domain/README.md, Manifest). The same data is a `purs.json` (printed
 * with indentation) and a line of the index (compact). Reading takes what old data has; manifest_check_new() is for what is
 * new.
 */
#ifndef LIB_DOMAIN_MANIFEST_H
#define LIB_DOMAIN_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/domain/location.h"
#include "lib/domain/owner.h"
#include "lib/domain/range.h"

struct arena;
struct json_writer;
struct text;

/* In code points, as the clients count. Every shipped spago fails to read an index file with a longer one, all versions of the
 * package included. */
enum { DESCRIPTION_CHARACTERS_MAX = 300 };

struct dependency {
    const char *name;
    struct range range;
};

struct globs {
    const char **items;
    size_t count; /* 0: the file has no such field */
};

/* Whatever it points to belongs to the arena that it was read into. */
struct manifest {
    const char *name;
    struct version version;
    const char *licence;     /* as it was read, see licence.h */
    const char *description; /* NULL where there is none */
    struct location location;
    const char *ref;
    struct owners owners;
    struct globs include_files;
    struct globs exclude_files;
    struct dependency *dependencies; /* sorted by name, each name once */
    size_t dependency_count;
};

/* Reads a JSON object; unknown keys are ignored. Names, version, ranges and the types of all fields are checked; the licence,
 * the location's rules and lengths are not. STATUS_INVALID with the field as path. */
CHECK_RESULT enum status manifest_read(struct manifest *out, const json_t *object, struct arena *arena, struct error *err);

/* The same from text. `what` begins the sentence where it is no JSON ("The file purs.json"). */
CHECK_RESULT enum status manifest_parse(struct manifest *out, const char *bytes, size_t length, const char *what,
                                        struct arena *arena, struct error *err);

/* What a newly submitted manifest must keep to besides: a canonical licence, a location that every client can read, lengths,
 * owners with keys that are keys, dependencies other than itself. Also for manifests that were made from other formats; those
 * must have their dependencies sorted. */
CHECK_RESULT enum status manifest_check_new(const struct manifest *manifest, struct error *err);

/* Can the decoders of released clients (spago 1.0.4, 0.93.45) read it? Without that nothing is written to the index: they lose
 * the whole file. The length of the description, the licence's identifiers, empty patterns: STATUS_INVALID with the field as
 * path. */
CHECK_RESULT enum status manifest_check_readable(const struct manifest *manifest, struct error *err);

/* The field `dependencies` of a JSON object, alone: `{NAME: RANGE}`. Sorted by name, in the arena. STATUS_INVALID with the
 * field as path. */
CHECK_RESULT enum status dependencies_read(struct dependency **out, size_t *count, const json_t *object, struct arena *arena,
                                           struct error *err);
void dependencies_write(struct json_writer *writer, const struct dependency *dependencies, size_t count); /* with its key */

/* NULL where the name is not among them. */
const struct dependency *dependencies_find(const struct dependency *dependencies, size_t count, const char *name);

void manifest_sort_dependencies(struct manifest *manifest); /* for manifests that were made from other formats */

void manifest_write(struct json_writer *writer, const struct manifest *manifest); /* as a value of other JSON */
void manifest_append_line(struct text *out, const struct manifest *manifest);     /* compact, without the newline */
void manifest_append_file(struct text *out, const struct manifest *manifest); /* as purs.json: two spaces, a final newline */

bool manifest_equal(const struct manifest *a, const struct manifest *b); /* printed, they are the same bytes */

#endif
