/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Work orders and results of build workers (lib/domain/matrix/work_order.h) in messages.
 */
#ifndef LIB_SERVICE_MESSAGE_MESSAGE_WORK_H
#define LIB_SERVICE_MESSAGE_MESSAGE_WORK_H

#include "lib/domain/matrix/work_order.h"
#include "proto/message.h"

/* Makes `out` a work_order. Lists are in the arena; texts, also the ids of the jobs, are borrowed from `work`. */
void message_write_work(struct message *out, const struct work_order *work, struct arena *arena);

/* The reverse. Lists are in the arena, texts are borrowed from `message`. STATUS_INVALID with the field as path for a version or
 * how-to-build that is none, and as work_order_check(). */
CHECK_RESULT enum status message_read_work(struct work_order *out, const struct message_work_order *message,
                                           struct arena *arena, struct error *err);

/* The result as a record; it and its lists are in the arena, texts are borrowed. */
const struct record_build_result *message_write_result(const struct build_result *result, struct arena *arena);

/* The reverse. The list is in the arena, texts are borrowed from `record`. STATUS_INVALID with the field as path for a negative
 * or too large number, and for an error without a message or a code. */
CHECK_RESULT enum status message_read_result(struct build_result *out, const struct record_build_result *record,
                                             struct arena *arena, struct error *err);

#endif
