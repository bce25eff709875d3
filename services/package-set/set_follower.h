/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A thread that reads the registry's repositories every ten seconds, for changes that are no work of this server, so that no
 * reader of package sets waits for a git host. Those of this server's own jobs are read by the next query
 * (lib/store/registry/fresh_view.h).
 */
#ifndef SERVICES_PACKAGE_SET_SET_FOLLOWER_H
#define SERVICES_PACKAGE_SET_SET_FOLLOWER_H

#include "lib/base/error.h"

struct registry_sets;
struct registry_view;
struct set_follower;

/* Follows both, which are borrowed. Stop it also after a failure. */
CHECK_RESULT enum status set_follower_start(struct set_follower **out, struct registry_view *view, struct registry_sets *sets,
                                            struct error *err);
void set_follower_stop(struct set_follower *follower); /* waits for the thread; NULL is allowed */

#endif
