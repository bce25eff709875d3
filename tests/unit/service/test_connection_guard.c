/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Strangers who connect to a service over TCP without proving the key: their connections, descriptors and bytes are limited,
 * and others are served meanwhile. The strangers' ends of the connections belong to this test, so it sees which ones the
 * service has closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include "lib/service/message/connection_guard.h"
#include "tests/unit/service/message_fixture.h"

#define KEY "the key of this test"
#define FLOODER "127.0.0.2"

enum {
    STRANGERS = 1001,
    HALF_MESSAGES = 200,
    HALF_BYTES = 1700000,
    BYTES_MAX = 64 << 20,
    PATIENCE_MS = 60000,
};

static int strangers[STRANGERS];

static int connect_from(const char *host, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(file >= 0);
    assert_int_equal(inet_pton(AF_INET, host, &address.sin_addr), 1);
    assert_int_equal(bind(file, (struct sockaddr *)&address, sizeof address), 0);
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)port);
    assert_int_equal(connect(file, (struct sockaddr *)&address, sizeof address), 0);
    return file;
}

/* Writes as much as possible without waiting, because the service may have stopped reading. */
static void say(int file, const void *bytes, size_t length) {
    for (size_t sent = 0; sent < length;) {
        struct pollfd writable = {.fd = file, .events = POLLOUT};
        if (poll(&writable, 1, PATIENCE_MS) != 1) fail_msg("the service does not read");
        ssize_t count = send(file, (const char *)bytes + sent, length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno != EAGAIN) return; /* closed */
        sent += count > 0 ? (size_t)count : 0;
    }
}

static const char greeting[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};

static bool has_ended(int file) {
    char bytes[64];
    for (;;) {
        ssize_t count = recv(file, bytes, sizeof bytes, MSG_DONTWAIT);
        if (count <= 0) return count == 0 || (errno != EAGAIN && errno != EINTR);
    }
}

static int count_open(int count) {
    int open = 0;
    for (int i = 0; i < count; i++)
        open += !has_ended(strangers[i]);
    return open;
}

/* Waits until at most `most` of them are open. */
static void wait_until_open(int count, int most) {
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; count_open(count) > most;) {
        if (clock_monotonic_ms() > until_ms) fail_msg("%d of them are still connected", count_open(count));
        usleep(1000);
    }
}

static void close_all(int count) {
    for (int i = 0; i < count; i++)
        close(strangers[i]);
}

/* ---- The tests ---- */

/* Each of them sends `word`. */
static void flood(struct fixture *fixture, const char *word, size_t length) {
    struct message_server *server = start_server(fixture, fixture->tcp, KEY);
    struct message_client *old = start_client(fixture->tcp, KEY);
    assert_int_equal(ask(old, "before", CALL_MS, NULL), STATUS_OK);
    for (int i = 0; i < STRANGERS; i++) {
        strangers[i] = connect_from(FLOODER, fixture->port);
        say(strangers[i], word, length);
    }
    wait_until_open(STRANGERS, CONNECTIONS_UNPROVEN_MAX);
    assert_true(connection_guard_counts().unproven <= CONNECTIONS_UNPROVEN_MAX);
    struct message_client *new = start_client(fixture->tcp, KEY);
    assert_int_equal(ask(old, "beside", CALL_MS, NULL), STATUS_OK);
    assert_int_equal(ask(new, "afterwards", CALL_MS, NULL), STATUS_OK);
    wait_until_open(STRANGERS, 0); /* each closed after its time limit */
    assert_int_equal(connection_guard_counts().unproven, 0);
    assert_int_equal(ask(old, "after", CALL_MS, NULL), STATUS_OK);
    close_all(STRANGERS);
    message_client_free(new);
    message_client_free(old);
    message_server_free(server);
}

static void a_client_that_greets_and_sends_nothing_is_not_kept(void **state) {
    flood(*state, greeting, sizeof greeting);
}

static void a_client_that_does_not_greet_is_not_kept(void **state) {
    flood(*state, "", 0);
}

/* The service holds only data of connections that it has not closed. */
static void half_messages_are_bounded_in_all(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->tcp, KEY);
    struct message_client *client = start_client(fixture->tcp, KEY);
    static char half[8 + HALF_BYTES];
    uint64_t claimed = HALF_BYTES + 1000;
    for (int i = 0; i < 8; i++)
        half[i] = (char)(claimed >> (56 - 8 * i));
    for (int i = 0; i < HALF_MESSAGES; i++) {
        strangers[i] = connect_from(FLOODER, fixture->port);
        say(strangers[i], greeting, sizeof greeting);
        say(strangers[i], half, sizeof half);
        assert_true((int64_t)connection_guard_counts().unproven * HALF_BYTES <= BYTES_MAX);
    }
    wait_until_open(HALF_MESSAGES, BYTES_MAX / HALF_BYTES);
    assert_int_equal(ask(client, "beside", CALL_MS, NULL), STATUS_OK);
    wait_until_open(HALF_MESSAGES, 0);
    close_all(HALF_MESSAGES);
    message_client_free(client);
    message_server_free(server);
}

