/* SPDX-License-Identifier: BSD-3-Clause
 *
 * lib/service/message/message_server.c and lib/service/message/message_client.c together, over real nng: neither can be tested
 * without the other. (Servers that start and stop: test_message_restarts.c.)
 */
#include <errno.h>

#include "tests/unit/service/message_fixture.h"

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
    struct message request = {.tag = MESSAGE_plan_query}, answer;
    struct arena arena = {0};
    struct error err = {0};
    assert_int_equal(message_client_call(client, &request, CALL_MS, &arena, &answer, &err), STATUS_INVALID);
    assert_non_null(strstr(err.message, "\"plan_query\""));
    arena_release(&arena);
    message_client_free(client);
    message_server_free(server);
}

/* ---- The column `sender` of proto/messages.def ---- */

static const enum message_tag all_tags[] = {
#define MESSAGE(name, number, sender, about) MESSAGE_##name,
#include "proto/messages.def"
};

enum { TAGS = sizeof all_tags / sizeof all_tags[0] };

static enum status count_handled(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                 struct error *err) {
    (void)request, (void)arena, (void)answer, (void)err;
    atomic_fetch_add((atomic_int *)context, 1);
    return STATUS_OK;
}

/* A server that handles all messages that such peers may send, and a client with the right key, which sends every message. */
static void expect_only_from(enum message_peers peers, enum message_sender sender, const char *address) {
    struct message_handler taken[TAGS + 1] = {0};
    size_t count = 0;
    for (size_t i = 0; i < TAGS; i++)
        if (message_sender(all_tags[i]) == sender)
            taken[count++] = (struct message_handler){.tag = all_tags[i], .handle = count_handled};
    assert_true(count > 0);
    atomic_int handled = 0;
    struct message_server *server = NULL;
    struct message_client *client = NULL;
    const struct message_server_options serving = {.address = address, .service_key = "the key of this test", .peers = peers};
    const struct message_client_options asking = {.address = address, .service_key = "the key of this test", .peers = peers};
    assert_int_equal(message_server_create(&server, &serving, taken, &handled, NULL), STATUS_OK);
    assert_int_equal(message_client_create(&client, &asking, NULL), STATUS_OK);
    for (size_t i = 0; i < TAGS; i++) {
        const struct message request = {.tag = all_tags[i]};
        bool may_come = message_sender(all_tags[i]) == sender, is_greeting = all_tags[i] == MESSAGE_greeting;
        struct message answer;
        struct arena arena = {0};
        struct error err = {0};
        int before = atomic_load(&handled);
        assert_int_equal(message_client_call(client, &request, CALL_MS, &arena, &answer, &err),
                         may_come || is_greeting ? STATUS_OK : STATUS_UNAUTHORIZED);
        assert_int_equal(atomic_load(&handled) - before, may_come);
        if (!may_come && !is_greeting) assert_non_null(strstr(err.message, message_name(all_tags[i])));
        arena_release(&arena);
    }
    message_client_free(client);
    message_server_free(server);
}

static void a_key_moves_no_messages_but_those_of_its_holders(void **state) {
    struct fixture *fixture = *state;
    expect_only_from(PEERS_SERVICES, MESSAGE_SENDER_SERVICE, fixture->ipc);
    expect_only_from(PEERS_WORKERS, MESSAGE_SENDER_WORKER, fixture->tcp);
}

/* A server that answers by a message that is no answer. */
static enum status answer_by_a_request(void *context, const struct message *request, struct arena *arena,
                                       struct message *answer, struct error *err) {
    (void)context, (void)request, (void)arena, (void)err;
    *answer = (struct message){.tag = MESSAGE_job_accepted, .job_accepted.job_id = "a job"};
    return STATUS_OK;
}

static void a_message_that_is_no_answer_is_refused(void **state) {
    struct fixture *fixture = *state;
    static const struct message_handler strange[] = {{MESSAGE_ready_query, .handle = answer_by_a_request}, {0}};
    struct message_server *server = NULL;
    struct message request = {.tag = MESSAGE_ready_query}, answer;
    struct arena arena = {0};
    struct error err = {0};
    assert_int_equal(
        message_server_create(&server, &(struct message_server_options){.address = fixture->ipc}, strange, NULL, NULL),
        STATUS_OK);
    struct message_client *client = start_client(fixture->ipc, NULL);
    assert_int_equal(message_client_call(client, &request, CALL_MS, &arena, &answer, &err), STATUS_UNAVAILABLE);
    assert_non_null(strstr(err.message, "job_accepted"));
    arena_release(&arena);
    message_client_free(client);
    message_server_free(server);
}

