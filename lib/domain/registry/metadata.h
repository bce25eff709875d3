/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The metadata of a package: `metadata/NAME.json` in the registry repository (lib/domain/README.md, Metadata).
 *
 *   {location, owners?, published: {VERSION: {bytes, compilers, hash, publishedTime, ref?, revision?}},
 *                       unpublished: {VERSION: {publishedTime, reason, unpublishedTime}}}
 *
 * Every released client reads these files, and other programs may write them, so unknown fields of the file or of a version are
 * kept and printed again in their place (all keys are in alphabetical order).
 */
#ifndef LIB_DOMAIN_REGISTRY_METADATA_H
#define LIB_DOMAIN_REGISTRY_METADATA_H

#include <stddef.h>
#include <stdint.h>

#include "lib/domain/identity/owner.h"
#include "lib/domain/package/location.h"
#include "lib/domain/package/version.h"

struct arena;
struct json_writer;
struct text;

/* An unknown field, printed as in the file. */
struct unknown_field {
    const char *key;
    const char *printed;
    struct unknown_field *next; /* in alphabetical order */
};

struct published_version {
    struct version version;
    int64_t size_bytes;        /* of the tarball */
    struct version *compilers; /* ascending, each once */
    size_t compiler_count;
    const char *hash; /* of the tarball, `sha256-…` */
    int64_t published_ms;
    const char *ref;  /* "" for new versions; NULL if the file has none */
    int64_t revision; /* number of revisions of its bounds */
    struct unknown_field *unknown_fields;
};

struct unpublished_version {
    struct version version;
    int64_t published_ms;
    const char *reason;
    int64_t unpublished_ms;
    struct unknown_field *unknown_fields;
};

/* All pointers are owned by the arena that it was read into; pass the same arena to the functions that change it. Location and
 * owners may be assigned directly. The metadata of a new package is a zeroed struct with a location. */
struct metadata {
    struct location location;
    struct owners owners;
    struct published_version *published; /* ascending by version */
    size_t published_count;
    struct unpublished_version *unpublished; /* ascending by version; no version is in both */
    size_t unpublished_count;
    struct unknown_field *unknown_fields;
};

/* STATUS_INVALID with the field as path, for instance `published.VERSION.hash`. */
CHECK_RESULT enum status metadata_parse(struct metadata *out, const char *bytes, size_t length, struct arena *arena,
                                        struct error *err);
void metadata_append_file(struct text *out, const struct metadata *metadata);

/* The same as a value within other JSON: all of it, or the entry of one version. */
void metadata_write(struct json_writer *writer, const struct metadata *metadata);
void published_version_write(struct json_writer *writer, const struct published_version *version);

/* NULL if there is none. Borrowed from `metadata` until its next change. */
struct published_version *metadata_find_published(const struct metadata *metadata, struct version version);
struct unpublished_version *metadata_find_unpublished(const struct metadata *metadata, struct version version);

/* True if the version is published and listed as one that builds with the compiler. `metadata` NULL: false. */
bool metadata_has_compiler(const struct metadata *metadata, struct version version, struct version compiler);

/* Adds a copy of `version`, which borrows its texts and compilers. It must have at least one compiler. STATUS_REFUSED if that
 * version exists already, published or unpublished. */
CHECK_RESULT enum status metadata_add_published(struct metadata *metadata, const struct published_version *version,
                                                struct arena *arena, struct error *err);

/* Adds a compiler to a published version, if it does not have it yet. STATUS_NOT_FOUND if the version is not published (any
 * more). */
CHECK_RESULT enum status metadata_add_compiler(struct metadata *metadata, struct version version, struct version compiler,
                                               struct arena *arena, struct error *err);

/* Moves a published version to the unpublished ones. `reason` is borrowed. STATUS_NOT_FOUND if there is no such version,
 * STATUS_REFUSED if it is unpublished already. */
CHECK_RESULT enum status metadata_unpublish(struct metadata *metadata, struct version version, const char *reason,
                                            int64_t unpublished_ms, struct arena *arena, struct error *err);

#endif
