/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/monitor/service_poll.h"

#include "services/gateway/gateway.h"

static void ask(void *context) {
    struct service_reply *reply = context;
    const struct service_poll *poll = reply->poll;
    const struct message query = {.tag = poll->query};
    reply->status =
        message_client_ask(reply->client, &query, poll->expected, poll->timeout_ms, &reply->arena, &reply->answer, &reply->err);
}

void service_poll_begin(struct service_poll *out, const struct gateway *gateway, enum message_tag query,
                        enum message_tag expected, int timeout_ms) {
    *out = (struct service_poll){.query = query, .expected = expected, .timeout_ms = timeout_ms};
    thread_init(&out->threads);
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        struct service_reply *reply = &out->replies[i];
        *reply = (struct service_reply){.poll = out, .client = gateway->services[i]};
        if (thread_start(&out->threads, "asks-a-service", ask, reply, NULL)) ask(reply);
    }
}

void service_poll_wait(struct service_poll *poll) {
    thread_join(&poll->threads);
}

void service_poll_release(struct service_poll *poll) {
    thread_release(&poll->threads);
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        arena_release(&poll->replies[i].arena);
}
