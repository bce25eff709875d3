/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Jobs and their logs as the gateway shows them. The test itself runs the jobs in place of a service, through lib/store.
 */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/store/job/job_store.h"
#include "lib/store/job/log_stream.h"
#include "tests/flow/gateway/gateway_fixture.h"
#include "tests/support/http/http.h"

enum { LEASE_MS = 60000, LINES_LIMIT = 100000, BYTES_LIMIT = 16 << 20 };

static struct job_store *store;
static struct arena arena;

/* A job that the test runs. */
struct work {
    char id[UUID_TEXT_MAX];
    struct lease lease;
    int number; /* of the last line */
};

static void must(enum status status, const struct error *err) {
    if (status) fail_msg("%s", err->message);
}

static void accept_job(struct work *work, enum job_kind kind, const char *package, const char *version) {
    const struct job_limits limits = {1000000, 1000000};
    struct error err;
    struct job_accepted accepted;
    struct job_request request = {
        .kind = kind, .payload = "{}", .package = package, .version = version, .actor = "anonymous", .address = "192.0.2.1"};
    *work = (struct work){0};
    hash_random_uuid(request.id);
    must(job_store_accept(store, &request, &limits, &accepted, &err), &err);
    memcpy(work->id, accepted.id, sizeof work->id);
}

static void begin_job(struct work *work, enum job_kind kind, const char *package, const char *version) {
    struct error err;
    struct job job;
    accept_job(work, kind, package, version);
    must(job_store_claim(store, work->id, "test", LEASE_MS, &arena, &work->lease, &job, &err), &err);
}

static void say(struct work *work, enum log_level level, const char *message, int64_t time_ms) {
    struct error err;
    const struct log_line line = {
        .level = level, .message = message, .time_ms = time_ms, .attempt = 1, .number = ++work->number};
    must(log_stream_append(store, &work->lease, &line, 1, LINES_LIMIT, BYTES_LIMIT, &err), &err);
}

static void end_job(struct work *work, bool success, const char *sentence) {
    struct error err;
    const struct job_end end = {.success = success, .error = sentence};
    must(job_store_finish(store, &work->lease, &end, &err), &err);
}

static json_t *get_job(const struct work *work, const char *query) {
    return http_get_json(url, arena_format(&arena, "/api/v1/jobs/%s%s", work->id, query), NULL);
}

static size_t count_lines(const struct work *work, const char *query) {
    json_t *job = get_job(work, query);
    size_t count = json_array_size(json_object_get(job, "logs"));
    json_decref(job);
    return count;
}

static void a_job_is_shown_with_its_lines(void **state) {
    (void)state;
    struct work work;
    begin_job(&work, JOB_KIND_PUBLISH, "aff", "1.0.0");
    say(&work, LOG_INFO, "first", clock_now_ms());
    say(&work, LOG_DEBUG, "detail", clock_now_ms());
    say(&work, LOG_ERROR, "last \"words\"\n\xE2\x82\xAC", clock_now_ms());
    end_job(&work, false, "last words");
    json_t *job = get_job(&work, "");
    assert_string_equal(http_json_text(job, "jobId"), work.id);
    assert_true(json_is_false(json_object_get(job, "success")));
    assert_int_equal(strlen(http_json_text(job, "createdAt")), 24);
    assert_int_equal(strlen(http_json_text(job, "startedAt")), 24);
    assert_int_equal(strlen(http_json_text(job, "finishedAt")), 24);
    const json_t *lines = json_object_get(job, "logs");
    assert_int_equal(json_array_size(lines), 2);
    const json_t *last = json_array_get(lines, 1);
    assert_string_equal(http_json_text(last, "message"), "last \"words\"\n\xE2\x82\xAC");
    assert_string_equal(http_json_text(last, "level"), "ERROR");
    assert_string_equal(http_json_text(last, "jobId"), work.id);
    assert_true(strcmp(http_json_text(last, "timestamp"), http_json_text(json_array_get(lines, 0), "timestamp")) > 0);
    assert_true(strcmp(http_json_text(job, "finishedAt"), http_json_text(last, "timestamp")) > 0);
    json_decref(job);
    assert_int_equal(count_lines(&work, "?level=DEBUG"), 3);
    assert_int_equal(count_lines(&work, "?verbosity=ERROR"), 1);
}

