/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pages of the site (services/gateway/web), whose contents come from a stand-in of the service.
 */
#include "tests/store/gateway/gateway_scene.h"

#include "lib/tools/archive/gzip.h"
#include "services/gateway/web/assets.h"

#define POLICY                                                                                                                 \
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "        \
    "base-uri 'none'; frame-ancestors 'none'"

static void expect_page(struct gateway_scene *s, struct answered answered, int status, const char *title) {
    expect_status(answered, status);
    expect_header(s, &answered, "content-type", "text/html; charset=utf-8");
    expect_header(s, &answered, "content-security-policy", POLICY);
    expect_header(s, &answered, "x-content-type-options", "nosniff");
    expect_within(answered.body, arena_format(&s->f.arena, "<h1>%s</h1>", title));
    expect_within(answered.body, "</main>");
    expect_within(answered.body, "</html>");
    expect_not_within(answered.body, "<script");
    expect_not_within(answered.body, " style=");
}

static void the_home_page_says_how_to_publish(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const struct answered home = get(s, "/");
    expect_page(s, home, 200, "The PureScript registry");
    expect_within(home.body, "spago publish");
    expect_within(home.body, "<a href=\"/packages\">");
    expect_status(post(s, "/", ""), 405);
}

static void a_page_that_the_client_has_is_not_sent_again(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const struct answered first = get(s, "/");
    expect_header(s, &first, "cache-control", "no-cache");
    const char *const has[] = {arena_format(&s->f.arena, "If-None-Match: %s", header_of(s, &first, "etag")), NULL};
    const struct answered again = ask_with(s, NULL, "/", has, NULL);
    expect_status(again, 304);
    assert_string_equal(again.body, "");
}

static void files_that_pages_load_are_kept_for_good(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const char *address = asset_address("site.css");
    expect_within(get(s, "/").body, arena_format(&s->f.arena, "<link rel=\"stylesheet\" href=\"%s\">", address));
    const struct answered css = get(s, address);
    expect_status(css, 200);
    expect_header(s, &css, "content-type", "text/css; charset=utf-8");
    expect_header(s, &css, "cache-control", "public, max-age=31536000, immutable");
    expect_within(css.body, "color-scheme");
    expect_page(s, get(s, "/assets/site.css"), 404, "Not found");
    expect_page(s, get(s, "/assets/site.0000000000000000.css"), 404, "Not found");
}

static void while_developing_files_are_read_from_a_folder(void **state) {
    struct gateway_scene *s = *state;
    set_text(&s->settings.web_dir, s->folder.path);
    serve(s);
    temporary_folder_write(&s->folder, "site.css", "a { color: red; }");
    const struct answered css = get(s, asset_address("site.css"));
    assert_string_equal(css.body, "a { color: red; }");
    expect_header(s, &css, "cache-control", "no-store");
    temporary_folder_write(&s->folder, "site.css", "a { color: blue; }");
    assert_string_equal(get(s, asset_address("site.css")).body, "a { color: blue; }");
    expect_status(get(s, asset_address("icon.svg")), 404);
}

static void packages_are_listed_page_by_page(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_package_query,
                              "{\"packages\":[{\"name\":\"aff\",\"latest\":\"8.0.0\",\"versions\":21},"
                              "{\"name\":\"gone\",\"versions\":0}],\"next\":\"gone\"}");
    const struct answered first = get(s, "/packages?after=aaa");
    expect_page(s, first, 200, "Packages");
    expect_within(first.body, "<td><a href=\"/packages/aff\">aff</a></td><td>8.0.0</td><td class=\"number\">21</td>");
    expect_within(first.body, "<td><a href=\"/packages/gone\">gone</a></td><td></td><td class=\"number\">0</td>");
    expect_within(first.body, "<a href=\"/packages?after=gone\" rel=\"next\">More packages</a>");
    const struct message_package_query *asked = &stub_services_last(s->services, MESSAGE_package_query, NULL)->package_query;
    assert_string_equal(asked->after, "aaa");
    assert_int_equal(asked->limit, 200);
    stub_services_answer_json(s->services, MESSAGE_package_query, "{\"packages\":[]}");
    expect_not_within(get(s, "/packages").body, "More packages");
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

static void failures_are_pages_too(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_fail(s->services, MESSAGE_known_package_query, STATUS_NOT_FOUND, NULL, "");
    stub_services_fail(s->services, MESSAGE_package_query, STATUS_NOT_FOUND, NULL, "There is no package <x> in the registry.");
    const struct answered unknown = get(s, "/packages/unknown");
    expect_page(s, unknown, 404, "Not found");
    expect_within(unknown.body, "<p>There is no package &lt;x&gt; in the registry.</p>");
    expect_page(s, get(s, "/packages/No%20Name"), 404, "Not found");
    expect_page(s, get(s, "/packages?after=No%20Name"), 400, "This did not work");
    stub_services_fail(s->services, MESSAGE_known_package_query, STATUS_UNAVAILABLE, NULL, "");
    const struct answered away = get(s, "/packages/aff");
    expect_page(s, away, 503, "This did not work");
    expect_header(s, &away, "retry-after", "2");
}

static void a_large_page_is_compressed(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    static const char *const accepts[] = {"Accept-Encoding: gzip", NULL};
    serve(s);
    struct http_response response = http_ask(NULL, s->url, "/", accepts, NULL);
    struct text page = {0};
    assert_ok(gzip_unpack(&page, response.body.bytes, response.body.length, 1 << 20, &f->err));
    assert_string_equal(page.bytes, get(s, "/").body);
    text_release(&page);
    http_response_release(&response);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        gateway_test(the_home_page_says_how_to_publish),
        gateway_test(a_page_that_the_client_has_is_not_sent_again),
        gateway_test(files_that_pages_load_are_kept_for_good),
        gateway_test(while_developing_files_are_read_from_a_folder),
        gateway_test(packages_are_listed_page_by_page),
        gateway_test(a_package_has_its_versions_newest_first),
        gateway_test(an_address_that_is_no_web_page_is_no_link),
        gateway_test(failures_are_pages_too),
        gateway_test(a_large_page_is_compressed),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
