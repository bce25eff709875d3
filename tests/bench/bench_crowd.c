/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/bench_crowd.h"

#include "tests/support/cmocka_all.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"

enum { EVENTS_AT_ONCE = 512, OPEN_FILES = 65536 };

size_t crowd_allow(size_t wanted) {
    struct rlimit limit = {OPEN_FILES, OPEN_FILES};
    if (setrlimit(RLIMIT_NOFILE, &limit)) getrlimit(RLIMIT_NOFILE, &limit); /* only root may raise it */
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    size_t allowed = limit.rlim_max / 20 * 9;
    return allowed < wanted ? allowed : wanted;
}

static size_t count_text(const char *bytes, size_t length, const char *text) {
    size_t count = 0, text_length = strlen(text);
    for (const char *at = bytes, *end = bytes + length; (at = memmem(at, (size_t)(end - at), text, text_length));
         at += text_length)
        count++;
    return count;
}

static void note_latencies(struct crowd *crowd, const char *bytes, size_t length) {
    int64_t now_us = clock_monotonic_us();
    for (const char *at = bytes, *end = bytes + length;
         (at = memmem(at, (size_t)(end - at), CROWD_STAMP, sizeof CROWD_STAMP - 1));) {
        at += sizeof CROWD_STAMP - 1;
        samples_add(&crowd->latencies_us, (double)(now_us - strtoll(at, NULL, 10)));
    }
}

static void read_socket(struct crowd *crowd, size_t index) {
    static _Thread_local char bytes[1 << 17];
    ssize_t length;
    while ((length = recv(crowd->sockets[index], bytes, sizeof bytes - 1, MSG_DONTWAIT)) > 0) {
        bytes[length] = '\0';
        if (count_text(bytes, (size_t)length, "HTTP/1.1 200")) atomic_fetch_add(&crowd->begun, 1);
        atomic_fetch_add(&crowd->lines, count_text(bytes, (size_t)length, CROWD_STAMP));
        if (crowd->measures_latency) note_latencies(crowd, bytes, (size_t)length);
    }
}

static void *run_crowd(void *context) {
    struct crowd *crowd = context;
    struct epoll_event events[EVENTS_AT_ONCE];
    while (!atomic_load(&crowd->must_end)) {
        int count = epoll_wait(crowd->epoll, events, EVENTS_AT_ONCE, 100);
        for (int i = 0; i < count; i++)
            read_socket(crowd, (size_t)events[i].data.u64);
    }
    return NULL;
}

static void open_reader(struct crowd *crowd, size_t index) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)crowd->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int descriptor = crowd->sockets[index] = socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, sizeof address))
        fail_msg("reader %zu cannot connect: %s", index, strerror(errno));
    char request[300];
    int length =
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", crowd->path(crowd->context, index));
    assert_int_equal(send(descriptor, request, (size_t)length, 0), length);
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = index}};
    assert_int_equal(epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, descriptor, &event), 0);
}

void crowd_wait(const atomic_size_t *value, size_t wanted, const char *what) {
    int64_t until_ms = clock_monotonic_ms() + CROWD_TIMEOUT_MS;
    while (atomic_load(value) < wanted) {
        if (clock_monotonic_ms() > until_ms) fail_msg("%zu of %zu %s", atomic_load(value), wanted, what);
        clock_sleep_ms(1);
    }
}

void crowd_start(struct crowd *crowd) {
    crowd->sockets = memory_alloc(crowd->count * sizeof *crowd->sockets);
    crowd->epoll = epoll_create1(0);
    assert_int_equal(pthread_create(&crowd->thread, NULL, run_crowd, crowd), 0);
    for (size_t i = 0; i < crowd->count; i++)
        open_reader(crowd, i);
    crowd_wait(&crowd->begun, crowd->count, "readers have begun");
}

void crowd_end(struct crowd *crowd) {
    atomic_store(&crowd->must_end, true);
    pthread_join(crowd->thread, NULL);
    for (size_t i = 0; i < crowd->count; i++)
        close(crowd->sockets[i]);
    close(crowd->epoll);
    free(crowd->sockets);
}
