/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/message/message_json.h"

#include "lib/base/arena.h"
#include "lib/base/text.h"

void message_take_json(struct message *answer, struct text *json, struct arena *arena) {
    *answer = (struct message){.tag = MESSAGE_json_answer, .json_answer.json = arena_copy(arena, text_view(json))};
    text_release(json);
}
