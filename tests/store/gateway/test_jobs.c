/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading jobs and their logs (services/gateway/README.md, Jobs, Status and short forms).
 */
#include "tests/store/gateway/gateway_scene.h"

#include <pthread.h>

#include "lib/store/job/job_retention.h"

enum { PAGE = 100 };

/* The times of the lines of start_job(), and of a moment right after the last. */
static char times[4][TIME_TEXT_MAX];

/* The text with the id for each `*`, and times[N] for each `$N`. */
static const char *text_with(struct gateway_scene *s, const char *format, const char *id) {
    struct text path = {0};
    for (const char *at = format; *at; at++) {
        if (*at == '*')
            text_append(&path, id);
        else if (*at == '$')
            text_append(&path, times[*++at - '0']);
        else
            text_append_character(&path, *at);
    }
    const char *copy = arena_copy(&s->f.arena, path.bytes);
    text_release(&path);
    return copy;
}

static struct answered get_of(struct gateway_scene *s, const char *format, const char *id) {
    return get(s, text_with(s, format, id));
}

static json_t *json_of(struct answered answered) {
    struct error err;
    json_t *json = NULL;
    expect_status(answered, 200);
    if (json_read(&json, answered.body, strlen(answered.body), "The answer", &err)) fail_msg("%s", err.message);
    return json;
}

/* The packages of the jobs in a list, separated by blanks. */
static const char *packages_of(struct gateway_scene *s, struct answered answered) {
    struct text text = {0};
    json_t *list = json_of(answered), *job;
    size_t i;
    json_array_foreach(list, i, job) {
        text_append_format(&text, "%s%s", i ? " " : "", http_json_text(job, "packageName"));
        assert_int_equal(json_array_size(json_object_get(job, "logs")), 0);
    }
    const char *copy = arena_copy(&s->f.arena, text_view(&text));
    text_release(&text);
    json_decref(list);
    return copy;
}

static void expect_packages(struct gateway_scene *s, const char *path, const char *packages) {
    assert_string_equal(packages_of(s, get(s, path)), packages);
}

/* The messages of the log lines of a job, or of a list of lines, separated by commas. */
static const char *messages_of(struct gateway_scene *s, struct answered answered) {
    struct text text = {0};
    json_t *json = json_of(answered), *lines = json_is_array(json) ? json : json_object_get(json, "logs"), *line;
    size_t i;
    json_array_foreach(lines, i, line) text_append_format(&text, "%s%s", i ? "," : "", http_json_text(line, "message"));
    const char *copy = arena_copy(&s->f.arena, text_view(&text));
    text_release(&text);
    json_decref(json);
    return copy;
}

static bool has_field(struct answered answered, const char *name) {
    json_t *json = json_of(answered);
    bool is_there = json_object_get(json, name) != NULL;
    json_decref(json);
    return is_there;
}

static const char *accept_of(struct gateway_scene *s, const struct job_request *request) {
    return arena_copy(&s->f.arena, accept_job(&s->f, request).id);
}

static const char *accept_package(struct gateway_scene *s, const char *package) {
    const struct job_request request = publish_of(package);
    return accept_of(s, &request);
}

static void note_times(struct gateway_scene *s, const char *id) {
    struct fixture *f = &s->f;
    const struct log_query query = {.level = LOG_DEBUG, .limit = 10};
    struct log_lines lines;
    assert_ok(log_stream_read(f->store, id, &query, &f->arena, &lines, &f->err));
    assert_int_equal(lines.count, 3);
    for (size_t i = 0; i < 3; i++)
        time_print(lines.lines[i].time_ms, times[i]);
    time_print(lines.lines[2].time_ms + 1, times[3]);
}

/* A running job with the lines `a` (INFO), `b` (DEBUG), `c` (ERROR). */
static struct lease start_job(struct gateway_scene *s) {
    const struct lease lease = claim_job(&s->f, accept_package(s, "aff"));
    add_line(s, &lease, 1, LOG_INFO, "a");
    add_line(s, &lease, 2, LOG_DEBUG, "b");
    add_line(s, &lease, 3, LOG_ERROR, "c");
    note_times(s, lease.job_id);
    return lease;
}

