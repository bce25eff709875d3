/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/server/redis_relay.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/memory.h"

enum { PAIRS_MAX = 64, ORDERS_MAX = 4 };

/* A connection, and the one to Redis behind it. */
struct pair {
    int client, redis;
    bool loses; /* loses the next reply of Redis */
};

/* Replies to requests that have `word` in them. */
struct order {
    const char *word;
    int left;
};

struct redis_relay {
    char url[160];
    struct sockaddr_un redis;
    int listener;
    pthread_t thread;
    struct pair pairs[PAIRS_MAX]; /* used by the thread only, as is the next */
    size_t count;
    pthread_mutex_t mutex; /* guards the fields below */
    struct order orders[ORDERS_MAX];
    size_t order_count;
};

static int new_socket(void) {
    int new = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(new >= 0);
    return new;
}

static bool is_to_be_lost(struct redis_relay *relay, const char *bytes, size_t length) {
    bool is_meant = false;
    pthread_mutex_lock(&relay->mutex);
    for (size_t i = 0; i < relay->order_count && !is_meant; i++) {
        struct order *order = &relay->orders[i];
        is_meant = order->left > 0 && memmem(bytes, length, order->word, strlen(order->word));
        if (is_meant) order->left--;
    }
    pthread_mutex_unlock(&relay->mutex);
    return is_meant;
}

/* False: one side closed the connection, or it must be closed. */
static bool pass_on(struct redis_relay *relay, struct pair *pair, bool is_request) {
    char bytes[65536];
    ssize_t length = read(is_request ? pair->client : pair->redis, bytes, sizeof bytes);
    if (length <= 0 || (!is_request && pair->loses)) return false;
    if (is_request && is_to_be_lost(relay, bytes, (size_t)length)) pair->loses = true;
    return send(is_request ? pair->redis : pair->client, bytes, (size_t)length, MSG_NOSIGNAL) == length;
}

static void hang_up(const struct pair *pair) {
    close(pair->redis);
    close(pair->client);
}

static void take_connection(struct redis_relay *relay, int client) {
    struct pair pair = {.client = client, .redis = new_socket()};
    assert(relay->count < PAIRS_MAX);
    if (connect(pair.redis, (const struct sockaddr *)&relay->redis, sizeof relay->redis) == 0)
        relay->pairs[relay->count++] = pair;
    else
        hang_up(&pair);
}

static void serve(struct redis_relay *relay, const struct pollfd *polled) {
    size_t kept = 0, count = relay->count;
    for (size_t i = 0; i < count; i++) {
        struct pair pair = relay->pairs[i];
        bool is_open = !polled[2 * i].revents || pass_on(relay, &pair, true);
        if (is_open && polled[2 * i + 1].revents) is_open = pass_on(relay, &pair, false);
        if (is_open)
            relay->pairs[kept++] = pair;
        else
            hang_up(&pair);
    }
    relay->count = kept;
}

static void *run(void *argument) {
    struct redis_relay *relay = argument;
    for (int client = 0; client >= 0;) {
        struct pollfd polled[1 + 2 * PAIRS_MAX] = {{.fd = relay->listener, .events = POLLIN}};
        for (size_t i = 0; i < relay->count; i++) {
            polled[1 + 2 * i] = (struct pollfd){.fd = relay->pairs[i].client, .events = POLLIN};
            polled[2 + 2 * i] = (struct pollfd){.fd = relay->pairs[i].redis, .events = POLLIN};
        }
        poll(polled, 1 + 2 * relay->count, -1);
        serve(relay, polled + 1);
        if (polled[0].revents && (client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
            take_connection(relay, client);
    }
    return NULL;
}

struct redis_relay *redis_relay_start(const struct redis_server *server) {
    struct redis_relay *relay = memory_alloc(sizeof *relay);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/relay.sock", redis_server_folder(server));
    snprintf(relay->url, sizeof relay->url, "unix://%s", address.sun_path);
    relay->redis.sun_family = AF_UNIX;
    snprintf(relay->redis.sun_path, sizeof relay->redis.sun_path, "%s", redis_server_url(server) + strlen("unix://"));
    pthread_mutex_init(&relay->mutex, NULL);
    relay->listener = new_socket();
    bool is_listening = bind(relay->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
                        listen(relay->listener, PAIRS_MAX) == 0 && pthread_create(&relay->thread, NULL, run, relay) == 0;
    assert(is_listening);
    (void)is_listening;
    return relay;
}

void redis_relay_stop(struct redis_relay *relay) {
    shutdown(relay->listener, SHUT_RDWR);
    pthread_join(relay->thread, NULL);
    for (size_t i = 0; i < relay->count; i++)
        hang_up(&relay->pairs[i]);
    unlink(relay->url + strlen("unix://"));
    close(relay->listener);
    pthread_mutex_destroy(&relay->mutex);
    free(relay);
}

const char *redis_relay_url(const struct redis_relay *relay) {
    return relay->url;
}

void redis_relay_lose(struct redis_relay *relay, const char *word, int count) {
    pthread_mutex_lock(&relay->mutex);
    assert(relay->order_count < ORDERS_MAX);
    relay->orders[relay->order_count++] = (struct order){word, count};
    pthread_mutex_unlock(&relay->mutex);
}

int redis_relay_left(struct redis_relay *relay) {
    int left = 0;
    pthread_mutex_lock(&relay->mutex);
    for (size_t i = 0; i < relay->order_count; i++)
        left += relay->orders[i].left;
    if (left == 0) relay->order_count = 0;
    pthread_mutex_unlock(&relay->mutex);
    return left;
}
