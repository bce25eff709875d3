/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The whole registry in memory (lib/domain/README.md, Index and Metadata): every manifest of the index and every package's
 * metadata, in a form that the solver can walk without touching a string. No I/O: lib/store/registry_view reads the files and
 * follows their changes.
 *
 *   name ──► package id ──► versions, ascending ──► needs: [0] the compiler range, then (package id, low, high) by name
 *             (dense, kept │            └─────────► manifest
 *              for good)   └► metadata
 *
 * A name gets a dense id on its first occurrence, also as a dependency, and keeps it for the life of the index; a package whose
 * files were removed keeps its id, without versions. Versions are compared as 128-bit integers.
 *
 * Threads: there is no locking here. Functions that take a `const struct manifest_index *` only read, and may run concurrently;
 * the others need exclusive access. So the owner guards the index with a read-write lock (a solve takes about 0.1 ms, and so
 * does a change of one package). Everything returned is borrowed, and valid as long as the read lock is held.
 */
#ifndef LIB_DOMAIN_REGISTRY_MANIFEST_INDEX_H
#define LIB_DOMAIN_REGISTRY_MANIFEST_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/domain/package/manifest.h"
#include "lib/domain/package/range.h"
#include "lib/domain/package/version.h"
#include "lib/domain/registry/metadata.h"

struct arena;
struct manifest_index;

enum {
    PACKAGE_COMPILER = 0,      /* the id of `purs`, which is in every index, without versions */
    PACKAGE_NONE = UINT32_MAX, /* no such package */
};

/* A range of packed versions, see version_pack(). */
struct packed_range {
    unsigned __int128 low;  /* included */
    unsigned __int128 high; /* excluded */
};

struct indexed_need {
    struct packed_range range;
    uint32_t package; /* id */
};

/* One manifest of the index. */
struct indexed_version {
    unsigned __int128 packed;
    struct version version;
    bool is_published;          /* also published in the metadata: only then the solver may choose it */
    struct indexed_need *needs; /* [0]: from the lowest known compiler to just above the highest (undefined if not
                                   published); then the dependencies, by name */
    size_t need_count;          /* number of dependencies + 1 */
    const struct manifest *manifest;
};

struct indexed_package {
    const char *name;
    const struct indexed_version *versions; /* ascending */
    size_t version_count;
    const uint32_t *mentions; /* ids of all packages that any version needs, ascending, so the compiler is first */
    size_t mention_count;
    const uint32_t *users; /* inverse of `mentions`: ids of the packages that mention it, ascending; none for the compiler */
    size_t user_count;
    const struct metadata *metadata; /* NULL: none */
};

/* A package version with a dependency on a given package. */
struct dependant {
    const char *name;
    struct version version;
    struct range range; /* of that dependency */
};

struct manifest_index *manifest_index_create(void);
void manifest_index_free(struct manifest_index *index);

/* --- changing: the caller must have exclusive access --- */

/* Replaces a package's manifests by those of the text of its index file. STATUS_INVALID as index_file_parse(); nothing is
 * changed then. An empty text has the effect of manifest_index_remove_manifests(). */
CHECK_RESULT enum status manifest_index_set_manifests(struct manifest_index *index, const char *name, const char *text,
                                                      size_t length, struct error *err);

/* The same for its metadata file. STATUS_INVALID as metadata_parse(); nothing is changed then. */
CHECK_RESULT enum status manifest_index_set_metadata(struct manifest_index *index, const char *name, const char *text,
                                                     size_t length, struct error *err);

/* The same for files that were parsed before, in any thread, by index_file_parse() and metadata_parse(). `memory` is the arena
 * that they were read into: the index takes it over, and leaves it empty. */
void manifest_index_put_manifests(struct manifest_index *index, const char *name, const struct manifest *manifests,
                                  size_t count, struct arena *memory);
void manifest_index_put_metadata(struct manifest_index *index, const char *name, const struct metadata *metadata,
                                 struct arena *memory);