/* ---- The list ---- */

static void the_list_is_filtered_as_asked(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    const struct lease done = claim_job(f, accept_package(s, "done")), failed = claim_job(f, accept_package(s, "failed"));
    finish_job(f, &done, true);
    finish_job(f, &failed, false);
    claim_job(f, accept_package(s, "running"));
    const struct job_request unpublish = unpublish_of("gone"), build = matrix_of("built", "0.15.15");
    accept_of(s, &unpublish);
    accept_of(s, &build);
    serve(s);
    expect_packages(s, "/api/v1/jobs", "running gone built");
    expect_packages(s, "/api/v1/jobs?order=DESC", "built gone running");
    expect_packages(s, "/api/v1/jobs?include_completed=true", "done failed running gone built");
    expect_packages(s, "/api/v1/jobs?package=gone", "gone");
    expect_packages(s, "/api/v1/jobs?actor=key-1", "gone");
    expect_packages(s, "/api/v1/jobs?kinds=matrix", "built");
    expect_packages(s, "/api/v1/jobs?state=running", "running");
    expect_packages(s, "/api/v1/jobs?state=failed", "failed"); /* finished ones included */
    expect_packages(s, "/api/v1/jobs?state=succeeded&package=failed", "");
    expect_packages(s, "/api/v1/jobs?since=2026-01-01T00:00:00.000Z&until=2026-01-02T00:00:00.000Z", "");
}

static void old_clients_are_not_shown_a_revision(void **state) {
    struct gateway_scene *s = *state;
    struct job_request revision = publish_of("bounds");
    revision.kind = JOB_KIND_REVISION;
    accept_of(s, &revision);
    accept_package(s, "aff");
    serve(s);
    expect_packages(s, "/api/v1/jobs", "aff");
    expect_packages(s, "/api/v1/jobs?kinds=all", "bounds aff");
    expect_packages(s, "/api/v1/jobs?kinds=revision", "bounds");
}

/* Follows the links from page to page: each job comes once, in the requested order, and with the same filter. */
static void walk(struct gateway_scene *s, const char *first, int count, int page_count) {
    const char *path = first;
    int seen = 0, pages = 0;
    while (path) {
        const struct answered answered = get(s, path);
        json_t *list = json_of(answered);
        seen += (int)json_array_size(list);
        json_decref(list);
        pages++;
        const char *link = header_of(s, &answered, "link");
        path = NULL;
        if (!link) break;
        const char *end = strstr(link, ">; rel=\"next\"");
        assert_true(*link == '<' && end);
        path = arena_copy_bytes(&s->f.arena, link + 1, (size_t)(end - link - 1));
        expect_within(path, "package=bulk");
    }
    assert_int_equal(seen, count);
    assert_int_equal(pages, page_count);
}

static void a_long_list_goes_on_by_its_link(void **state) {
    struct gateway_scene *s = *state;
    for (int i = 0; i < 2 * PAGE + 1; i++) {
        accept_package(s, "bulk");
        if (i % 20 == 0) accept_package(s, "other");
        wait_ms(1); /* a page grows if many share a millisecond, so none may */
    }
    serve(s);
    walk(s, "/api/v1/jobs?package=bulk", 2 * PAGE + 1, 3);
    walk(s, "/api/v1/jobs?order=DESC&package=bulk", 2 * PAGE + 1, 3);
    const struct answered last = get(s, "/api/v1/jobs?package=other");
    expect_header(s, &last, "link", NULL);
}

/* ---- One job ---- */