static void an_answer_that_breaks_its_bounds_is_a_failure(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->ipc, NULL);
    struct message_client *client = start_client(fixture->ipc, NULL);
    struct message request = {.tag = MESSAGE_workers_query}, answer;
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
        ask_in_vain(client, &(struct message){.tag = MESSAGE_job_accepted, .job_accepted.job_id = "a job"});
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
    assert_int_equal(message_server_create(&server,
                                           &(struct message_server_options){.address = "tcp://0.0.0.0:0", .service_key = NULL},
                                           handlers, fixture, &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.message, "SERVICE_KEY"));
    assert_int_equal(message_client_create(&client, &(struct message_client_options){.address = "tcp://192.0.2.1:5000"}, &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.message, "tcp://192.0.2.1:5000"));
}

static void garbage_is_dropped_and_others_are_served(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->tcp, NULL);
    int file = greet(fixture);
    for (int i = 0; i < 100; i++) { /* more than there are reply slots */
        char bytes[60];
        memset(bytes, i, sizeof bytes);
        memcpy(bytes, "\x80\0\0\1", 4); /* the header that REQ puts before a request */
        write_frame(file, sizeof bytes, bytes, sizeof bytes);
    }
    struct message_client *client = start_client(fixture->tcp, NULL);
    assert_int_equal(ask(client, "a job", CALL_MS, NULL), STATUS_OK);
    assert_int_equal(atomic_load(&fixture->handled), 1);
    message_client_free(client);
    /* Everything is read before the server closes: otherwise nng would crash (see lib/service/message/socket_closing.h). */
    send_raw(file, "one request only", &(struct message){.tag = MESSAGE_ready_query});
    expect_answer(file, MESSAGE_done, NULL);
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
    assert_in_range(clock_monotonic_ms() - before_ms, 145, CALL_MS);
    assert_non_null(strstr(err.message, fixture->ipc));
    message_client_free(client);
}

static void no_answer_is_told_in_time(void **state) {
    struct fixture *fixture = *state;
    struct message_server *server = start_server(fixture, fixture->ipc, NULL);
    struct message_client *client = start_client(fixture->ipc, NULL);
    pthread_mutex_lock(&fixture->gate);
    ask_in_vain(client, &(struct message){.tag = MESSAGE_ready_query});
    pthread_mutex_unlock(&fixture->gate);
    assert_int_equal(ask(client, "a job", CALL_MS, NULL), STATUS_OK);
    message_client_free(client);
    message_server_free(server);
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
    assert_int_equal(ask(client, "another", 500, NULL), STATUS_UNAVAILABLE); /* only waits 500 ms */
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
    pthread_mutex_lock(&fixture->gate);
    ask_in_vain(client, &(struct message){.tag = MESSAGE_ready_query});
    wait_until_handled(fixture, 1);
    pthread_mutex_unlock(&fixture->gate);
    message_server_free(server);
    server = start_server(fixture, fixture->ipc, NULL);
    for (int i = 0; i < 50; i++)
        assert_int_equal(ask(client, "a job", CALL_MS, NULL), STATUS_OK);
    assert_int_equal(atomic_load(&fixture->handled), 51);
    message_client_free(client);
    message_server_free(server);
}

static void too_many_posts_are_dropped_without_waiting(void **state) {
    struct fixture *fixture = *state;
    struct message_client *client = start_client(fixture->ipc, NULL);
    struct message post = {.tag = MESSAGE_job_accepted, .job_accepted.job_id = "a job"};
    for (int i = 0; i < 3000; i++) /* while no server accepts any */
        message_client_post(client, &post, 2 * CALL_MS);
    struct message_server *server = start_server(fixture, fixture->ipc, NULL);
    wait_until_handled(fixture, 1024);
    assert_int_equal(ask(client, "a job", CALL_MS, NULL), STATUS_OK);
    message_client_free(client);
    message_server_free(server);
    assert_int_equal(atomic_load(&fixture->handled), 1025);
}

int main(void) {
    alarm(580); /* a lost wake-up is a failure, not a wait for ever */
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(requests_are_answered_over_ipc_and_tcp),
        TEST(a_failure_comes_back_whole),
        TEST(a_message_without_handler_is_refused_by_name),
        TEST(a_key_moves_no_messages_but_those_of_its_holders),
        TEST(a_message_that_is_no_answer_is_refused),
        TEST(an_answer_that_breaks_its_bounds_is_a_failure),
        TEST(a_wrong_key_gets_no_answer),
        TEST(a_network_address_without_a_key_is_refused),
        TEST(garbage_is_dropped_and_others_are_served),
        TEST(a_frame_over_the_bound_ends_the_connection),
        TEST(many_callers_get_their_own_answers),
        TEST(nobody_there_is_told_in_time),
        TEST(no_answer_is_told_in_time),
        TEST(posts_arrive),
        TEST(a_post_is_not_delivered_after_its_time),
        TEST(a_request_given_up_is_not_sent_again),
        TEST(too_many_posts_are_dropped_without_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
