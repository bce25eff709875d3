/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Thread that sends the log lines and outcomes of the jobs to build-matrix: lines first, then the end, retried with backoff.
 */
#ifndef SERVICES_BUILD_WORKER_SENDER_H
#define SERVICES_BUILD_WORKER_SENDER_H

#include <stdatomic.h>

#include "lib/service/message/message_client.h"
#include "lib/service/message/worker_identity.h"
#include "services/build-worker/held_jobs.h"

struct sender {
    struct held_jobs *held;
    struct message_client *client;
    const struct worker_identity *identity; /* borrowed */
    atomic_bool is_stopping;                /* the thread exits when everything is sent */
    atomic_bool has_given_up;               /* the thread exits at once */
};

/* The thread's function; `context` is the struct sender. */
void sender_main(void *context);

#endif
