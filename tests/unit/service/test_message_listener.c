/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Connections that end before the handshake is complete, as when a program is killed while it connects. With nng 1.5
 * alone, one of them could be the last that a server ever accepted, or the last that a client ever made (see
 * lib/service/message/broken_pipe.h).
 */
#include <poll.h>
#include <sys/un.h>

#include "tests/unit/service/message_fixture.h"

enum { STRANGERS = 200 };

static int open_ipc(const struct fixture *fixture, struct sockaddr_un *address) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "%.95s", fixture->ipc + strlen("ipc://"));
    int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(file >= 0);
    return file;
}

static int connect_ipc(const struct fixture *fixture) {
    struct sockaddr_un address;
    int file = open_ipc(fixture, &address);
    assert_int_equal(connect(file, (struct sockaddr *)&address, sizeof address), 0);
    return file;
}

static void come_and_go_ipc(const struct fixture *fixture) {
    close(connect_ipc(fixture));
}

static void come_and_go_tcp(const struct fixture *fixture) {
    close(connect_tcp(fixture->port));
}

static void close_hard(int file) {
    struct linger at_once = {.l_onoff = 1};
    assert_int_equal(setsockopt(file, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(file);
}

static void come_and_break_off_tcp(const struct fixture *fixture) {
    close_hard(connect_tcp(fixture->port));
}

/* A reset right after an orderly end: writes of the other side then fail with EPIPE; after a reset alone, with ECONNRESET. */
static void come_and_end_and_break_off_tcp(const struct fixture *fixture) {
    int file = connect_tcp(fixture->port);
    assert_int_equal(shutdown(file, SHUT_WR), 0);
    close_hard(file);
}

/* A client that connected before, and one that connects after. */
static void check_served(struct fixture *fixture, const char *address, void (*come_and_go)(const struct fixture *fixture)) {
    struct message_server *server = start_server(fixture, address, NULL);
    struct message_client *old = start_client(address, NULL);
    assert_int_equal(ask(old, "a job", CALL_MS, NULL), STATUS_OK);
    for (int i = 0; i < STRANGERS; i++)
        come_and_go(fixture);
    struct message_client *new = start_client(address, NULL);
    assert_int_equal(ask(new, "another", CALL_MS, NULL), STATUS_OK);
    assert_int_equal(ask(old, "a third", CALL_MS, NULL), STATUS_OK);
    assert_int_equal(atomic_load(&fixture->handled), 3);
    message_client_free(new);
    message_client_free(old);
    message_server_free(server);
}

static void a_service_is_reached_after_strangers_left_over_ipc(void **state) {
    struct fixture *fixture = *state;
    check_served(fixture, fixture->ipc, come_and_go_ipc);
}

static void a_service_is_reached_after_strangers_left_over_tcp(void **state) {
    struct fixture *fixture = *state;
    check_served(fixture, fixture->tcp, come_and_go_tcp);
}

static void a_service_is_reached_after_strangers_broke_off(void **state) {
    struct fixture *fixture = *state;
    check_served(fixture, fixture->tcp, come_and_break_off_tcp);
}

static void a_service_is_reached_after_strangers_ended_and_broke_off(void **state) {
    struct fixture *fixture = *state;
    check_served(fixture, fixture->tcp, come_and_end_and_break_off_tcp);
}

static void a_request_in_flight_is_answered_once_while_strangers_leave(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->ipc, NULL);
    struct caller caller = {.client = start_client(fixture->ipc, NULL)};
    pthread_mutex_lock(&fixture->gate);
    assert_int_equal(pthread_create(&caller.thread, NULL, ask_at_gate, &caller), 0);
    wait_until_handled(fixture, 1);
    for (int i = 0; i < STRANGERS; i++)
        come_and_go_ipc(fixture);
    struct message_client *other = start_client(fixture->ipc, NULL);
    assert_int_equal(ask(other, "a job", CALL_MS, NULL), STATUS_OK);
    pthread_mutex_unlock(&fixture->gate);
    pthread_join(caller.thread, NULL);
    assert_int_equal(caller.right_answers, 1);
    assert_int_equal(atomic_load(&fixture->handled), 2);
    message_client_free(other);
    message_client_free(caller.client);
    message_server_free(server);
}

/* The other way round: the accepting program is killed during the handshake. */
static void turn_away(const struct fixture *fixture, int count) {
    struct sockaddr_un address;
    int listening = open_ipc(fixture, &address);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listening, 8), 0);
    for (struct pollfd file = {.fd = listening, .events = POLLIN}; count > 0; count--) {
        assert_int_equal(poll(&file, 1, CALL_MS), 1); /* else the client has given up */
        close(accept4(listening, NULL, NULL, SOCK_CLOEXEC));
    }
    close(listening);
}

static void a_client_that_was_turned_away_comes_again(void **state) {
    struct fixture *fixture = *state;
    char folder[96];
    snprintf(folder, sizeof folder, "%s/run", fixture->folder);
    assert_int_equal(folder_make(folder, NULL), STATUS_OK);
    struct message_client *client = start_client(fixture->ipc, NULL);
    turn_away(fixture, 10);
    struct message_server *server = start_server(fixture, fixture->ipc, NULL);
    assert_int_equal(ask(client, "a job", CALL_MS, NULL), STATUS_OK);
    message_client_free(client);
    message_server_free(server);
}

int main(void) {
    alarm(580); /* a lost wake-up is a failure, not a wait for ever */
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_service_is_reached_after_strangers_left_over_ipc),
        TEST(a_service_is_reached_after_strangers_left_over_tcp),
        TEST(a_service_is_reached_after_strangers_broke_off),
        TEST(a_service_is_reached_after_strangers_ended_and_broke_off),
        TEST(a_request_in_flight_is_answered_once_while_strangers_leave),
        TEST(a_client_that_was_turned_away_comes_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
