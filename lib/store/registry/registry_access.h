/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Both repositories for a service that writes to them: opened (cloned if they are not on this disk), followed by a view, each
 * with the queue for its changes. Set up once at a service's start, then used by every slot's thread: each part documents how
 * it may be shared.
 */
#ifndef LIB_STORE_REGISTRY_REGISTRY_ACCESS_H
#define LIB_STORE_REGISTRY_REGISTRY_ACCESS_H

#include "lib/base/settings.h"
#include "lib/store/registry/change_queue.h"
#include "lib/store/registry/registry_repo.h"
#include "lib/store/registry/registry_repo_upkeep.h"
#include "lib/store/registry/registry_view.h"

struct registry_access {
    struct registry_repo *registry;
    struct registry_repo *index;
    struct registry_view *view;
    struct change_queue *registry_queue;
    struct change_queue *index_queue; /* refreshes the view first; its changes' `first` go through the registry's */
    struct registry_upkeep *upkeep;   /* repacks both if they are on this disk, else their clones */
};

/* `settings`: the repositories' addresses, the bot's token, the length of a lease. `clone_folder` must be this process's own.
 * Must be closed also after a failure. */
CHECK_RESULT enum status registry_access_open(struct registry_access *out, const struct settings *settings,
                                              const char *clone_folder, struct deadline *deadline, struct error *err);
/* Sets the bot's token, from the next connection on. Any thread. */
void registry_access_set_token(struct registry_access *access, const char *token);

void registry_access_close(struct registry_access *access);

#endif
