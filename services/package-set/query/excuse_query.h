/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers the question why packages are, or are not, in the latest package set (set_excuses_query in proto/messages.def). For
 * struct message_handler; `context` is the struct package_set_service.
 *
 * Each answer is computed from scratch, in some milliseconds for the 1,215 packages of the real registry, so no answer is older
 * than the registry in memory and what updates and builds have found out.
 */
#ifndef SERVICES_PACKAGE_SET_QUERY_EXCUSE_QUERY_H
#define SERVICES_PACKAGE_SET_QUERY_EXCUSE_QUERY_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "proto/message.h"

enum status answer_set_excuses_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                     struct error *err);

#endif
