/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers what the gateway and registryctl ask the build matrix: packages, whether a change of one still holds, workers, how
 * far a compiler is, plans, and builds to verify. For struct message_handler; `context` is the struct matrix_service.
 *
 *   package_query.c  packages and versions; what holds of them
 *   matrix_query.c   workers, compilers
 *   build_query.c    plans, builds to compare, and what became of builds
 */
#ifndef SERVICES_BUILD_MATRIX_MATRIX_QUERY_H
#define SERVICES_BUILD_MATRIX_MATRIX_QUERY_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "proto/message.h"

struct text;

enum status answer_package_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err);
enum status answer_known_package_query(void *context, const struct message *request, struct arena *arena,
                                       struct message *answer, struct error *err);
enum status answer_workers_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err);
enum status answer_matrix_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                struct error *err);
enum status answer_matrix_verify(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err);
enum status answer_builds_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                struct error *err);
enum status answer_plan_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                              struct error *err);
enum status answer_holds_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                               struct error *err);

/* What they share: `answer` becomes a json_answer with the text, which is released. */
void take_json_answer(struct message *answer, struct text *json, struct arena *arena);

#endif
