/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Handles the messages of build workers (proto/messages.def), except asks for work, which the dispatcher handles. Each message
 * is checked in Redis by worker, job id and fencing number, so it may arrive at any instance, at any time, and more than once.
 * For struct message_handler; `context` is the struct matrix_service.
 */
#ifndef SERVICES_BUILD_MATRIX_DISPATCH_WORKER_MESSAGES_H
#define SERVICES_BUILD_MATRIX_DISPATCH_WORKER_MESSAGES_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "proto/message.h"

struct matrix_service;

enum status take_worker_join(void *context, const struct message *request, struct arena *arena, struct message *answer,
                             struct error *err);
enum status take_worker_leave(void *context, const struct message *request, struct arena *arena, struct message *answer,
                              struct error *err);
enum status take_leases_renew(void *context, const struct message *request, struct arena *arena, struct message *answer,
                              struct error *err);
enum status take_build_log(void *context, const struct message *request, struct arena *arena, struct message *answer,
                           struct error *err);
enum status take_build_outcome(void *context, const struct message *request, struct arena *arena, struct message *answer,
                               struct error *err);
enum status take_build_return(void *context, const struct message *request, struct arena *arena, struct message *answer,
                              struct error *err);

/* How long a worker stays listed after its last message. */
int64_t worker_keep_ms(const struct matrix_service *service);

#endif
