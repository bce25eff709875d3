/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What excuses are computed from besides the registry in memory (lib/domain/set/set_excuses.h): the latest set, and from Redis
 * what the last update found out, the last builds with the set's compiler, the supported compilers, and the schedule.
 */
#ifndef SERVICES_PACKAGE_SET_QUERY_EXCUSE_INPUTS_H
#define SERVICES_PACKAGE_SET_QUERY_EXCUSE_INPUTS_H

#include "lib/domain/set/set_excuses.h"
#include "lib/store/redis/set_store.h"
#include "services/package-set/schedule_next.h"

struct package_set_service;

/* In the arena that it was read into. */
struct excuse_inputs {
    struct package_set set;
    struct version unreadable; /* the version of the file that hides the latest set */
    bool is_hidden;            /* there is such a file: `set` is the newest one that can be read */
    struct set_findings findings;
    struct set_update_state update;
    struct set_known_builds builds;
    struct version *compilers; /* the supported ones, ascending */
    size_t compiler_count;
    struct schedule_facts schedule; /* but for what depends on the candidates */
};

/* Takes a few round trips to Redis, however many packages there are. STATUS_NOT_FOUND: there is no package set yet. Any thread;
 * the caller does not hold the view's lock. */
CHECK_RESULT enum status excuse_inputs_read(struct excuse_inputs *out, struct package_set_service *service, struct arena *arena,
                                            struct error *err);

/* What is known, for set_excuses_find(): borrows from the inputs and the arena. `candidates`: of `members`, which were read from
 * the set. */
struct set_knowledge excuse_inputs_knowledge(struct excuse_inputs *inputs, const struct set_members *members,
                                             const struct set_changes *candidates, struct arena *arena);

#endif
