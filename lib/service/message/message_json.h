/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers that are JSON as the gateway's clients get it: json_answer in proto/messages.def.
 */
#ifndef LIB_SERVICE_MESSAGE_MESSAGE_JSON_H
#define LIB_SERVICE_MESSAGE_MESSAGE_JSON_H

#include "proto/message.h"

struct arena;
struct text;

/* Makes `answer` a json_answer with a copy of the text in the arena, and releases the text. */
void message_take_json(struct message *answer, struct text *json, struct arena *arena);

#endif
