/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What updates of the package set found out about the versions that they tried and did not take. Kept in Redis
 * (lib/store/redis/set_store.h), and the base of excuses (set_excuses.h).
 */
#ifndef LIB_DOMAIN_SET_SET_FINDING_H
#define LIB_DOMAIN_SET_SET_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/domain/package/version.h"

/* A version that an update tried and did not take. */
struct set_finding {
    const char *package;
    struct version version, compiler;
    bool breaks_others; /* members of the set do not compile with it; else it does not compile itself */
    const char *job;    /* whose log shows it; NULL: none */
    const char *detail; /* the first error, of one that breaks others after the name of a member: `NAME: ERROR`; NULL: none */
    int64_t since_ms;   /* when it was first found out for this version and compiler */
    bool has_no_result; /* the build came to no result, so it counts as one that failed for that update alone; `detail` is the
                           reason */
};

struct set_findings {
    struct set_finding *items; /* by name, one for each package */
    size_t count;
};

/* NULL: there is none. Borrowed. */
const struct set_finding *set_findings_find(const struct set_findings *findings, const char *package);

#endif
