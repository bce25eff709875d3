/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For the tests of messages: a service over real nng, on a socket in a temporary folder and on a port, and its callers.
 */
#ifndef TESTS_UNIT_SERVICE_MESSAGE_FIXTURE_H
#define TESTS_UNIT_SERVICE_MESSAGE_FIXTURE_H

#include "tests/support/cmocka_all.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/service/message/message_client.h"
#include "lib/service/message/message_server.h"
#include "proto/envelope.h"

enum { CALL_MS = 60000 }; /* longer than any of these calls takes, even on a busy machine */

struct fixture {
    char folder[64];
    char ipc[96];
    char tcp[64];
    int port;
    atomic_int handled;
    pthread_mutex_t gate; /* a `ready_query` is answered once this can be locked */
};

static inline int take_free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int file = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(file >= 0);
    assert_int_equal(bind(file, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(file, (struct sockaddr *)&address, &length), 0);
    close(file);
    return ntohs(address.sin_port);
}

static inline int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/registry-messages-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->ipc, sizeof fixture->ipc, "ipc://%s/run/test.ipc", fixture->folder);
    fixture->port = take_free_port();
    snprintf(fixture->tcp, sizeof fixture->tcp, "tcp://127.0.0.1:%d", fixture->port);
    pthread_mutex_init(&fixture->gate, NULL);
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state) {
    struct fixture *fixture = *state;
    folder_remove(fixture->folder);
    pthread_mutex_destroy(&fixture->gate);
    free(fixture);
    return 0;
}

/* The service under test: sends back the job's id, refuses jobs without one, answers ready_query once the gate is open. */

static inline enum status say_back(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                   struct error *err) {
    struct fixture *fixture = context;
    atomic_fetch_add(&fixture->handled, 1);
    if (!request->job_accepted.job_id) return error_set_at(err, STATUS_REFUSED, "job_id", "There is no job.");
    *answer = (struct message){.tag = MESSAGE_readiness, .readiness.program = arena_copy(arena, request->job_accepted.job_id)};
    return STATUS_OK;
}

static inline enum status wait_at_gate(void *context, const struct message *request, struct arena *arena,
                                       struct message *answer, struct error *err) {
    (void)request, (void)arena, (void)answer, (void)err;
    struct fixture *fixture = context;
    atomic_fetch_add(&fixture->handled, 1);
    pthread_mutex_lock(&fixture->gate);
    pthread_mutex_unlock(&fixture->gate);
    return STATUS_OK;
}

static inline enum status answer_too_long(void *context, const struct message *request, struct arena *arena,
                                          struct message *answer, struct error *err) {
    (void)context, (void)request, (void)arena, (void)err;
    *answer = (struct message){
        .tag = MESSAGE_readiness,
        .readiness.program = "a name that is longer than the sixty-four bytes that the row of its field allows for it",
    };
    return STATUS_OK;
}

static const struct message_handler handlers[] = {
    {MESSAGE_job_accepted, .handle = say_back},
    {MESSAGE_ready_query, .handle = wait_at_gate},
    {MESSAGE_workers_query, .handle = answer_too_long},
    {0},
};

static inline struct message_server *start_server(struct fixture *fixture, const char *address, const char *key) {
    struct message_server *server = NULL;
    struct error err = {0};
    enum status status = message_server_create(
        &server, &(struct message_server_options){.address = address, .service_key = key}, handlers, fixture, &err);
    if (status) fail_msg("%s", err.message);
    return server;
}

static inline struct message_client *start_client(const char *address, const char *key) {
    struct message_client *client = NULL;
    const struct message_client_options options = {.address = address, .service_key = key};
    assert_int_equal(message_client_create(&client, &options, NULL), STATUS_OK);
    return client;
}

static inline enum status ask(struct message_client *client, const char *job_id, int timeout_ms, struct error *err) {
    struct arena arena = {0};
    struct message request = {.tag = MESSAGE_job_accepted, .job_accepted.job_id = job_id}, answer;
    enum status status = message_client_call(client, &request, timeout_ms, &arena, &answer, err);
    if (!status) {
        assert_int_equal(answer.tag, MESSAGE_readiness);
        assert_string_equal(answer.readiness.program, job_id);
    }
    arena_release(&arena);
    return status;
}

/* Asks with growing time limits until the request was sent but not answered. A request that is not sent in time is dropped. */
static inline void ask_in_vain(struct message_client *client, const struct message *request) {
    for (int timeout_ms = 100;; timeout_ms *= 2) {
        struct message answer;
        struct arena arena = {0};
        enum status status = message_client_call(client, request, timeout_ms, &arena, &answer, NULL);
        arena_release(&arena);
        if (status == STATUS_TIMEOUT) return;
        assert_int_equal(status, STATUS_UNAVAILABLE); /* busy machine: the connection is not made yet */
        assert_true(timeout_ms < CALL_MS);
    }
}

