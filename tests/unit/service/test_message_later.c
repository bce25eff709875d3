/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests that are answered later (lib/service/message/message_server.h), over real nng: each `package_query` is kept in a
 * list (`shelf`) until the test answers it.
 */
#include "tests/unit/service/message_fixture.h"

#include <assert.h>
#include <dlfcn.h>

enum { CLIENTS = 5, ASKS_EACH = 60, ASKS = CLIENTS * ASKS_EACH, SHELF_MAX = 4 * ASKS };

struct shelf {
    pthread_mutex_t mutex;
    struct message_pending *pending[SHELF_MAX]; /* a request whose connection was lost is sent, and put here, again */
    char workers[SHELF_MAX][32];
    int count;
    bool answers_at_once;
};

static const struct message done = {.tag = MESSAGE_done};

/* Replaces nng's function: the server gets the length of each message that it has received, and can be held there. */
static atomic_bool is_held;
static atomic_int held;

size_t nng_msg_len(const void *message);

size_t nng_msg_len(const void *message) {
    size_t (*real)(const void *) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "nng_msg_len");
    memcpy(&real, &symbol, sizeof real);
    atomic_fetch_add(&held, 1);
    while (atomic_load(&is_held))
        usleep(1000);
    atomic_fetch_sub(&held, 1);
    return real(message);
}

static void put_on_shelf(void *context, const struct message *request, struct message_pending *pending) {
    struct shelf *shelf = context;
    pthread_mutex_lock(&shelf->mutex);
    bool is_kept = !shelf->answers_at_once;
    if (is_kept) {
        assert(shelf->count < SHELF_MAX);
        snprintf(shelf->workers[shelf->count], sizeof shelf->workers[0], "%s", request->package_query.name);
        shelf->pending[shelf->count++] = pending;
    }
    pthread_mutex_unlock(&shelf->mutex);
    if (!is_kept) message_pending_answer(pending, &done);
}

static enum status say_done(void *context, const struct message *request, struct arena *arena, struct message *answer,
                            struct error *err) {
    (void)context, (void)request, (void)arena, (void)answer, (void)err;
    return STATUS_OK;
}

static const struct message_handler shelf_handlers[] = {
    {MESSAGE_package_query, .handle_later = put_on_shelf},
    {MESSAGE_ready_query, .handle = say_done},
    {0},
};

static struct message_server *serve_shelf(struct shelf *shelf, const char *address, int requests) {
    struct message_server *server = NULL;
    const struct message_server_options options = {.address = address, .requests = requests};
    assert_int_equal(message_server_create(&server, &options, shelf_handlers, shelf, NULL), STATUS_OK);
    return server;
}

static int shelf_count(struct shelf *shelf) {
    pthread_mutex_lock(&shelf->mutex);
    int count = shelf->count;
    pthread_mutex_unlock(&shelf->mutex);
    return count;
}

static void wait_for_shelf(struct shelf *shelf, int count) {
    for (int64_t until_ms = clock_monotonic_ms() + CALL_MS; shelf_count(shelf) < count;) {
        assert_true(clock_monotonic_ms() < until_ms);
        usleep(1000);
    }
}

/* Answers with the request's worker name, so that each client recognises its own answer. */
static void answer_from_shelf(struct shelf *shelf, int index) {
    struct message answer = {.tag = MESSAGE_json_answer, .json_answer.json = shelf->workers[index]};
    message_pending_answer(shelf->pending[index], &answer);
}

struct asker {
    pthread_t thread;
    struct message_client *client;
    int number;
    int timeout_ms;
    enum status status;
    bool got_its_own;
    atomic_bool has_ended;
};

static atomic_int refusals;

static void *ask_for_work(void *argument) {
    struct asker *asker = argument;
    struct arena arena = {0};
    struct message answer, request = {.tag = MESSAGE_package_query};
    request.package_query.name = arena_format(&arena, "worker %d", asker->number);
    asker->status = message_client_call(asker->client, &request, asker->timeout_ms, &arena, &answer, NULL);
    if (asker->status == STATUS_BUSY) atomic_fetch_add(&refusals, 1);
    asker->got_its_own =
        !asker->status && answer.tag == MESSAGE_json_answer && strcmp(answer.json_answer.json, request.package_query.name) == 0;
    arena_release(&arena);
    atomic_store(&asker->has_ended, true);
    return NULL;
}

static void start_asker(struct asker *asker, struct message_client *client, int number) {
    *asker = (struct asker){.client = client, .number = number, .timeout_ms = CALL_MS};
    assert_int_equal(pthread_create(&asker->thread, NULL, ask_for_work, asker), 0);
}

