/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pages about package sets and excuses (services/gateway/web), whose contents come from a stand-in of the service.
 */
#include "tests/store/gateway/page_scene.h"

/* ---- Sets ---- */

static void sets_are_listed_page_by_page(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_page_query,
                              "{\"packageSets\":[{\"version\":\"2.0.0\",\"compiler\":\"0.15.15\",\"published\":\"2026-01-02\","
                              "\"packageCount\":648}],\"next\":\"2.0.0\"}");
    const struct answered page = get(s, "/package-sets?after=3.0.0");
    expect_page(s, page, 200, "Package sets");
    expect_within(page.body, "<td><a href=\"/package-sets/2.0.0\">2.0.0</a></td><td>0.15.15</td><td><time "
                             "datetime=\"2026-01-02\">2026-01-02</time></td><td class=\"number\">648</td>");
    expect_within(page.body, "<a href=\"/package-sets?after=2.0.0\" rel=\"next\">Older sets</a>");
    expect_within(page.body, "action=\"/package-sets/excuses\"");
    assert_string_equal(stub_services_last(s->services, MESSAGE_set_page_query, NULL)->set_page_query.after, "3.0.0");
    expect_page(s, get(s, "/package-sets?after=three"), 400, "This did not work");
}

#define SIDE(version, compiler) "{\"version\":\"" version "\",\"compiler\":\"" compiler "\",\"published\":\"2026-01-02\"}"
#define CHANGES                                                                                                                \
    "{\"from\":" SIDE("1.0.0", "0.15.14") ",\"to\":" SIDE(                                                                     \
        "2.0.0",                                                                                                               \
        "0.15.15") ",\"added\":{\"e\":\"1.0.0\"},"                                                                             \
                   "\"removed\":{\"c\":\"1.1.0\"},\"upgraded\":{\"a\":{\"from\":\"1.0.0\",\"to\":\"2.0.0\",\"by\":\"major\"}," \
                   "\"d\":{\"from\":\"2.0.0\",\"to\":\"1.9.9\",\"by\":\"downgrade\"}}}"

static void expect_changes(const char *body) {
    expect_within(body, "1 added, 1 removed, 2 with another version. The compiler changes from 0.15.14 to 0.15.15.");
    expect_within(body, "<td><a href=\"/packages/e\">e</a></td><td>Added</td><td class=\"short\"></td>"
                        "<td class=\"short\"><a href=\"/packages/e/1.0.0\">1.0.0</a></td>");
    expect_within(body, "<td>Removed</td><td class=\"short\"><a href=\"/packages/c/1.1.0\">1.1.0</a></td>"
                        "<td class=\"short\"></td>");
    expect_within(body, "<td>Major upgrade</td><td class=\"short\"><a href=\"/packages/a/1.0.0\">1.0.0</a></td>"
                        "<td class=\"short\"><a href=\"/packages/a/2.0.0\">2.0.0</a></td>");
    expect_within(body, "<td>Downgrade</td>");
}

static void a_set_has_its_packages_and_changes(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_detail_query,
                              "{\"set\":{\"version\":\"2.0.0\",\"compiler\":\"0.15.15\",\"published\":\"2026-01-02\","
                              "\"packages\":{\"a\":\"2.0.0\",\"e\":\"1.0.0\"}},\"changes\":" CHANGES
                              ",\"following\":\"2.1.0\"}");
    const struct answered page = get(s, "/package-sets/2.0.0");
    expect_page(s, page, 200, "Package set 2.0.0");
    expect_within(page.body, "2 packages that compile together with the compiler 0.15.15.");
    expect_within(page.body, "<dt>The set before it</dt><dd><a href=\"/package-sets/1.0.0\">1.0.0</a></dd>");
    expect_within(page.body, "<dt>The set after it</dt><dd><a href=\"/package-sets/2.1.0\">2.1.0</a></dd>");
    expect_within(page.body, "<form class=\"inline\" action=\"/package-sets/2.0.0/compare\">");
    expect_within(page.body, "<h2>Changes since 1.0.0</h2>");
    expect_changes(page.body);
    expect_within(page.body, "<td><a href=\"/packages/a\">a</a></td><td class=\"short\"><a href=\"/packages/a/2.0.0\">");
    assert_string_equal(stub_services_last(s->services, MESSAGE_set_detail_query, NULL)->set_detail_query.version, "2.0.0");
}

static void the_first_set_has_no_changes(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_detail_query,
                              "{\"set\":{\"version\":\"1.0.0\",\"compiler\":\"0.15.15\",\"published\":\"2026-01-02\","
                              "\"packages\":{\"a\":\"2.0.0\"}}}");
    const struct answered page = get(s, "/package-sets/latest");
    expect_page(s, page, 200, "Package set 1.0.0");
    expect_not_within(page.body, "Changes since");
    expect_within(page.body, "this is the latest set");
    assert_null(stub_services_last(s->services, MESSAGE_set_detail_query, NULL)->set_detail_query.version);
}