static inline void wait_until_handled(struct fixture *fixture, int count) {
    for (int64_t until_ms = clock_monotonic_ms() + CALL_MS; atomic_load(&fixture->handled) < count;) {
        assert_true(clock_monotonic_ms() < until_ms);
        usleep(1000);
    }
}

static inline void read_exactly(int file, void *bytes, size_t length) {
    for (size_t got = 0; got < length;) {
        ssize_t count = read(file, (char *)bytes + got, length - got);
        assert_true(count > 0);
        got += (size_t)count;
    }
}

static inline int connect_tcp(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)port);
    int file = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(file, (struct sockaddr *)&address, sizeof address), 0);
    return file;
}

/* A TCP connection that has greeted as nng's REQ does. */
static inline int greet(const struct fixture *fixture) {
    int file = connect_tcp(fixture->port);
    assert_int_equal(write(file, "\0SP\0\0\x30\0\0", 8), 8);
    char greeting[8];
    read_exactly(file, greeting, sizeof greeting);
    struct timeval patience = {.tv_sec = CALL_MS / 1000};
    setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return file;
}

/* In one write: a separate head would wait for the other side's acknowledgement. */
static inline void write_frame(int file, uint64_t claimed, const char *bytes, size_t length) {
    char frame[1024];
    assert_in_range(length, 0, sizeof frame - 8);
    for (int i = 0; i < 8; i++)
        frame[i] = (char)(claimed >> (56 - 8 * i));
    memcpy(frame + 8, bytes, length);
    assert_int_equal(write(file, frame, length + 8), (ssize_t)length + 8);
}

/* A request, as nng's REQ sends it. */
static inline void send_raw(int file, const char *id, const struct message *message) {
    struct envelope envelope = {.time_left_ms = CALL_MS, .time_sent_ms = clock_now_ms(), .message = *message};
    memcpy(envelope.id, id, sizeof envelope.id);
    struct text bytes = {0};
    text_append_bytes(&bytes, "\x80\0\0\1", 4); /* the header that REQ puts before a request */
    assert_int_equal(envelope_pack(&envelope, NULL, &bytes, NULL), STATUS_OK);
    write_frame(file, bytes.length, bytes.bytes, bytes.length);
    text_release(&bytes);
}

/* `work`: the expected text of the answer; NULL if it has none. */
static inline void expect_answer(int file, enum message_tag tag, const char *work) {
    unsigned char head[8];
    read_exactly(file, head, sizeof head);
    size_t length = (size_t)head[6] << 8 | head[7];
    char *bytes = malloc(length);
    read_exactly(file, bytes, length);
    struct arena arena = {0};
    struct envelope envelope;
    bool is_from_peer;
    assert_int_equal(envelope_unpack(bytes + 4, length - 4, NULL, clock_now_ms(), &arena, &envelope, &is_from_peer, NULL),
                     STATUS_OK);
    assert_int_equal(envelope.message.tag, tag);
    if (work) assert_string_equal(envelope.message.json_answer.json, work);
    arena_release(&arena);
    free(bytes);
}

struct caller {
    pthread_t thread;
    struct message_client *client;
    int number;
    int right_answers;
};

static inline void *ask_at_gate(void *argument) {
    struct caller *caller = argument;
    struct message request = {.tag = MESSAGE_ready_query}, answer;
    struct arena arena = {0};
    if (message_client_call(caller->client, &request, CALL_MS, &arena, &answer, NULL) == STATUS_OK &&
        answer.tag == MESSAGE_done)
        caller->right_answers = 1;
    arena_release(&arena);
    return NULL;
}

enum { CALLERS = 64, CALLS_EACH = 20 };

static inline void *call_often(void *argument) {
    struct caller *caller = argument;
    for (int i = 0; i < CALLS_EACH; i++) {
        struct arena arena = {0};
        struct message answer;
        struct message request = {.tag = MESSAGE_job_accepted};
        request.job_accepted.job_id = arena_format(&arena, "%d-%d", caller->number, i);
        enum status status = message_client_call(caller->client, &request, CALL_MS, &arena, &answer, NULL);
        if (!status && answer.tag == MESSAGE_readiness && strcmp(answer.readiness.program, request.job_accepted.job_id) == 0)
            caller->right_answers++;
        arena_release(&arena);
    }
    return NULL;
}

#endif
