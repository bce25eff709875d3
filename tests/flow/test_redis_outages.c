/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Redis killed right before each call that the service of a job makes to it, job by job, for every kind: the service is held at
 * the call (REGISTRY_CALLS, lib/base/fault.h), Redis dies, the call fails, and Redis comes back: at once, or after loading its
 * data for a while. Each job continues and succeeds in its first attempt.
 *
 * The calls are taken from the log of an undisturbed job, so new ones are tested automatically.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/store/job/job_store.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/revise_scene.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/trustee_call.h"

enum {
    TIMES_MAX = 3 /* outages at one call of a job; the number of calls may depend on waiting */,
    STEPS_MAX = 64,
    STORE_TIMEOUT_MS = 60000
};

static struct temporary_folder files;
static int published; /* packages published so far, for the unpublishings */

struct kind {
    const char *name;
    enum server_program program;
    const char *log;
    const char *(*post)(struct server *server, int number); /* returns the job's id */
    bool is_asked_before; /* the gateway asks the service before it makes the job, so holding begins after that */
};

/* ---- A job of each kind ---- */

static const char *package_name(struct server *server, int number) {
    return arena_format(&server->arena, "outage-%d", number);
}

static const char *post_publication(struct server *server, int number) {
    const struct package package = {package_name(server, number), "1.0.0", .pragma = NULL};
    if (number >= published) published = number + 1;
    return server_post_package(server, &package);
}

static const char *post_unpublishing(struct server *server, int number) {
    if (number >= published) server_expect_success(server, post_publication(server, number));
    const char *payload = arena_format(&server->arena, "{\"name\":\"%s\",\"version\":\"1.0.0\"}", package_name(server, number));
    return trustee_expect_job(server, REVISE_TOKEN, trustee_body(server, "unpublish", payload, REVISE_ACTOR, "A test."));
}

static const char *post_transfer(struct server *server, int number) {
    const char *payload = arena_format(
        &server->arena,
        "{\"name\":\"outage-user\",\"newLocation\":{\"githubOwner\":\"moved\",\"githubRepo\":\"purescript-%d\"}}", number);
    return trustee_expect_job(server, REVISE_TOKEN, trustee_body(server, "transfer", payload, REVISE_ACTOR, NULL));
}

static const char *post_revision(struct server *server, int number) {
    return revise_ask(server, "outage-user", "1.0.0",
                      number % 2 ? "\"outage-base\":\">=1.0.0 <3.0.0\"" : "\"outage-base\":\">=1.0.0 <2.0.0\"");
}

static const char *post_build(struct server *server, int number) {
    const char *payload = arena_format(
        &server->arena, "{\"name\":\"outage-base\",\"version\":\"1.0.0\",\"compiler\":\"0.15.1%d\"}", 4 + number % 2);
    return trustee_expect_job(server, REVISE_TOKEN, trustee_body(server, "matrix", payload, REVISE_ACTOR, NULL));
}

static const struct kind kinds[] = {
    {"publish", SERVER_PUBLISH, "publish.log", post_publication, false},
    {"unpublish", SERVER_PUBLISH, "publish.log", post_unpublishing, false},
    {"transfer", SERVER_TRANSFER, "transfer.log", post_transfer, false},
    {"matrix", SERVER_BUILD_MATRIX, "build-matrix.log", post_build, true},
    {"revision", SERVER_BUILD_MATRIX, "build-matrix.log", post_revision, false},
};

/* ---- Calls that a job makes ---- */

struct step {
    char name[48];
    int times;
};

static int count_in_log(struct server *server, const struct kind *kind, const char *words) {
    return atoi(shell_output(&server->arena, "grep -c '%s' '%s/%s' || true", words, server->folder, kind->log));
}

/* The calls of an undisturbed job, and how often each is made. */
static size_t list_steps(struct server *server, const struct kind *kind, struct step steps[STEPS_MAX]) {
    int lines = count_in_log(server, kind, "");
    server_expect_success(server, kind->post(server, 0));
    const char *text = shell_output(
        &server->arena, "tail -n +%d '%s/%s' | sed -nE 's/.*event=call_made name=\"?([A-Za-z_]+).*/\\1/p' | sort | uniq -c",
        lines + 1, server->folder, kind->log);
    size_t count = 0;
    for (int length; count < STEPS_MAX && sscanf(text, "%d %47s%n", &steps[count].times, steps[count].name, &length) == 2;
         count++)
        text += length;
    return count;
}

/* ---- One outage ---- */

struct wait {
    struct server *server;
    const struct kind *kind;
    const char *words, *job_id;
    int before;
};

static bool has_come(void *context) {
    const struct wait *wait = context;
    return count_in_log(wait->server, wait->kind, wait->words) > wait->before;
}

static bool has_come_or_ended(void *context) {
    const struct wait *wait = context;
    if (has_come(context)) return true;
    json_t *status = server_get(wait->server, arena_format(&wait->server->arena, "/status/%s", wait->job_id));
    const char *state = server_job_text(status, "state");
    bool has_ended = strcmp(state, "succeeded") == 0 || strcmp(state, "failed") == 0;
    json_decref(status);
    return has_ended;
}

static const char *hold_path(struct server *server, const struct kind *kind) {
    return arena_format(&server->arena, "%s/%s", files.path, kind->log);
}

static void expect_first_attempt(struct server *server, const char *id) {
    struct job_store *store = NULL;
    struct error err;
    struct job job;
    assert_int_equal(job_store_create(&store, redis_server_url(server->redis), STORE_TIMEOUT_MS, &err), STATUS_OK);
    assert_int_equal(job_store_get(store, id, &server->arena, &job, &err), STATUS_OK);
    assert_int_equal(job.attempts, 1);
    job_store_free(store);
}

