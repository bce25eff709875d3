/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers the queries of the gateway and registryctl: packages, whether a transfer or unpublishing still holds, workers, the
 * progress of a compiler, plans, and builds to verify. For struct message_handler; `context` is the struct matrix_service.
 *
 *   package_list.c   pages of packages, searches
 *   package_query.c  packages and versions; whether a change of them still holds
 *   publication_query.c  the newest publications and unpublishings
 *   matrix_query.c   workers, compilers
 *   cells_query.c    the whole matrix (matrix_book.h): its file, pages of its cells
 *   causes_query.c   what is in the way of versions that do not build
 *   build_query.c    plans, builds to verify, state of builds
 */
#ifndef SERVICES_BUILD_MATRIX_QUERY_MATRIX_QUERY_H
#define SERVICES_BUILD_MATRIX_QUERY_MATRIX_QUERY_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "proto/message.h"

enum status answer_package_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err);
enum status answer_package_list_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                      struct error *err);
enum status answer_known_package_query(void *context, const struct message *request, struct arena *arena,
                                       struct message *answer, struct error *err);
enum status answer_publication_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                     struct error *err);
enum status answer_workers_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err);
enum status answer_matrix_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                struct error *err);
enum status answer_matrix_verify(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err);
enum status answer_build_states_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                      struct error *err);
enum status answer_plan_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                              struct error *err);
enum status answer_holds_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                               struct error *err);
enum status answer_matrix_file_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                     struct error *err);
enum status answer_matrix_cells_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                      struct error *err);
enum status answer_matrix_causes_query(void *context, const struct message *request, struct arena *arena,
                                       struct message *answer, struct error *err);

#endif
