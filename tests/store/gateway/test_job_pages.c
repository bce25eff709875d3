/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The pages of jobs and their logs (services/gateway/web/job_page.c, services/gateway/web/jobs_page.c). What a person does with
 * them is tested in tests/browser/site/jobs.js.
 */
#include "tests/store/gateway/page_scene.h"

#include "lib/store/job/log_cursor.h"

enum { MANY = 1200 };

static const char *page_of(struct gateway_scene *s, const char *id, const char *query) {
    return arena_format(&s->f.arena, "/jobs/%s%s", id, query);
}

static void append(struct gateway_scene *s, const struct lease *lease, const struct log_line *lines, size_t count) {
    struct fixture *f = &s->f;
    for (size_t at = 0; at < count; at += 200) {
        size_t some = count - at < 200 ? count - at : 200;
        assert_ok(log_stream_append(f->store, lease, lines + at, some, 100000, 1 << 24, &f->err));
    }
}

static struct lease start_job(struct gateway_scene *s, const char *package, int lines) {
    struct job_request request = publish_of(package);
    accept_job(&s->f, &request);
    const struct lease lease = claim_job(&s->f, request.id);
    struct log_line *all = arena_alloc(&s->f.arena, ((size_t)lines + 1) * sizeof *all);
    for (int i = 0; i < lines; i++)
        all[i] = (struct log_line){.level = i % 2 ? LOG_DEBUG : LOG_INFO,
                                   .message = arena_format(&s->f.arena, "line <%d>", i + 1),
                                   .attempt = 1,
                                   .number = i + 1};
    append(s, &lease, all, (size_t)lines);
    return lease;
}

static size_t count(const char *text, const char *part) {
    size_t times = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
        times++;
    return times;
}

/* The address in the first link of this class of the log. */
static const char *link_to(struct gateway_scene *s, const char *body, const char *class) {
    const char *end = strstr(body, arena_format(&s->f.arena, "\" class=\"%s\"", class)), *begin = end;
    assert_non_null(end);
    while (*begin != '"' || begin == end)
        begin--;
    struct text address = {0};
    for (const char *at = begin + 1; at < end; at++) {
        text_append_character(&address, *at);
        if (text_starts_with(at, "&amp;")) at += strlen("amp;");
    }
    const char *copy = arena_copy(&s->f.arena, address.bytes);
    text_release(&address);
    return copy;
}

/* ---- A job ---- */

static void a_job_is_shown_with_its_log(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s, "aff", 4);
    serve(s);
    const struct answered running = get(s, page_of(s, lease.job_id, ""));
    expect_page(s, running, 200, "Publication of aff 1.0.0");
    expect_header(s, &running, "x-robots-tag", "noindex, nofollow");
    expect_within(running.body, "data-state=\"running\"");
    expect_within(running.body, "<span class=\"message\">line &lt;3&gt;</span>");
    assert_int_equal(count(running.body, "<li "), 2); /* those of INFO */
    expect_within(running.body, "Look for later lines");
    assert_int_equal(count(get(s, page_of(s, lease.job_id, "?level=DEBUG")).body, "<li "), 4);
    finish_job(&s->f, &lease, true);
    const struct answered finished = get(s, page_of(s, lease.job_id, ""));
    expect_within(finished.body, "<strong>succeeded</strong>");
    expect_not_within(finished.body, "Look for later lines");
    const char *const has[] = {arena_format(&s->f.arena, "If-None-Match: %s", header_of(s, &finished, "etag")), NULL};
    expect_status(ask_with(s, NULL, page_of(s, lease.job_id, ""), has, NULL), 304);
}