/* The run itself must have waited: the job was neither requeued nor retried, which would repeat its steps. */
static void expect_one_run(struct server *server, const struct kind *kind, const char *id, const char *step) {
    const char *runs =
        shell_output(&server->arena, "grep 'event=job_ended job=%s .* outcome=\\(waits\\|retried_later\\) ' '%s/%s' || true",
                     id, server->folder, kind->log);
    if (*runs) fail_msg("without Redis at %s: %s", step, runs);
}

/* False: the job did not reach that call. */
static bool disturb(struct server *server, const struct kind *kind, const char *step, int time, int number) {
    const char *path = hold_path(server, kind);
    struct wait held = {server, kind, "event=call_held ", NULL, count_in_log(server, kind, "event=call_held ")};
    if (kind->is_asked_before) held.job_id = kind->post(server, number);
    shell_run("echo '%s %d' >'%s'", step, time, path);
    if (!kind->is_asked_before) held.job_id = kind->post(server, number);
    if (!wait_until(has_come_or_ended, &held, PATIENCE_MS)) fail_msg("%s: %s %d", kind->name, step, time);
    bool is_held = has_come(&held);
    if (is_held) {
        struct wait missed = {server, kind, "event=redis_unreachable ", NULL,
                              count_in_log(server, kind, "event=redis_unreachable ")};
        redis_server_kill(server->redis);
        unlink(path);
        if (!wait_until(has_come, &missed, PATIENCE_MS)) fail_msg("%s: nobody missed Redis at %s %d", kind->name, step, time);
        if (number % 4 == 1)
            redis_server_restart_loading(server->redis);
        else
            redis_server_restart(server->redis);
    }
    unlink(path);
    json_t *job = server_wait_for_job(server, held.job_id);
    if (!json_is_true(json_object_get(job, "success")))
        fail_msg("%s, without Redis at %s %d:\n%s", kind->name, step, time, server_log_text(server, job));
    json_decref(job);
    expect_first_attempt(server, held.job_id);
    expect_one_run(server, kind, held.job_id, step);
    return is_held;
}

static void check(struct server *server, const struct kind *kind) {
    struct step steps[STEPS_MAX];
    size_t count = list_steps(server, kind, steps);
    int number = 1, held = 0;
    assert_true(count > 3);
    for (size_t i = 0; i < count; i++)
        for (int time = 1; time <= steps[i].times && time <= TIMES_MAX; time++)
            held += disturb(server, kind, steps[i].name, time, number++);
    print_message("%s: %zu calls, Redis killed %d times\n", kind->name, count, held);
    assert_true(held >= (int)count / 2);
    server_wait_until_ready(server);
    registry_expect_consistency(server);
}

static void a_publication_goes_on_after_an_outage_of_redis_at_any_call(void **state) {
    check(*state, &kinds[0]);
}

static void an_unpublishing_goes_on_after_an_outage_of_redis_at_any_call(void **state) {
    check(*state, &kinds[1]);
}

static void a_transfer_goes_on_after_an_outage_of_redis_at_any_call(void **state) {
    check(*state, &kinds[2]);
}

static void a_build_goes_on_after_an_outage_of_redis_at_any_call(void **state) {
    check(*state, &kinds[3]);
}

static void a_revision_goes_on_after_an_outage_of_redis_at_any_call(void **state) {
    check(*state, &kinds[4]);
}

/* ---- The server ---- */

/* Each service has its own file that says where it is held. */
static void start_again(struct server *server, const struct kind *kind) {
    const char **setting = server->environments[kind->program];
    while (strncmp(*setting, "REGISTRY_CALLS=", strlen("REGISTRY_CALLS=")) != 0)
        setting++;
    *setting = arena_format(&server->arena, "REGISTRY_CALLS=%s", hold_path(server, kind));
    server_terminate(server, kind->program);
    server_start_program(server, kind->program);
}

static int start(void **state) {
    /* Leases and locks outlast each outage: on a loaded machine Redis takes seconds to start. */
    static const char *const settings[] = {"REGISTRY_CALLS=/nonexistent",       "LOG_LEVEL=DEBUG", "PENDING_SCAN_MS=500",
                                           "MATRIX_SWEEP_INTERVAL_MS=86400000", "LEASE_MS=120000", NULL};
    static const struct package packages[] = {
        {"outage-base", "1.0.0", .pragma = NULL},
        {"outage-base", "2.0.0", .pragma = NULL},
        {"outage-user", "1.0.0", {{"outage-base", ">=1.0.0 <3.0.0"}}, .pragma = NULL},
    };
    temporary_folder_make(&files);
    struct server *server = revise_scene_start(settings);
    *state = server;
    for (size_t i = 0; i < sizeof packages / sizeof packages[0]; i++)
        revise_scene_publish(server, &packages[i]);
    start_again(server, &kinds[0]);
    start_again(server, &kinds[2]);
    start_again(server, &kinds[3]);
    server_wait_until_ready(server);
    return 0;
}

static int end(void **state) {
    server_stop(*state);
    temporary_folder_remove(&files);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publication_goes_on_after_an_outage_of_redis_at_any_call),
        cmocka_unit_test(an_unpublishing_goes_on_after_an_outage_of_redis_at_any_call),
        cmocka_unit_test(a_transfer_goes_on_after_an_outage_of_redis_at_any_call),
        cmocka_unit_test(a_build_goes_on_after_an_outage_of_redis_at_any_call),
        cmocka_unit_test(a_revision_goes_on_after_an_outage_of_redis_at_any_call),
    };
    return run_fault_tests(tests, start, end);
}
