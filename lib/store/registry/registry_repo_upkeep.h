/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Keeps repositories on this machine's disk quick to read: every push of ours leaves a pack, and a reader searches all of them.
 * So a thread counts them periodically, and if there are many, has the git program merge smaller ones into larger ones (`git
 * repack --geometric`), concurrently with all readers and writers. Clones of remote repositories are kept the same way.
 *
 * No object is ever removed, since an unreferenced one may be about to be pushed. That is left to `git gc`, which pushes by
 * others start when it is due, and its grace period of two weeks.
 */
#ifndef LIB_STORE_REGISTRY_REGISTRY_REPO_UPKEEP_H
#define LIB_STORE_REGISTRY_REGISTRY_REPO_UPKEEP_H

#include "lib/store/registry/registry_repo.h"

enum {
    REGISTRY_PACKS_MAX = 50, /* the limit of git itself (gc.autoPackLimit) */
    REGISTRY_UPKEEP_MAX = 3,
};

struct registry_upkeep;

/* Starts the thread, which ends with registry_upkeep_stop(). The repositories are borrowed until then. NULL: the thread could
 * not be started, which is logged. */
struct registry_upkeep *registry_upkeep_start(struct registry_repo *registry, struct registry_repo *index);

/* One more repository, at most REGISTRY_UPKEEP_MAX in all. NULL, as of a thread that could not be started, is ignored. */
void registry_upkeep_add(struct registry_upkeep *upkeep, struct registry_repo *repo);
void registry_upkeep_stop(struct registry_upkeep *upkeep);

/* One look by the thread: removes the unfinished files of a killed repack once they are ten minutes old, and repacks the
 * repository if it has more than `packs_max` packs; *packed (may be NULL) is true then. STATUS_BUSY: another process of this
 * machine repacks it. STATUS_NOT_FOUND: there is no git program. */
CHECK_RESULT enum status registry_repo_tidy(struct registry_repo *repo, size_t packs_max, bool *packed,
                                            struct deadline *deadline, struct error *err);

#endif