static void a_failure_is_at_the_top_with_what_the_log_says_of_it(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    const struct lease lease = start_job(s, "aff", 2);
    add_line(s, &lease, 3, LOG_ERROR, "src/Main.purs:3:1 \x1b[31mUnknown type\x1b[0m <Unicorn>");
    add_line(s, &lease, 4, LOG_INFO, "Timings: fetch=12.34ms compile=5.6ms modules=7.");
    add_line(s, &lease, 5, LOG_ERROR, "It does not compile: see above.");
    assert_ok(job_store_finish(f->store, &lease, &(struct job_end){.error = "It does not compile: see above."}, &f->err));
    serve(s);
    const struct answered page = get(s, page_of(s, lease.job_id, ""));
    expect_page(s, page, 200, "Publication of aff 1.0.0");
    expect_within(page.body,
                  "<strong>failed</strong>: It does not compile: see above.</p><pre tabindex=\"0\">src/Main.purs:3:1 <span "
                  "class=\"fg-1\">Unknown type</span> &lt;Unicorn&gt;</pre><dl>");
    expect_within(page.body, "<td>fetch</td><td class=\"number\">12.3 ms</td>");
    expect_within(page.body, "<td>compile</td><td class=\"number\">5.6 ms</td>");
    expect_not_within(page.body, "<td>modules</td>");
}

static void a_failed_build_has_the_compilers_errors(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    struct job_request request = matrix_of("aff", "0.15.15");
    accept_job(f, &request);
    const struct lease lease = claim_job(f, request.id);
    const struct job_end end = {
        .success = false,
        .error = "It does not compile.",
        .verdict = "failed_to_compile",
        .result =
            "{\"compiled\":1,\"reused\":2,\"own\":1,\"compilerMs\":3,\"ownMs\":4,\"batch\":1,\"errors\":[{\"message\":\"No "
            "<type>\",\"errorCode\":\"UnknownName\",\"filename\":\"src/A.purs\",\"moduleName\":\"A\",\"position\":{"
            "\"startLine\":3,\"startColumn\":4,\"endLine\":3,\"endColumn\":9}}],\"errorsLeftOut\":2}"};
    assert_ok(job_store_finish(f->store, &lease, &end, &f->err));
    serve(s);
    const struct answered page = get(s, page_of(s, lease.job_id, ""));
    expect_page(s, page, 200, "Build of aff 1.0.0 with 0.15.15");
    expect_within(page.body, "<dt>Verdict</dt><dd>The compiler reports errors.</dd>");
    expect_within(page.body, "<h3>UnknownName in A, src/A.purs:3:4</h3><pre tabindex=\"0\">No &lt;type&gt;</pre>");
    expect_within(page.body, "<p>2 more are in the log.</p>");
}

static void a_pending_job_has_its_place(void **state) {
    struct gateway_scene *s = *state;
    struct job_request first = publish_of("aff"), second = publish_of("bower");
    accept_job(&s->f, &first);
    accept_job(&s->f, &second);
    serve(s);
    const struct answered page = get(s, page_of(s, second.id, ""));
    expect_within(page.body, "data-state=\"pending\"");
    expect_within(page.body, "1 job of its kind is ahead of it.");
    expect_within(page.body, "No lines of this level yet.");
}

static void other_jobs_of_the_version_are_linked(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s, "aff", 1);
    struct job_request build = matrix_of("aff", "0.15.15"), other = publish_of("bower");
    accept_job(&s->f, &build);
    accept_job(&s->f, &other);
    serve(s);
    const struct answered page = get(s, page_of(s, lease.job_id, ""));
    expect_within(page.body, arena_format(&s->f.arena, "<a href=\"/jobs/%s\">Build of aff 1.0.0 with 0.15.15</a>", build.id));
    expect_not_within(page.body, other.id);
    expect_within(page.body, "<a href=\"/jobs?package=aff\">All jobs of aff</a>");
}

/* ---- Its log ---- */

