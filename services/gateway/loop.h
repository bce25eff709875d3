/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One of h2o's event loops, on a thread of its own, with what belongs to it: its listeners' copies, its connections, its calls.
 * Everything here is the loop's thread's alone, except what the comments name.
 */
#ifndef SERVICES_GATEWAY_LOOP_H
#define SERVICES_GATEWAY_LOOP_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "lib/base/error.h"
#include "services/gateway/connection.h"
#include "services/gateway/h2o_all.h"

struct gateway;
struct loop;

enum { LOOP_LISTENERS_MAX = 2 };

struct listener {
    struct loop *loop;
    h2o_socket_t *socket; /* NULL: not here, or closed */
    h2o_accept_ctx_t accept;
};

/* What all loops share; lives as long as they do. */
struct loop_options {
    struct gateway *gateway;
    h2o_globalconf_t *config;
    h2o_hostconf_t **public_hosts; /* ending with NULL */
    h2o_hostconf_t **management_hosts;
    int public_socket;
    int management_socket; /* the first loop's only; -1 elsewhere */
    SSL_CTX *tls;          /* NULL: plain */
    int64_t connection_limit;
    struct traffic *traffic; /* of all loops */
};

struct loop {
    h2o_globalconf_t config; /* of this loop alone: the limit of bodies in it changes from read to read (connection.c) */
    h2o_context_t context;
    h2o_multithread_receiver_t receiver; /* any thread posts to it: calls that come back */
    h2o_multithread_receiver_t stop_receiver;
    h2o_multithread_message_t stop_message;
    struct loop_options options;
    struct listener listeners[LOOP_LISTENERS_MAX];
    h2o_timeout_entry_t resume_timer; /* takes connections again */
    size_t calls;                     /* of which the memory is not freed yet */
    struct connections connections;
    int64_t stopping_since_ms; /* 0: not */
    pthread_t thread;
    sem_t is_open;  /* posted when it serves */
    bool is_closed; /* everything was freed; to be read after the thread's end */
};

/* Starts the thread. `loop` stays where it is until loop_join(). */
CHECK_RESULT enum status loop_start(struct loop *loop, const struct loop_options *options, struct error *err);

/* Takes no more connections, answers what is under way, and ends. Any thread. */
void loop_request_stop(struct loop *loop);

/* Waits for the end. False where a connection or a call would not end: what it needs of the config is then still in use. */
bool loop_join(struct loop *loop);

#endif