static struct message_client *start_wide_client(const char *address, int requests) {
    struct message_client *client = NULL;
    const struct message_client_options options = {.address = address, .requests = requests};
    assert_int_equal(message_client_create(&client, &options, NULL), STATUS_OK);
    return client;
}

/* ---- The tests ---- */

static void a_later_answer_reaches_who_asked(void **state) {
    struct fixture *fixture = *state;
    struct shelf shelf = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct message_server *server = serve_shelf(&shelf, fixture->ipc, 0);
    struct message_client *client = start_client(fixture->ipc, NULL);
    struct asker asker;
    start_asker(&asker, client, 1);
    wait_for_shelf(&shelf, 1);
    assert_in_range(message_pending_left_ms(shelf.pending[0]), 1, CALL_MS);
    answer_from_shelf(&shelf, 0);
    pthread_join(asker.thread, NULL);
    assert_true(asker.got_its_own);
    message_client_free(client);
    message_server_free(server);
}

static void a_later_failure_comes_back_whole(void **state) {
    struct fixture *fixture = *state;
    struct shelf shelf = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct message_server *server = serve_shelf(&shelf, fixture->ipc, 0);
    struct message_client *client = start_client(fixture->ipc, NULL);
    struct asker asker;
    start_asker(&asker, client, 1);
    wait_for_shelf(&shelf, 1);
    struct error err;
    error_set(&err, STATUS_NOT_FOUND, "The worker is not known.");
    message_pending_fail(shelf.pending[0], STATUS_NOT_FOUND, &err);
    pthread_join(asker.thread, NULL);
    assert_int_equal(asker.status, STATUS_NOT_FOUND);
    message_client_free(client);
    message_server_free(server);
}

static bool have_all_ended(const struct asker *askers, int count) {
    for (int i = 0; i < count; i++)
        if (!atomic_load(&askers[i].has_ended)) return false;
    return true;
}

/* Answers what comes on the shelf from place `from` on: on a busy machine connections take long to prove the key, some are refused
 * meanwhile, and their requests come again. */
static void answer_until_all_have_theirs(struct shelf *shelf, int from, const struct asker *askers, int count) {
    while (!have_all_ended(askers, count)) {
        for (int shelved = shelf_count(shelf); from < shelved; from++)
            answer_from_shelf(shelf, from);
        usleep(1000);
    }
}

/* Five workers with sixty slots each, all of which wait at the same time; short requests go on beside them. */
static void three_hundred_wait_and_each_gets_its_own(void **state) {
    struct fixture *fixture = *state;
    static struct asker askers[ASKS];
    struct shelf *shelf = calloc(1, sizeof *shelf);
    pthread_mutex_init(&shelf->mutex, NULL);
    struct message_server *server = serve_shelf(shelf, fixture->tcp, 512);
    struct message_client *clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = start_wide_client(fixture->tcp, ASKS_EACH + 4);
    for (int i = 0; i < ASKS; i++)
        start_asker(&askers[i], clients[i / ASKS_EACH], i);
    wait_for_shelf(shelf, ASKS);
    struct message request = {.tag = MESSAGE_ready_query}, answer;
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(message_client_call(clients[i], &request, CALL_MS, NULL, &answer, NULL), STATUS_OK);
    for (int i = 0; i < ASKS; i += 2) /* neither in the order of requests nor of clients */
        answer_from_shelf(shelf, i);
    for (int i = ASKS - 1; i > 0; i -= 2)
        answer_from_shelf(shelf, i);
    answer_until_all_have_theirs(shelf, ASKS, askers, ASKS);
    for (int i = 0; i < ASKS; i++) {
        pthread_join(askers[i].thread, NULL);
        assert_true(askers[i].got_its_own);
    }
    for (int i = 0; i < CLIENTS; i++)
        message_client_free(clients[i]);
    message_server_free(server);
    free(shelf);
}

static void wait_for_refusals(int count) {
    for (int64_t until_ms = clock_monotonic_ms() + CALL_MS; atomic_load(&refusals) < count;) {
        assert_true(clock_monotonic_ms() < until_ms);
        usleep(1000);
    }
}

