/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Common setup of the gateway's tests: one gateway, and a Redis, for all tests of a program.
 */
#ifndef TESTS_FLOW_GATEWAY_GATEWAY_FIXTURE_H
#define TESTS_FLOW_GATEWAY_GATEWAY_FIXTURE_H

#include "tests/support/cmocka_all.h"

#include "tests/support/server/gateway_process.h"
#include "tests/support/server/redis_server.h"

static struct redis_server *redis;
static struct gateway_process *gateway;
static const char *url; /* of the gateway under test */

static inline int start_gateway(void **state) {
    (void)state;
    static const char *const settings[] = {"POST_LIMIT_PER_MINUTE=0", NULL};
    redis = redis_server_start();
    gateway = gateway_process_start(redis_server_url(redis), settings);
    url = gateway_process_url(gateway);
    return 0;
}

static inline int stop_gateway(void **state) {
    (void)state;
    int status = gateway_process_stop(gateway);
    redis_server_stop(redis);
    return status;
}

#endif
