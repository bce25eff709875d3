/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages over `tls+tcp://`, with certificates made here by openssl: which certificates are accepted, and messages about
 * settings.
 */
#include "lib/service/message/connection_guard.h"
#include "tests/unit/service/message_fixture.h"

#define KEY "the key of this test"

struct scene {
    struct fixture fixture; /* first: its set_up() makes it */
    char address[64];
    char files[5][128];
};

enum file { CERTIFICATE, CERTIFICATE_KEY, OTHER_AUTHORITY, ELSEWHERE, ELSEWHERE_KEY };

static struct scene scene;

static void make_certificate(enum file certificate, enum file key, const char *host) {
    char command[1024];
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=%s -addext "
             "subjectAltName=DNS:%s -out %s -keyout %s 2>/dev/null",
             host, host, scene.files[certificate], scene.files[key]);
    assert_int_equal(system(command), 0);
}

static int make_certificates(void **state) {
    (void)state;
    void *made = NULL;
    set_up(&made);
    memcpy(&scene.fixture, made, sizeof scene.fixture);
    free(made);
    static const char *const names[] = {"a.pem", "a.key", "other.pem", "else.pem", "else.key"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        snprintf(scene.files[i], sizeof scene.files[i], "%s/%s", scene.fixture.folder, names[i]);
    make_certificate(OTHER_AUTHORITY, CERTIFICATE_KEY, "localhost");
    make_certificate(CERTIFICATE, CERTIFICATE_KEY, "localhost");
    make_certificate(ELSEWHERE, ELSEWHERE_KEY, "elsewhere.example.org");
    return 0;
}

static int remove_certificates(void **state) {
    (void)state;
    folder_remove(scene.fixture.folder);
    return 0;
}

/* Each test has its own port, because one that was just closed may not be free at once. */
static int take_port(void **state) {
    (void)state;
    snprintf(scene.address, sizeof scene.address, "tls+tcp://localhost:%d", take_free_port());
    atomic_store(&scene.fixture.handled, 0);
    return 0;
}

/* Workers have their own messages: this one is sent back. */
static enum status take_back(void *context, const struct message *request, struct arena *arena, struct message *answer,
                             struct error *err) {
    (void)err;
    atomic_fetch_add(&((struct fixture *)context)->handled, 1);
    *answer = (struct message){.tag = MESSAGE_json_answer, .json_answer.json = arena_copy(arena, request->build_return.job_id)};
    return STATUS_OK;
}

static const struct message_handler worker_handlers[] = {{MESSAGE_build_return, .handle = take_back}, {0}};

static enum status ask_as_worker(struct message_client *client, const char *job_id, int timeout_ms, struct error *err) {
    struct arena arena = {0};
    struct message request = {.tag = MESSAGE_build_return, .build_return.job_id = job_id}, answer;
    enum status status = message_client_call(client, &request, timeout_ms, &arena, &answer, err);
    if (!status) assert_string_equal(answer.json_answer.json, job_id);
    arena_release(&arena);
    return status;
}

static struct message_server *serve(enum file certificate, enum file key) {
    struct message_server *server = NULL;
    struct error err = {0};
    const struct message_server_options options = {.address = scene.address,
                                                   .service_key = KEY,
                                                   .peers = PEERS_WORKERS,
                                                   .certificate = scene.files[certificate],
                                                   .certificate_key = scene.files[key]};
    if (message_server_create(&server, &options, worker_handlers, &scene.fixture, &err)) fail_msg("%s", err.message);
    return server;
}

static struct message_client *connect_to(const char *key, enum file authority) {
    struct message_client *client = NULL;
    struct error err = {0};
    const struct message_client_options options = {
        .address = scene.address, .service_key = key, .peers = PEERS_WORKERS, .authority = scene.files[authority]};
    if (message_client_create(&client, &options, &err)) fail_msg("%s", err.message);
    return client;
}

static void the_right_authority_and_key_are_answered(void **state) {
    (void)state;
    struct message_server *server = serve(CERTIFICATE, CERTIFICATE_KEY);
    struct message_client *client = connect_to(KEY, CERTIFICATE);
    for (int i = 0; i < 20; i++)
        assert_int_equal(ask_as_worker(client, "a job", CALL_MS, NULL), STATUS_OK);
    assert_int_equal(connection_guard_counts().unproven, 0);
    message_client_free(client);
    message_server_free(server);
}

static void another_authority_gets_nowhere(void **state) {
    (void)state;
    struct message_server *server = serve(CERTIFICATE, CERTIFICATE_KEY);
    struct message_client *client = connect_to(KEY, OTHER_AUTHORITY);
    struct error err = {0};
    assert_int_equal(ask_as_worker(client, "a job", 1000, &err), STATUS_UNAVAILABLE);
    assert_non_null(strstr(err.message, "BUILD_WORKER_TLS_CA"));
    message_client_free(client);
    message_server_free(server);
    assert_int_equal(atomic_load(&scene.fixture.handled), 0);
}

static void a_certificate_for_another_host_gets_nowhere(void **state) {
    (void)state;
    struct message_server *server = serve(ELSEWHERE, ELSEWHERE_KEY);
    struct message_client *client = connect_to(KEY, ELSEWHERE);
    assert_int_equal(ask_as_worker(client, "a job", 1000, NULL), STATUS_UNAVAILABLE);
    message_client_free(client);
    message_server_free(server);
    assert_int_equal(atomic_load(&scene.fixture.handled), 0);
}

static void tls_is_no_substitute_for_the_key(void **state) {
    (void)state;
    struct message_server *server = serve(CERTIFICATE, CERTIFICATE_KEY);
    static const char *const keys[] = {NULL, "another key of a test"};
    for (int i = 0; i < 2; i++) {
        struct message_client *client = connect_to(keys[i], CERTIFICATE);
        struct error err = {0};
        for (int timeout_ms = 1000; ask_as_worker(client, "a job", timeout_ms, &err) != STATUS_TIMEOUT; timeout_ms *= 2)
            assert_true(timeout_ms < CALL_MS); /* the connection is not made yet, on a busy machine */
        assert_non_null(strstr(err.message, "BUILD_WORKER_KEY"));
        message_client_free(client);
    }
    assert_int_equal(atomic_load(&scene.fixture.handled), 0);
    message_server_free(server);
}

static void a_service_that_was_started_again_is_found(void **state) {
    (void)state;
    struct message_client *client = connect_to(KEY, CERTIFICATE);
    for (int i = 0; i < 3; i++) {
        struct message_server *server = serve(CERTIFICATE, CERTIFICATE_KEY);
        for (int calls = 0; calls < 5; calls++)
            assert_int_equal(ask_as_worker(client, "a job", CALL_MS, NULL), STATUS_OK);
        message_server_free(server);
    }
    message_client_free(client);
}

/* ---- Settings ---- */

static void refuse_server(const struct message_server_options *options, const char *needle) {
    struct message_server *server = NULL;
    struct error err = {0};
    assert_int_not_equal(message_server_create(&server, options, options->peers == PEERS_WORKERS ? worker_handlers : handlers,
                                               &scene.fixture, &err),
                         STATUS_OK);
    if (!strstr(err.message, needle)) fail_msg("no \"%s\" in: %s", needle, err.message);
}

static void faults_name_their_setting(void **state) {
    (void)state;
    struct message_server_options options = {.address = "tls+tcp://0.0.0.0:0", .peers = PEERS_WORKERS};
    refuse_server(&options, "BUILD_WORKER_KEY");
    options.service_key = KEY;
    refuse_server(&options, "BUILD_WORKER_TLS_CERTIFICATE");
    options.certificate = "/nowhere/to/be.pem";
    refuse_server(&options, "/nowhere/to/be.pem");
    options.certificate = scene.files[CERTIFICATE];
    refuse_server(&options, "BUILD_WORKER_TLS_KEY");
    options.certificate_key = scene.files[CERTIFICATE]; /* it is no key */
    refuse_server(&options, "BUILD_WORKER_TLS_KEY");
    options.peers = PEERS_SERVICES; /* which have no certificates */
    refuse_server(&options, "tls+tcp://0.0.0.0:0");

    struct message_client *client = NULL;
    struct message_client_options asking = {.address = scene.address, .service_key = KEY, .peers = PEERS_WORKERS};
    struct error err = {0};
    assert_int_equal(message_client_create(&client, &asking, &err), STATUS_INVALID);
    assert_non_null(strstr(err.message, "BUILD_WORKER_TLS_CA"));
    asking.authority = scene.files[CERTIFICATE_KEY]; /* it is no certificate */
    assert_int_equal(message_client_create(&client, &asking, &err), STATUS_INVALID);
    assert_string_equal(err.path, "BUILD_WORKER_TLS_CA");
    asking.address = "tls+tcp://192.0.2.1:5000";
    asking.service_key = NULL;
    assert_int_equal(message_client_create(&client, &asking, &err), STATUS_INVALID);
    assert_non_null(strstr(err.message, "BUILD_WORKER_KEY"));
}

int main(void) {
    alarm(580); /* a lost wake-up is a failure, not a wait for ever */
#define TEST(name) cmocka_unit_test_setup(name, take_port)
    const struct CMUnitTest tests[] = {
        TEST(the_right_authority_and_key_are_answered),    TEST(another_authority_gets_nowhere),
        TEST(a_certificate_for_another_host_gets_nowhere), TEST(tls_is_no_substitute_for_the_key),
        TEST(a_service_that_was_started_again_is_found),   TEST(faults_name_their_setting),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