static void a_crowd_that_waits_keeps_no_short_request_out(void **state) {
    struct fixture *fixture = *state;
    enum { REQUESTS = 16, CROWD = 30, MOST_WAIT = 14 };
    struct shelf shelf = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct message_server *server = serve_shelf(&shelf, fixture->ipc, REQUESTS);
    struct message_client *client = start_wide_client(fixture->ipc, CROWD + 1);
    struct asker askers[CROWD];
    for (int i = 0; i < CROWD; i++)
        start_asker(&askers[i], client, i);
    wait_for_shelf(&shelf, MOST_WAIT);
    struct message request = {.tag = MESSAGE_ready_query}, answer;
    for (int i = 0; i < 20; i++)
        assert_int_equal(message_client_call(client, &request, CALL_MS, NULL, &answer, NULL), STATUS_OK);
    wait_for_refusals(CROWD - MOST_WAIT);
    for (int i = 0; i < MOST_WAIT; i++)
        answer_from_shelf(&shelf, i);
    int answered = 0;
    for (int i = 0; i < CROWD; i++) {
        pthread_join(askers[i].thread, NULL);
        answered += askers[i].got_its_own;
    }
    assert_int_equal(answered, MOST_WAIT);
    message_client_free(client);
    message_server_free(server);
}

/* Its time limit began a little later than the client's. */
static void wait_until_over(const struct message_pending *pending) {
    for (int64_t until_ms = clock_monotonic_ms() + CALL_MS; message_pending_left_ms(pending) > 0;) {
        assert_true(clock_monotonic_ms() < until_ms);
        usleep(1000);
    }
}

static void give_up_asking(struct shelf *shelf, struct message_client *client, int index) {
    ask_in_vain(client, &(struct message){.tag = MESSAGE_package_query, .package_query.name = "gone"});
    wait_for_shelf(shelf, index + 1);
    wait_until_over(shelf->pending[index]);
}

static void an_answer_after_its_asker_went_is_lost_and_no_harm(void **state) {
    struct fixture *fixture = *state;
    struct shelf shelf = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct message_server *server = serve_shelf(&shelf, fixture->tcp, 0);
    struct message_client *client = start_client(fixture->tcp, NULL);
    give_up_asking(&shelf, client, 0);
    message_client_free(client);
    answer_from_shelf(&shelf, 0); /* its connection is closed */

    client = start_client(fixture->tcp, NULL);
    give_up_asking(&shelf, client, 1);
    answer_from_shelf(&shelf, 1); /* its connection is open, and in use again */
    struct asker asker;
    start_asker(&asker, client, 7);
    wait_for_shelf(&shelf, 3);
    answer_from_shelf(&shelf, 2);
    pthread_join(asker.thread, NULL);
    assert_true(asker.got_its_own);
    message_client_free(client);
    message_server_free(server);
}

/* ---- The same request over several connections, as nng sends it again when one breaks ---- */

/* The same request each time. Several later requests over the same connection are answered, so a reply slot holds this one.
 * */
static int ask_again(struct fixture *fixture) {
    const struct message ask = {.tag = MESSAGE_package_query, .package_query.name = "twin"},
                         other = {.tag = MESSAGE_ready_query};
    int file = greet(fixture);
    send_raw(file, "one request only", &ask);
    for (int i = 0; i < 10; i++) {
        send_raw(file, "the one after it", &other);
        expect_answer(file, MESSAGE_done, NULL);
    }
    return file;
}

static void a_request_sent_again_while_it_waits_is_the_same(void **state) {
    struct fixture *fixture = *state;
    struct shelf shelf = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct message_server *server = serve_shelf(&shelf, fixture->tcp, 0);
    int first = ask_again(fixture);
    for (int i = 0; i < 4; i++)
        close(ask_again(fixture));
    int newest = ask_again(fixture);
    answer_from_shelf(&shelf, 0);
    expect_answer(first, MESSAGE_json_answer, "twin");
    expect_answer(newest, MESSAGE_json_answer, "twin");
    close(first);
    close(newest);
    message_server_free(server);
    assert_int_equal(shelf.count, 1);
}

static void a_request_sent_again_and_again_takes_no_more_desks_than_may_wait(void **state) {
    struct fixture *fixture = *state;
    struct shelf shelf = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct message_server *server = serve_shelf(&shelf, fixture->tcp, 0);
    for (int i = 0; i < 40; i++)
        close(ask_again(fixture));
    int newest = ask_again(fixture);
    answer_from_shelf(&shelf, 0);
    expect_answer(newest, MESSAGE_json_answer, "twin");
    close(newest);
    message_server_free(server);
    assert_int_equal(shelf.count, 1);
}

/* Sends another request over a separate connection, until it is on the shelf. */
static int ask_until_taken(struct fixture *fixture, struct shelf *shelf, int count) {
    const struct message ask = {.tag = MESSAGE_package_query, .package_query.name = "other"};
    int file = greet(fixture);
    for (int tries = 0; shelf_count(shelf) < count && tries < 200; tries++) {
        char id[ENVELOPE_ID_BYTES + 1];
        snprintf(id, sizeof id, "other request %02d", tries % 100);
        send_raw(file, id, &ask);
        usleep(20000);
    }
    assert_int_equal(shelf_count(shelf), count);
    return file;
}

