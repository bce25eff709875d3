/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Jobs that were moved from Redis to the storage folder: the gateway shows them as before. The test itself runs and moves them
 * in place of a service, through lib/store.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/job/job_retention.h"
#include "tests/flow/gateway/gateway_fixture.h"
#include "tests/support/http/http.h"

enum { LEASE_MS = 60000, LINES = 6 };

static struct job_store *store;
static struct arena arena;

static void must(enum status status, const struct error *err) {
    if (status) fail_msg("%s", err->message);
}

/* Runs a job that logs some lines and fails; its id is in the request. */
static void run_job(struct job_request *request) {
    struct error err;
    struct job_accepted accepted;
    struct lease lease;
    struct job job;
    *request = (struct job_request){
        .kind = JOB_KIND_PUBLISH, .payload = "{\"ref\":\"v1\"}", .package = "aff", .version = "1.0.0", .actor = "anonymous"};
    hash_random_uuid(request->id);
    must(job_store_accept(store, request, NULL, &accepted, &err), &err);
    must(job_store_claim(store, request->id, "test", LEASE_MS, &arena, &lease, &job, &err), &err);
    for (int number = 1; number <= LINES; number++) {
        const struct log_line line = {.level = number % 2 ? LOG_INFO : LOG_WARN,
                                      .message = arena_format(&arena, "line\n\"%d\"", number),
                                      .time_ms = clock_now_ms(),
                                      .attempt = 1,
                                      .number = number};
        must(log_stream_append(store, &lease, &line, 1, 1000, 1 << 20, &err), &err);
    }
    const struct job_end end = {.error = "It does not compile."};
    must(job_store_finish(store, &lease, &end, &err), &err);
}

static void move_all_jobs(size_t expected) {
    const struct job_periods less_than_nothing = {-LEASE_MS, -LEASE_MS, -LEASE_MS};
    const char *storage = arena_format(&arena, "%s/storage", gateway_process_folder(gateway));
    struct error err;
    size_t moved;
    must(job_retention_move(store, storage, &less_than_nothing, 100, &moved, &err), &err);
    assert_int_equal(moved, expected);
}

/* The answer's body, in the arena; it must be 200. */
static const char *ask(const char *path) {
    struct http_response response = http_ask(NULL, url, path, NULL, NULL);
    if (response.status != 200) fail_msg("%s: %d", path, (int)response.status);
    const char *body = arena_copy_bytes(&arena, text_view(&response.body), response.body.length);
    http_response_release(&response);
    return body;
}

static const char *time_text(int64_t time_ms) {
    char time[TIME_TEXT_MAX];
    time_print(time_ms, time);
    return arena_copy(&arena, time);
}

static void a_moved_job_is_shown_as_before(void **state) {
    (void)state;
    struct job_request request;
    run_job(&request);
    struct error err;
    struct log_lines lines;
    const struct log_query everything = {.level = LOG_DEBUG, .limit = LINES};
    must(log_stream_read(store, request.id, &everything, &arena, &lines, &err), &err);
    assert_int_equal(lines.count, LINES);
    const char *second = time_text(lines.lines[1].time_ms), *fifth = time_text(lines.lines[4].time_ms);
    const char *const paths[] = {
        arena_format(&arena, "/api/v1/jobs/%s", request.id),
        arena_format(&arena, "/api/v1/jobs/%s?level=WARN&order=DESC", request.id),
        arena_format(&arena, "/api/v1/jobs/%s?since=%s&until=%s", request.id, second, fifth),
        arena_format(&arena, "/api/v1/jobs/%s?since=%s&limit=2", request.id, second),
        arena_format(&arena, "/status/%s", request.id),
        arena_format(&arena, "/logs/%s?level=WARN", request.id),
        arena_format(&arena, "/logs/%s?since=%s", request.id, fifth),
        arena_format(&arena, "/logs/%s?wait=30&since=2999-01-01T00:00:00Z", request.id), /* the job has ended: no waiting */
    };
    enum { PATHS = sizeof paths / sizeof paths[0] };
    const char *before[PATHS];
    for (size_t i = 0; i < PATHS; i++)
        before[i] = ask(paths[i]);
    assert_non_null(strstr(before[0], "line\\n\\\"6\\\""));
    move_all_jobs(1);
    for (size_t i = 0; i < PATHS; i++)
        assert_string_equal(ask(paths[i]), before[i]);
}

static void lists_show_what_is_in_redis(void **state) {
    (void)state;
    struct job_request request;
    run_job(&request);
    const char *path = "/api/v1/jobs?include_completed=true";
    assert_non_null(strstr(ask(path), request.id));
    move_all_jobs(1);
    assert_string_equal(ask(path), "[]");
}

static void no_tarball_address_leads_to_a_moved_job(void **state) {
    (void)state;
    struct job_request request;
    run_job(&request);
    move_all_jobs(1);
    const char *const paths[] = {
        arena_format(&arena, "/_jobs/%.2s/%s.json.gz", request.id, request.id),
        arena_format(&arena, "/_jobs/%.2s%%2f%s.json.gz", request.id, request.id),
        arena_format(&arena, "/_jobs/%s.tar.gz", request.id),
        arena_format(&arena, "/api/v1/jobs/..%%2f_jobs%%2f%.2s%%2f%s", request.id, request.id),
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct http_response response = http_ask(NULL, url, paths[i], NULL, NULL);
        assert_int_equal(response.status, 404);
        http_response_release(&response);
    }
}

static int start(void **state) {
    struct error err;
    start_gateway(state);
    must(job_store_create(&store, redis_server_url(redis), 5000, &err), &err);
    return 0;
}

static int stop(void **state) {
    int status = stop_gateway(state);
    job_store_free(store);
    arena_release(&arena);
    return status;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moved_job_is_shown_as_before),
        cmocka_unit_test(lists_show_what_is_in_redis),
        cmocka_unit_test(no_tarball_address_leads_to_a_moved_job),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start, stop);
}
