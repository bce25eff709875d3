/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The columns `sender` and `about` of proto/messages.def, tested with the whole server: each address gets the messages that its
 * peers may not send, and each message about builds is sent for a job that its sender does not hold. A message that is added to
 * the table is tested here, too; one that this test does not know makes it fail.
 */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/matrix/work_order.h"
#include "lib/service/message/message_client.h"
#include "lib/service/message/message_work.h"
#include "lib/service/message/worker_identity.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/shell.h"

enum { TIMEOUT_MS = 60000, LINES = 3 };

static const enum message_tag all_tags[] = {
#define MESSAGE(name, number, sender, about) MESSAGE_##name,
#include "proto/messages.def"
};

enum { TAGS = sizeof all_tags / sizeof all_tags[0] };

static struct server *server;
static struct arena arena;
static struct error err;
static struct worker_identity worker, stranger; /* both have the workers' key */
static struct message_client *client;           /* with it */

static struct message_client *connect_to(const char *socket, enum message_peers peers) {
    struct message_client *out = NULL;
    const struct message_client_options options = {.address = arena_format(&arena, "ipc://%s/%s.ipc", server->folder, socket),
                                                   .peers = peers};
    if (message_client_create(&out, &options, &err)) fail_msg("%s", err.message);
    return out;
}

static enum status say(struct message_client *to, const struct message *message, struct message *answer) {
    struct message unused;
    return message_client_call(to, message, TIMEOUT_MS, &arena, answer ? answer : &unused, &err);
}

static int set_up(void **state) {
    (void)state;
    static const char *const settings[] = {"LEASE_MS=120000", NULL}; /* no lease expires meanwhile */
    server = server_start(&(struct server_options){.settings = settings});
    worker_identity_make(&worker, "worker");
    worker_identity_make(&stranger, "stranger");
    client = connect_to("build-worker", PEERS_WORKERS);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    message_client_free(client);
    server_stop(server);
    arena_release(&arena);
    return 0;
}

/* ---- The column `sender` ---- */

static void expect_refused_at(const char *socket, enum message_peers peers, enum message_sender may) {
    struct message_client *to = connect_to(socket, peers);
    for (size_t i = 0; i < TAGS; i++) {
        if (message_sender(all_tags[i]) == may || message_sender(all_tags[i]) == MESSAGE_SENDER_ANY) continue;
        enum status status = say(to, &(struct message){.tag = all_tags[i]}, NULL);
        if (status != STATUS_UNAUTHORIZED)
            fail_msg("%s at %s: %d %s", message_name(all_tags[i]), socket, (int)status, err.message);
    }
    message_client_free(to);
}

static void each_address_takes_its_peers_messages_alone(void **state) {
    (void)state;
    static const char *const services[] = {
#define SERVICE(NAME, field, name, LETTER) name,
#include "lib/base/programs.def"
    };
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        expect_refused_at(services[i], PEERS_SERVICES, MESSAGE_SENDER_SERVICE);
    expect_refused_at("build-worker", PEERS_WORKERS, MESSAGE_SENDER_WORKER);
}

/* ---- The column `about` ---- */

/* A valid message of a worker with that tag, about one job. */
static struct message right_message(enum message_tag tag, const char *name, const char *secret, const char *job_id,
                                    int64_t fence) {
    struct message out = {.tag = tag};
    static const struct record_log_line line = {1000000, 1, "INFO", "A forged line."};
    static const struct record_log_line_list lines = {&line, 1};
    struct record_lease *lease = arena_alloc(&arena, sizeof *lease);
    *lease = (struct record_lease){job_id, fence};
    switch (tag) {
    case MESSAGE_worker_join: out.worker_join = (struct message_worker_join){name, secret, .compilers = "0.15.14"}; break;
    case MESSAGE_worker_leave: out.worker_leave = (struct message_worker_leave){name, secret, 0}; break;
    case MESSAGE_build_ask: out.build_ask = (struct message_build_ask){name, secret, "0.15.14", 1}; break;
    case MESSAGE_leases_renew:
        out.leases_renew = (struct message_leases_renew){name, secret, .leases = {lease, 1}, .busy_slots = 7};
        break;
    case MESSAGE_build_log: out.build_log = (struct message_build_log){name, secret, job_id, fence, lines}; break;
    case MESSAGE_build_outcome:
        out.build_outcome = (struct message_build_outcome){name, secret, job_id, fence, "succeeded", .lines = lines};
        break;
    case MESSAGE_build_return: out.build_return = (struct message_build_return){name, secret, job_id, fence}; break;
    default: fail_msg("How far does \"%s\" reach? Add it here.", message_name(tag));
    }
    return out;
}

static bool is_about(enum message_tag tag, enum message_about about) {
    return message_sender(tag) == MESSAGE_SENDER_WORKER && message_about(tag) == about;
}

static const char *ask_redis(const char *command) {
    return shell_output(&arena, "redis-cli -s '%s/redis.sock' %s", redis_server_folder(server->redis), command);
}

/* All data of the job in Redis: its fields (in any order), its log, its lease. */
static const char *state_of(const char *job_id) {
    return arena_format(&arena, "%s%s%s", ask_redis(arena_format(&arena, "HGETALL job:%s | sort", job_id)),
                        ask_redis(arena_format(&arena, "XRANGE job:%s:log - +", job_id)),
                        ask_redis(arena_format(&arena, "ZSCORE leases %s", job_id)));
}