static void a_request_is_gone_with_its_last_connection(void **state) {
    struct fixture *fixture = *state;
    struct shelf shelf = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct message_server *server = serve_shelf(&shelf, fixture->tcp, 0);
    int first = ask_again(fixture), second = ask_again(fixture);
    assert_int_equal(shelf_count(&shelf), 1);
    assert_false(message_pending_is_gone(shelf.pending[0]));
    close(first);
    usleep(20000);
    assert_false(message_pending_is_gone(shelf.pending[0]));
    close(second);
    for (int64_t until_ms = clock_monotonic_ms() + CALL_MS; !message_pending_is_gone(shelf.pending[0]);) {
        assert_true(clock_monotonic_ms() < until_ms);
        usleep(1000);
    }
    answer_from_shelf(&shelf, 0);
    message_server_free(server);
}

/* The largest number of waiting requests; all clients but the first have left. */
static void desks_of_connections_that_ended_are_let_go(void **state) {
    struct fixture *fixture = *state;
    struct shelf shelf = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct message_server *server = serve_shelf(&shelf, fixture->tcp, 0);
    int first = ask_again(fixture), twins[13];
    for (int i = 0; i < 13; i++)
        twins[i] = ask_again(fixture);
    for (int i = 0; i < 13; i++)
        close(twins[i]);
    int other = ask_until_taken(fixture, &shelf, 2);
    answer_from_shelf(&shelf, 0);
    expect_answer(first, MESSAGE_json_answer, "twin");
    answer_from_shelf(&shelf, 1);
    close(first);
    close(other);
    message_server_free(server);
}

/* Each connection has ended, and nng has reported it, before its request waits at a slot. */
static void desks_of_connections_that_end_at_once_are_let_go(void **state) {
    struct fixture *fixture = *state;
    struct shelf shelf = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    const struct message ask = {.tag = MESSAGE_package_query, .package_query.name = "twin"};
    struct message_server *server = serve_shelf(&shelf, fixture->tcp, 0);
    int first = ask_again(fixture);
    for (int i = 0; i < 13; i++) {
        int file = greet(fixture);
        atomic_store(&is_held, true);
        send_raw(file, "one request only", &ask);
        while (atomic_load(&held) == 0)
            usleep(1000);
        close(file);
        usleep(20000);
        atomic_store(&is_held, false);
        while (atomic_load(&held) > 0)
            usleep(1000);
    }
    int other = ask_until_taken(fixture, &shelf, 2);
    answer_from_shelf(&shelf, 0);
    expect_answer(first, MESSAGE_json_answer, "twin");
    answer_from_shelf(&shelf, 1);
    close(first);
    close(other);
    message_server_free(server);
}

/* ---- The end ---- */

static void *answer_all(void *argument) {
    struct shelf *shelf = argument;
    pthread_mutex_lock(&shelf->mutex);
    shelf->answers_at_once = true;
    int count = shelf->count;
    pthread_mutex_unlock(&shelf->mutex);
    for (int i = 0; i < count; i++)
        answer_from_shelf(shelf, i);
    return NULL;
}

static void closing_waits_for_those_that_are_still_to_be_answered(void **state) {
    struct fixture *fixture = *state;
    struct shelf shelf = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct message_server *server = serve_shelf(&shelf, fixture->ipc, 0);
    struct message_client *client = start_client(fixture->ipc, NULL);
    struct asker askers[8];
    for (int i = 0; i < 8; i++)
        start_asker(&askers[i], client, i);
    wait_for_shelf(&shelf, 8);
    pthread_t holder;
    assert_int_equal(pthread_create(&holder, NULL, answer_all, &shelf), 0);
    message_server_free(server);
    pthread_join(holder, NULL);
    for (int i = 0; i < 8; i++) {
        pthread_join(askers[i].thread, NULL);
        assert_true(askers[i].got_its_own);
    }
    message_client_free(client);
}

int main(void) {
    alarm(580); /* a lost wake-up is a failure, not a wait for ever */
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_later_answer_reaches_who_asked),
        TEST(a_later_failure_comes_back_whole),
        TEST(three_hundred_wait_and_each_gets_its_own),
        TEST(a_crowd_that_waits_keeps_no_short_request_out),
        TEST(an_answer_after_its_asker_went_is_lost_and_no_harm),
        TEST(a_request_sent_again_while_it_waits_is_the_same),
        TEST(a_request_sent_again_and_again_takes_no_more_desks_than_may_wait),
        TEST(a_request_is_gone_with_its_last_connection),
        TEST(desks_of_connections_that_ended_are_let_go),
        TEST(desks_of_connections_that_end_at_once_are_let_go),
        TEST(closing_waits_for_those_that_are_still_to_be_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
