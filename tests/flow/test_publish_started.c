/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How jobs start: by the message alone, by the look at the queue alone, side by side, and one package's in their order. (How
 * fast, is for tests/bench to tell.)
 */
#include "tests/support/cmocka_all.h"

#include "tests/support/registry_check.h"

enum {
    SIDE_BY_SIDE = 8,
    SCAN_MS = 1000,
    SLOW_MACHINE_MS = 3000,
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_the_scan_switched_off_the_message_starts_every_job),
        cmocka_unit_test(without_messages_the_scan_starts_every_job_within_its_interval),
        cmocka_unit_test(packages_run_side_by_side_and_one_packages_jobs_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