static void a_job_is_shown_with_its_lines(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s);
    serve(s);
    const struct answered running = get_of(s, "/api/v1/jobs/*", lease.job_id);
    assert_string_equal(messages_of(s, running), "a,c");
    expect_within(running.body, "\"success\":false");
    expect_within(running.body, "\"jobType\":\"publish\"");
    expect_within(running.body, "\"packageName\":\"aff\"");
    expect_within(running.body,
                  text_with(s, "{\"level\":\"ERROR\",\"message\":\"c\",\"jobId\":\"*\",\"timestamp\":\"$2\"}", lease.job_id));
    assert_true(has_field(running, "startedAt"));
    assert_false(has_field(running, "finishedAt"));
    finish_job(&s->f, &lease, true);
    const struct answered ended = get_of(s, "/api/v1/jobs/*", lease.job_id);
    assert_true(has_field(ended, "finishedAt"));
    expect_within(ended.body, "\"success\":true");
    expect_within(ended.body, "\"disposition\":\"published\"");
    expect_not_within(ended.body, ":null");
}

static void lines_are_chosen_by_level_time_and_order(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s);
    static const struct {
        const char *query, *messages;
    } rows[] = {
        {"", "a,c"},
        {"?level=DEBUG", "a,b,c"},
        {"?verbosity=DEBUG", "a,b,c"},
        {"?verbosity=DEBUG&level=ERROR", "c"},
        {"?since=$2", "c"}, /* inclusive */
        {"?until=$2", "a"}, /* exclusive */
        {"?since=$3", ""},
        {"?order=DESC&level=DEBUG", "c,b,a"},
        {"?order=DESC&level=DEBUG&limit=2", "c,b"},
        {"?level=DEBUG&limit=1", "a"},
    };
    serve(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(
            messages_of(s, get_of(s, arena_format(&s->f.arena, "/api/v1/jobs/*%s", rows[i].query), lease.job_id)),
            rows[i].messages);
    static const char *const wrong[] = {"level=LOUD", "since=yesterday", "limit=0", "limit=10001", "order=asc"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *name = arena_copy_bytes(&s->f.arena, wrong[i], strcspn(wrong[i], "="));
        expect_error(s, get_of(s, arena_format(&s->f.arena, "/api/v1/jobs/*?%s", wrong[i]), lease.job_id), 400, name, "");
    }
}

/* A client that pages by time stops at finishedAt, so an incomplete part of the log that was read by time must not have it; all
 * other answers must have it, or clients would never stop. */
static void the_end_is_withheld_from_a_part_that_is_paged_by_time(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s);
    finish_job(&s->f, &lease, true);
    static const struct {
        const char *query;
        bool has_end;
    } rows[] = {
        {"since=$0&limit=1", false},
        {"since=$0&limit=2", true},
        {"since=$0&limit=1&order=DESC", true},
        {"limit=1", true},
    };
    serve(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(
            has_field(get_of(s, arena_format(&s->f.arena, "/api/v1/jobs/*?%s", rows[i].query), lease.job_id), "finishedAt"),
            rows[i].has_end);
}

static void an_unknown_job_is_404_whatever_its_id(void **state) {
    struct gateway_scene *s = *state;
    static const char *const ids[] = {"x", "00000000-0000-0000-0000-000000000000", "%2e%2e%2fredis", "%00", "*", "job%20x"};
    static const char *const paths[] = {"/api/v1/jobs/", "/status/", "/logs/"};
    serve(s);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        for (size_t j = 0; j < sizeof paths / sizeof *paths; j++)
            expect_error(s, get(s, arena_format(&s->f.arena, "%s%s", paths[j], ids[i])), 404, NULL, "");
}

