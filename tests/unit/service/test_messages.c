/* SPDX-License-Identifier: BSD-3-Clause
 *
 * message_server.c and message_client.c together, over real nng: there is nothing to see of one without the other. */
#include "tests/support/cmocka_all.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/folder.h"
#include "lib/service/message_client.h"
#include "lib/service/message_server.h"

enum { CALL_MS = 20000 }; /* longer than any of these calls should take, on a busy machine, too */

struct fixture {
    char folder[64];
    char ipc[96];
    char tcp[64];
    int port;
    atomic_int handled;
    pthread_mutex_t gate; /* a `ready_query` is answered once this can be had */
};

static int take_free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int file = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(file >= 0);
    assert_int_equal(bind(file, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(file, (struct sockaddr *)&address, &length), 0);
    close(file);
    return ntohs(address.sin_port);
}

static int set_up(void **state) {
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

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    folder_remove(fixture->folder);
    pthread_mutex_destroy(&fixture->gate);
    free(fixture);
    return 0;
}

/* ---- The service under test: says back the job's id, refuses jobs without one, answers ready_query once the gate is open ----
 */

static enum status say_back(void *context, const struct message *request, struct arena *arena, struct message *answer,
                            struct error *err) {
    struct fixture *fixture = context;
    atomic_fetch_add(&fixture->handled, 1);
    if (!request->job_accepted.job_id) return error_set_at(err, STATUS_REFUSED, "job_id", "There is no job.");
    *answer = (struct message){.tag = MESSAGE_ready, .ready.program = arena_copy(arena, request->job_accepted.job_id)};
    return STATUS_OK;
}

static enum status wait_at_gate(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                struct error *err) {
    (void)request, (void)arena, (void)answer, (void)err;
    struct fixture *fixture = context;
    atomic_fetch_add(&fixture->handled, 1);
    pthread_mutex_lock(&fixture->gate);
    pthread_mutex_unlock(&fixture->gate);
    return STATUS_OK;
}

static enum status answer_too_long(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                   struct error *err) {
    (void)context, (void)request, (void)arena, (void)err;
    *answer = (struct message){
        .tag = MESSAGE_ready,
        .ready.program = "a name that is longer than the sixty-four bytes that the row of its field allows for it",
    };
    return STATUS_OK;
}

static const struct message_handler handlers[] = {
    {MESSAGE_job_accepted, say_back},
    {MESSAGE_ready_query, wait_at_gate},
    {MESSAGE_ready, answer_too_long},
    {0, NULL},
};

static struct message_server *start_server(struct fixture *fixture, const char *address, const char *key) {
    struct message_server *server = NULL;
    struct error err = {0};
    enum status status = message_server_create(&server, address, key, handlers, fixture, &err);
    if (status) fail_msg("%s", err.message);
    return server;
}

static struct message_client *start_client(const char *address, const char *key) {
    struct message_client *client = NULL;
    assert_int_equal(message_client_create(&client, address, key, NULL), STATUS_OK);
    return client;
}

static enum status ask(struct message_client *client, const char *job_id, int timeout_ms, struct error *err) {
    struct arena arena = {0};
    struct message request = {.tag = MESSAGE_job_accepted, .job_accepted.job_id = job_id}, answer;
    enum status status = message_client_call(client, &request, timeout_ms, &arena, &answer, err);
    if (!status) {
        assert_int_equal(answer.tag, MESSAGE_ready);
        assert_string_equal(answer.ready.program, job_id);
    }
    arena_release(&arena);
    return status;
}

static void wait_until_handled(struct fixture *fixture, int count) {
    for (int64_t until_ms = clock_monotonic_ms() + CALL_MS; atomic_load(&fixture->handled) < count;) {
        assert_true(clock_monotonic_ms() < until_ms);
        usleep(1000);
    }
}

/* ---- Tests ---- */

static void requests_are_answered_over_ipc_and_tcp(void **state) {
    struct fixture *fixture = *state;
    static const char *const keys[] = {NULL, "the key of this test"};
    for (int i = 0; i < 4; i++) {
        const char *address = i % 2 ? fixture->tcp : fixture->ipc, *key = keys[i / 2];
        struct message_server *server = start_server(fixture, address, key);
        struct message_client *client = start_client(address, key);
        assert_int_equal(ask(client, "a job", CALL_MS, NULL), STATUS_OK);
        assert_int_equal(ask(client, "another", CALL_MS, NULL), STATUS_OK);
        message_client_free(client);
        message_server_free(server);
    }
}

