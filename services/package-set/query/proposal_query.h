/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers what a change of the package set to a higher compiler would take: a ready request for a trustee
 * (lib/domain/set/set_proposal.h; set_proposal_query in proto/messages.def). If it is asked to, makes a job that builds the
 * changed set and releases nothing. For struct message_handler; `context` is the struct package_set_service.
 */
#ifndef SERVICES_PACKAGE_SET_QUERY_PROPOSAL_QUERY_H
#define SERVICES_PACKAGE_SET_QUERY_PROPOSAL_QUERY_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "proto/message.h"

enum status answer_set_proposal_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                      struct error *err);

#endif
