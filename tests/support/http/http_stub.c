/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/http/http_stub.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/shell.h"

enum { REQUESTS_MAX = 8192, PATIENCE_MS = 60000, POLL_MS = 50 };

struct http_stub {
    pthread_t thread;
    int listening;
    int port;
    atomic_bool is_stopping;
    _Atomic(const char *) answer;
    atomic_size_t count;
    char *requests[REQUESTS_MAX]; /* the first `count` are whole and stay as they are */
};

static size_t body_length(const char *head) {
    const char *header = strcasestr(head, "\r\nContent-Length:");
    return header ? (size_t)strtoul(header + 17, NULL, 10) : 0;
}

/* Reads one request; false where the client left. */
static bool read_request(int connection, struct text *request) {
    for (;;) {
        const char *head_end = strstr(text_view(request), "\r\n\r\n");
        if (head_end && request->length >= (size_t)(head_end + 4 - request->bytes) + body_length(request->bytes)) return true;
        ssize_t got = recv(connection, text_reserve(request, 4096), 4096, 0);
        if (got <= 0) return false;
        request->length += (size_t)got;
        request->bytes[request->length] = '\0';
    }
}

static void serve(struct http_stub *stub, int connection) {
    struct text request = {0};
    if (read_request(connection, &request) && atomic_load(&stub->count) < REQUESTS_MAX) {
        stub->requests[atomic_load(&stub->count)] = memory_copy_text(request.bytes);
        atomic_fetch_add(&stub->count, 1);
        const char *answer = atomic_load(&stub->answer);
        if (answer) {
            send(connection, answer, strlen(answer), MSG_NOSIGNAL);
        } else {
            struct pollfd event = {.fd = connection, .events = POLLIN};
            while (!atomic_load(&stub->is_stopping) && poll(&event, 1, POLL_MS) == 0) {
            }
        }
    }
    text_release(&request);
    close(connection);
}

static void *run(void *argument) {
    struct http_stub *stub = argument;
    while (!atomic_load(&stub->is_stopping)) {
        struct pollfd event = {.fd = stub->listening, .events = POLLIN};
        if (poll(&event, 1, POLL_MS) <= 0) continue;
        int connection = accept4(stub->listening, NULL, NULL, SOCK_CLOEXEC);
        if (connection >= 0) serve(stub, connection);
    }
    return NULL;
}

struct http_stub *http_stub_start(const char *answer) {
    struct http_stub *stub = memory_alloc(sizeof *stub);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    atomic_store(&stub->answer, answer);
    stub->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(stub->listening >= 0);
    assert_int_equal(bind(stub->listening, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(stub->listening, 16), 0);
    assert_int_equal(getsockname(stub->listening, (struct sockaddr *)&address, &length), 0);
    stub->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&stub->thread, NULL, run, stub), 0);
    return stub;
}

int http_stub_port(const struct http_stub *stub) {
    return stub->port;
}

void http_stub_set_answer(struct http_stub *stub, const char *answer) {
    atomic_store(&stub->answer, answer);
}

struct awaited {
    struct http_stub *stub;
    size_t index;
};

static bool has_come(void *context) {
    struct awaited *awaited = context;
    return atomic_load(&awaited->stub->count) > awaited->index;
}

const char *http_stub_request(struct http_stub *stub, size_t index) {
    struct awaited awaited = {stub, index};
    return wait_until(has_come, &awaited, PATIENCE_MS) ? stub->requests[index] : NULL;
}

size_t http_stub_count(struct http_stub *stub) {
    return atomic_load(&stub->count);
}

void http_stub_stop(struct http_stub *stub) {
    atomic_store(&stub->is_stopping, true);
    pthread_join(stub->thread, NULL);
    close(stub->listening);
    for (size_t i = 0; i < atomic_load(&stub->count); i++)
        free(stub->requests[i]);
    free(stub);
}