static void a_failure_comes_back_whole(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->ipc, NULL);
    struct message_client *client = start_client(fixture->ipc, NULL);
    struct error err = {0};
    assert_int_equal(ask(client, NULL, CALL_MS, &err), STATUS_REFUSED);
    assert_int_equal(err.status, STATUS_REFUSED);
    assert_string_equal(err.path, "job_id");
    assert_string_equal(err.message, "There is no job.");
    message_client_free(client);
    message_server_free(server);
}

static void a_message_without_handler_is_refused_by_name(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->ipc, NULL);
    struct message_client *client = start_client(fixture->ipc, NULL);
    struct message request = {.tag = MESSAGE_done}, answer;
    struct arena arena = {0};
    struct error err = {0};
    assert_int_equal(message_client_call(client, &request, CALL_MS, &arena, &answer, &err), STATUS_INVALID);
    assert_non_null(strstr(err.message, "\"done\""));
    arena_release(&arena);
    message_client_free(client);
    message_server_free(server);
}

static void an_answer_that_breaks_its_bounds_is_a_failure(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->ipc, NULL);
    struct message_client *client = start_client(fixture->ipc, NULL);
    struct message request = {.tag = MESSAGE_ready}, answer;
    struct arena arena = {0};
    assert_int_equal(message_client_call(client, &request, CALL_MS, &arena, &answer, NULL), STATUS_INTERNAL);
    arena_release(&arena);
    message_client_free(client);
    message_server_free(server);
}

static void a_wrong_key_gets_no_answer(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->ipc, "the key of this test");
    static const char *const keys[] = {NULL, "another key of a test"};
    for (int i = 0; i < 2; i++) {
        struct message_client *client = start_client(fixture->ipc, keys[i]);
        assert_int_equal(ask(client, "a job", 300, NULL), STATUS_TIMEOUT);
        message_client_free(client);
    }
    assert_int_equal(atomic_load(&fixture->handled), 0);
    message_server_free(server);
}

static void a_network_address_without_a_key_is_refused(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = NULL;
    struct message_client *client = NULL;
    struct error err = {0};
    assert_int_equal(message_server_create(&server, "tcp://0.0.0.0:0", NULL, handlers, fixture, &err), STATUS_INVALID);
    assert_non_null(strstr(err.message, "SERVICE_KEY"));
    assert_int_equal(message_client_create(&client, "tcp://192.0.2.1:5000", NULL, &err), STATUS_INVALID);
    assert_non_null(strstr(err.message, "tcp://192.0.2.1:5000"));
}

static void read_exactly(int file, void *bytes, size_t length) {
    for (size_t got = 0; got < length;) {
        ssize_t count = read(file, (char *)bytes + got, length - got);
        assert_true(count > 0);
        got += (size_t)count;
    }
}

/* A TCP connection that has greeted as nng's REQ does. */
static int greet(const struct fixture *fixture) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)fixture->port);
    int file = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(file, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(file, "\0SP\0\0\x30\0\0", 8), 8);
    char greeting[8];
    read_exactly(file, greeting, sizeof greeting);
    struct timeval patience = {.tv_sec = CALL_MS / 1000};
    setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return file;
}

static void write_frame(int file, uint64_t claimed, const char *bytes, size_t length) {
    unsigned char head[8];
    for (int i = 0; i < 8; i++)
        head[i] = (unsigned char)(claimed >> (56 - 8 * i));
    assert_int_equal(write(file, head, 8), 8);
    assert_int_equal(write(file, bytes, length), (ssize_t)length);
}

static void garbage_is_dropped_and_others_are_served(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->tcp, NULL);
    int file = greet(fixture);
    for (int i = 0; i < 100; i++) { /* more than there are desks */
        char bytes[60];
        memset(bytes, i, sizeof bytes);
        memcpy(bytes, "\x80\0\0\1", 4); /* what REQ puts before a request */
        write_frame(file, sizeof bytes, bytes, sizeof bytes);
    }
    struct message_client *client = start_client(fixture->tcp, NULL);
    assert_int_equal(ask(client, "a job", CALL_MS, NULL), STATUS_OK);
    assert_int_equal(atomic_load(&fixture->handled), 1);
    message_client_free(client);
    close(file);
    message_server_free(server);
}

