/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How jobs start: by the message alone, by the look at the queue alone, side by side, and one package's in their order. (How
 * fast, is for tests/bench to tell.)
 */
#include "tests/support/cmocka_all.h"

#include <poll.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/store/matrix_store.h"
#include "tests/support/registry_check.h"

enum {
    SIDE_BY_SIDE = 8,
    SCAN_MS = 1000,
    SLOW_MACHINE_MS = 3000,
    START_MS = 60000,
    LOG_MAX_BYTES = 16 << 20,
    LINES_AHEAD_MS = 100, /* a burst of lines runs ahead of the clock, and `finishedAt` is later than the last of them */
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

static void without_messages_the_scan_starts_every_job_within_its_interval(void **state) {
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
        assert_in_range(latency_ms, 0, SCAN_MS + SLOW_MACHINE_MS);
    }
    registry_expect_consistency(server);
    server_stop(server);
}

struct times {
    int64_t created_ms, started_ms, finished_ms;
};

static struct times wait_for_times(struct server *server, const char *id) {
    json_t *job = server_wait_for_job(server, id);
    if (!json_is_true(json_object_get(job, "success"))) fail_msg("%s", server_log_text(server, job));
    struct times times = {server_job_time(job, "createdAt"), server_job_time(job, "startedAt"),
                          server_job_time(job, "finishedAt")};
    json_decref(job);
    return times;
}

static void packages_run_side_by_side_and_one_packages_jobs_in_order(void **state) {
    (void)state;
    const char *const settings[] = {"PUBLISH_SLOTS=10", NULL}; /* two more, for those that must wait for each other */
    struct server *server = server_start(&(struct server_options){.settings = settings});
    const struct package alone = {"alone", "1.0.0", .pragma = "sleep 2000"};
    struct times one = wait_for_times(server, server_post_package(server, &alone));

    const char *sources = arena_format(&server->arena, "%s/sources", server->folder);
    const struct package ordered[2] = {{"ordered", "1.0.0", .pragma = "sleep 300"}, {"ordered", "1.0.1", .pragma = NULL}};
    struct package packages[SIDE_BY_SIDE];
    for (int i = 0; i < SIDE_BY_SIDE; i++) {
        packages[i] = (struct package){arena_format(&server->arena, "beside-%c", 'a' + i), "1.0.0", .pragma = "sleep 2000"};
        package_push(sources, &packages[i]);
    }
    for (int i = 0; i < 2; i++)
        package_push(sources, &ordered[i]);

    const char *ids[SIDE_BY_SIDE], *ordered_ids[2];
    for (int i = 0; i < 2; i++)
        ordered_ids[i] = server_publish(server, package_request(&server->arena, &ordered[i])).id;
    for (int i = 0; i < SIDE_BY_SIDE; i++)
        ids[i] = server_publish(server, package_request(&server->arena, &packages[i])).id;

    struct times all = wait_for_times(server, ids[0]);
    int64_t last_start_ms = all.started_ms, first_end_ms = all.finished_ms;
    for (int i = 1; i < SIDE_BY_SIDE; i++) {
        struct times times = wait_for_times(server, ids[i]);
        if (times.started_ms > last_start_ms) last_start_ms = times.started_ms;
        if (times.finished_ms < first_end_ms) first_end_ms = times.finished_ms;
        if (times.finished_ms > all.finished_ms) all.finished_ms = times.finished_ms;
    }
    assert_true(last_start_ms < first_end_ms); /* there was a moment when all of them ran */
    struct times first = wait_for_times(server, ordered_ids[0]), second = wait_for_times(server, ordered_ids[1]);
    print_message("the second of a package started %d ms after the first had finished\n",
                  (int)(second.started_ms - first.finished_ms));
    assert_true(second.started_ms >= first.finished_ms - LINES_AHEAD_MS);
    print_message("one alone %d ms, %d side by side %d ms: %.2f times as long\n", (int)(one.finished_ms - one.created_ms),
                  SIDE_BY_SIDE, (int)(all.finished_ms - all.created_ms),
                  (double)(all.finished_ms - all.created_ms) / (double)(one.finished_ms - one.created_ms));
    registry_expect_consistency(server);
    registry_expect_one_commit_each(server);
    server_stop(server);
}

/* Waits until somebody has written which compilers there are. */
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

static void wait_for_publish_log(struct server *server, const char *words) {
    const char *path = arena_format(&server->arena, "%s/publish.log", server->folder);
    int64_t until_ms = clock_monotonic_ms() + START_MS;
    bool is_there = false;
    while (!is_there) {
        struct text log = {0};
        assert_true(clock_monotonic_ms() < until_ms);
        enum status status = file_read(path, LOG_MAX_BYTES, &log, NULL);
        is_there = !status && strstr(text_view(&log), words);
        text_release(&log);
        poll(NULL, 0, 10);
    }
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
    wait_for_publish_log(server, "compilers not listed yet");
    server_start_program(server, SERVER_REDIS);
    assert_int_equal(wait_for_compilers(server, store), 2);
    server_wait_until_ready(server);
    job_store_free(store);
    server_stop(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_the_scan_switched_off_the_message_starts_every_job),
        cmocka_unit_test(without_messages_the_scan_starts_every_job_within_its_interval),
        cmocka_unit_test(packages_run_side_by_side_and_one_packages_jobs_in_order),
        cmocka_unit_test(the_compilers_are_listed_also_where_redis_comes_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
