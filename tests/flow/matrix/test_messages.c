/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The messages of build workers to the build-matrix service (proto/messages.def), sent by this test in place of a worker:
 * repeated, too late, and malformed.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/domain/matrix/work_order.h"
#include "lib/service/message/message_client.h"
#include "lib/service/message/message_work.h"
#include "lib/service/message/worker_identity.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/shell.h"

#define LATE(kind) "registry_matrix_stale_total{message=\"" kind "\",program=\"build-matrix\"}"

enum { TIMEOUT_MS = 30000, LEASE_MS = 5000 };

static struct server *server;
static struct worker_identity worker;
static struct message_client *client;
static struct arena arena;
static struct error err;

static int set_up(void **state) {
    (void)state;
    static const char *const settings[] = {"LEASE_MS=5000", NULL};
    worker_identity_make(&worker, "a-test");
    server = server_start(&(struct server_options){.settings = settings});
    const struct message_client_options options = {.address = arena_format(&arena, "ipc://%s/build-worker.ipc", server->folder),
                                                   .peers = PEERS_WORKERS};
    if (message_client_create(&client, &options, &err)) fail_msg("%s", err.message);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    message_client_free(client);
    server_stop(server);
    arena_release(&arena);
    return 0;
}

static enum status say(const struct message *message, struct message *answer) {
    struct message unused;
    return message_client_call(client, message, TIMEOUT_MS, &arena, answer ? answer : &unused, &err);
}

static void expect(enum status expected, const struct message *message, const char *field) {
    enum status status = say(message, NULL);
    if (status != expected || (field && strcmp(err.path, field) != 0))
        fail_msg("status %d, field %s: %s", (int)status, err.path, err.message);
}

static enum status say_hello(struct message *answer) {
    return say(
        &(struct message){.tag = MESSAGE_worker_join,
                          .worker_join = {.worker = worker.name, .secret = worker.secret, .compilers = "0.15.14", .slots = 1}},
        answer);
}

/* The one job that is ready now: its id and number. */
static struct build_job take_job(void) {
    struct message answer,
        ask = {
            .tag = MESSAGE_build_ask,
            .build_ask = {.worker = worker.name, .secret = worker.secret, .compilers = "0.15.14", .wait_ms = TIMEOUT_MS / 2}};
    struct work_order work;
    if (say(&ask, &answer)) fail_msg("%s", err.message);
    assert_int_equal(answer.tag, MESSAGE_work_order);
    if (message_read_work(&work, &answer.work_order, &arena, &err)) fail_msg("%s", err.message);
    assert_int_equal(work.job_count, 1);
    return work.jobs[0];
}

static struct message result_of(const struct build_job *job, int64_t fence, const char *verdict) {
    return (struct message){.tag = MESSAGE_build_outcome,
                            .build_outcome = {.worker = worker.name,
                                              .secret = worker.secret,
                                              .job_id = job->job_id,
                                              .fence = fence,
                                              .verdict = verdict,
                                              .reason = "Because."}};
}

/* A message with one log line, which is borrowed. */
static struct message lines_of(const struct build_job *job, int64_t fence, const struct record_log_line *line) {
    return (struct message){
        .tag = MESSAGE_build_log,
        .build_log = {
            .worker = worker.name, .secret = worker.secret, .job_id = job->job_id, .fence = fence, .lines = {line, 1}}};
}

static struct message renew_of(const struct record_lease *leases, size_t count) {
    return (struct message){.tag = MESSAGE_leases_renew,
                            .leases_renew = {.worker = worker.name, .secret = worker.secret, .leases = {leases, count}}};
}

/* ---- The tests ---- */

static void an_unknown_worker_must_join(void **state) {
    (void)state;
    struct message answer;
    const struct message renew = renew_of(NULL, 0);
    expect(STATUS_NOT_FOUND, &renew, NULL);
    expect(STATUS_NOT_FOUND,
           &(struct message){.tag = MESSAGE_build_ask,
                             .build_ask = {.worker = worker.name, .secret = worker.secret, .wait_ms = 1}},
           NULL);
    assert_int_equal(say_hello(&answer), STATUS_OK);
    assert_int_equal(answer.tag, MESSAGE_worker_welcome);
    assert_int_equal(answer.worker_welcome.lease_ms, LEASE_MS);
    expect(STATUS_OK, &renew, NULL);
}