static void a_frame_over_the_bound_ends_the_connection(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->tcp, NULL);
    int file = greet(fixture);
    write_frame(file, (uint64_t)1 << 40, "\x80\0\0\1", 4);
    char byte;
    errno = 0;
    ssize_t count = read(file, &byte, 1);
    assert_true(count == 0 || (count < 0 && errno == ECONNRESET)); /* not timed out */
    close(file);
    message_server_free(server);
}

struct caller {
    pthread_t thread;
    struct message_client *client;
    int number;
    int right_answers;
};

enum { CALLERS = 64, CALLS_EACH = 20 };

static void *call_often(void *argument) {
    struct caller *caller = argument;
    for (int i = 0; i < CALLS_EACH; i++) {
        struct arena arena = {0};
        struct message answer;
        struct message request = {.tag = MESSAGE_job_accepted};
        request.job_accepted.job_id = arena_format(&arena, "%d-%d", caller->number, i);
        enum status status = message_client_call(caller->client, &request, CALL_MS, &arena, &answer, NULL);
        if (!status && answer.tag == MESSAGE_ready && strcmp(answer.ready.program, request.job_accepted.job_id) == 0)
            caller->right_answers++;
        arena_release(&arena);
    }
    return NULL;
}

static void many_callers_get_their_own_answers(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->ipc, "the key of this test");
    struct message_client *client = start_client(fixture->ipc, "the key of this test");
    struct caller callers[CALLERS] = {0};
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.client = client, .number = i};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].right_answers, CALLS_EACH);
    }
    message_client_free(client);
    message_server_free(server);
}

static void nobody_there_is_told_in_time(void **state) {
    struct fixture *fixture = *state;
    struct message_client *client = start_client(fixture->ipc, NULL);
    struct error err = {0};
    int64_t before_ms = clock_monotonic_ms();
    assert_int_equal(ask(client, "a job", 150, &err), STATUS_UNAVAILABLE);
    assert_in_range(clock_monotonic_ms() - before_ms, 145, 5000);
    assert_non_null(strstr(err.message, fixture->ipc));
    message_client_free(client);
}

static void no_answer_is_told_in_time(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->ipc, NULL);
    struct message_client *client = start_client(fixture->ipc, NULL);
    struct message request = {.tag = MESSAGE_ready_query}, answer;
    struct arena arena = {0};
    pthread_mutex_lock(&fixture->gate);
    assert_int_equal(message_client_call(client, &request, 150, &arena, &answer, NULL), STATUS_TIMEOUT);
    pthread_mutex_unlock(&fixture->gate);
    assert_int_equal(ask(client, "a job", CALL_MS, NULL), STATUS_OK);
    arena_release(&arena);
    message_client_free(client);
    message_server_free(server);
}

static void a_call_waits_for_a_server_that_comes_back(void **state) {
    struct fixture *fixture = *state;
    struct message_client *client = start_client(fixture->ipc, NULL);
    for (int i = 0; i < 3; i++) {
        struct caller caller = {.client = client, .number = i};
        assert_int_equal(pthread_create(&caller.thread, NULL, call_often, &caller), 0);
        struct message_server *server = start_server(fixture, fixture->ipc, NULL);
        pthread_join(caller.thread, NULL);
        assert_int_equal(caller.right_answers, CALLS_EACH);
        message_server_free(server);
    }
    message_client_free(client);
}

static void posts_arrive(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->ipc, NULL);
    struct message_client *client = start_client(fixture->ipc, NULL);
    struct message post = {.tag = MESSAGE_job_accepted, .job_accepted = {.job_id = "a job", .payload = "{}"}};
    for (int i = 0; i < 100; i++)
        message_client_post(client, &post, CALL_MS);
    wait_until_handled(fixture, 100);
    message_client_free(client);
    message_server_free(server);
    assert_int_equal(atomic_load(&fixture->handled), 100);
}

