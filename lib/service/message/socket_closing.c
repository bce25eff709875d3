/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/message/socket_closing.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/condition.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

enum { PATIENCE_S = 2 };

/* Shared by the closing thread and the thread that waits for it; the last of the two frees it. */
struct closing {
    nng_socket socket;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_closed;
    int users;
};

/* An object that nng may use for as long as the process lives; kept reachable, so that leak checkers do not report it. */
struct left_open {
    void *owner;
    struct left_open *next;
};

static pthread_mutex_t left_open_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct left_open *left_open;

static void remember(void *owner) {
    struct left_open *entry = memory_alloc(sizeof *entry);
    pthread_mutex_lock(&left_open_mutex);
    *entry = (struct left_open){.owner = owner, .next = left_open};
    left_open = entry;
    pthread_mutex_unlock(&left_open_mutex);
}

static void leave(struct closing *closing) { /* with the mutex held */
    bool is_last = --closing->users == 0;
    pthread_mutex_unlock(&closing->mutex);
    if (!is_last) return;
    pthread_cond_destroy(&closing->changed);
    pthread_mutex_destroy(&closing->mutex);
    free(closing);
}

static void *run_close(void *argument) {
    struct closing *closing = argument;
    nng_close(closing->socket);
    pthread_mutex_lock(&closing->mutex);
    closing->is_closed = true;
    pthread_cond_signal(&closing->changed);
    leave(closing);
    return NULL;
}

static struct closing *create_closing(nng_socket socket) {
    struct closing *closing = memory_alloc(sizeof *closing);
    closing->socket = socket;
    closing->users = 2;
    pthread_mutex_init(&closing->mutex, NULL);
    condition_init(&closing->changed);
    return closing;
}

bool socket_close(nng_socket socket, void *owner) {
    struct closing *closing = create_closing(socket);
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_close, closing) != 0) abort(); /* out of memory or threads */
    pthread_detach(thread);

    int64_t until_ms = clock_monotonic_ms() + PATIENCE_S * 1000;
    pthread_mutex_lock(&closing->mutex);
    while (!closing->is_closed && condition_wait_until(&closing->changed, &closing->mutex, until_ms)) {
    }
    bool is_closed = closing->is_closed;
    leave(closing);
    if (is_closed) return true;
    log_line(LOG_WARN, "socket_not_closed", log_field("reason", "nng_close() did not return."),
             log_field("waited_s", PATIENCE_S));
    remember(owner);
    return false;
}