static void an_accepted_message_may_be_repeated(void **state) {
    (void)state;
    const struct package package = {"said-again", "1.0.0", .pragma = NULL};
    server_expect_published(server, &package);
    assert_int_equal(say_hello(NULL), STATUS_OK);
    struct build_job job = take_job();
    static const struct record_log_line line = {1, 1700000000000, "INFO", "One line."};
    struct message lines = lines_of(&job, job.fence, &line), result = result_of(&job, job.fence, "succeeded");
    expect(STATUS_OK, &lines, NULL);
    expect(STATUS_OK, &lines, NULL);
    expect(STATUS_OK, &result, NULL);
    expect(STATUS_OK, &result, NULL);
    json_t *ended = matrix_wait_for_build(server, "said-again", "1.0.0", "0.15.14");
    assert_int_equal(matrix_count_in(server_log_text(server, ended), "One line."), 1);
    json_decref(ended);
    expect(STATUS_OK, &result, NULL);
    assert_int_equal(matrix_count_commits(server, "Add compiler 0.15.14 to said-again@1.0.0"), 1);
    assert_int_equal((int)server_metric(server, LATE("result")), 0);
}

static void messages_with_an_old_fencing_number_are_refused(void **state) {
    (void)state;
    const struct package package = {"old-number", "1.0.0", .pragma = NULL};
    server_expect_published(server, &package);
    assert_int_equal(say_hello(NULL), STATUS_OK);
    struct build_job old = take_job();
    expect(STATUS_OK,
           &(struct message){.tag = MESSAGE_build_return, .build_return = {worker.name, worker.secret, old.job_id, old.fence}},
           NULL);
    struct build_job job = take_job();
    assert_string_equal(job.job_id, old.job_id);
    assert_true(job.fence > old.fence);
    static const struct record_log_line line = {1, 1700000000000, "INFO", "Too late."};
    struct message lines = lines_of(&old, old.fence, &line), result = result_of(&old, old.fence, "succeeded"),
                   failure = result_of(&old, old.fence, "failed_to_compile");
    expect(STATUS_STALE, &lines, NULL);
    expect(STATUS_STALE, &result, NULL);
    expect(STATUS_STALE, &failure, NULL);
    result = result_of(&job, job.fence, "failed_to_compile");
    expect(STATUS_OK, &result, NULL);
    expect(STATUS_OK, &result, NULL);
    result = result_of(&old, old.fence, "succeeded");
    expect(STATUS_STALE, &result, NULL);
    json_t *ended = matrix_wait_for_build(server, "old-number", "1.0.0", "0.15.14");
    assert_string_equal(server_job_text(ended, "verdict"), "failed_to_compile");
    assert_int_equal(matrix_count_in(server_log_text(server, ended), "Too late."), 0);
    json_decref(ended);
    assert_string_equal(matrix_compilers_of(server, "old-number", "1.0.0"), "0.15.15");
    assert_int_equal((int)server_metric(server, LATE("result")), 3);
    assert_int_equal((int)server_metric(server, LATE("lines")), 1);
}

static void unreadable_fields_are_named(void **state) {
    (void)state;
    const struct package package = {"unreadable", "1.0.0", .pragma = NULL};
    const char *publication = server_expect_published(server, &package);
    assert_int_equal(say_hello(NULL), STATUS_OK);
    struct build_job job = take_job(), other = {0};
    memcpy(other.job_id, publication, strlen(publication) + 1);
    static const struct record_log_line lines[] = {{0, 1, "INFO", "x"}, {1, 1, "LOUD", "x"}, {1, 1, "INFO", NULL}};
    static const char *const line_fields[] = {"lines[0].number", "lines[0].level", "lines[0].text"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct message message = lines_of(&job, job.fence, &lines[i]);
        expect(STATUS_INVALID, &message, line_fields[i]);
    }
    static const struct record_lease leases[] = {{"x", 1}, {NULL, 2}};
    for (size_t i = 0; i < sizeof leases / sizeof leases[0]; i++) {
        const struct message renew = renew_of(&leases[i], 1);
        expect(STATUS_INVALID, &renew, "leases[0].job_id");
    }
    struct message result = result_of(&job, job.fence, "well");
    expect(STATUS_INVALID, &result, "verdict");
    result = result_of(&other, 1, "succeeded");
    expect(STATUS_INVALID, &result, "job_id");
    expect(STATUS_INVALID, &(struct message){.tag = MESSAGE_worker_join}, "worker");
    result = result_of(&job, job.fence, "succeeded");
    result.build_outcome.result = &(struct record_build_result){.own_ms = -1};
    expect(STATUS_INVALID, &result, "result.own_ms");
    result.build_outcome.result = NULL;
    expect(STATUS_OK, &result, NULL);
    matrix_expect_compilers(server, "unreadable", "1.0.0", "0.15.14 0.15.15");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_worker_must_join),
        cmocka_unit_test(an_accepted_message_may_be_repeated),
        cmocka_unit_test(messages_with_an_old_fencing_number_are_refused),
        cmocka_unit_test(unreadable_fields_are_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
