/* SPDX-License-Identifier: BSD-3-Clause
 *
 * lib/service/message/message_server.c and lib/service/message/message_client.c with a server that starts late, closes, is
 * killed, or is started twice.
 */
#include <signal.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/unit/service/message_fixture.h"

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
    assert_int_equal(info.st_mode & 07, 0); /* not accessible to others */
    struct message_client *client = start_client(ipc, NULL);
    assert_int_equal(ask(client, "a job", CALL_MS, NULL), STATUS_OK);
    struct error err = {0};
    assert_int_equal(message_server_create(&second, &(struct message_server_options){.address = ipc, .service_key = NULL},
                                           handlers, fixture, &err),
                     STATUS_BUSY);
    assert_non_null(strstr(err.message, ipc));
    assert_int_equal(ask(client, "another", CALL_MS, NULL), STATUS_OK);
    message_client_free(client);
    message_server_free(server);
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

/* ---- A server that is killed: this program runs itself, with the address as its argument ---- */

static int serve_until_killed(const char *address) {
    struct fixture fixture = {0};
    struct message_server *server = NULL;
    if (message_server_create(&server, &(struct message_server_options){.address = address, .service_key = NULL}, handlers,
                              &fixture, NULL))
        return EXIT_FAILURE;
    pause();
    message_server_free(server);
    return EXIT_SUCCESS;
}

static pid_t start_server_process(const char *address) {
    pid_t process = fork();
    if (process == 0) {
        execl("/proc/self/exe", "test_message_restarts", address, (char *)NULL);
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

/* nng 1.5 never reconnected if a connection broke while answers were arriving (see lib/service/message/message_client.c). */
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
    alarm(580); /* a lost wake-up is a failure, not a wait for ever */
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_call_waits_for_a_server_that_comes_back),
        TEST(a_dead_process_socket_is_no_obstacle_a_living_one_is),
        TEST(closing_answers_what_is_in_flight),
        TEST(a_server_killed_under_traffic_is_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