static void a_long_log_is_read_part_by_part(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s, "aff", 2 * MANY); /* MANY at INFO, the odd ones */
    serve(s);
    const char *last = get(s, page_of(s, lease.job_id, "")).body;
    assert_int_equal(count(last, "<li "), 500);
    expect_within(last, "line &lt;2399&gt;");
    expect_not_within(last, "line &lt;1399&gt;");
    const char *middle = get(s, page_of(s, lease.job_id, link_to(s, last, "before"))).body;
    assert_int_equal(count(middle, "<li "), 500);
    expect_within(middle, "line &lt;1399&gt;");
    const char *first = get(s, page_of(s, lease.job_id, link_to(s, middle, "before"))).body;
    assert_int_equal(count(first, "<li "), 200);
    expect_within(first, "line &lt;1&gt;");
    expect_not_within(first, "Earlier lines");
    const char *second = get(s, page_of(s, lease.job_id, link_to(s, first, "after"))).body;
    assert_int_equal(count(second, "<li "), 500);
    expect_within(second, "line &lt;401&gt;");
    expect_not_within(second, "line &lt;399&gt;");
}

static void a_link_to_a_line_shows_it_among_others(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s, "aff", MANY);
    serve(s);
    const char *found = get(s, page_of(s, lease.job_id, "?search=LINE%20%3C601%3E")).body;
    assert_int_equal(count(found, "<li "), 1);
    const char *href = strstr(strstr(found, "<li "), "href=\"") + strlen("href=\"");
    const char *link = arena_format(&s->f.arena, "%.*s", (int)strcspn(href, "#"), href);
    finish_job(&s->f, &lease, true);
    const struct answered page = get(s, page_of(s, lease.job_id, link));
    expect_page(s, page, 200, "Publication of aff 1.0.0");
    expect_within(page.body, "line &lt;601&gt;");
    expect_within(page.body, "line &lt;501&gt;"); /* of the fifty before it */
    expect_not_within(page.body, "line &lt;499&gt;");
    expect_within(page.body, "line &lt;1199&gt;");
}

static void a_line_that_is_too_long_is_cut(void **state) {
    struct gateway_scene *s = *state;
    struct text line = {0};
    const struct lease lease = start_job(s, "aff", 0);
    for (int i = 0; i < 10000; i++)
        text_append(&line, "\xc3\xbc<");
    append(s, &lease, &(struct log_line){.level = LOG_INFO, .message = line.bytes, .attempt = 1, .number = 1}, 1);
    text_release(&line);
    serve(s);
    const struct answered page = get(s, page_of(s, lease.job_id, ""));
    expect_within(page.body, "<em> 13617 more bytes of this line are in the download.</em>");
    expect_not_within(page.body, "\xef\xbf\xbd"); /* no half character */
}

static void bad_cursors_and_unknown_jobs_are_pages(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s, "aff", 1);
    serve(s);
    expect_page(s, get(s, page_of(s, lease.job_id, "?at=x")), 400, "This did not work");
    expect_page(s, get(s, page_of(s, lease.job_id, "?before=1764000000123-23-00000000")), 400, "This did not work");
    expect_page(s, get(s, page_of(s, lease.job_id, "?level=LOUD")), 400, "This did not work");
    expect_page(s, get(s, "/jobs/3f2c0d4e-0000-4000-8000-000000000000"), 404, "Not found");
    expect_page(s, get(s, "/jobs/%3Cscript%3E"), 404, "Not found");
}

static void browsers_are_led_from_the_short_form_to_the_page(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s, "aff", 1);
    static const char *const browser[] = {"Accept: text/html,application/xhtml+xml,*/*;q=0.8", NULL}, *const client[] = {
                                                                                                          "Accept: text/plain",
                                                                                                          NULL};
    const char *logs = arena_format(&s->f.arena, "/logs/%s", lease.job_id);
    serve(s);
    const struct answered led = ask_with(s, NULL, logs, browser, NULL);
    expect_status(led, 303);
    expect_header(s, &led, "location", page_of(s, lease.job_id, ""));
    expect_within(ask_with(s, NULL, logs, client, NULL).body, " INFO   line <1>\n");
    expect_status(ask_with(s, NULL, "/logs/x", browser, NULL), 404);
}