static void sets_that_are_not_there_are_pages(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_fail(s->services, MESSAGE_set_detail_query, STATUS_NOT_FOUND, NULL, "There is no package set 9.0.0.");
    const struct answered unknown = get(s, "/package-sets/9.0.0");
    expect_page(s, unknown, 404, "Not found");
    expect_within(unknown.body, "There is no package set 9.0.0.");
    assert_int_equal(stub_services_count(s->services, MESSAGE_set_detail_query), 2); /* once more, before a no */
    assert_true(stub_services_last(s->services, MESSAGE_set_detail_query, NULL)->set_detail_query.looks_again);
    expect_page(s, get(s, "/package-sets/9.0"), 400, "This did not work");
    expect_page(s, get(s, "/package-sets/1.0.0/compare/x"), 400, "This did not work");
    assert_int_equal(stub_services_count(s->services, MESSAGE_set_comparison_query), 0);
}

static void two_sets_are_compared(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_comparison_query, CHANGES);
    const struct answered page = get(s, "/package-sets/1.0.0/compare/2.0.0");
    expect_page(s, page, 200, "From package set 1.0.0 to 2.0.0");
    expect_header(s, &page, "x-robots-tag", "noindex, nofollow");
    expect_within(page.body, "<a href=\"/package-sets/2.0.0/compare/1.0.0\">The other way round</a>");
    expect_changes(page.body);
}

static void expect_choice(struct gateway_scene *s, const char *path, const char *address) {
    const struct answered answered = get(s, path);
    expect_status(answered, 303);
    expect_header(s, &answered, "location", address);
}

static void the_form_leads_from_the_older_set_to_the_newer(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    expect_choice(s, "/package-sets/2.0.0/compare?with=10.0.0", "/package-sets/2.0.0/compare/10.0.0");
    expect_choice(s, "/package-sets/10.0.0/compare?with=2.0.0", "/package-sets/2.0.0/compare/10.0.0");
    expect_choice(s, "/package-sets/latest/compare?with=2.0.0", "/package-sets/2.0.0/compare/latest");
    expect_choice(s, "/package-sets/2.0.0/compare?with=", "/package-sets/2.0.0/compare/latest");
    const struct answered malformed = get(s, "/package-sets/2.0.0/compare?with=%0d%0aSet-Cookie:+a");
    expect_page(s, malformed, 400, "This did not work");
    expect_header(s, &malformed, "location", NULL);
}

/* ---- Excuses ---- */

#define HEAD                                                                                                                   \
    "\"packageSet\":" SIDE("2.0.0", "0.15.15") ",\"checked\":{\"jobId\":\"77777777-7777-4777-8777-777777777777\",\"time\":"    \
                                               "\"2026-01-03T04:05:06.000Z\"},\"nextUpdate\":\"2099-01-03T04:05:06.000Z\""
#define ABSENT                                                                                                                 \
    "{\"name\":\"aff-x\",\"verdict\":\"blocked_by\",\"sentence\":\"It <waits>.\",\"version\":\"1.2.3\","                       \
    "\"jobId\":\"88888888-8888-4888-8888-888888888888\",\"since\":\"2026-01-01T00:00:00.000Z\",\"whoCanAct\":"                 \
    "\"the authors of its dependencies\",\"blockedBy\":[\"mid\"],\"roots\":[\"root\"]}"
#define EXCUSES                                                                                                                \
    "{" HEAD ",\"counts\":{\"in_set\":1,\"blocked_by\":1},\"excuses\":[" ABSENT                                                \
    ",{\"name\":\"effect\",\"verdict\":\"in_set\",\"sentence\":\"It is.\",\"whoCanAct\":\"nobody\"}],\"nextCompilers\":[{"     \
    "\"compiler\":\"0.15.16\",\"inTheWay\":[{\"name\":\"a-late\",\"version\":\"1.0.0\",\"through\":[\"root\"]},{\"name\":"     \
    "\"root\",\"version\":\"3.0.0\",\"newer\":\"3.1.0\"}]}]}"

static void excuses_are_grouped_by_verdict(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_excuses_query, EXCUSES);
    const struct answered page = get(s, "/package-sets/excuses");
    expect_page(s, page, 200, "Why packages are in the package set, or not");
    expect_within(page.body, "<a href=\"/package-sets/excuses?verdict=blocked_by\">Blocked by</a></td>"
                             "<td class=\"number\">1</td>");
    expect_within(page.body, "<h2 id=\"blocked_by\">Blocked by (1)</h2>");
    expect_within(page.body, "<a href=\"/package-sets/excuses/aff-x\">aff-x</a></td><td>It &lt;waits&gt;.</td>");
    assert_true(strstr(page.body, "id=\"blocked_by\"") < strstr(page.body, "id=\"in_set\""));
    expect_within(page.body, "2 packages of the set are not known to build with it, 1 of them by themselves");
    const char *root = strstr(page.body, "root</a> 3.0.0</td><td>by itself</td><td>3.1.0 builds with it</td>"
                                         "<td class=\"number\">1</td>"),
               *late = strstr(page.body, "a-late</a> 1.0.0</td>");
    assert_true(root && late && root < late);
    assert_null(stub_services_last(s->services, MESSAGE_set_excuses_query, NULL)->set_excuses_query.name);
}

