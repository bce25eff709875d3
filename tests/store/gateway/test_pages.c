/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pages of the site (services/gateway/web), whose contents come from a stand-in of the service.
 */
#include "tests/store/gateway/page_scene.h"

#include "lib/tools/archive/gzip.h"
#include "services/gateway/web/assets.h"

static void the_home_page_says_how_to_publish(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const struct answered home = get(s, "/");
    expect_page(s, home, 200, "The PureScript registry");
    expect_within(home.body, "spago publish");
    expect_within(home.body, "<a href=\"/packages\">");
    expect_within(home.body, "<form action=\"/packages\" role=\"search\"");
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
        gateway_test(failures_are_pages_too),
        gateway_test(a_large_page_is_compressed),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