/* Remove a package's manifests, or its metadata (its file was removed). No effect if there are none. */
void manifest_index_remove_manifests(struct manifest_index *index, const char *name);
void manifest_index_remove_metadata(struct manifest_index *index, const char *name);

/* --- looking things up --- */

/* Ids run from 0 to count - 1, in unspecified order. */
size_t manifest_index_package_count(const struct manifest_index *index);
const struct indexed_package *manifest_index_package(const struct manifest_index *index, uint32_t package);

/* The id of a name, or PACKAGE_NONE. A name with an id may have neither manifests nor metadata. */
uint32_t manifest_index_find_package(const struct manifest_index *index, const char *name);

/* The id of the package at `position` (from 0) in alphabetical order. */
uint32_t manifest_index_by_name(const struct manifest_index *index, size_t position);

/* The position of the package's first version that is not below `packed`; version_count if there is none. */
size_t indexed_package_position(const struct indexed_package *package, unsigned __int128 packed);

/* NULL if there is no such manifest or metadata. */
const struct indexed_version *indexed_package_find(const struct indexed_package *package, struct version version);
const struct indexed_version *manifest_index_find(const struct manifest_index *index, const char *name, struct version version);
const struct metadata *manifest_index_find_metadata(const struct manifest_index *index, const char *name);

/* STATUS_REFUSED, with `field` as path, if `location` is that of a package other than `name`: packages must not share one. */
CHECK_RESULT enum status manifest_index_check_place(const struct manifest_index *index, const char *name,
                                                    const struct location *location, const char *field, struct error *err);

/* Copies in the arena, for use after the lock is released. STATUS_NOT_FOUND if there is none. */
CHECK_RESULT enum status manifest_index_copy_manifest(struct manifest *out, const struct manifest_index *index,
                                                      const char *name, struct version version, struct arena *arena,
                                                      struct error *err);
CHECK_RESULT enum status manifest_index_copy_metadata(struct metadata *out, const struct manifest_index *index,
                                                      const char *name, struct arena *arena, struct error *err);

/* --- the invariant: for every dependency of every manifest, some version inside the range is in the index --- */

/* STATUS_REFUSED ("unsatisfied dependencies") names each dependency that no version in the index satisfies. */
CHECK_RESULT enum status manifest_index_check_dependencies(const struct manifest_index *index, const struct manifest *manifest,
                                                           struct error *err);

/* The manifests with a dependency whose range includes this version, by name and version; `*out` is in the arena. */
size_t manifest_index_find_dependants(struct dependant **out, const struct manifest_index *index, const char *name,
                                      struct version version, struct arena *arena);

/* Those of them that no other version in the index would satisfy if this one were removed; never that version itself. */
size_t manifest_index_find_orphans(struct dependant **out, const struct manifest_index *index, const char *name,
                                   struct version version, struct arena *arena);

/* Makes a copy of the package with `revised` in place of its manifest of that version, for a trial solve
 * (solver_request.instead) that leaves the index unchanged. The manifest must exist and have the same dependencies, with other
 * ranges. The copy is in the arena and borrows from the index. */
void manifest_index_revise(struct indexed_package *out, const struct manifest_index *index, const struct manifest *revised,
                           struct arena *arena);

/* --- versions as integers --- */

static inline unsigned __int128 version_pack(struct version version) {
    return (unsigned __int128)version.major << 64 | (unsigned __int128)version.minor << 32 | version.patch;
}

static inline struct version version_unpack(unsigned __int128 packed) {
    return (struct version){.major = (uint32_t)(packed >> 64), .minor = (uint32_t)(packed >> 32), .patch = (uint32_t)packed};
}

static inline struct packed_range range_pack(struct range range) {
    return (struct packed_range){.low = version_pack(range.low), .high = version_pack(range.high)};
}

static inline bool packed_range_includes(struct packed_range range, unsigned __int128 version) {
    return range.low <= version && version < range.high;
}

#endif
