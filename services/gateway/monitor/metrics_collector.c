/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/monitor/metrics_collector.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/metrics.h"
#include "lib/service/message/message_metrics.h"
#include "lib/store/job/job_store.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/router.h"
#include "services/gateway/http/server.h"
#include "services/gateway/monitor/service_poll.h"
#include "services/gateway/monitor/shared_answer.h"
#include "services/gateway/routes/file_hashes.h"
#include "services/gateway/stream/hub.h"

enum {
    ANSWER_TIMEOUT_MS = 1500, /* of services and of Redis, which are queried concurrently */
    STATUS_CLASSES = 5,
};

struct metrics_collector {
    struct gateway *gateway;
    struct shared_answer *answers;
    struct job_store *store;                               /* used by the thread of `answers` only, like the next */
    struct text lines;                                     /* the answer that was made last */
    atomic_uint_fast64_t (*answer_counts)[STATUS_CLASSES]; /* by index of the route; the last entry: no route */
};

/* ---- The gateway's own metrics ---- */

void metrics_collector_count(struct metrics_collector *collector, const struct route *route, int http_status) {
    size_t count;
    const struct route *routes = router_routes(&count);
    assert(http_status >= 100 && http_status < (STATUS_CLASSES + 1) * 100);
    atomic_fetch_add(&collector->answer_counts[route ? (size_t)(route - routes) : count][http_status / 100 - 1], 1);
}

static void measure_route(struct metrics_collector *collector, size_t index, const char *method, const char *path,
                          struct metrics *metrics) {
    static const char *const classes[STATUS_CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    for (size_t i = 0; i < STATUS_CLASSES; i++) {
        uint64_t count = atomic_load(&collector->answer_counts[index][i]);
        if (count > 0)
            metrics_add(metrics, METRIC_COUNTER, "registry_http_answers_total", "Requests that the gateway has answered.",
                        (const char *const[]){"method", method, "route", path, "status", classes[i], NULL}, (double)count);
    }
}

static void measure_gateway(struct metrics_collector *collector, struct metrics *metrics) {
    size_t count;
    const struct route *routes = router_routes(&count);
    struct metrics *own = metrics_create();
    metrics_add_process(own);
    for (size_t i = 0; i < count; i++)
        measure_route(collector, i, routes[i].method == METHOD_POST ? "POST" : "GET", routes[i].path, own);
    measure_route(collector, count, "", "none", own);
    server_measure(collector->gateway->server, own);
    hub_measure(collector->gateway->hub, own);
    metrics_add(own, METRIC_COUNTER, "registry_tarballs_hashed_total", "Tarballs whose hash was computed.", NULL,
                (double)file_hashes_computed(collector->gateway->file_hashes));
    metrics_add_all(metrics, own, "program", "gateway");
    metrics_free(own);
}

/* ---- Redis and services ---- */

static void add_up(struct metrics *metrics, const char *program, bool is_up) {
    metrics_add(metrics, METRIC_GAUGE, "registry_up", "1 if the program answers the gateway, else 0.",
                (const char *const[]){"program", program, NULL}, is_up);
}

static void measure_jobs(struct metrics_collector *collector, struct metrics *metrics) {
    struct job_counts counts;
    struct error err;
    enum status status = job_store_count(collector->store, &counts, &err);
    add_up(metrics, "redis", status == STATUS_OK);
    if (status) {
        log_line(LOG_DEBUG, "job_count_failed", log_field("error", err.message));
        return;
    }
    int64_t now_ms = clock_now_ms();
    for (int kind = 0; kind < JOB_KIND_COUNT; kind++) {
        const char *text = job_kind_text((enum job_kind)kind);
        int64_t age_ms = counts.oldest_pending_ms[kind] ? now_ms - counts.oldest_pending_ms[kind] : 0;
        metrics_add(metrics, METRIC_GAUGE, "registry_jobs", "Jobs that are not finished.",
                    (const char *const[]){"kind", text, "state", "pending", NULL}, (double)counts.pending[kind]);
        metrics_add(metrics, METRIC_GAUGE, "registry_jobs", "Jobs that are not finished.",
                    (const char *const[]){"kind", text, "state", "running", NULL}, (double)counts.running[kind]);
        metrics_add(metrics, METRIC_GAUGE, "registry_oldest_pending_job_seconds",
                    "Age of the oldest pending job; 0: there is none.", (const char *const[]){"kind", text, NULL},
                    age_ms > 0 ? (double)age_ms / 1000 : 0);
        metrics_add(metrics, METRIC_GAUGE, "registry_jobs_per_minute",
                    "Jobs that ended within the last minute, without those of owners and trustees.",
                    (const char *const[]){"kind", text, NULL}, (double)counts.ended_lately[kind]);
    }
}

static void take_reply(struct service_reply *reply, const char *program, struct metrics *metrics) {
    enum status status = reply->status;
    if (!status) status = message_add_metrics(metrics, reply->answer.metrics.samples, "program", program, &reply->err);
    add_up(metrics, program, status == STATUS_OK);
    if (status)
        log_line(LOG_DEBUG, "metrics_request_failed", log_field("service", program), log_field("error", reply->err.message));
}

static void measure_all(struct metrics_collector *collector, struct text *out) {
    struct metrics *metrics = metrics_create();
    struct service_poll poll;
    service_poll_begin(&poll, collector->gateway, MESSAGE_metrics_query, MESSAGE_metrics, ANSWER_TIMEOUT_MS);
    add_up(metrics, "gateway", true);
    measure_jobs(collector, metrics);
    measure_gateway(collector, metrics);
    service_poll_wait(&poll);
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        take_reply(&poll.replies[i], service_name(i), metrics);
    service_poll_release(&poll);
    metrics_append_prometheus(out, metrics);
    metrics_free(metrics);
}

/* ---- The thread ---- */

static void make_answer(void *context) {
    struct metrics_collector *collector = context;
    text_clear(&collector->lines);
    measure_all(collector, &collector->lines);
}

static void fill_answer(void *context, struct call *call) {
    const struct metrics_collector *collector = context;
    text_append(&call->answer.body, text_view(&collector->lines));
    call->answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
}

enum status metrics_collector_create(struct metrics_collector **out, struct gateway *gateway, struct error *err) {
    struct metrics_collector *collector = memory_alloc(sizeof *collector);
    *out = collector;
    collector->gateway = gateway;
    size_t count;
    router_routes(&count);
    collector->answer_counts = memory_alloc((count + 1) * sizeof *collector->answer_counts);
    enum status status = job_store_create(&collector->store, gateway->settings->redis_url, ANSWER_TIMEOUT_MS, err);
    if (status) return status;
    const struct shared_answer_maker maker = {"collector", make_answer, fill_answer, collector};
    return shared_answer_create(&collector->answers, &maker, err);
}

void metrics_collector_answer(struct metrics_collector *collector, struct call *call) {
    shared_answer_give(collector->answers, call);
}

void metrics_collector_free(struct metrics_collector *collector) {
    if (!collector) return;
    shared_answer_free(collector->answers);
    job_store_free(collector->store);
    text_release(&collector->lines);
    free(collector->answer_counts);
    free(collector);
}
