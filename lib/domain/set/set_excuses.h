/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Why each package of the registry is, or is not, in the latest package set with its newest version (lib/domain/README.md, Daily
 * package sets). Computed from the registry in memory, the set, and what earlier updates and builds found out, so it is never
 * older than these. No I/O; the caller holds the read lock of the index.
 */
#ifndef LIB_DOMAIN_SET_SET_EXCUSES_H
#define LIB_DOMAIN_SET_SET_EXCUSES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/domain/set/set_changes.h"
#include "lib/domain/set/set_finding.h"
#include "lib/domain/set/set_members.h"

struct arena;

/* SET_VERDICT(name, text, who can act, meaning) */
#define SET_VERDICT_TABLE(SET_VERDICT)                                                                                         \
    SET_VERDICT(IN_SET, "in_set", NOBODY, "Its newest version is in the package set.")                                         \
    SET_VERDICT(WAITING, "waiting", REGISTRY, "The next update of the package set tries it.")                                  \
    SET_VERDICT(BLOCKED_BY, "blocked_by", DEPENDENCY, "It depends on a package that is not in the package set.")               \
    SET_VERDICT(FAILS_WITH_SET, "fails_with_set", AUTHOR, "It does not compile with the versions in the package set.")         \
    SET_VERDICT(BREAKS, "breaks", DEPENDANT, "A package of the set does not compile with it.")                                 \
    SET_VERDICT(NO_RESULT, "no_result", REGISTRY,                                                                              \
                "A build that decides about it came to no result, so the next update tries it again.")                         \
    SET_VERDICT(NO_VERSION_FOR_COMPILER, "no_version_for_compiler", AUTHOR,                                                    \
                "No version of it that is newer than the set's is known to build with the set's compiler.")                    \
    SET_VERDICT(NEVER_TRIED, "never_tried", REGISTRY, "No build of it with the set's compiler has come to a result yet.")      \
    SET_VERDICT(NEEDS_TRUSTEE, "needs_trustee", TRUSTEE, "Its version in the package set is not published any more.")          \
    SET_VERDICT(UNPUBLISHED, "unpublished", AUTHOR, "None of its versions is published.")

enum set_verdict {
#define SET_VERDICT(name, text, party, meaning) SET_VERDICT_##name,
    SET_VERDICT_TABLE(SET_VERDICT)
#undef SET_VERDICT
        SET_VERDICT_COUNT
};

/* SET_PARTY(name, text): who can do something about it. */
#define SET_PARTY_TABLE(SET_PARTY)                                                                                             \
    SET_PARTY(NOBODY, "nobody")                                                                                                \
    SET_PARTY(REGISTRY, "the registry")                                                                                        \
    SET_PARTY(AUTHOR, "its authors")                                                                                           \
    SET_PARTY(DEPENDENCY, "the authors of its dependencies")                                                                   \
    SET_PARTY(DEPENDANT, "the authors of the packages that it breaks, or a trustee")                                           \
    SET_PARTY(TRUSTEE, "a trustee")

enum set_party {
#define SET_PARTY(name, text) SET_PARTY_##name,
    SET_PARTY_TABLE(SET_PARTY)
#undef SET_PARTY
        SET_PARTY_COUNT
};

const char *set_verdict_text(enum set_verdict verdict);
const char *set_verdict_meaning(enum set_verdict verdict);
enum set_party set_verdict_party(enum set_verdict verdict);
const char *set_party_text(enum set_party party);

/* ---- What is known besides the registry and the set ---- */

enum set_build_state {
    SET_BUILD_UNTRIED,   /* none has come to a result */
    SET_BUILD_FAILED,    /* the last build failed */
    SET_BUILD_SUCCEEDED, /* it succeeded, which the metadata does not say yet */
};

/* The last build with the set's compiler of a version that is not known to build with it. */
struct set_known_build {
    const char *package;
    struct version version;
    enum set_build_state state;
    const char *job;    /* NULL: none */
    const char *detail; /* a sentence: how the build failed, or why it came to no result; NULL: none */
    int64_t since_ms;   /* 0: unknown */
};

struct set_known_builds {
    struct set_known_build *items; /* by name, one for each package */
    size_t count;
};

/* The builds that excuses depend on: of each package without a candidate for the set's compiler its newest version, if that is
 * newer than the set's. Sets package and version of each, as copies in the arena. */
void set_excuses_list_builds(struct set_known_builds *out, const struct set_members *members, struct arena *arena);

struct set_knowledge {
    const struct set_findings *findings;   /* of the last update; count for the same version and the set's compiler */
    const struct set_known_builds *builds; /* count for the same version */
    int64_t now_ms;
    int64_t checked_ms;    /* when an update last decided about all candidates; 0: none has */
    int64_t next_ms;       /* when the next one is to start; 0: none will by itself */
    const char *hindrance; /* a sentence: why none can start; NULL: they can */
};

/* Excuses that depend on an update which ended longer ago than this say so. A daily update may take an hour. */
enum { SET_CHECK_AGE_MAX_MS = 25 * 3600 * 1000 };

/* ---- Excuses ---- */

struct set_excuse {
    uint32_t package;
    enum set_verdict verdict;
    const struct indexed_version *version; /* that it is about; NULL: none is published */
    const struct indexed_version *member;  /* the set's version; NULL: none */
    const uint32_t *blockers;              /* of BLOCKED_BY: the direct dependencies, ids by name */
    size_t blocker_count;
    const uint32_t *roots; /* of BLOCKED_BY: where the chains of blockers end: packages with another verdict, ids by name */
    size_t root_count;
    const char *job;      /* whose log shows it; NULL: none */
    int64_t since_ms;     /* 0: unknown */
    const char *sentence; /* readable by itself */
};

/* By name, one for each package with metadata; in the arena. */
struct set_excuses {
    struct set_excuse *items;
    size_t count;
};

/* `set`: from which `members` were read. `candidates`: set_changes_find_candidates() of the members. Borrows from all of these and
 * from the index. */
void set_excuses_find(struct set_excuses *out, const struct set_members *members, const struct package_set *set,
                      const struct set_changes *candidates, const struct set_knowledge *knowledge, struct arena *arena);

#endif