static void a_post_is_not_delivered_after_its_time(void **state) {
    struct fixture *fixture = *state;
    struct message_client *client = start_client(fixture->ipc, NULL);
    struct message post = {.tag = MESSAGE_job_accepted, .job_accepted.job_id = "a job"};
    for (int i = 0; i < 100; i++)
        message_client_post(client, &post, 50);
    assert_int_equal(ask(client, "another", 500, NULL), STATUS_UNAVAILABLE); /* passes the time */
    struct message_server *server = start_server(fixture, fixture->ipc, NULL);
    for (int i = 0; i < 50; i++)
        assert_int_equal(ask(client, "a third", CALL_MS, NULL), STATUS_OK);
    assert_int_equal(atomic_load(&fixture->handled), 50);
    message_client_free(client);
    message_server_free(server);
}

static void a_request_given_up_is_not_sent_again(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->ipc, NULL);
    struct message_client *client = start_client(fixture->ipc, NULL);
    struct message request = {.tag = MESSAGE_ready_query}, answer;
    struct arena arena = {0};
    pthread_mutex_lock(&fixture->gate);
    assert_int_equal(message_client_call(client, &request, 100, &arena, &answer, NULL), STATUS_TIMEOUT);
    pthread_mutex_unlock(&fixture->gate);
    assert_int_equal(atomic_load(&fixture->handled), 1);
    message_server_free(server);
    server = start_server(fixture, fixture->ipc, NULL);
    for (int i = 0; i < 50; i++)
        assert_int_equal(ask(client, "a job", CALL_MS, NULL), STATUS_OK);
    assert_int_equal(atomic_load(&fixture->handled), 51);
    arena_release(&arena);
    message_client_free(client);
    message_server_free(server);
}

static void too_many_posts_are_dropped_without_waiting(void **state) {
    struct fixture *fixture = *state;
    struct message_client *client = start_client(fixture->ipc, NULL);
    struct message post = {.tag = MESSAGE_job_accepted, .job_accepted.job_id = "a job"};
    int64_t before_ms = clock_monotonic_ms();
    for (int i = 0; i < 3000; i++)
        message_client_post(client, &post, CALL_MS);
    assert_in_range(clock_monotonic_ms() - before_ms, 0, CALL_MS / 2);
    struct message_server *server = start_server(fixture, fixture->ipc, NULL);
    wait_until_handled(fixture, 1024);
    assert_int_equal(ask(client, "a job", CALL_MS, NULL), STATUS_OK);
    message_client_free(client);
    message_server_free(server);
    assert_int_equal(atomic_load(&fixture->handled), 1025);
}

static void a_dead_process_socket_is_no_obstacle_a_living_one_is(void **state) {
    struct fixture *fixture = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.80s/stale.ipc", fixture->folder);
    int file = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(file, (struct sockaddr *)&address, sizeof address), 0);
    close(file); /* leaves the file, as a killed process does */
    assert_int_equal(access(address.sun_path, F_OK), 0);
    char ipc[128];
    snprintf(ipc, sizeof ipc, "ipc://%s", address.sun_path);

    struct message_server *server = start_server(fixture, ipc, NULL), *second = NULL;
    struct stat info;
    assert_int_equal(stat(address.sun_path, &info), 0);
    assert_int_equal(info.st_mode & 07, 0); /* not for everybody */
    struct message_client *client = start_client(ipc, NULL);
    assert_int_equal(ask(client, "a job", CALL_MS, NULL), STATUS_OK);
    struct error err = {0};
    assert_int_equal(message_server_create(&second, ipc, NULL, handlers, fixture, &err), STATUS_BUSY);
    assert_non_null(strstr(err.message, ipc));
    assert_int_equal(ask(client, "another", CALL_MS, NULL), STATUS_OK);
    message_client_free(client);
    message_server_free(server);
}

static void *ask_at_gate(void *argument) {
    struct caller *caller = argument;
    struct message request = {.tag = MESSAGE_ready_query}, answer;
    struct arena arena = {0};
    if (message_client_call(caller->client, &request, CALL_MS, &arena, &answer, NULL) == STATUS_OK &&
        answer.tag == MESSAGE_done)
        caller->right_answers = 1;
    arena_release(&arena);
    return NULL;
}

