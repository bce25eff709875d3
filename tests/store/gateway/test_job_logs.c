/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /api/v1/jobs/ID/logs: a log is read on from a line's cursor (services/gateway/README.md, Jobs).
 */
#include "tests/store/gateway/gateway_scene.h"

#include <pthread.h>

#include "lib/store/job/log_cursor.h"

enum { LINES = 20 };

static const char *path_of(struct gateway_scene *s, const char *id, const char *query) {
    return arena_format(&s->f.arena, "/api/v1/jobs/%s/logs%s", id, query);
}

/* A running job with the lines `1` to `20`, of which every second is at DEBUG. */
static struct lease start_job(struct gateway_scene *s) {
    struct job_request request = publish_of("aff");
    accept_job(&s->f, &request);
    const struct lease lease = claim_job(&s->f, request.id);
    for (int number = 1; number <= LINES; number++)
        add_line(s, &lease, number, number % 2 ? LOG_INFO : LOG_DEBUG, arena_format(&s->f.arena, "%d", number));
    return lease;
}

struct page {
    const char *messages;     /* separated by blanks */
    const char *first, *last; /* the cursors of the first and the last line; NULL: there is none */
    const char *link;         /* NULL: there is none */
};

static struct page page_from(struct gateway_scene *s, struct answered answered) {
    struct arena *arena = &s->f.arena;
    struct page page = {.messages = "", .link = header_of(s, &answered, "link")};
    struct error err;
    json_t *lines = NULL, *line;
    size_t i;
    expect_status(answered, 200);
    if (json_read(&lines, answered.body, strlen(answered.body), "The answer", &err)) fail_msg("%s", err.message);
    json_array_foreach(lines, i, line) {
        page.messages = arena_format(arena, "%s%s%s", page.messages, i ? " " : "", http_json_text(line, "message"));
        page.last = arena_copy(arena, http_json_text(line, "cursor"));
        if (i == 0) page.first = page.last;
    }
    json_decref(lines);
    return page;
}

static struct page get_page(struct gateway_scene *s, const char *id, const char *query) {
    return page_from(s, get(s, path_of(s, id, query)));
}

/* The next page, by the link of this one, which must have this relation. */
static struct page follow(struct gateway_scene *s, const struct page *page, const char *relation) {
    const char *end = strchr(page->link, '>');
    assert_non_null(end);
    assert_string_equal(end, arena_format(&s->f.arena, ">; rel=\"%s\"", relation));
    return page_from(s, get(s, arena_format(&s->f.arena, "%.*s", (int)(end - page->link - 1), page->link + 1)));
}

static void links_lead_through_the_whole_log(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s);
    serve(s);
    struct page page = get_page(s, lease.job_id, "?level=DEBUG&limit=8");
    assert_string_equal(page.messages, "1 2 3 4 5 6 7 8");
    page = follow(s, &page, "next");
    assert_string_equal(page.messages, "9 10 11 12 13 14 15 16");
    page = follow(s, &page, "next");
    assert_string_equal(page.messages, "17 18 19 20");
    assert_null(page.link);
    page = get_page(s, lease.job_id, "?level=DEBUG&tail=8");
    assert_string_equal(page.messages, "13 14 15 16 17 18 19 20");
    page = follow(s, &page, "prev");
    assert_string_equal(page.messages, "5 6 7 8 9 10 11 12");
    page = follow(s, &page, "prev");
    assert_string_equal(page.messages, "1 2 3 4");
    assert_null(page.link);
    page = get_page(s, lease.job_id, "?limit=9");
    page = follow(s, &page, "next"); /* at the level of the first request */
    assert_string_equal(page.messages, "19");
}

static void a_cursor_is_read_on_from_in_both_directions(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s);
    serve(s);
    struct page page = get_page(s, lease.job_id, "?limit=5");
    assert_string_equal(page.messages, "1 3 5 7 9");
    const char *after = arena_format(&s->f.arena, "?after=%s", page.last);
    assert_string_equal(get_page(s, lease.job_id, after).messages, "11 13 15 17 19");
    const char *before = arena_format(&s->f.arena, "?level=DEBUG&limit=3&before=%s", page.last);
    assert_string_equal(get_page(s, lease.job_id, before).messages, "6 7 8");
    finish_job(&s->f, &lease, true);
    assert_string_equal(get_page(s, lease.job_id, after).messages, "11 13 15 17 19");
    page = get_page(s, lease.job_id, "?tail=1");
    assert_string_equal(get_page(s, lease.job_id, arena_format(&s->f.arena, "?after=%s", page.last)).messages, "");
}

static void only_lines_with_the_text_are_read(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s);
    add_line(s, &lease, LINES + 1, LOG_INFO, "Some WORDS");
    serve(s);
    assert_string_equal(get_page(s, lease.job_id, "?search=words").messages, "Some WORDS");
    struct page page = get_page(s, lease.job_id, "?search=1&limit=3");
    assert_string_equal(page.messages, "1 11 13");
    page = follow(s, &page, "next"); /* with the same text */
    assert_string_equal(page.messages, "15 17 19");
    assert_string_equal(get_page(s, lease.job_id, "?search=1&tail=2").messages, "17 19");
    assert_string_equal(get_page(s, lease.job_id, "?search=nothing").messages, "");
    expect_status(get(s, path_of(s, lease.job_id, "?search=1&follow=true")), 400);
}

