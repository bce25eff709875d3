/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Why each package of the registry is, or is not, in the latest package set with its newest version, and what is in the way of
 * the next compiler (lib/domain/README.md, Daily package sets). Computed from the registry in memory, the set, and what earlier
 * updates and builds found out, so it is never older than these. No I/O; the caller holds the read lock of the index.
 */
#ifndef LIB_DOMAIN_SET_SET_EXCUSES_H
#define LIB_DOMAIN_SET_SET_EXCUSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/domain/set/set_members.h"

struct arena;

/* SET_VERDICT(name, text, who can act, meaning) */
#define SET_VERDICT_TABLE(SET_VERDICT)                                                                                         \
    SET_VERDICT(IN_SET, "in_set", NOBODY, "Its newest version is in the package set.")                                         \
    SET_VERDICT(WAITING, "waiting", REGISTRY, "The next update of the package set tries it.")                                  \
    SET_VERDICT(BLOCKED_BY, "blocked_by", DEPENDENCY, "It depends on a package that is not in the package set.")               \
    SET_VERDICT(FAILS_WITH_SET, "fails_with_set", AUTHOR, "It does not compile with the versions in the package set.")         \
    SET_VERDICT(BREAKS, "breaks", DEPENDANT, "A package of the set does not compile with it.")                                 \
    SET_VERDICT(NO_VERSION_FOR_COMPILER, "no_version_for_compiler", AUTHOR,                                                    \
                "No version of it that is newer than the set's is known to build with the set's compiler.")                    \
    SET_VERDICT(NEVER_TRIED, "never_tried", REGISTRY, "No build of it with the set's compiler has ended yet.")                 \
    SET_VERDICT(NEEDS_TRUSTEE, "needs_trustee", TRUSTEE, "Its version in the package set is not published any more.")          \
    SET_VERDICT(UNPUBLISHED, "unpublished", AUTHOR, "None of its versions is published.")

enum set_verdict {
#define SET_VERDICT(name, text, party, meaning) SET_VERDICT_##name,
    SET_VERDICT_TABLE(SET_VERDICT)
#undef SET_VERDICT
        SET_VERDICT_COUNT
};

/* Who can do something about it. */
enum set_party {
    SET_PARTY_NOBODY,
    SET_PARTY_REGISTRY,
    SET_PARTY_AUTHOR,
    SET_PARTY_DEPENDENCY,
    SET_PARTY_DEPENDANT,
    SET_PARTY_TRUSTEE
};

const char *set_verdict_text(enum set_verdict verdict);
const char *set_verdict_meaning(enum set_verdict verdict);
enum set_party set_verdict_party(enum set_verdict verdict);
const char *set_party_text(enum set_party party); /* "the authors of the packages that it breaks", … */

enum set_trial_outcome {
    SET_TRIAL_NONE,
    SET_TRIAL_FAILED, /* an update of the set tried the version: it does not compile */
    SET_TRIAL_BROKE,  /* a member of the set does not compile with it */
};

/* What an update of the set found out about a version; or, for a package of which no version is known to build with the set's
 * compiler, what the build matrix found. Texts are borrowed. */
struct set_trial {
    enum set_trial_outcome outcome;
    struct version version;
    const char *job;    /* whose log shows it; NULL: none */
    const char *detail; /* the first error, or the names of the members that it breaks; NULL: none */
    int64_t since_ms;
};

/* The last build of the newest version with the set's compiler, where that version is not known to build with it. */
struct set_known_build {
    bool is_tried;
    const char *job;    /* NULL: none, so there is no plan */
    const char *detail; /* a sentence; NULL: none */
    int64_t since_ms;
};

/* By package id; either may be NULL: nothing is known. */
struct set_knowledge {
    const struct set_trial *trials;
    const struct set_known_build *builds;
};

struct set_excuse {
    uint32_t package;
    enum set_verdict verdict;
    const struct indexed_version *version; /* that it is about; NULL: none is published */
    const struct indexed_version *member;  /* the set's version; NULL: none */
    const uint32_t *blockers;              /* of BLOCKED_BY: the direct dependencies, ids by name */
    size_t blocker_count;
    const uint32_t *roots; /* of BLOCKED_BY: where the chains of blockers end: packages with another verdict */
    size_t root_count;
    const char *job;
    int64_t since_ms;     /* 0: unknown */
    const char *sentence; /* readable by itself */
};

/* By name, one for each package with metadata; in the arena. */
struct set_excuses {
    struct set_excuse *items;
    size_t count;
};

/* `set`: from which `members` were read. */
void set_excuses_find(struct set_excuses *out, const struct set_members *members, const struct package_set *set,
                      const struct set_knowledge *knowledge, struct arena *arena);

/* A member that is in the way of a compiler: its version is not known to build with it. */
struct set_obstacle {
    uint32_t package;
    const struct indexed_version *newer; /* a version above the set's that is known to build with it; NULL: none */
    const struct indexed_version *lower; /* the newest such version below; NULL: none */
    const uint32_t *through;             /* the members among its dependencies that are in the way, ids by name; none: it is
                                            in the way by itself */
    size_t through_count;
};

struct set_obstacles {
    struct set_obstacle *items; /* by name */
    size_t count;
};

void set_obstacles_find(struct set_obstacles *out, const struct set_members *members, struct version compiler,
                        struct arena *arena);

#endif
