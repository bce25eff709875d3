/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The effect of a thousand connections with requests without end (tests/support/http/http_flood.h) on another client, which
 * publishes one package after the other: the time of a POST before the flood, while it sends, and while its connections only
 * stay open; and the gateway's memory. The flood uses CPU time of the same machine: it sends every ROUND_MS, and reopens closed
 * connections.
 *
 *   tests/bench/run floods
 */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/bench/bench_support.h"
#include "tests/support/http/http_connection.h"
#include "tests/support/http/http_flood.h"
#include "tests/support/server/gateway_process.h"
#include "tests/support/server/redis_server.h"

enum { POSTS = 500, WARM_UP = 50, CONNECTIONS = 1000, TIMEOUT_MS = 60000, ROUND_MS = 20 };

struct flooding {
    struct http_flood *flood;
    atomic_bool sends, is_over;
};

static void *run_flood(void *context) {
    struct flooding *flooding = context;
    for (; !atomic_load(&flooding->is_over); usleep(ROUND_MS * 1000)) {
        if (!atomic_load(&flooding->sends)) continue;
        http_flood_go_on(flooding->flood);
        http_flood_renew(flooding->flood);
    }
    return NULL;
}

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Milliseconds from the connection to the answer. */
static double publish(const struct gateway_process *gateway) {
    static int patch;
    char body[128];
    struct http_connection connection;
    snprintf(body, sizeof body, "{\"name\":\"aff\",\"version\":\"8.0.%d\",\"ref\":\"v8.0.%d\"}", patch, patch);
    patch++;
    double before_ms = now_ms();
    if (!http_connection_open(&connection, gateway_process_port(gateway), TIMEOUT_MS) ||
        !http_connection_send(&connection, "POST", "/api/v1/publish", body) || !http_connection_receive(&connection))
        fail_msg("a publication has no answer");
    double took_ms = now_ms() - before_ms;
    assert_int_equal(connection.status, 200);
    http_connection_close(&connection);
    return took_ms;
}

static void publish_many(const struct gateway_process *gateway, const char *when, struct samples *samples) {
    for (int i = 0; i < POSTS; i++)
        samples_add(samples, publish(gateway));
    samples_print(samples, when, "ms");
}

static void print_ratio(const char *when, struct samples *samples, struct samples *calm) {
    printf("%s: %.2f times as long at the median, %.2f at the 99th percentile\n", when,
           samples_percentile(samples, 50) / samples_percentile(calm, 50),
           samples_percentile(samples, 99) / samples_percentile(calm, 99));
}

int main(void) {
    static const char *const settings[] = {"POST_LIMIT_PER_MINUTE=0", "PENDING_LIMIT_PER_ADDRESS=100000", NULL};
    struct redis_server *redis = redis_server_start();
    struct gateway_process *gateway = gateway_process_start(redis_server_url(redis), settings);
    struct samples calm = {0}, sending = {0}, holding = {0};
    for (int i = 0; i < WARM_UP; i++)
        publish(gateway);
    publish_many(gateway, "before", &calm);
    long before_kib = gateway_process_memory_kib(gateway, "VmRSS:");
    struct flooding flooding = {.flood = http_flood_start(gateway_process_port(gateway), CONNECTIONS, TIMEOUT_MS),
                                .sends = true};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_flood, &flooding), 0);
    publish_many(gateway, "while 1,000 send", &sending);
    atomic_store(&flooding.sends, false);
    publish_many(gateway, "while they hold", &holding);
    atomic_store(&flooding.is_over, true);
    pthread_join(thread, NULL);
    print_ratio("while 1,000 send", &sending, &calm);
    print_ratio("while they hold", &holding, &calm);
    printf("memory: %ld KiB before, %ld KiB more at most\n", before_kib,
           gateway_process_memory_kib(gateway, "VmHWM:") - before_kib);
    http_flood_stop(flooding.flood);
    samples_release(&calm);
    samples_release(&sending);
    samples_release(&holding);
    int status = gateway_process_stop(gateway);
    redis_server_stop(redis);
    return status;
}