static void a_gap_is_a_line_with_a_cursor(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    const struct lease lease = start_job(s);
    for (int number = LINES + 1; number <= 100; number++) {
        const struct log_line line = {.level = LOG_INFO, .message = "x", .attempt = 1, .number = number};
        assert_ok(log_stream_append(f->store, &lease, &line, 1, 30, 10000, &f->err));
    }
    serve(s);
    struct page page = get_page(s, lease.job_id, "?level=WARN");
    expect_within(page.messages, "70 lines are left out");
    assert_string_equal(page.first, page.last);
    page = get_page(s, lease.job_id, "?tail=3&before="); /* an empty value is none */
    assert_string_equal(page.messages, "x x x");
    page =
        get_page(s, lease.job_id, arena_format(&f->arena, "?limit=1&before=%s", get_page(s, lease.job_id, "?tail=10").first));
    expect_within(page.messages, "left out");
    assert_string_equal(get_page(s, lease.job_id, arena_format(&f->arena, "?after=%s", page.first)).messages,
                        "x x x x x x x x x x");
}

static void text_is_for_people(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s);
    static const char *const of_curl[] = {"User-Agent: curl/8.0", NULL};
    serve(s);
    const struct answered answered = ask_with(s, NULL, path_of(s, lease.job_id, "?tail=1"), of_curl, NULL);
    expect_status(answered, 200);
    expect_header(s, &answered, "content-type", "text/plain; charset=utf-8");
    expect_within(answered.body, "Z INFO   19\n");
    expect_within(header_of(s, &answered, "link"), "rel=\"prev\"");
    expect_header(s, &answered, "cache-control", "no-store");
}

static void parameters_that_cannot_be_are_named(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s);
    struct job_request other = publish_of("other");
    other.id[0] = lease.job_id[0] == '0' ? '1' : '0';
    accept_job(&s->f, &other);
    serve(s);
    const char *cursor = get_page(s, lease.job_id, "?limit=1").first;
    static const struct {
        const char *query, *path, *words;
    } rows[] = {
        {"?after=x", "after", "must be the cursor of a log line"},
        {"?before=1-2", "before", "must be the cursor of a log line"},
        {"?after=*&before=*", "before", "must not be given together with \"after\""},
        {"?after=*&tail=1", "tail", "must not be given together with \"after\""},
        {"?before=*&tail=1", "tail", "must not be given together with \"before\""},
        {"?limit=3&tail=1", "tail", "must not be given together with \"limit\""},
        {"?before=*&wait=1", "wait", "must not be given together with \"before\""},
        {"?limit=0", "limit", "from 1 to 10000"},
        {"?limit=10001", "limit", "from 1 to 10000"},
        {"?tail=0", "tail", "from 1 to 10000"},
        {"?tail=10001", "tail", "from 1 to 10000"},
        {"?wait=61", "wait", "from 0 to 60"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text query = {0};
        for (const char *at = rows[i].query; *at; at++) {
            if (*at == '*')
                text_append(&query, cursor);
            else
                text_append_character(&query, *at);
        }
        const char *path = path_of(s, lease.job_id, text_view(&query));
        text_release(&query);
        expect_error(s, get(s, path), 400, rows[i].path, rows[i].words);
    }
    expect_error(s, get(s, path_of(s, other.id, arena_format(&s->f.arena, "?after=%s", cursor))), 400, "after",
                 arena_format(&s->f.arena, "of the job %s", other.id));
    expect_error(s, get(s, path_of(s, "00000000-0000-4000-8000-000000000000", "")), 404, NULL, "There is no job");
    expect_error(s, get(s, path_of(s, "no-id", "")), 404, NULL, "There is no job");
}

/* ---- Waiting ---- */

struct reader {
    struct gateway_scene *s;
    const char *path;
    pthread_t thread;
    struct http_response response;
};

static void *read_log(void *context) {
    struct reader *reader = context;
    reader->response = http_ask(NULL, reader->s->url, reader->path, NULL, NULL);
    return NULL;
}

static void a_reader_waits_for_the_line_after_its_cursor(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s);
    serve(s);
    const char *last = get_page(s, lease.job_id, "?tail=1").last;
    struct reader reader = {.s = s, .path = path_of(s, lease.job_id, arena_format(&s->f.arena, "?wait=60&after=%s", last))};
    assert_int_equal(pthread_create(&reader.thread, NULL, read_log, &reader), 0);
    await_requests(s, 1);
    add_line(s, &lease, LINES + 1, LOG_DEBUG, "below the level");
    add_line(s, &lease, LINES + 2, LOG_INFO, "new");
    pthread_join(reader.thread, NULL);
    assert_string_equal(page_from(s, keep_answer(s, &reader.response)).messages, "new");
    assert_string_equal(get_page(s, lease.job_id, "?wait=60&tail=1").messages, "new"); /* nothing to wait for */
    finish_job(&s->f, &lease, true);
    last = get_page(s, lease.job_id, "?tail=1").last;
    assert_string_equal(get_page(s, lease.job_id, arena_format(&s->f.arena, "?wait=60&after=%s", last)).messages, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        gateway_test(links_lead_through_the_whole_log),    gateway_test(a_cursor_is_read_on_from_in_both_directions),
        gateway_test(only_lines_with_the_text_are_read),
        gateway_test(a_gap_is_a_line_with_a_cursor),       gateway_test(text_is_for_people),
        gateway_test(parameters_that_cannot_be_are_named), gateway_test(a_reader_waits_for_the_line_after_its_cursor),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