/* A client that is slow to prove the key is not shut out by another address with many connections. */
static void a_flood_shuts_out_its_own_address(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->tcp, KEY);
    int slow = greet(fixture);
    for (int i = 0; i < HALF_MESSAGES; i++)
        strangers[i] = connect_from(FLOODER, fixture->port);
    wait_until_open(HALF_MESSAGES, CONNECTIONS_UNPROVEN_MAX - 1);
    assert_false(has_ended(slow));
    close(slow);
    close_all(HALF_MESSAGES);
    message_server_free(server);
}

/* A connection that has proved the key is not closed, however little it sends. */
static void a_client_with_the_key_proves_it_at_once(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->tcp, KEY);
    struct message_client *client = start_client(fixture->tcp, KEY);
    assert_int_equal(ask(client, "once", CALL_MS, NULL), STATUS_OK);
    assert_int_equal(connection_guard_counts().unproven, 0);
    message_server_free(server);
    int64_t proven = connection_guard_counts().proven;
    server = start_server(fixture, fixture->tcp, KEY);
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; connection_guard_counts().proven == proven; usleep(1000))
        assert_true(clock_monotonic_ms() < until_ms); /* it reconnects without a request */
    assert_int_equal(connection_guard_counts().unproven, 0);
    assert_int_equal(atomic_load(&fixture->handled), 1);
    message_client_free(client);
    message_server_free(server);
}

static void the_limit_of_descriptors_is_raised(void **state) {
    struct fixture *fixture = *state;
    struct rlimit before, after;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit low = {.rlim_cur = 512, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    struct message_server *server = start_server(fixture, fixture->tcp, KEY);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
    assert_int_equal(after.rlim_cur, before.rlim_max < CONNECTIONS_FILES_WANTED ? before.rlim_max : CONNECTIONS_FILES_WANTED);
    message_server_free(server);
}

/* Opens files until each descriptor below `limit` is taken; returns how many. */
static int use_up_files(int *files, int limit) {
    int count = 0;
    while ((files[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < limit) {
        assert_true(files[count] >= 0);
        count++;
    }
    close(files[count]);
    return count;
}

/* Connections have three quarters of the descriptors. Above that even the first one is refused at once. */
static void connections_leave_a_quarter_of_the_descriptors(void **state) {
    struct fixture *fixture = *state;
    struct rlimit usual, limit;
    static int files[CONNECTIONS_FILES_WANTED];
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    limit = (struct rlimit){.rlim_cur = CONNECTIONS_FILES_WANTED, .rlim_max = usual.rlim_max};
    if (limit.rlim_cur > limit.rlim_max) limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    struct message_server *server = start_server(fixture, fixture->tcp, KEY);
    struct message_client *client = start_client(fixture->tcp, KEY);
    assert_int_equal(ask(client, "before", CALL_MS, NULL), STATUS_OK);
    int count = use_up_files(files, (int)(limit.rlim_cur / 4 * 3));
    int64_t shut = connection_guard_counts().shut;
    strangers[0] = connect_from(FLOODER, fixture->port);
    assert_true(recv(strangers[0], &(char){0}, 1, 0) <= 0); /* refused without a greeting */
    assert_int_equal(connection_guard_counts().shut, shut + 1);
    assert_int_equal(connection_guard_counts().unproven, 0);
    assert_int_equal(ask(client, "beside", CALL_MS, NULL), STATUS_OK);
    close(files[--count]); /* for the client's end */
    close(files[--count]); /* for the service's end */
    strangers[1] = connect_from(FLOODER, fixture->port);
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; connection_guard_counts().unproven == 0; usleep(1000))
        assert_true(clock_monotonic_ms() < until_ms);
    assert_int_equal(connection_guard_counts().shut, shut + 1);
    close_all(2);
    while (count > 0)
        close(files[--count]);
    message_client_free(client);
    message_server_free(server);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
}

int main(void) {
    alarm(580);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_limit_of_descriptors_is_raised),
        TEST(a_client_that_greets_and_sends_nothing_is_not_kept),
        TEST(a_client_that_does_not_greet_is_not_kept),
        TEST(half_messages_are_bounded_in_all),
        TEST(a_flood_shuts_out_its_own_address),
        TEST(a_client_with_the_key_proves_it_at_once),
        TEST(connections_leave_a_quarter_of_the_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
