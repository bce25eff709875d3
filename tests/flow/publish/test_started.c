/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How jobs start: by the message alone, by the scan of the queue alone, side by side, and one package's jobs in order.
 * (tests/bench measures how fast.)
 */
#include "tests/support/cmocka_all.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/store/redis/matrix_store.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

enum {
    SIDE_BY_SIDE = 8,
    SCAN_MS = 1000,
    START_MS = 60000,
    LINES_AHEAD_MS = 100, /* times of a burst of lines run ahead of the clock, and `finishedAt` is later than the last */
};

static int64_t start_latency_ms(struct server *server, const char *id) {
    json_t *job = server_wait_for_job(server, id);
    assert_true(json_is_true(json_object_get(job, "success")));
    int64_t latency_ms = server_job_time(job, "startedAt") - server_job_time(job, "createdAt");
    json_decref(job);
    return latency_ms;
}

static void with_the_scan_switched_off_the_message_starts_every_job(void **state) {
    (void)state;
    const char *const settings[] = {"PENDING_SCAN_MS=0", NULL};
    struct server *server = server_start(&(struct server_options){.settings = settings});
    char name[] = "told-a";
    for (; name[5] < 'f'; name[5]++) {
        const struct package package = {name, "1.0.0", .pragma = NULL};
        print_message("started after %d ms\n", (int)start_latency_ms(server, server_post_package(server, &package)));
    }
    registry_expect_consistency(server);
    server_stop(server);
}

static void without_messages_the_scan_starts_every_job(void **state) {
    (void)state;
    char scan[32];
    snprintf(scan, sizeof scan, "PENDING_SCAN_MS=%d", SCAN_MS);
    const char *const settings[] = {scan, NULL};
    const char *const wrong_address[] = {"PUBLISH_ADDRESS=ipc:///tmp/registry-flow-nobody-listens-here.ipc", NULL};
    struct server *server =
        server_start(&(struct server_options){.settings = settings, .gateway_settings = wrong_address, .is_cut_off = true});
    char name[] = "found-a";
    for (; name[6] < 'd'; name[6]++) {
        const struct package package = {name, "1.0.0", .pragma = NULL};
        int64_t latency_ms = start_latency_ms(server, server_post_package(server, &package));
        print_message("started after %d ms, the scan's interval being %d ms\n", (int)latency_ms, SCAN_MS);
    }
    registry_expect_consistency(server);
    server_stop(server);
}

struct log_wait {
    struct server *server;
    const char *words;
    int count;
};

static bool log_has(void *context) {
    const struct log_wait *wait = context;
    const char *at =
        read_file(&wait->server->arena, arena_format(&wait->server->arena, "%s/publish.log", wait->server->folder));
    int count = 0;
    for (; at && (at = strstr(at, wait->words)); at += strlen(wait->words))
        count++;
    return count >= wait->count;
}

/* Waits until `count` lines of the service's log have these words. */
static void wait_for_publish_log(struct server *server, const char *words, int count) {
    struct log_wait wait = {server, words, count};
    if (!wait_until(log_has, &wait, START_MS)) fail_msg("publish.log does not say \"%s\" %d times", words, count);
}

struct times {
    int64_t started_ms, finished_ms;
};

static struct times wait_for_times(struct server *server, const char *id) {
    json_t *job = server_wait_for_job(server, id);
    if (!json_is_true(json_object_get(job, "success"))) fail_msg("%s", server_log_text(server, job));
    struct times times = {server_job_time(job, "startedAt"), server_job_time(job, "finishedAt")};
    json_decref(job);
    return times;
}

