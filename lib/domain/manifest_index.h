/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The whole registry in memory (lib/domain/README.md, Index and Metadata): every manifest of the index and every package's
 * metadata, held so that the solver can walk it without touching a string. Pure: who reads the files and follows their
 * changes is lib/store/registry_view.
 *
 *   name ──► package id ──► versions, ascending ──► needs: [0] the compiler range, then (package id, low, high) by name
 *             (dense, kept │            └─────────► manifest
 *              for good)   └► metadata
 *
 * Names get a dense id when they are first heard of, also as somebody's dependency, and keep it as long as the index lives; a
 * package whose files were removed keeps its id with no versions. Versions are compared as one 128-bit integer each.
 *
 * Threads: none of this locks. Functions that take a `const struct manifest_index *` only read, and any number of them may run
 * at once; the others need the index for themselves. So the owner keeps a read-write lock around it (a solve is about 0.1 ms,
 * the change of one package likewise). Everything returned is borrowed and good until the next change of the same package,
 * that is, while the read lock is held.
 */
#ifndef LIB_DOMAIN_MANIFEST_INDEX_H
#define LIB_DOMAIN_MANIFEST_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/domain/manifest.h"
#include "lib/domain/metadata.h"
#include "lib/domain/range.h"
#include "lib/domain/version.h"

struct arena;
struct manifest_index;

enum {
    PACKAGE_COMPILER = 0,      /* the id of `purs`, which is in every index and has no versions there */
    PACKAGE_NONE = UINT32_MAX, /* no such package */
};

/* A range as two integers that order as versions do. */
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
    bool is_published;          /* in the metadata, too: only then the solver may choose it */
    struct indexed_need *needs; /* [0]: from the lowest known compiler to just above the highest (meaningless where not
                                   published); then the dependencies, by name */
    size_t need_count;          /* with the compiler: the number of dependencies and 1 */
    const struct manifest *manifest;
};

struct indexed_package {
    const char *name;
    const struct indexed_version *versions; /* ascending */
    size_t version_count;
    const uint32_t *mentions; /* the ids of all that any version needs, each once, the compiler first */
    size_t mention_count;
    const uint32_t *users; /* the other way round: the ids of the packages that mention it, ascending; the compiler has none */
    size_t user_count;
    const struct metadata *metadata; /* NULL where there is none */
};

/* Somebody who depends on something. */
struct dependant {
    const char *name;
    struct version version;
    struct range range; /* what it asks for */
};

struct manifest_index *manifest_index_create(void);
void manifest_index_free(struct manifest_index *index);

/* --- changing: the caller has the index for itself --- */

/* Takes the text of a package's index file in place of what was known of its manifests. STATUS_INVALID as index_file_parse(),
 * and nothing was changed then. An empty text is as good as none: see manifest_index_remove_manifests(). */
CHECK_RESULT enum status manifest_index_set_manifests(struct manifest_index *index, const char *name, const char *text,
                                                      size_t length, struct error *err);

/* Takes the text of a package's metadata file, likewise. */
CHECK_RESULT enum status manifest_index_set_metadata(struct manifest_index *index, const char *name, const char *text,
                                                     size_t length, struct error *err);

/* The same for files that were parsed before, by index_file_parse() and metadata_parse(), in whatever thread. `memory` is the
 * arena that they were read into: it becomes the index's, and is left empty. */
void manifest_index_put_manifests(struct manifest_index *index, const char *name, const struct manifest *manifests,
                                  size_t count, struct arena *memory);
void manifest_index_put_metadata(struct manifest_index *index, const char *name, const struct metadata *metadata,
                                 struct arena *memory);

/* Forget the manifests, or the metadata, of a package (its file was removed). Fine where there was nothing. */
void manifest_index_remove_manifests(struct manifest_index *index, const char *name);
void manifest_index_remove_metadata(struct manifest_index *index, const char *name);

/* --- looking things up --- */

/* Ids run from 0 to count - 1, in no order that means anything. */
size_t manifest_index_package_count(const struct manifest_index *index);
const struct indexed_package *manifest_index_package(const struct manifest_index *index, uint32_t package);

/* The id of a name, or PACKAGE_NONE. A name may have an id and neither manifests nor metadata. */
uint32_t manifest_index_find_package(const struct manifest_index *index, const char *name);

/* The position of `name` in alphabetical order: the package with manifest_index_by_name(index, 0) comes first. */
uint32_t manifest_index_by_name(const struct manifest_index *index, size_t position);

/* The position of the first version of the package that is not below `packed`; version_count where there is none. */
size_t indexed_package_position(const struct indexed_package *package, unsigned __int128 packed);

/* NULL where the index has no such manifest, or the registry no such metadata. */
const struct indexed_version *indexed_package_find(const struct indexed_package *package, struct version version);
const struct indexed_version *manifest_index_find(const struct manifest_index *index, const char *name, struct version version);
const struct metadata *manifest_index_find_metadata(const struct manifest_index *index, const char *name);

/* STATUS_REFUSED, with `field` as path, where `location` is the place of a package other than `name`: a location is one
 * package's. */
CHECK_RESULT enum status manifest_index_check_place(const struct manifest_index *index, const char *name,
                                                    const struct location *location, const char *field, struct error *err);

/* Copies in the arena, for who needs them longer than the lock is held. STATUS_NOT_FOUND where there is none. */
CHECK_RESULT enum status manifest_index_copy_manifest(struct manifest *out, const struct manifest_index *index,
                                                      const char *name, struct version version, struct arena *arena,
                                                      struct error *err);
CHECK_RESULT enum status manifest_index_copy_metadata(struct metadata *out, const struct manifest_index *index,
                                                      const char *name, struct arena *arena, struct error *err);

/* --- the invariant: for every dependency of every manifest some version inside the range is in the index --- */

/* STATUS_REFUSED ("unsatisfied dependencies") names each dependency that no version in the index satisfies. */
CHECK_RESULT enum status manifest_index_check_dependencies(const struct manifest_index *index, const struct manifest *manifest,
                                                           struct error *err);

/* The manifests with a dependency whose range includes this version, by name and version; `*out` is in the arena. */
size_t manifest_index_find_dependants(struct dependant **out, const struct manifest_index *index, const char *name,
                                      struct version version, struct arena *arena);

/* Those of them that no other version in the index would satisfy were this one removed. (A package's own dependants do not
 * include itself.) */
size_t manifest_index_find_orphans(struct dependant **out, const struct manifest_index *index, const char *name,
                                   struct version version, struct arena *arena);

/* Put in, or take out, one manifest, for whoever holds an index of their own. A manifest of the same name and version is
 * replaced. STATUS_REFUSED, and nothing was changed, where that would leave a dependency unsatisfied: it names each.
 * STATUS_NOT_FOUND where there is nothing to take out. Other manifests of the package that were borrowed are gone. */
CHECK_RESULT enum status manifest_index_insert(struct manifest_index *index, const struct manifest *manifest,
                                               struct error *err);
CHECK_RESULT enum status manifest_index_delete(struct manifest_index *index, const char *name, struct version version,
                                               struct error *err);

/* The package as it would be with `revised` in place of its manifest of that version, which is there and has the same
 * dependencies with other ranges: for whoever wants to know what would follow, and leaves the index as it is. In the arena, and
 * borrowed from the index like all of it. */
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
