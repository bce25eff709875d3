/* SPDX-License-Identifier: BSD-3-Clause
 *
 * /dmca: the form, what it refuses, and what becomes of a case. (The program and registryctl: tests/flow/ctl/test_dmca.c.)
 */
#include "tests/store/gateway/gateway_scene.h"

#include "lib/store/takedown/takedown_store.h"
#include "tests/support/http/http_stub.h"

#define PACKAGE "{\"name\":\"aff\",\"metadata\":{\"published\":{\"1.0.0\":{}},\"unpublished\":{\"0.9.0\":{}}}}"
#define PERSON "name=J%C3%BCrgen+M.&email=me%40example.org&signature=J+M&"
#define WORK "work=My+book%0D%0Aand+%3Cb%3E&"
#define STATEMENTS "good_faith=yes&accuracy=yes"
#define FORM PERSON "package=aff&" WORK STATEMENTS

static const char *const form_type[] = {"Content-Type: application/x-www-form-urlencoded", NULL};

static struct answered send_form(struct gateway_scene *s, const char *body) {
    return ask_with(s, NULL, "/dmca", form_type, body);
}

static void begin(struct gateway_scene *s) {
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_known_package_query, PACKAGE);
}

/* The reference in the address of the page that the answer leads to. */
static const char *reference_of(struct gateway_scene *s, struct answered answered) {
    expect_status(answered, 303);
    const char *place = header_of(s, &answered, "location");
    assert_non_null(place);
    assert_true(text_starts_with(place, "/dmca/"));
    assert_true(takedown_reference_is_well_formed(place + strlen("/dmca/")));
    return place + strlen("/dmca/");
}

static size_t count_cases(struct gateway_scene *s) {
    struct fixture *f = &s->f;
    struct takedown_list cases;
    assert_ok(takedown_store_list(f->store, false, &f->arena, &cases, &f->err));
    return cases.count;
}

static struct takedown find(struct gateway_scene *s, const char *reference) {
    struct fixture *f = &s->f;
    struct takedown takedown;
    assert_ok(takedown_store_find(f->store, reference, &f->arena, &takedown, &f->err));
    return takedown;
}

/* The only case in the folder. */
static struct takedown find_in_folder(struct gateway_scene *s) {
    struct fixture *f = &s->f;
    struct takedown_list files;
    assert_ok(takedown_folder_read(s->settings.dmca_dir, &f->arena, &files, &f->err));
    assert_int_equal(files.count, 1);
    return files.items[0];
}

static void the_page_has_a_form_that_names_its_fields(void **state) {
    struct gateway_scene *s = *state;
    set_text(&s->settings.dmca_contact, "A. Gent <agent@example.org>");
    begin(s);
    const struct answered page = get(s, "/dmca");
    expect_status(page, 200);
    expect_within(page.body, "<h1>Copyright and takedowns</h1>");
    expect_within(page.body, "<form method=\"post\" action=\"/dmca\" class=\"long\">");
    expect_within(page.body, "<label for=\"email\">Your e-mail address</label>");
    expect_within(page.body, "A. Gent &lt;agent@example.org&gt;");
    expect_not_within(page.body, "aria-invalid");
    expect_within(get(s, "/").body, "<a href=\"/dmca\">");
}

static void a_form_makes_a_case_in_redis_and_in_the_folder(void **state) {
    struct gateway_scene *s = *state;
    begin(s);
    const char *reference = reference_of(s, send_form(s, FORM "&version=0.9.0"));
    const struct takedown kept = find(s, reference), file = find_in_folder(s);
    assert_string_equal(kept.name, "J\xc3\xbcrgen M.");
    assert_string_equal(kept.email, "me@example.org");
    assert_string_equal(kept.work, "My book\nand <b>");
    assert_string_equal(kept.package, "aff");
    assert_string_equal(kept.version, "0.9.0");
    assert_string_equal(kept.signature, "J M");
    assert_true(kept.is_known);
    assert_string_equal(file.reference, reference);
    assert_string_equal(file.work, kept.work);
    assert_int_equal(file.received_ms, kept.received_ms);
}

static void a_case_shows_no_personal_data(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    struct takedown closed;
    begin(s);
    const char *reference = reference_of(s, send_form(s, FORM));
    const char *path = arena_format(&f->arena, "/dmca/%s", reference);
    const struct answered open = get(s, path);
    expect_status(open, 200);
    expect_within(open.body, "<dd>open: the operators have it</dd>");
    expect_header(s, &open, "x-robots-tag", "noindex, nofollow");
    expect_not_within(open.body, "aff");
    assert_ok(takedown_store_close(f->store, s->settings.dmca_dir, reference, "aff was <taken> down.", 1764000000123, &f->arena,
                                   &closed, &f->err));
    const struct answered shut = get(s, path);
    expect_within(shut.body, "<dd>aff was &lt;taken&gt; down.</dd>");
    expect_within(shut.body, "2025-11-24 16:00:00 UTC");
    for (int i = 0; i < 2; i++) {
        static const char *const personal[] = {"example.org", "rgen", "My book", "J M"};
        for (size_t k = 0; k < sizeof personal / sizeof *personal; k++)
            expect_not_within((i ? open : shut).body, personal[k]);
    }
    expect_status(get(s, "/dmca/DMCA-00000000"), 404);
    expect_status(get(s, "/dmca/nonsense"), 404);
}

