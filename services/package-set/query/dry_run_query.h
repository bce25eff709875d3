/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers the question which candidates the next update of the package set would try, in which groups, and by which builds
 * (set_dry_run_query in proto/messages.def), without making anything. For struct message_handler; `context` is the struct
 * package_set_service.
 */
#ifndef SERVICES_PACKAGE_SET_QUERY_DRY_RUN_QUERY_H
#define SERVICES_PACKAGE_SET_QUERY_DRY_RUN_QUERY_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "proto/message.h"

enum status answer_set_dry_run_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                     struct error *err);

#endif
