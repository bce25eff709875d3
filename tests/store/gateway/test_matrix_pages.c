/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The build matrix: its file, and its page, whose contents come from a stand-in of build-matrix.
 */
#include "tests/store/gateway/gateway_scene.h"

#include "lib/tools/archive/gzip.h"

#define TAG "00000000000000ab"
#define FILE_JSON "{\"compilers\":[\"0.15.15\"],\"names\":[\"aff\"]}"

static void answer_file(struct gateway_scene *s, const char *tag, const char *json) {
    stub_services_answer(s->services, MESSAGE_matrix_file_query,
                         (struct message){.tag = MESSAGE_matrix_file, .matrix_file = {.tag = tag, .json = json}});
}

static const char *last_known(struct gateway_scene *s) {
    return stub_services_last(s->services, MESSAGE_matrix_file_query, NULL)->matrix_file_query.known;
}

static void the_file_is_kept_while_it_is_the_same(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    answer_file(s, TAG, FILE_JSON);
    const struct answered first = get(s, "/api/v1/matrix");
    expect_status(first, 200);
    assert_string_equal(first.body, FILE_JSON);
    expect_header(s, &first, "content-type", "application/json");
    expect_header(s, &first, "etag", "\"" TAG "\"");
    expect_header(s, &first, "cache-control", "no-cache");
    expect_header(s, &first, "vary", "Origin, Accept-Encoding");
    assert_null(last_known(s));
    answer_file(s, TAG, NULL);
    assert_string_equal(get(s, "/api/v1/matrix").body, FILE_JSON);
    assert_string_equal(last_known(s), TAG);
    answer_file(s, "00000000000000ac", "{}");
    assert_string_equal(get(s, "/api/v1/matrix").body, "{}");
    get(s, "/api/v1/matrix");
    assert_string_equal(last_known(s), "00000000000000ac");
}

static void a_client_that_has_the_file_gets_304(void **state) {
    struct gateway_scene *s = *state;
    static const char *const plain[] = {"If-None-Match: \"" TAG "\"", NULL};
    serve(s);
    answer_file(s, TAG, FILE_JSON);
    const struct answered again = ask_with(s, NULL, "/api/v1/matrix", plain, NULL);
    expect_status(again, 304);
    assert_string_equal(again.body, "");
    answer_file(s, "00000000000000ac", "{}");
    expect_status(ask_with(s, NULL, "/api/v1/matrix", plain, NULL), 200);
}

static void the_file_is_compressed(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    static const char *const accepts[] = {"Accept-Encoding: gzip", NULL};
    struct text json = {0};
    serve(s);
    answer_file(s, TAG, FILE_JSON);
    struct http_response response = http_ask(NULL, s->url, "/api/v1/matrix", accepts, NULL);
    assert_ok(gzip_unpack(&json, response.body.bytes, response.body.length, 1 << 20, &f->err));
    assert_string_equal(json.bytes, FILE_JSON);
    const struct answered answered = keep_answer(s, &response);
    expect_header(s, &answered, "content-encoding", "gzip");
    expect_header(s, &answered, "etag", "\"" TAG "-gzip\"");
    text_release(&json);
}

/* A service that takes a file for known that is not kept any more. */
static void a_file_that_is_lost_is_asked_for_once_more(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    answer_file(s, TAG, NULL);
    const struct answered lost = get(s, "/api/v1/matrix");
    expect_status(lost, 503);
    assert_int_equal(stub_services_count(s->services, MESSAGE_matrix_file_query), 2);
    assert_null(last_known(s));
    stub_services_fail(s->services, MESSAGE_matrix_file_query, STATUS_UNAVAILABLE, NULL, "");
    expect_within(get(s, "/api/v1/matrix").body, "The build matrix cannot be looked up at the moment");
}

/* ---- The page ---- */

#define ID "11111111-1111-4111-8111-111111111111"
#define COUNTS(compiler)                                                                                                       \
    "{\"compiler\":\"" compiler "\",\"untried\":1,\"succeeded\":700,\"failed\":2,\"no_plan\":3,\"pending\":4,\"running\":5}"
#define CELLS(filter, cell, next)                                                                                              \
    "{\"filter\":{\"compiler\":\"0.15.16\"," filter                                                                            \
    "\"versions\":\"newest\",\"order\":\"dependants\"},\"compilers\":[" COUNTS("0.15.16") "," COUNTS(                          \
        "0.15.15") "],\"count\":2,\"cells\":[{\"name\":\"aff\",\"version\":\"8.0.0\","                                         \
                   "\"dependants\":117,\"compiler\":\"0.15.16\"," cell "}]" next "}"

