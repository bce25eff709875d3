/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Brings what the jobs say, and what came of them, to the service: lines first, then the end, each again until it is taken.
 */
#ifndef SERVICES_BUILD_WORKER_SENDER_H
#define SERVICES_BUILD_WORKER_SENDER_H

#include <stdatomic.h>

#include "lib/service/message_client.h"
#include "lib/service/worker_identity.h"
#include "services/build-worker/task.h"

struct sender {
    struct task_list *tasks;
    struct message_client *client;
    const struct worker_identity *identity; /* borrowed */
    atomic_bool is_stopping;                /* ends when everything is sent, */
    atomic_bool has_given_up;               /* or at once */
};

/* The thread's function; `context` is the struct sender. */
void *sender_main(void *context);

#endif
