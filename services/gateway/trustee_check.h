/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Asks the publish service about a token, and about an actor (trustee_query in proto/messages.def), on threads of its own:
 * GitHub may take seconds, and whatever else the gateway does must not wait for it. Few at a time; more than some that wait are
 * sent away.
 */
#ifndef SERVICES_GATEWAY_TRUSTEE_CHECK_H
#define SERVICES_GATEWAY_TRUSTEE_CHECK_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "proto/message.h"

struct call;
struct gateway;
struct trustee_check;

/* One question, in the call's arena, and what came of it. */
struct trustee_question {
    struct message_trustee_query query;
    enum status status; /* of asking; else `answer` counts */
    struct message_trustee_answer answer;
    struct trustee_question *next;
    struct call *call;
};

CHECK_RESULT enum status trustee_check_create(struct trustee_check **out, struct gateway *gateway, struct error *err);

/* Answers the question and sends the call, which is away, back to its loop. False: too many wait already, and nothing happens.
 */
bool trustee_check_ask(struct trustee_check *check, struct call *call, struct trustee_question *question);

/* Answers what waits, then ends. */
void trustee_check_free(struct trustee_check *check);

#endif