/* None of the jobs goes on from its first step until all of them have reached it, except the second job of a package. */
static void packages_run_side_by_side_and_one_packages_jobs_in_order(void **state) {
    (void)state;
    char folder[] = "/tmp/registry-flow-started-XXXXXX", setting[96], hold[64];
    assert_non_null(mkdtemp(folder));
    snprintf(hold, sizeof hold, "%s/hold", folder);
    snprintf(setting, sizeof setting, "REGISTRY_HOLD=metadata=%s", hold);
    write_file(hold, "");
    /* Two slots more, for those that must wait for each other. */
    const char *const settings[] = {"PUBLISH_SLOTS=10", setting, NULL};
    struct server *server = server_start(&(struct server_options){.settings = settings});
    const char *sources = arena_format(&server->arena, "%s/sources", server->folder);
    const struct package ordered[2] = {{"ordered", "1.0.0", .pragma = NULL}, {"ordered", "1.0.1", .pragma = NULL}};
    struct package packages[SIDE_BY_SIDE];
    for (int i = 0; i < SIDE_BY_SIDE; i++) {
        packages[i] = (struct package){arena_format(&server->arena, "beside-%c", 'a' + i), "1.0.0", .pragma = NULL};
        package_push(sources, &packages[i]);
    }
    for (int i = 0; i < 2; i++)
        package_push(sources, &ordered[i]);

    const char *ids[SIDE_BY_SIDE], *ordered_ids[2];
    for (int i = 0; i < 2; i++)
        ordered_ids[i] = server_publish(server, package_request(&server->arena, &ordered[i])).id;
    for (int i = 0; i < SIDE_BY_SIDE; i++)
        ids[i] = server_publish(server, package_request(&server->arena, &packages[i])).id;

    wait_for_publish_log(server, "event=fault_point_held ", SIDE_BY_SIDE + 1);
    server_wait_for_state(server, ordered_ids[0], "running");
    server_wait_for_state(server, ordered_ids[1], "pending");
    assert_int_equal(unlink(hold), 0);
    for (int i = 0; i < SIDE_BY_SIDE; i++)
        server_expect_success(server, ids[i]);
    struct times first = wait_for_times(server, ordered_ids[0]), second = wait_for_times(server, ordered_ids[1]);
    print_message("the second of a package started %d ms after the first had finished\n",
                  (int)(second.started_ms - first.finished_ms));
    assert_true(second.started_ms >= first.finished_ms - LINES_AHEAD_MS);
    registry_expect_consistency(server);
    registry_expect_one_commit_each(server);
    server_stop(server);
    shell_run("rm -r '%s'", folder);
}

/* Waits until a service has stored the list of compilers. */
static size_t wait_for_compilers(struct server *server, struct job_store *store) {
    struct version *compilers;
    size_t count = 0;
    int64_t until_ms = clock_monotonic_ms() + START_MS;
    while (count == 0) {
        struct error err;
        assert_true(clock_monotonic_ms() < until_ms);
        enum status status = compiler_list_read(store, &server->arena, &compilers, &count, &err);
        if (status) count = 0; /* Redis is still starting */
        poll(NULL, 0, 10);
    }
    return count;
}

static void the_compilers_are_listed_also_where_redis_comes_later(void **state) {
    (void)state;
    struct error err;
    struct job_store *store;
    struct server *server = server_start(NULL);
    assert_int_equal(job_store_create(&store, redis_server_url(server->redis), START_MS, &err), STATUS_OK);
    assert_int_equal(wait_for_compilers(server, store), 2);
    server_terminate(server, SERVER_PUBLISH);
    assert_int_equal(compiler_list_write(store, NULL, 0, &err), STATUS_OK);
    server_kill(server, SERVER_REDIS);
    server_start_program(server, SERVER_PUBLISH);
    wait_for_publish_log(server, "event=compiler_list_failed ", 1);
    server_start_program(server, SERVER_REDIS);
    assert_int_equal(wait_for_compilers(server, store), 2);
    server_wait_until_ready(server);
    job_store_free(store);
    server_stop(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_the_scan_switched_off_the_message_starts_every_job),
        cmocka_unit_test(without_messages_the_scan_starts_every_job),
        cmocka_unit_test(the_compilers_are_listed_also_where_redis_comes_later),
    };
    const struct CMUnitTest held[] = {cmocka_unit_test(packages_run_side_by_side_and_one_packages_jobs_in_order)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + run_fault_tests(held, NULL, NULL);
}
