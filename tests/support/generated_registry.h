/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests, chaos and benchmarks: a whole registry on the disk that can be built, with the names, versions, ranges and
 * compilers of the real one, and a generated source (tests/support/generated_source.h) in every tarball.
 *
 *   FOLDER/registry.git            bare; the real metadata, except for sizes and hashes
 *   FOLDER/registry-index.git      bare; the real manifests
 *   FOLDER/storage/NAME/VERSION.tar.gz
 *   FOLDER/broken                  a line `NAME@VERSION KIND` for each version that is broken on purpose
 *
 * The same options give the same tarballs, metadata and manifests.
 */
#ifndef TESTS_SUPPORT_GENERATED_REGISTRY_H
#define TESTS_SUPPORT_GENERATED_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "tests/support/generated_source.h"

struct manifest_index;
struct package_set;

/* `one_in` for about a tenth of the real registry: the hundred packages that everything depends on, and some more. */
enum { GENERATED_TENTH = 150 };

/* A version whose source has one module more, or one import more: it compiles with some versions of others only, or defines a
 * module of theirs. Or one that compiles with some compilers only, or slowly. */
struct generated_extra {
    const char *name;
    const char *version;
    const char *module;     /* NULL: none */
    const char *import;     /* NULL: none */
    const char *fails_from; /* the first compiler that rejects it, as GENERATED_FAULT_TYPE; NULL: none does */
    const char *pragma;     /* for the stand-in compiler: "sleep 100" (tests/support/purs/purs.c); NULL: none */
};

struct generated_registry_options {
    int64_t seed;
    int one_in;             /* keep one package of this many, and the dependencies of those kept, transitively; 0: all */
    int broken_in_thousand; /* so many versions of a thousand have a type error; of packages that nobody needs as many a wrong
                               import */
    int sleep_ms;           /* time that the stand-in compiler takes for each module */
    int thread_count;       /* 0: one for each processor */
    /* False: the version is left out; NULL: none is. */
    bool (*is_kept)(void *context, const char *name, struct version version);
    void *context;
    const struct generated_extra *extras;
    size_t extra_count;
    const struct package_set *sets; /* whose files are in registry.git */
    size_t set_count;
};

struct generated_registry_counts {
    size_t packages, versions, modules;
    size_t broken[GENERATED_FAULT_COUNT];
    int64_t tarball_bytes;
};

/* Makes the registry in `folder`, and the folder, too; it must not contain a registry yet. A package that is only in the index,
 * or only in the metadata, is left out. STATUS_INTERNAL: the disk, or git. */
CHECK_RESULT enum status generated_registry_make(const char *folder, const struct manifest_index *index,
                                                 const struct generated_registry_options *options,
                                                 struct generated_registry_counts *counts, struct error *err);

/* An index to use if the real data is not available: `package_count` packages, each depending on some of the earlier ones (a
 * few are dependencies of most), in up to six versions; the newest versions fit together. The caller frees it. */
struct manifest_index *made_up_index_create(size_t package_count, int64_t seed);

#endif