/* ---- The list ---- */

static void jobs_are_listed_newest_first_and_by_filters(void **state) {
    struct gateway_scene *s = *state;
    const struct lease aff = start_job(s, "aff", 0);
    struct job_request build = matrix_of("bower", "0.15.15");
    accept_job(&s->f, &build);
    finish_job(&s->f, &aff, false);
    serve(s);
    const struct answered all = get(s, "/jobs");
    expect_page(s, all, 200, "Jobs");
    const char *newest = strstr(all.body, "Build of bower 1.0.0 with 0.15.15</a>"),
               *oldest = strstr(all.body, "Publication of aff 1.0.0</a>");
    assert_true(newest && oldest && newest < oldest);
    expect_within(all.body, "<span class=\"state failed\">failed</span>");
    expect_not_within(get(s, "/jobs?kind=publish").body, "Build of bower");
    expect_not_within(get(s, "/jobs?state=pending").body, "Publication of aff");
    expect_not_within(get(s, "/jobs?package=aff").body, "Build of bower");
    expect_within(get(s, "/jobs?package=aff").body, "name=\"package\" value=\"aff\"");
    expect_within(get(s, "/jobs?package=nothing").body, "There are no such jobs.");
    expect_page(s, get(s, "/jobs?state=lost"), 400, "This did not work");
}

static void earlier_jobs_are_on_the_next_page(void **state) {
    struct gateway_scene *s = *state;
    for (int i = 0; i < 60; i++) {
        struct job_request request = publish_of(arena_format(&s->f.arena, "package-%d", i));
        accept_job(&s->f, &request);
        wait_ms(2);
    }
    serve(s);
    const char *first = get(s, "/jobs?kind=publish").body;
    expect_within(first, "package-59 ");
    expect_not_within(first, "package-9 ");
    const char *href = strstr(first, "<a href=\"/jobs?kind=publish&amp;until=");
    assert_non_null(href);
    href += strlen("<a href=\"");
    struct text address = {0};
    for (size_t i = 0; href[i] != '"'; i++) {
        text_append_character(&address, href[i]);
        if (text_starts_with(href + i, "&amp;")) i += strlen("amp;");
    }
    const char *second = get(s, address.bytes).body;
    text_release(&address);
    expect_within(second, "package-9 ");
    expect_within(second, "package-0 ");
    expect_not_within(second, "package-10 ");
    expect_not_within(second, "Earlier jobs");
}

static void the_home_page_has_what_is_going_on_and_what_was_published(void **state) {
    struct gateway_scene *s = *state;
    const struct lease published = start_job(s, "aff", 0);
    finish_job(&s->f, &published, true);
    start_job(s, "bower", 0);
    serve(s);
    const char *body = get(s, "/").body;
    const char *newest = strstr(body, "Newest publications"), *now = strstr(body, "Going on now"),
               *aff = strstr(body, "Publication of aff"), *bower = strstr(body, "Publication of bower");
    assert_true(newest && now && aff && bower && newest < aff && aff < now && now < bower);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        gateway_test(a_job_is_shown_with_its_log),
        gateway_test(a_failure_is_at_the_top_with_what_the_log_says_of_it),
        gateway_test(a_failed_build_has_the_compilers_errors),
        gateway_test(a_pending_job_has_its_place),
        gateway_test(other_jobs_of_the_version_are_linked),
        gateway_test(a_long_log_is_read_part_by_part),
        gateway_test(a_link_to_a_line_shows_it_among_others),
        gateway_test(a_line_that_is_too_long_is_cut),
        gateway_test(bad_cursors_and_unknown_jobs_are_pages),
        gateway_test(browsers_are_led_from_the_short_form_to_the_page),
        gateway_test(jobs_are_listed_newest_first_and_by_filters),
        gateway_test(earlier_jobs_are_on_the_next_page),
        gateway_test(the_home_page_has_what_is_going_on_and_what_was_published),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
