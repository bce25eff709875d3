/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: a small source for any version of any package, the same every time. It replaces the real source, which is not
 * available: as many files as matter to the build matrix, which import from exactly the dependencies in the manifest.
 *
 *   src/PackagefooZbar.purs         in every version of `foo-bar`; imports the parts. Other packages import only this module,
 *                                   because a source cannot know the version of a dependency that it is compiled with
 *   src/PackagefooZbar/Part1.purs   none to three, each importing some of the dependencies and the part before it
 *
 * Module names are unique over all packages, and the real compiler accepts the sources, too. A few versions are broken on
 * purpose.
 */
#ifndef TESTS_SUPPORT_GENERATED_SOURCE_H
#define TESTS_SUPPORT_GENERATED_SOURCE_H

#include "lib/base/arena.h"
#include "lib/domain/package/manifest.h"
#include "lib/tools/archive/archive.h"

enum { GENERATED_PARTS_MAX = 3, GENERATED_FILES_MAX = GENERATED_PARTS_MAX + 3 };

/* GENERATED_FAULT(name, text) */
#define GENERATED_FAULT_TABLE(GENERATED_FAULT)                                                                                 \
    GENERATED_FAULT(NONE, "none")                                                                                              \
    GENERATED_FAULT(TYPE, "type")     /* a type error, with every compiler above those that the metadata names */              \
    GENERATED_FAULT(IMPORT, "import") /* an import of a module that does not exist; only in packages without dependants */

enum generated_fault {
#define GENERATED_FAULT(name, text) GENERATED_FAULT_##name,
    GENERATED_FAULT_TABLE(GENERATED_FAULT)
#undef GENERATED_FAULT
        GENERATED_FAULT_COUNT
};

const char *generated_fault_text(enum generated_fault fault);

struct generated_source {
    const struct manifest *manifest;
    int64_t seed;
    enum generated_fault fault;
    struct version fails_from; /* of GENERATED_FAULT_TYPE: the first compiler that rejects it */
    int sleep_ms;              /* time that the stand-in takes for each module */
    const char *extra_module;  /* one more module, `Shared.Thing`; NULL: none */
    const char *extra_import;  /* imported by the package's own module; NULL: none */
    const char *extra_pragma;  /* for the stand-in, in the package's own module; NULL: none */
};

/* A number that depends on nothing but its arguments, evenly spread; `version` may be NULL. */
uint64_t generated_number(int64_t seed, const char *name, const struct version *version);

/* How many modules the version has: 1 to 4. */
size_t generated_module_count(const struct generated_source *source);

/* The files of the tarball, purs.json first; everything in the arena. Returns how many. */
size_t generated_files(struct archive_item out[GENERATED_FILES_MAX], const struct generated_source *source,
                       struct arena *arena);

#endif