static void *free_server(void *argument) {
    message_server_free(argument);
    return NULL;
}

static void closing_answers_what_is_in_flight(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->ipc, NULL);
    struct message_client *client = start_client(fixture->ipc, NULL);
    struct caller caller = {.client = client};
    pthread_t closer;
    pthread_mutex_lock(&fixture->gate);
    assert_int_equal(pthread_create(&caller.thread, NULL, ask_at_gate, &caller), 0);
    wait_until_handled(fixture, 1);
    assert_int_equal(pthread_create(&closer, NULL, free_server, server), 0);
    pthread_mutex_unlock(&fixture->gate);
    pthread_join(closer, NULL);
    pthread_join(caller.thread, NULL);
    assert_int_equal(caller.right_answers, 1);
    message_client_free(client);
}

/* ---- A server that is killed: this program again, with the address as its argument ---- */

static int serve_until_killed(const char *address) {
    struct fixture fixture = {0};
    struct message_server *server = NULL;
    if (message_server_create(&server, address, NULL, handlers, &fixture, NULL)) return EXIT_FAILURE;
    pause();
    message_server_free(server);
    return EXIT_SUCCESS;
}

static pid_t start_server_process(const char *address) {
    pid_t process = fork();
    if (process == 0) {
        execl("/proc/self/exe", "test_messages", address, (char *)NULL);
        _exit(EXIT_FAILURE);
    }
    assert_true(process > 0);
    return process;
}

static atomic_bool traffic_is_over;
static atomic_int traffic_answers;

static void *make_traffic(void *client) {
    while (!atomic_load(&traffic_is_over)) {
        struct message request = {.tag = MESSAGE_job_accepted, .job_accepted.job_id = "a job"}, answer;
        struct arena arena = {0};
        if (message_client_call(client, &request, 1000, &arena, &answer, NULL) == STATUS_OK)
            atomic_fetch_add(&traffic_answers, 1);
        arena_release(&arena);
    }
    return NULL;
}

/* nng 1.5 lost its way for good when a connection broke while answers were coming in (see message_client.c). */
static void a_server_killed_under_traffic_is_found_again(void **state) {
    struct fixture *fixture = *state;
    enum { THREADS = 16, ROUNDS = 30 };
    struct message_client *client = start_client(fixture->tcp, NULL);
    pthread_t threads[THREADS];
    atomic_store(&traffic_is_over, false);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_traffic, client), 0);
    for (int round = 0; round < ROUNDS; round++) {
        int before = atomic_load(&traffic_answers);
        pid_t server = start_server_process(fixture->tcp);
        for (int64_t until_ms = clock_monotonic_ms() + CALL_MS; atomic_load(&traffic_answers) < before + 50;) {
            assert_true(clock_monotonic_ms() < until_ms);
            usleep(500);
        }
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    atomic_store(&traffic_is_over, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    message_client_free(client);
}

int main(int argument_count, char **arguments) {
    if (argument_count == 2) return serve_until_killed(arguments[1]);
    alarm(110); /* a lost wake-up is a failure, not a wait for ever */
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(requests_are_answered_over_ipc_and_tcp),
        TEST(a_failure_comes_back_whole),
        TEST(a_message_without_handler_is_refused_by_name),
        TEST(an_answer_that_breaks_its_bounds_is_a_failure),
        TEST(a_wrong_key_gets_no_answer),
        TEST(a_network_address_without_a_key_is_refused),
        TEST(garbage_is_dropped_and_others_are_served),
        TEST(a_frame_over_the_bound_ends_the_connection),
        TEST(many_callers_get_their_own_answers),
        TEST(nobody_there_is_told_in_time),
        TEST(no_answer_is_told_in_time),
        TEST(a_call_waits_for_a_server_that_comes_back),
        TEST(posts_arrive),
        TEST(a_post_is_not_delivered_after_its_time),
        TEST(a_request_given_up_is_not_sent_again),
        TEST(too_many_posts_are_dropped_without_waiting),
        TEST(a_dead_process_socket_is_no_obstacle_a_living_one_is),
        TEST(closing_answers_what_is_in_flight),
        TEST(a_server_killed_under_traffic_is_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
