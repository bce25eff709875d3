/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Keeps repositories on this machine's disk quick to read: every push of ours leaves a pack, and a reader looks through all of
 * them. So a thread counts them now and then, and where they are many has the git program put them together, smaller ones into
 * larger ones (`git repack --geometric`), beside everybody who reads and writes. Clones of repositories elsewhere are kept the
 * same way.
 *
 * Nothing is ever thrown away here, since what no branch leads to may be what somebody is just about to push. That is left to
 * git's own `git gc`, which a push by others starts when it is time, and its two weeks.
 */
#ifndef LIB_STORE_REGISTRY_REPO_UPKEEP_H
#define LIB_STORE_REGISTRY_REPO_UPKEEP_H

#include "lib/store/registry_repo.h"

enum { REGISTRY_PACKS_MAX = 50 }; /* as many as git itself puts up with */

struct registry_upkeep;

/* Starts the thread, which ends with registry_upkeep_stop(). The repositories are borrowed until then. NULL: no thread could be
 * had, which is logged. */
struct registry_upkeep *registry_upkeep_start(struct registry_repo *registry, struct registry_repo *index);
void registry_upkeep_stop(struct registry_upkeep *upkeep);

/* What the thread does: removes what a killed repack left unfinished, once that is ten minutes old, and packs the repository
 * where it has more than `packs_max` packs. `packed` (may be NULL) says whether. STATUS_BUSY: another process of this machine
 * is at it. STATUS_NOT_FOUND: there is no git program. */
CHECK_RESULT enum status registry_repo_tidy(struct registry_repo *repo, size_t packs_max, bool *packed,
                                            struct deadline *deadline, struct error *err);

#endif