static int64_t fence_of(const char *job_id) {
    return strtoll(ask_redis(arena_format(&arena, "HGET job:%s fence", job_id)), NULL, 10);
}

/* Sends all messages about builds as that worker; nothing of the job may change. */
static void expect_out_of_reach(const struct worker_identity *as, const char *job_id, int64_t fence) {
    const char *before = state_of(job_id);
    for (size_t i = 0; i < TAGS; i++) {
        if (!is_about(all_tags[i], MESSAGE_ABOUT_OWN_BUILDS)) continue;
        struct message message = right_message(all_tags[i], as->name, as->secret, job_id, fence), answer;
        enum status status = say(client, &message, &answer);
        if (message.tag == MESSAGE_leases_renew) {
            assert_int_equal(status, STATUS_OK);
            assert_int_equal(answer.leases_renewed.lost.count, 1);
            assert_string_equal(answer.leases_renewed.lost.items[0].job_id, job_id);
        } else if (status != STATUS_STALE && !(status == STATUS_INVALID && strcmp(err.path, "job_id") == 0)) {
            fail_msg("%s: %d %s", message_name(all_tags[i]), (int)status, err.message);
        }
        assert_string_equal(state_of(job_id), before);
    }
}

static void join(const struct worker_identity *as) {
    struct message message = right_message(MESSAGE_worker_join, as->name, as->secret, NULL, 0);
    if (say(client, &message, NULL)) fail_msg("%s", err.message);
}

/* Its service is stopped, so that only the messages could change the job. */
static void a_workers_key_does_not_reach_a_publication(void **state) {
    (void)state;
    join(&stranger);
    const struct package package = {"held-up", "1.0.0", .pragma = "sleep 60000"};
    const char *job_id = server_post_package(server, &package);
    server_wait_for_state(server, job_id, "running");
    server_kill(server, SERVER_PUBLISH);
    for (int i = 0; i < 2; i++) /* then Redis has read the last commands */
        ask_redis("PING");
    int64_t fence = fence_of(job_id);
    assert_true(fence > 0);
    for (int64_t near = fence - 1; near <= fence + 1; near++)
        expect_out_of_reach(&stranger, job_id, near);
    server_start_program(server, SERVER_PUBLISH);
    server_wait_until_ready(server);
}

static struct build_job take_job(void) {
    struct message ask = right_message(MESSAGE_build_ask, worker.name, worker.secret, NULL, 0), answer;
    ask.build_ask.wait_ms = TIMEOUT_MS / 2;
    struct work_order work;
    if (say(client, &ask, &answer)) fail_msg("%s", err.message);
    assert_int_equal(answer.tag, MESSAGE_work_order);
    if (message_read_work(&work, &answer.work_order, &arena, &err)) fail_msg("%s", err.message);
    return work.jobs[0];
}

static void a_worker_does_not_reach_anothers_build(void **state) {
    (void)state;
    const struct package package = {"held", "1.0.0", .pragma = NULL};
    server_expect_published(server, &package);
    join(&worker);
    join(&stranger);
    struct build_job job = take_job();
    expect_out_of_reach(&stranger, job.job_id, job.fence);
    expect_out_of_reach(&worker, job.job_id, job.fence - 1);
    expect_out_of_reach(&worker, job.job_id, job.fence + 1);

    /* Uses the other worker's name, which the job's public log shows. */
    const char *before = state_of(job.job_id), *list = ask_redis(arena_format(&arena, "HGETALL worker:%s | sort", worker.name));
    assert_non_null(strstr(before, worker.name));
    for (size_t i = 0; i < TAGS; i++) {
        if (message_sender(all_tags[i]) != MESSAGE_SENDER_WORKER) continue;
        struct message message = right_message(all_tags[i], worker.name, stranger.secret, job.job_id, job.fence);
        assert_int_equal(say(client, &message, NULL), STATUS_INVALID);
        assert_string_equal(err.path, "secret");
        assert_string_equal(state_of(job.job_id), before);
        assert_string_equal(ask_redis(arena_format(&arena, "HGETALL worker:%s | sort", worker.name)), list);
    }

    /* The lines of the real worker are all kept, and its result counts. */
    for (int i = 1; i <= LINES; i++) {
        struct message lines = right_message(MESSAGE_build_log, worker.name, worker.secret, job.job_id, job.fence);
        const struct record_log_line line = {i, 1, "INFO", "A real line."};
        lines.build_log.lines = (struct record_log_line_list){&line, 1};
        assert_int_equal(say(client, &lines, NULL), STATUS_OK);
    }
    struct message end = right_message(MESSAGE_build_outcome, worker.name, worker.secret, job.job_id, job.fence);
    end.build_outcome.lines.count = 0;
    assert_int_equal(say(client, &end, NULL), STATUS_OK);
    json_t *ended = matrix_wait_for_build(server, "held", "1.0.0", "0.15.14");
    assert_string_equal(server_job_text(ended, "verdict"), "succeeded");
    assert_int_equal(matrix_count_in(server_log_text(server, ended), "A real line."), LINES);
    assert_int_equal(matrix_count_in(server_log_text(server, ended), "A forged line."), 0);
    json_decref(ended);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_address_takes_its_peers_messages_alone),
        cmocka_unit_test(a_workers_key_does_not_reach_a_publication),
        cmocka_unit_test(a_worker_does_not_reach_anothers_build),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