static void a_job_that_left_redis_is_shown_from_storage(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    const struct lease lease = start_job(s);
    const struct job_periods periods = {0};
    size_t moved = 0;
    finish_job(f, &lease, true);
    serve(s);
    const struct answered before = get_of(s, "/api/v1/jobs/*?level=DEBUG", lease.job_id);
    const struct answered status = get_of(s, "/status/*", lease.job_id), log = get_of(s, "/logs/*", lease.job_id);
    assert_ok(job_retention_move(f->store, s->settings.storage_dir, &periods, 10, &moved, &f->err));
    assert_int_equal(moved, 1);
    struct job job;
    assert_status(STATUS_NOT_FOUND, job_store_get(f->store, lease.job_id, &f->arena, &job, &f->err));
    expect_json(get_of(s, "/api/v1/jobs/*?level=DEBUG", lease.job_id), 200, before.body);
    expect_json(get_of(s, "/status/*", lease.job_id), 200, status.body);
    expect_json(get_of(s, "/logs/*", lease.job_id), 200, log.body);
    expect_packages(s, "/api/v1/jobs?include_completed=true", "");
}

/* ---- Short forms ---- */

static void short_forms_are_text_for_people_and_json_for_programs(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s);
    static const struct {
        const char *headers[3];
        bool is_json;
    } rows[] = {
        {{NULL}, true},
        {{"User-Agent: curl/8.0", NULL}, false},
        {{"User-Agent: Wget/1.21", NULL}, false},
        {{"User-Agent: curl/8.0", "Accept: application/json", NULL}, true},
        {{"Accept: text/plain", NULL}, false},
        {{"User-Agent: Mozilla/5.0", "Accept: */*", NULL}, true},
    };
    serve(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct answered status = ask_with(s, NULL, text_with(s, "/status/*", lease.job_id), rows[i].headers, NULL),
                              log = ask_with(s, NULL, text_with(s, "/logs/*", lease.job_id), rows[i].headers, NULL);
        const char *type = rows[i].is_json ? "application/json" : "text/plain; charset=utf-8";
        expect_header(s, &status, "content-type", type);
        expect_header(s, &log, "content-type", type);
        expect_header(s, &log, "vary", "Origin, Accept, User-Agent");
        expect_within(status.body, rows[i].is_json ? "\"state\":\"running\"" : "running\n");
        if (rows[i].is_json)
            assert_string_equal(messages_of(s, log), "a,c");
        else
            expect_json(log, 200, text_with(s, "$0 INFO   a\n$2 ERROR  c\n", ""));
    }
    finish_job(&s->f, &lease, false);
    expect_within(get_of(s, "/status/*", lease.job_id).body, "\"state\":\"failed\",\"error\":\"It does not compile.\"");
}

/* ---- Waiting for a line ---- */

/* A request in a separate thread. */
struct reader {
    pthread_t thread;
    struct gateway_scene *s;
    const char *path;
    struct http_response response;
};

static void *read_log(void *context) {
    struct reader *reader = context;
    reader->response = http_ask(NULL, reader->s->url, reader->path, NULL, NULL);
    return NULL;
}

static void begin_read(struct reader *reader, struct gateway_scene *s, const char *format, const char *id) {
    *reader = (struct reader){.s = s, .path = text_with(s, format, id)};
    assert_int_equal(pthread_create(&reader->thread, NULL, read_log, reader), 0);
}

static struct answered end_read(struct reader *reader) {
    pthread_join(reader->thread, NULL);
    return keep_answer(reader->s, &reader->response);
}

/* A line below a reader's level does not complete its request. */
static void readers_wait_for_the_next_line(void **state) {
    struct gateway_scene *s = *state;
    struct reader readers[2];
    const struct lease lease = start_job(s);
    serve(s);
    for (int i = 0; i < 2; i++)
        begin_read(&readers[i], s, "/logs/*?wait=60&since=$3", lease.job_id);
    await_requests(s, 2);
    add_line(s, &lease, 4, LOG_DEBUG, "d");
    add_line(s, &lease, 5, LOG_INFO, "e");
    for (int i = 0; i < 2; i++)
        assert_string_equal(messages_of(s, end_read(&readers[i])), "e");
    assert_string_equal(messages_of(s, get_of(s, "/logs/*?wait=60", lease.job_id)), "a,c,e"); /* nothing to wait for */
}