static void a_client_that_pages_by_time_loses_no_line(void **state) {
    (void)state;
    enum { LINES = 25 };
    struct work work;
    begin_job(&work, JOB_KIND_PUBLISH, "aff", "1.0.1");
    int64_t at_ms = clock_now_ms();
    for (int i = 0; i < LINES; i++) /* a burst: all at one time */
        say(&work, LOG_INFO, "line", at_ms);
    end_job(&work, true, NULL);
    size_t seen = 0;
    char query[128] = "?limit=10&since=1970-01-01T00:00:00.000Z";
    for (bool goes_on = true; goes_on;) {
        json_t *job = get_job(&work, query);
        const json_t *lines = json_object_get(job, "logs");
        size_t count = json_array_size(lines);
        seen += count;
        goes_on = !json_object_get(job, "finishedAt");
        assert_int_equal(goes_on, seen < LINES);
        assert_true(count > 0);
        char next[TIME_TEXT_MAX];
        int64_t last_ms;
        assert_true(time_parse(http_json_text(json_array_get(lines, count - 1), "timestamp"), &last_ms));
        time_print(last_ms + 1, next);
        snprintf(query, sizeof query, "?limit=10&since=%s", next);
        json_decref(job);
    }
    assert_int_equal(seen, LINES);
}

static void the_end_is_withheld_only_from_who_pages_by_time(void **state) {
    (void)state;
    static const struct {
        const char *query;
        bool shows_end;
    } rows[] = {{"?limit=2", true},
                {"?limit=2&since=2000-01-01T00:00:00Z&order=DESC", true},
                {"?limit=2&since=2000-01-01T00:00:00Z", false},
                {"?limit=3&since=2000-01-01T00:00:00Z", true},
                {"?since=2000-01-01T00:00:00.5Z", true}};
    struct work work;
    begin_job(&work, JOB_KIND_PUBLISH, "aff", "1.0.2");
    for (int i = 0; i < 3; i++)
        say(&work, LOG_INFO, "line", clock_now_ms());
    end_job(&work, true, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *job = get_job(&work, rows[i].query);
        assert_int_equal(json_object_get(job, "finishedAt") != NULL, rows[i].shows_end);
        assert_true(json_is_true(json_object_get(job, "success")));
        json_decref(job);
    }
}

static void lines_are_chosen_by_time_and_order(void **state) {
    (void)state;
    struct work work;
    begin_job(&work, JOB_KIND_PUBLISH, "aff", "1.0.3");
    for (int i = 0; i < 5; i++)
        say(&work, LOG_INFO, arena_format(&arena, "%d", i), clock_now_ms());
    json_t *all = get_job(&work, "");
    const json_t *first = json_object_get(all, "logs");
    const char *query =
        arena_format(&arena, "?since=%s&until=%s&order=DESC", http_json_text(json_array_get(first, 1), "timestamp"),
                     http_json_text(json_array_get(first, 3), "timestamp"));
    json_decref(all);
    json_t *job = get_job(&work, query);
    const json_t *lines = json_object_get(job, "logs");
    assert_int_equal(json_array_size(lines), 2);
    assert_string_equal(http_json_text(json_array_get(lines, 0), "message"), "2");
    assert_string_equal(http_json_text(json_array_get(lines, 1), "message"), "1");
    json_decref(job);
    end_job(&work, true, NULL);
}

