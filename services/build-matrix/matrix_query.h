/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers what the gateway and registryctl ask the build matrix: packages, workers, how far a compiler is, and builds to
 * verify. For struct message_handler; `context` is the struct matrix_service.
 */
#ifndef SERVICES_BUILD_MATRIX_MATRIX_QUERY_H
#define SERVICES_BUILD_MATRIX_MATRIX_QUERY_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "proto/message.h"

enum status answer_package_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err);
enum status answer_workers_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err);
enum status answer_matrix_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                struct error *err);
enum status answer_matrix_verify(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err);

#endif