static void the_page_lists_what_does_not_build(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_matrix_cells_query,
                              CELLS("\"state\":\"not_succeeded\",",
                                    "\"state\":\"failed\",\"verdict\":\"timed_out\",\"jobId\":\"" ID
                                    "\",\"time\":\"2026-03-04T05:06:07.000Z\"",
                                    ",\"next\":100"));
    const struct answered page = get(s, "/matrix");
    expect_status(page, 200);
    expect_header(s, &page, "content-type", "text/html; charset=utf-8");
    expect_within(page.body, "<h1>Build matrix</h1>");
    expect_within(page.body, "<a href=\"/matrix\" aria-current=\"page\">Build matrix</a>");
    expect_within(page.body, "<h2>2 versions: do not build with 0.15.16</h2>");
    expect_within(page.body, "<td><a href=\"/packages/aff/8.0.0\">aff</a> 8.0.0</td><td class=\"number\">117</td><td><span "
                             "class=\"state-failed\"");
    expect_within(page.body, "<a href=\"/jobs/" ID "\">fails</a>");
    expect_within(page.body, "<time datetime=\"2026-03-04T05:06:07.000Z\">2026-03-04</time>");
    expect_within(page.body, "<a href=\"/matrix?compiler=0.15.16&amp;state=not_succeeded&amp;versions=newest&amp;"
                             "order=dependants&amp;first=100\" rel=\"next\">More versions</a>");
    expect_within(page.body, "<a href=\"/matrix?compiler=0.15.15\">0.15.15</a></td><td class=\"number\">1</td>"
                             "<td class=\"number\">700</td>");
    expect_within(page.body, "<option value=\"not_succeeded\" selected=\"\">");
    const struct message_matrix_cells_query *asked =
        &stub_services_last(s->services, MESSAGE_matrix_cells_query, NULL)->matrix_cells_query;
    assert_string_equal(asked->state, "not_succeeded");
    assert_null(asked->compiler);
    assert_null(asked->name);
    assert_false(asked->all_versions || asked->by_name);
    assert_int_equal(asked->limit, 100);
}

static void the_form_of_the_page_is_asked(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(
        s->services, MESSAGE_matrix_cells_query,
        CELLS("\"than\":\"0.15.15\",\"name\":\"<a\",", "\"state\":\"succeeded\",\"otherState\":\"no_plan\"", ""));
    const struct answered page =
        get(s, "/matrix?name=%3Ca&compiler=0.15.16&state=any&than=0.15.15&versions=all&order=name&first=5");
    expect_status(page, 200);
    expect_within(page.body, "name=\"name\" value=\"&lt;a\"");
    expect_within(page.body, "<option value=\"0.15.15\" selected=\"\">0.15.15</option>");
    expect_within(page.body, "<h2>2 versions: the state with 0.15.16, not the same with 0.15.15</h2>");
    expect_within(page.body, "no plan</span></td></tr>");
    expect_not_within(page.body, "More versions");
    const struct message_matrix_cells_query *asked =
        &stub_services_last(s->services, MESSAGE_matrix_cells_query, NULL)->matrix_cells_query;
    assert_string_equal(asked->name, "<a");
    assert_string_equal(asked->compiler, "0.15.16");
    assert_string_equal(asked->than, "0.15.15");
    assert_null(asked->state);
    assert_true(asked->all_versions && asked->by_name);
    assert_int_equal(asked->first, 5);
    get(s, "/matrix?name=&than=&state="); /* as a form without values is sent */
    assert_null(stub_services_last(s->services, MESSAGE_matrix_cells_query, NULL)->matrix_cells_query.name);
}

static void what_the_page_cannot_show_is_said(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    expect_status(get(s, "/matrix?compiler=new"), 400);
    expect_within(get(s, "/matrix?state=broken").body, "The parameter &quot;state&quot; must be any, untried, succeeded");
    expect_status(get(s, "/api/v1/matrix/cells?first=-1"), 400);
    stub_services_fail(s->services, MESSAGE_matrix_cells_query, STATUS_REFUSED, "than", "Compiler 9.9.9 is not supported.");
    const struct answered page = get(s, "/matrix?than=9.9.9");
    expect_status(page, 400);
    expect_within(page.body, "<p>Compiler 9.9.9 is not supported.</p>");
    stub_services_fail(s->services, MESSAGE_matrix_cells_query, STATUS_UNAVAILABLE, NULL, "");
    expect_status(get(s, "/matrix"), 503);
}

static void causes_have_what_they_stop(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_matrix_causes_query,
                              "{\"compiler\":\"0.15.16\",\"causes\":[{\"name\":\"aff\",\"version\":\"8.0.0\",\"state\":"
                              "\"failed\",\"jobId\":\"" ID "\",\"count\":3,\"stops\":[\"web\",\"xhr\"]}]}");
    const struct answered page = get(s, "/matrix/causes?compiler=0.15.16");
    expect_status(page, 200);
    expect_within(page.body, "<h2>1 versions in the way of 0.15.16</h2>");
    expect_within(page.body, "<td><a href=\"/packages/aff/8.0.0\">aff</a> 8.0.0</td>");
    expect_within(page.body, "<a href=\"/jobs/" ID "\">fails</a>");
    expect_within(page.body, "<td class=\"number\">3</td><td><a href=\"/packages/web\">web</a>, "
                             "<a href=\"/packages/xhr\">xhr</a> and 1 more</td>");
    assert_string_equal(stub_services_last(s->services, MESSAGE_matrix_causes_query, NULL)->matrix_causes_query.compiler,
                        "0.15.16");
    expect_within(get(s, "/api/v1/matrix/causes").body, "\"causes\":[{\"name\":\"aff\"");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        gateway_test(the_file_is_kept_while_it_is_the_same),
        gateway_test(a_client_that_has_the_file_gets_304),
        gateway_test(the_file_is_compressed),
        gateway_test(a_file_that_is_lost_is_asked_for_once_more),
        gateway_test(the_page_lists_what_does_not_build),
        gateway_test(the_form_of_the_page_is_asked),
        gateway_test(what_the_page_cannot_show_is_said),
        gateway_test(causes_have_what_they_stop),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
