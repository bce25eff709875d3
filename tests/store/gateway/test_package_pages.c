/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pages about packages, whose contents come from a stand-in of the service.
 */
#include "tests/store/gateway/page_scene.h"

static void packages_are_listed_page_by_page(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(
        s->services, MESSAGE_package_list_query,
        "{\"packages\":[{\"name\":\"aff\",\"latest\":\"8.0.0\",\"publishedTime\":\"2026-01-02T03:04:05.678Z\","
        "\"versions\":21,\"dependants\":7,\"description\":\"A & B\"},"
        "{\"name\":\"gone\",\"versions\":0,\"dependants\":0}],\"total\":3,\"next\":\"gone\"}");
    const struct answered first = get(s, "/packages?after=aaa");
    expect_page(s, first, 200, "Packages");
    expect_within(first.body, "<p class=\"faint\">3 packages</p>");
    expect_within(first.body, "<td><a href=\"/packages/aff\">aff</a><span class=\"about\">A &amp; B</span></td><td>8.0.0</td>"
                              "<td class=\"wide\"><time datetime=\"2026-01-02T03:04:05.678Z\">2026-01-02</time></td>"
                              "<td class=\"number\">7</td><td class=\"wide number\">21</td>");
    expect_within(first.body, "<td><a href=\"/packages/gone\">gone</a></td><td></td><td class=\"wide\"></td>");
    expect_within(first.body, "<a href=\"/packages?after=gone\" rel=\"next\">More packages</a>");
    const struct message_package_list_query *asked =
        &stub_services_last(s->services, MESSAGE_package_list_query, NULL)->package_list_query;
    assert_string_equal(asked->after, "aaa");
    assert_int_equal(asked->limit, 200);
    expect_within(get(s, "/packages?limit=7").body, "<a href=\"/packages?after=gone&amp;limit=7\" rel=\"next\">");
    stub_services_answer_json(s->services, MESSAGE_package_list_query, "{\"packages\":[]}");
    expect_not_within(get(s, "/packages").body, "More packages");
}

static void a_search_keeps_its_words_and_order(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(
        s->services, MESSAGE_package_list_query,
        "{\"packages\":[{\"name\":\"aff\",\"versions\":1,\"dependants\":0}],\"total\":1,\"next\":\"5:aff\"}");
    const struct answered found = get(s, "/packages?search=%22%3Cscript%3E&sort=dependants");
    expect_page(s, found, 200, "Packages");
    expect_within(found.body, " name=\"search\" value=\"&quot;&lt;script&gt;\"");
    expect_within(found.body, "<option value=\"dependants\" selected=\"\">");
    expect_within(found.body, "<p class=\"faint\">1 package found</p>");
    expect_within(found.body, "?after=5%3Aaff&amp;search=%22%3Cscript%3E&amp;sort=dependants\" rel=\"next\">");
    stub_services_answer_json(s->services, MESSAGE_package_list_query, "{\"packages\":[],\"total\":0}");
    const struct answered none = get(s, "/packages?search=%3Ci%3E");
    expect_within(none.body, "<p class=\"faint\">No package matches “&lt;i&gt;”.</p>");
    expect_not_within(none.body, "<table>");
    expect_page(s, get(s, "/packages?sort=size"), 400, "This did not work");
}

/* The versions with numbers that an order by text would get wrong. */
#define PACKAGE                                                                                                                \
    "{\"name\":\"aff\",\"latest\":\"10.0.0\",\"metadata\":{\"location\":{\"githubOwner\":\"owner\",\"githubRepo\":\"repo\","   \
    "\"subdir\":\"lib\"},\"published\":{"                                                                                      \
    "\"10.0.0\":{\"compilers\":[\"0.15.14\",\"0.15.15\"],\"publishedTime\":\"2026-03-04T05:06:07.000Z\"},"                     \
    "\"9.0.0\":{\"compilers\":[\"0.15.14\"],\"publishedTime\":\"2026-01-02T05:06:07.000Z\"}},"                                 \
    "\"unpublished\":{\"9.1.0\":{\"publishedTime\":\"2026-02-01T00:00:00.000Z\",\"reason\":\"<b>Wrong</b>\","                  \
    "\"unpublishedTime\":\"2026-02-02T00:00:00.000Z\"}}},\"manifests\":{\"10.0.0\":{\"description\":\"A & B\","                \
    "\"license\":\"MIT\",\"dependencies\":{\"prelude\":\">=6.0.0 <7.0.0\"}}}}"

static void a_package_has_its_versions_newest_first(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_known_package_query, PACKAGE);
    const struct answered page = get(s, "/packages/aff");
    expect_page(s, page, 200, "aff");
    expect_within(page.body, "<p>A &amp; B</p>");
    expect_within(page.body, "<dt>License</dt><dd>MIT</dd>");
    expect_within(page.body, "<a href=\"https://github.com/owner/repo\">https://github.com/owner/repo</a>, in the folder lib");
    expect_within(page.body, "<li><a href=\"/packages/prelude\">prelude</a> &gt;=6.0.0 &lt;7.0.0</li>");
    const char *newest =
                   strstr(page.body, "<td>10.0.0</td><td><time datetime=\"2026-03-04T05:06:07.000Z\">2026-03-04</time></td>"
                                     "<td>0.15.14, 0.15.15</td>"),
               *unpublished =
                   strstr(page.body, "<td>9.1.0</td><td><time datetime=\"2026-02-01T00:00:00.000Z\">2026-02-01</time></td>"
                                     "<td>Unpublished on <time datetime=\"2026-02-02T00:00:00.000Z\">2026-02-02"
                                     "</time>: &lt;b&gt;Wrong&lt;/b&gt;</td>"),
               *oldest = strstr(page.body, "<td>9.0.0</td>");
    assert_true(newest && newest < unpublished && unpublished < oldest);
}

static void an_address_that_is_no_web_page_is_no_link(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(
        s->services, MESSAGE_known_package_query,
        "{\"name\":\"aff\",\"metadata\":{\"location\":{\"gitUrl\":\"javascript:alert(1)\"},\"published\":{},"
        "\"unpublished\":{}},\"manifests\":{}}");
    const struct answered page = get(s, "/packages/aff");
    expect_page(s, page, 200, "aff");
    expect_within(page.body, "<dd>javascript:alert(1)</dd>");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        gateway_test(packages_are_listed_page_by_page),
        gateway_test(a_search_keeps_its_words_and_order),
        gateway_test(a_package_has_its_versions_newest_first),
        gateway_test(an_address_that_is_no_web_page_is_no_link),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