static void excuses_are_filtered_by_name_and_verdict(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_excuses_query, EXCUSES);
    const struct answered named = get(s, "/package-sets/excuses?name=EFF"),
                          judged = get(s, "/package-sets/excuses?verdict=blocked_by"),
                          none = get(s, "/package-sets/excuses?name=%22%3E%3Cscript%3E");
    expect_within(named.body, ">effect</a>");
    expect_not_within(named.body, ">aff-x</a>");
    expect_within(named.body, "value=\"EFF\"");
    expect_within(judged.body, ">aff-x</a>");
    expect_not_within(judged.body, ">effect</a>");
    expect_within(judged.body, "<option value=\"blocked_by\" selected=\"\">");
    expect_within(none.body, "0 packages.");
    expect_within(none.body, "value=\"&quot;&gt;&lt;script&gt;\"");
    expect_page(s, get(s, "/package-sets/excuses?verdict=none"), 400, "This did not work");
}

static void an_excuse_says_why_and_who_can_act(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_excuses_query, "{" HEAD ",\"excuse\":" ABSENT ",\"nextCompilers\":[]}");
    const struct answered page = get(s, "/package-sets/excuses/aff-x");
    expect_page(s, page, 200, "aff-x and the package set");
    expect_within(page.body, "<p class=\"verdict\">It &lt;waits&gt;.</p>");
    expect_within(page.body, "<dt>Verdict</dt><dd>Blocked by</dd>");
    expect_within(page.body, "<dt>Who can act</dt><dd>the authors of its dependencies</dd>");
    expect_within(page.body, "<a href=\"/jobs/88888888-8888-4888-8888-888888888888\">");
    expect_within(page.body, "<dt>Which is because of</dt><dd><a href=\"/package-sets/excuses/root\">root</a></dd>");
    expect_within(page.body, "The next one starts at <time datetime=\"2099-01-03T04:05:06.000Z\">");
    assert_string_equal(stub_services_last(s->services, MESSAGE_set_excuses_query, NULL)->set_excuses_query.name, "aff-x");
    stub_services_fail(s->services, MESSAGE_set_excuses_query, STATUS_NOT_FOUND, NULL, "There is no package b.");
    expect_page(s, get(s, "/package-sets/excuses/b"), 404, "Not found");
    expect_page(s, get(s, "/package-sets/excuses/No%20Name"), 404, "Not found");
}

static void costly_pages_are_made_once_for_all_who_ask(void **state) {
    struct gateway_scene *s = *state;
    s->settings.gateway_page_ms = 60000;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_excuses_query, EXCUSES);
    const struct answered first = get(s, "/package-sets/excuses");
    int asked = stub_services_count(s->services, MESSAGE_set_excuses_query);
    const struct answered again = get(s, "/package-sets/excuses");
    expect_page(s, again, 200, "Why packages are in the package set, or not");
    assert_string_equal(again.body, first.body);
    assert_string_equal(header_of(s, &again, "etag"), header_of(s, &first, "etag"));
    assert_string_equal(header_of(s, &again, "content-security-policy"), header_of(s, &first, "content-security-policy"));
    const char *const has[] = {arena_format(&s->f.arena, "If-None-Match: %s", header_of(s, &first, "etag")), NULL};
    expect_status(ask_with(s, NULL, "/package-sets/excuses", has, NULL), 304);
    /* a minute may have begun in between */
    assert_true(stub_services_count(s->services, MESSAGE_set_excuses_query) <= asked + 1);
    get(s, "/package-sets/excuses?verdict=blocked_by"); /* another page */
    assert_true(stub_services_count(s->services, MESSAGE_set_excuses_query) > asked);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        gateway_test(sets_are_listed_page_by_page),
        gateway_test(a_set_has_its_packages_and_changes),
        gateway_test(the_first_set_has_no_changes),
        gateway_test(sets_that_are_not_there_are_pages),
        gateway_test(two_sets_are_compared),
        gateway_test(the_form_leads_from_the_older_set_to_the_newer),
        gateway_test(excuses_are_grouped_by_verdict),
        gateway_test(excuses_are_filtered_by_name_and_verdict),
        gateway_test(an_excuse_says_why_and_who_can_act),
        gateway_test(costly_pages_are_made_once_for_all_who_ask),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