static void lists_are_filtered_and_ordered(void **state) {
    (void)state;
    struct work done, waiting;
    begin_job(&done, JOB_KIND_PUBLISH, "filtered", "1.0.0");
    end_job(&done, true, NULL);
    accept_job(&waiting, JOB_KIND_TRANSFER, "filtered", NULL);
    static const struct {
        const char *query;
        size_t count;
    } rows[] = {{"?package=filtered", 1},
                {"?package=filtered&include_completed=false", 1},
                {"?package=filtered&include_completed=true", 2},
                {"?package=filtered&state=succeeded", 1},
                {"?package=filtered&state=failed", 0},
                {"?package=filtered&state=pending", 1},
                {"?package=filtered&include_completed=true&kinds=publish", 1},
                {"?package=filtered&include_completed=true&kinds=all", 2},
                {"?package=filtered&include_completed=true&actor=somebody", 0},
                {"?package=filtered&include_completed=true&since=2999-01-01T00:00:00Z", 0},
                {"?package=filtered&include_completed=true&until=2000-01-01T00:00:00Z", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *list = http_get_json(url, arena_format(&arena, "/api/v1/jobs%s", rows[i].query), NULL);
        if (json_array_size(list) != rows[i].count) fail_msg("%s: %zu jobs", rows[i].query, json_array_size(list));
        json_decref(list);
    }
    json_t *list = http_get_json(url, "/api/v1/jobs?package=filtered&include_completed=true&order=DESC", NULL);
    assert_string_equal(http_json_text(json_array_get(list, 0), "jobId"), waiting.id);
    assert_string_equal(http_json_text(json_array_get(list, 1), "jobId"), done.id);
    assert_int_equal(json_array_size(json_object_get(json_array_get(list, 1), "logs")), 0);
    assert_string_not_equal(http_json_text(json_array_get(list, 1), "finishedAt"), "");
    json_decref(list);
}

static void old_clients_see_only_what_they_can_read(void **state) {
    (void)state;
    struct work work;
    accept_job(&work, JOB_KIND_REVISION, "revised", "1.0.0");
    json_t *list = http_get_json(url, "/api/v1/jobs?package=revised", NULL);
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    list = http_get_json(url, "/api/v1/jobs?package=revised&kinds=all", NULL);
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
}

/* A page has at most 100 jobs, and the rest of the last one's millisecond. */
static void check_page_length(const json_t *list) {
    for (size_t i = 100; i < json_array_size(list); i++)
        assert_string_equal(http_json_text(json_array_get(list, i), "createdAt"),
                            http_json_text(json_array_get(list, 99), "createdAt"));
}

/* Follows `rel="next"` from `path` on, and returns the number of jobs; none may occur twice. */
static size_t count_by_links(const char *path) {
    size_t count = 0;
    json_t *seen = json_object();
    while (path) {
        struct http_response response = http_ask(NULL, url, path, NULL, NULL);
        assert_int_equal(response.status, 200);
        json_t *list = json_loads(response.body.bytes, 0, NULL), *job;
        size_t index;
        json_array_foreach(list, index, job) {
            assert_null(json_object_get(seen, http_json_text(job, "jobId")));
            json_object_set_new(seen, http_json_text(job, "jobId"), json_true());
        }
        count += json_array_size(list);
        check_page_length(list);
        const char *link = http_header(&response, "link");
        path = *link ? arena_format(&arena, "%.*s", (int)strcspn(link + 1, ">"), link + 1) : NULL;
        if (*link) assert_non_null(strstr(link, ">; rel=\"next\""));
        json_decref(list);
        http_response_release(&response);
    }
    json_decref(seen);
    return count;
}

static void a_long_list_goes_on_by_its_link(void **state) {
    (void)state;
    enum { JOBS = 230 };
    for (int i = 0; i < JOBS; i++) {
        struct work work;
        accept_job(&work, JOB_KIND_PUBLISH, "many", arena_format(&arena, "1.0.%d", i));
    }
    assert_int_equal(count_by_links("/api/v1/jobs?package=many"), JOBS);
    assert_int_equal(count_by_links("/api/v1/jobs?package=many&order=DESC"), JOBS);
}

static void a_parameter_that_cannot_be_read_is_named(void **state) {
    (void)state;
    struct work work;
    accept_job(&work, JOB_KIND_PUBLISH, "parameters", "1.0.0");
    static const char *const list_queries[] = {"since=yesterday",         "until=2026-13-01T00:00:00Z", "order=up",
                                               "include_completed=maybe", "kinds=everything",           "state=lost"};
    static const char *const job_queries[] = {"level=LOUD", "verbosity=1", "since=0",   "until=x",  "order=asc",
                                              "limit=0",    "limit=10001", "limit=ten", "since=%zz"};
    for (size_t i = 0; i < 6 + 9; i++) {
        const char *query = i < 6 ? list_queries[i] : job_queries[i - 6];
        const char *path =
            i < 6 ? arena_format(&arena, "/api/v1/jobs?%s", query) : arena_format(&arena, "/api/v1/jobs/%s?%s", work.id, query);
        int status;
        json_t *json = http_get_json(url, path, &status);
        if (status != 400) fail_msg("%s: %d", path, status);
        assert_memory_equal(http_json_text(json, "path"), query, strcspn(query, "="));
        json_decref(json);
    }
}

static void unknown_jobs_are_404_whatever_they_look_like(void **state) {
    (void)state;
    static const char *const ids[] = {"00000000-0000-4000-8000-000000000000", "x", "%20", "..%2f..%2fx", "*", "%e2%82%ac"};
    static const char *const forms[] = {"/api/v1/jobs/", "/status/", "/logs/"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        for (size_t form = 0; form < 3; form++) {
            int status;
            json_decref(http_get_json(url, arena_format(&arena, "%s%s", forms[form], ids[i]), &status));
            assert_int_equal(status, 404);
        }
}

/* ---- Short forms ---- */

static void short_forms_speak_text_or_json(void **state) {
    (void)state;
    static const char *const json[] = {"Accept: application/json", NULL};
    static const char *const curl[] = {"User-Agent: curl/7.88.1", NULL};
    struct work work;
    begin_job(&work, JOB_KIND_PUBLISH, "short", "2.0.0");
    say(&work, LOG_NOTICE, "one\ntwo", clock_now_ms());
    end_job(&work, false, "It did not work.");

    struct http_response response = http_ask(NULL, url, arena_format(&arena, "/status/%s", work.id), curl, NULL);
    assert_string_equal(http_header(&response, "content-type"), "text/plain; charset=utf-8");
    assert_string_equal(http_header(&response, "vary"), "Origin, Accept, User-Agent");
    assert_non_null(strstr(response.body.bytes, "state     failed\nerror     It did not work.\n"));
    http_response_release(&response);

    response = http_ask(NULL, url, arena_format(&arena, "/status/%s", work.id), json, NULL);
    json_t *status = json_loads(response.body.bytes, 0, NULL);
    assert_string_equal(http_json_text(status, "state"), "failed");
    assert_string_equal(http_json_text(status, "error"), "It did not work.");
    assert_string_equal(http_json_text(status, "jobType"), "publish");
    json_decref(status);
    http_response_release(&response);

    response = http_ask(NULL, url, arena_format(&arena, "/logs/%s", work.id), curl, NULL);
    assert_non_null(strstr(response.body.bytes, " NOTICE one\n    two\n"));
    http_response_release(&response);

    response = http_ask(NULL, url, arena_format(&arena, "/logs/%s?level=ERROR", work.id), json, NULL);
    assert_string_equal(response.body.bytes, "[]");
    http_response_release(&response);
}

/* ---- Waiting ---- */

/* A reader that waits for the log in a separate thread. */
struct reader {
    pthread_t thread;
    const char *path;
    struct http_response response;
};

static void *read_log(void *argument) {
    static const char *const curl[] = {"User-Agent: curl/7.88.1", NULL};
    struct reader *reader = argument;
    reader->response = http_ask(NULL, url, reader->path, curl, NULL);
    return NULL;
}

static void start_reader(struct reader *reader, const char *id, const char *query) {
    reader->path = arena_format(&arena, "/logs/%s%s", id, query);
    assert_int_equal(pthread_create(&reader->thread, NULL, read_log, reader), 0);
}

/* Waits for the reader's answer, which must be 200, and returns for how long, in ms. */
static int64_t join_reader(struct reader *reader) {
    int64_t from_ms = clock_monotonic_ms();
    pthread_join(reader->thread, NULL);
    assert_int_equal(reader->response.status, 200);
    return clock_monotonic_ms() - from_ms;
}

static void waiting_readers_are_woken_by_a_line(void **state) {
    (void)state;
    enum { READERS = 8 };
    struct work work;
    struct reader readers[READERS];
    begin_job(&work, JOB_KIND_PUBLISH, "woken", "1.0.0");
    say(&work, LOG_DEBUG, "not for them", clock_now_ms());
    for (int i = 0; i < READERS; i++)
        start_reader(&readers[i], work.id, "?wait=30");
    say(&work, LOG_DEBUG, "nor this", clock_now_ms());
    say(&work, LOG_INFO, "here it is", clock_now_ms());
    for (int i = 0; i < READERS; i++) {
        assert_true(join_reader(&readers[i]) < 10000);
        assert_non_null(strstr(readers[i].response.body.bytes, "INFO   here it is\n"));
        http_response_release(&readers[i].response);
    }
    end_job(&work, true, NULL);
}

static void a_waiting_reader_is_woken_by_the_end(void **state) {
    (void)state;
    struct work work;
    struct reader reader;
    begin_job(&work, JOB_KIND_PUBLISH, "ended", "1.0.0");
    start_reader(&reader, work.id, "?wait=30");
    end_job(&work, true, NULL);
    assert_true(join_reader(&reader) < 10000);
    assert_int_equal(reader.response.body.length, 0);
    http_response_release(&reader.response);
    start_reader(&reader, work.id, "?wait=30"); /* a job that has ended: no waiting */
    assert_true(join_reader(&reader) < 10000);
    http_response_release(&reader.response);
}

static void a_wait_without_news_ends_empty(void **state) {
    (void)state;
    struct work work;
    struct reader reader;
    accept_job(&work, JOB_KIND_PUBLISH, "quiet", "1.0.0");
    start_reader(&reader, work.id, "?wait=1");
    assert_in_range(join_reader(&reader), 900, 10000);
    assert_int_equal(reader.response.body.length, 0);
    http_response_release(&reader.response);
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
        cmocka_unit_test(a_job_is_shown_with_its_lines),
        cmocka_unit_test(a_client_that_pages_by_time_loses_no_line),
        cmocka_unit_test(the_end_is_withheld_only_from_who_pages_by_time),
        cmocka_unit_test(lines_are_chosen_by_time_and_order),
        cmocka_unit_test(lists_are_filtered_and_ordered),
        cmocka_unit_test(old_clients_see_only_what_they_can_read),
        cmocka_unit_test(a_long_list_goes_on_by_its_link),
        cmocka_unit_test(a_parameter_that_cannot_be_read_is_named),
        cmocka_unit_test(unknown_jobs_are_404_whatever_they_look_like),
        cmocka_unit_test(short_forms_speak_text_or_json),
        cmocka_unit_test(waiting_readers_are_woken_by_a_line),
        cmocka_unit_test(a_waiting_reader_is_woken_by_the_end),
        cmocka_unit_test(a_wait_without_news_ends_empty),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start, stop);
}