static void each_field_that_is_missing_is_named(void **state) {
    struct gateway_scene *s = *state;
    static const char *const fields[] = {"name", "email", "package", "work", "good_faith", "accuracy", "signature"};
    begin(s);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char body[] = "&" FORM;
        char *at = strstr(body, arena_format(&s->f.arena, "&%s=", fields[i]));
        assert_non_null(at);
        at[1] = 'X';
        const struct answered again = send_form(s, body + 1);
        expect_status(again, 400);
        expect_within(again.body, arena_format(&s->f.arena, "<p class=\"fault\" id=\"%s-fault\">", fields[i]));
        expect_within(again.body, arena_format(&s->f.arena, "<li><a href=\"#%s\">", fields[i]));
        if (strcmp(fields[i], "name") != 0) expect_within(again.body, "value=\"J\xc3\xbcrgen M.\"");
        if (strcmp(fields[i], "work") != 0) expect_within(again.body, ">My book\nand &lt;b&gt;</textarea>");
        const char *first = strstr(again.body, "-fault\">");
        assert_null(strstr(first + 1, "-fault\">")); /* the only one */
    }
    assert_int_equal(count_cases(s), 0);
}

static void what_was_typed_is_escaped_and_checked(void **state) {
    struct gateway_scene *s = *state;
    begin(s);
    static const struct {
        const char *more, *said;
    } rows[] = {{"&email=%22%3E%3Cscript%3E", "value=\"&quot;&gt;&lt;script&gt;\""},
                {"&email=nobody", "This is no e-mail address; one looks like name@example.org."},
                {"&package=No+Name", "This is no name of a package:"},
                {"&version=1", "This is no version:"},
                {"&version=7.7.7", "The package has no such version"},
                {"&name=a%1Bb", "control characters"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct answered again = send_form(s, arena_format(&s->f.arena, "%s&%s", rows[i].more + 1, FORM));
        expect_status(again, 400);
        expect_within(again.body, rows[i].said);
        expect_not_within(again.body, "<script>");
    }
    char *longest = arena_alloc(&s->f.arena, 5000 + 1);
    memset(longest, 'x', 5000);
    expect_within(send_form(s, arena_format(&s->f.arena, "work=%s&%s", longest, FORM)).body,
                  "This has 5000 characters; at most 4000 are possible.");
    assert_int_equal(count_cases(s), 0);
}

static void an_unknown_package_is_refused_but_not_where_nobody_can_tell(void **state) {
    struct gateway_scene *s = *state;
    begin(s);
    stub_services_fail(s->services, MESSAGE_known_package_query, STATUS_NOT_FOUND, NULL, "There is no package aff.");
    const struct answered again = send_form(s, FORM);
    expect_status(again, 400);
    expect_within(again.body, "There is no such package in the registry");
    assert_int_equal(count_cases(s), 0);
    stub_services_close(s->services, SERVICE_BUILD_MATRIX);
    assert_false(find(s, reference_of(s, send_form(s, FORM))).is_known);
}

static void a_form_that_is_sent_twice_is_one_case(void **state) {
    struct gateway_scene *s = *state;
    begin(s);
    const char *reference = reference_of(s, send_form(s, FORM));
    assert_string_equal(reference_of(s, send_form(s, FORM)), reference);
    assert_int_equal(count_cases(s), 1);
    assert_string_not_equal(reference_of(s, send_form(s, FORM "&version=1.0.0")), reference);
    assert_int_equal(count_cases(s), 2);
}

static void a_page_of_another_site_cannot_send_it(void **state) {
    struct gateway_scene *s = *state;
    begin(s);
    const char *own = arena_format(&s->f.arena, "Origin: %s", s->url);
    const struct {
        const char *headers[4];
        int status;
    } rows[] = {{{form_type[0], "Sec-Fetch-Site: cross-site", own}, 403},
                {{form_type[0], "Sec-Fetch-Site: same-site"}, 403},
                {{form_type[0], "Origin: https://example.org"}, 403},
                {{form_type[0], "Origin: null"}, 403},
                {{form_type[0], own}, 303},
                {{form_type[0], "Sec-Fetch-Site: same-origin", "Origin: https://behind-a-proxy.example"}, 303}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct answered answered = ask_with(s, NULL, "/dmca", rows[i].headers, FORM);
        expect_status(answered, rows[i].status);
        if (rows[i].status == 403) expect_within(answered.body, "<h1>This did not work</h1>");
    }
}

static void what_is_no_form_or_too_large_is_a_page(void **state) {
    struct gateway_scene *s = *state;
    static const char *const json[] = {"Content-Type: application/json", NULL};
    static const char *const other[] = {"Content-Type: application/x-www-form-urlencodedx", NULL};
    begin(s);
    expect_status(ask_with(s, NULL, "/dmca", json, "{}"), 415);
    expect_status(ask_with(s, NULL, "/dmca", other, FORM), 415);
    expect_status(send_form(s, "name=%zz"), 400);
    char *large = arena_alloc(&s->f.arena, (1 << 20) + 1);
    memset(large, 'x', 1 << 20);
    const struct answered refused = send_form(s, large);
    expect_status(refused, 413);
    expect_header(s, &refused, "content-type", "text/html; charset=utf-8");
    expect_within(refused.body, "larger than 32768 bytes");
    assert_non_null(header_of(s, &refused, "content-security-policy"));
    expect_error(s, post(s, "/api/v1/publish", large), 413, NULL, "larger than 65536 bytes");
}

static void an_address_is_limited_to_some_cases_a_minute(void **state) {
    struct gateway_scene *s = *state;
    begin(s);
    for (int i = 0; i < TAKEDOWNS_PER_MINUTE; i++)
        reference_of(s, send_form(s, arena_format(&s->f.arena, "work=%d&%s", i, FORM)));
    const struct answered refused = send_form(s, "work=more&" FORM);
    expect_status(refused, 429);
    assert_non_null(header_of(s, &refused, "retry-after"));
    expect_within(refused.body, "<h1>This did not work</h1>");
    assert_int_equal(count_cases(s), TAKEDOWNS_PER_MINUTE);
}

static void a_case_that_cannot_be_kept_has_no_reference(void **state) {
    struct gateway_scene *s = *state;
    begin(s);
    temporary_folder_write(&s->folder, "file", "");
    const char *folder = arena_copy(&s->f.arena, s->settings.dmca_dir);
    set_text(&s->settings.dmca_dir, arena_format(&s->f.arena, "%s/file/dmca", s->folder.path));
    expect_status(send_form(s, FORM), 500);
    assert_int_equal(count_cases(s), 0);
    set_text(&s->settings.dmca_dir, folder);
    redis_server_kill(s->f.server);
    const struct answered away = send_form(s, FORM);
    redis_server_restart(s->f.server);
    expect_status(away, 503);
    expect_within(away.body, "Nothing is lost");
    reference_of(s, send_form(s, FORM));
    assert_int_equal(count_cases(s), 1);
}

#define NO_CONTENT "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define BROKEN "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n"

/* Receives pings from *next on, until one tells news. */
static const char *take_news(struct http_stub *stub, size_t *next) {
    for (;;) {
        const char *request = http_stub_request(stub, (*next)++);
        assert_non_null(request);
        if (text_starts_with(request, "POST /ping/log ")) return request;
    }
}

static void operators_are_told_of_a_case_until_it_arrived(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    struct takedown_list untold;
    struct http_stub *stub = http_stub_start(NO_CONTENT);
    size_t next = 0;
    set_text(&s->settings.healthchecks_url, arena_format(&f->arena, "http://127.0.0.1:%d/ping", http_stub_port(stub)));
    s->settings.healthchecks_interval_ms = 10;
    begin(s);
    const char *reference = reference_of(s, send_form(s, FORM));
    const char *news = take_news(stub, &next);
    expect_within(news, arena_format(&f->arena, "New takedown case %s about aff", reference));
    expect_not_within(news, "example.org");
    expect_not_within(news, "rgen");
    for (int i = 0; i < 5; i++)
        assert_non_null(http_stub_request(stub, next++));
    for (size_t i = 0; i < next; i++) /* once, since it arrived */
        assert_true(http_stub_request(stub, i) == news || !text_starts_with(http_stub_request(stub, i), "POST /ping/log "));
    assert_ok(takedown_store_list_untold(f->store, &f->arena, &untold, &f->err));
    assert_int_equal(untold.count, 0);
    stop_serving(s);
    http_stub_set_answer(stub, BROKEN);
    s->services = (stub_services_stop(s->services), stub_services_start(&s->settings));
    begin(s);
    reference_of(s, send_form(s, "work=other&" FORM));
    assert_ok(takedown_store_list_untold(f->store, &f->arena, &untold, &f->err));
    assert_int_equal(untold.count, 1);
    stop_serving(s);
    http_stub_stop(stub);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        gateway_test(the_page_has_a_form_that_names_its_fields),
        gateway_test(a_form_makes_a_case_in_redis_and_in_the_folder),
        gateway_test(a_case_shows_no_personal_data),
        gateway_test(each_field_that_is_missing_is_named),
        gateway_test(what_was_typed_is_escaped_and_checked),
        gateway_test(an_unknown_package_is_refused_but_not_where_nobody_can_tell),
        gateway_test(a_form_that_is_sent_twice_is_one_case),
        gateway_test(a_page_of_another_site_cannot_send_it),
        gateway_test(what_is_no_form_or_too_large_is_a_page),
        gateway_test(an_address_is_limited_to_some_cases_a_minute),
        gateway_test(a_case_that_cannot_be_kept_has_no_reference),
        gateway_test(operators_are_told_of_a_case_until_it_arrived),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
