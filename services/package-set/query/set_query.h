/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers the gateway's queries about package sets: all of them, one, the differences between two, and one in its place
 * (set_*_query in proto/messages.def). For struct message_handler; `context` is the struct package_set_service.
 */
#ifndef SERVICES_PACKAGE_SET_QUERY_SET_QUERY_H
#define SERVICES_PACKAGE_SET_QUERY_SET_QUERY_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "proto/message.h"

enum status answer_set_page_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                  struct error *err);
enum status answer_set_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                             struct error *err);
enum status answer_set_comparison_query(void *context, const struct message *request, struct arena *arena,
                                        struct message *answer, struct error *err);
/* {"set": as its file, "changes"?: as a comparison from the set before it, "following"?: the version of the one after it} */
enum status answer_set_detail_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                    struct error *err);

#endif
