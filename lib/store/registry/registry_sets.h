/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The package sets of the registry repository in memory: a struct set_history (lib/domain/set/set_history.h) that follows the
 * repository commit by commit (lib/store/README.md, The registry in memory).
 *
 *   registry.git   package-sets/80.8.0.json ──┬─► set_history      readers hold it between _lock and _unlock
 *                                             └─► problems         of the files that are no package set
 *
 * It has the commit that a registry_view has, as of its last registry_sets_follow(), and asks no remote itself: refresh the view
 * first. Only files that changed are read, concurrently with the readers.
 *
 * A file that is malformed, or has a set whose version differs from the file's name, is a mistake in the repository: it is
 * logged and counted, and its set is absent, also if an earlier commit had it. So all processes that have the same commit
 * answer the same. Files whose name is not a version are ignored.
 *
 * Safe from any thread. Repository and view are borrowed and outlive it.
 */
#ifndef LIB_STORE_REGISTRY_REGISTRY_SETS_H
#define LIB_STORE_REGISTRY_REGISTRY_SETS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/domain/set/set_history.h"
#include "lib/store/registry/registry_repo.h"

struct registry_sets;
struct registry_view;

/* Makes an empty one; registry_sets_follow() fills it. `view`: of that repository. */
struct registry_sets *registry_sets_create(struct registry_repo *registry, struct registry_view *view);
void registry_sets_free(struct registry_sets *sets);

/* Reads the changes up to the view's commit. Cheap if there are none. A failure leaves the sets as they were. */
CHECK_RESULT enum status registry_sets_follow(struct registry_sets *sets, struct error *err);

/* The sets as of the last registry_sets_follow(); valid until registry_sets_unlock(), by the same thread. While holding it,
 * call nothing else of the sets but registry_sets_unlock(). */
const struct set_history *registry_sets_lock(struct registry_sets *sets);
void registry_sets_unlock(struct registry_sets *sets);

/* Why the file of that version is no package set, in the arena; NULL: it is one, or there is no such file. */
const char *registry_sets_problem(struct registry_sets *sets, struct version version, struct arena *arena);

/* The highest version that any file is named after: an update of the package set must not begin while that file has a problem,
 * since it would start from an older set, and might release its version again. */
struct newest_set {
    bool is_any;
    struct version version;
    const char *problem; /* as by registry_sets_problem() */
};

struct newest_set registry_sets_newest(struct registry_sets *sets, struct arena *arena);

struct registry_sets_state {
    char commit[REGISTRY_COMMIT_MAX]; /* "" before the first registry_sets_follow() */
    size_t sets;
    size_t skipped_files; /* files that are no package set */
};

struct registry_sets_state registry_sets_state(struct registry_sets *sets);

#endif
