/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/stream/log_wait.h"

#include "lib/base/clock.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/loop.h"
#include "services/gateway/stream/hub.h"

static struct feed_place *place_of(const struct call *call) {
    return &call->wait.feed->places[call->loop->index];
}

bool log_wait_stop(struct call *call) {
    if (!call->wait.feed) return false;
    h2o_timeout_unlink(&call->wait.timer);
    h2o_linklist_unlink(&call->wait.in_loop);
    h2o_linklist_unlink(&call->wait.in_place);
    atomic_fetch_sub(&place_of(call)->reader_count, 1);
    hub_leave(call->wait.feed);
    call->wait.feed = NULL;
    return true;
}

static void wake(struct call *call) {
    if (log_wait_stop(call)) call_work(call, call->work);
}

static bool has_news(const struct call *call) {
    return clock_monotonic_ms() >= call->wait.until_ms || feed_has_news(call->wait.feed, call->wait.after_ms);
}

static void check(struct call *call) {
    struct loop *loop = call->loop;
    if (has_news(call))
        wake(call);
    else if (!h2o_timeout_is_linked(&call->wait.timer))
        h2o_timeout_link(loop->context.loop, &loop->context.hundred_ms_timeout, &call->wait.timer);
}

static void check_time(h2o_timeout_entry_t *timer) {
    check(H2O_STRUCT_FROM_MEMBER(struct call, wait.timer, timer));
}

void log_wait_start(struct call *call) {
    bool is_new;
    call->wait.timer.cb = check_time;
    call->wait.feed = hub_follow(call->gateway->hub, call->wait.job_id, &is_new);
    struct feed_place *place = place_of(call);
    place->receiver = &call->loop->feed_receiver;
    h2o_linklist_insert(&call->loop->log_waits, &call->wait.in_loop);
    h2o_linklist_insert(&place->waits, &call->wait.in_place);
    atomic_fetch_add(&place->reader_count, 1);
    check(call);
}

static void check_link(h2o_linklist_t *link) {
    check(H2O_STRUCT_FROM_MEMBER(struct call, wait.in_place, link));
}

void log_waits_check(struct feed_place *place) {
    loop_visit(&place->waits, check_link);
}

static void wake_link(h2o_linklist_t *link) {
    wake(H2O_STRUCT_FROM_MEMBER(struct call, wait.in_loop, link));
}

void log_waits_end(struct loop *loop) {
    loop_visit(&loop->log_waits, wake_link);
}