static void readers_of_different_jobs_are_woken_each_by_their_own(void **state) {
    struct gateway_scene *s = *state;
    struct reader readers[3];
    const char *ids[3];
    struct lease leases[3];
    serve(s);
    for (int i = 0; i < 3; i++) {
        ids[i] = accept_package(s, (const char *const[]){"a", "b", "c"}[i]);
        leases[i] = claim_job(&s->f, ids[i]);
        begin_read(&readers[i], s, "/logs/*?wait=60", ids[i]);
    }
    await_requests(s, 3);
    for (int i = 2; i >= 0; i--) {
        add_line(s, &leases[i], 1, LOG_INFO, "mine");
        assert_string_equal(messages_of(s, end_read(&readers[i])), "mine");
        await_requests(s, i);
    }
}

static void the_end_of_a_job_ends_the_wait(void **state) {
    struct gateway_scene *s = *state;
    struct reader reader;
    const struct lease lease = start_job(s);
    serve(s);
    begin_read(&reader, s, "/logs/*?wait=60&since=$3", lease.job_id);
    await_requests(s, 1);
    finish_job(&s->f, &lease, true);
    expect_json(end_read(&reader), 200, "[]");
    expect_json(get_of(s, "/logs/*?wait=60&since=$3", lease.job_id), 200, "[]"); /* at once */
}

static void a_wait_without_news_ends_empty(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s);
    serve(s);
    expect_json(get_of(s, "/logs/*?wait=1&since=$3", lease.job_id), 200, "[]");
    expect_error(s, get_of(s, "/logs/*?wait=61", lease.job_id), 400, "wait", "");
}

static void a_stop_ends_the_waits(void **state) {
    struct gateway_scene *s = *state;
    struct reader reader;
    const struct lease lease = start_job(s);
    serve(s);
    begin_read(&reader, s, "/logs/*?wait=60&since=$3", lease.job_id);
    await_requests(s, 1);
    stop_serving(s);
    expect_json(end_read(&reader), 200, "[]");
}

/* ---- Outages of Redis ---- */

static void a_passing_outage_is_waited_out(void **state) {
    struct gateway_scene *s = *state;
    struct reader reader;
    const struct lease lease = start_job(s);
    serve(s);
    redis_server_kill(s->f.server);
    begin_read(&reader, s, "/api/v1/jobs/*", lease.job_id);
    await_requests(s, 1);
    redis_server_restart(s->f.server);
    assert_string_equal(messages_of(s, end_read(&reader)), "a,c");
}

static void a_lasting_outage_is_503(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s);
    serve(s);
    redis_server_kill(s->f.server);
    const struct answered answered = get_of(s, "/api/v1/jobs/*", lease.job_id);
    redis_server_restart(s->f.server);
    expect_error(s, answered, 503, NULL, "Nothing is lost");
    expect_header(s, &answered, "retry-after", "2");
    expect_not_within(answered.body, "redis.sock");
    assert_string_equal(messages_of(s, get_of(s, "/api/v1/jobs/*", lease.job_id)), "a,c");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        gateway_test(the_list_is_filtered_as_asked),
        gateway_test(old_clients_are_not_shown_a_revision),
        gateway_test(a_long_list_goes_on_by_its_link),
        gateway_test(a_job_is_shown_with_its_lines),
        gateway_test(lines_are_chosen_by_level_time_and_order),
        gateway_test(the_end_is_withheld_from_a_part_that_is_paged_by_time),
        gateway_test(an_unknown_job_is_404_whatever_its_id),
        gateway_test(a_job_that_left_redis_is_shown_from_storage),
        gateway_test(short_forms_are_text_for_people_and_json_for_programs),
        gateway_test(readers_wait_for_the_next_line),
        gateway_test(readers_of_different_jobs_are_woken_each_by_their_own),
        gateway_test(the_end_of_a_job_ends_the_wait),
        gateway_test(a_wait_without_news_ends_empty),
        gateway_test(a_stop_ends_the_waits),
        gateway_test(a_passing_outage_is_waited_out),
        gateway_test(a_lasting_outage_is_503),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
