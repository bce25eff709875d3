/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What crawlers read (robots.txt, sitemap.xml), and the page about the state of the registry.
 */
#include "tests/store/gateway/gateway_scene.h"

#define SETS                                                                                                                   \
    "{\"packageSets\":[{\"version\":\"2.0.0\",\"compiler\":\"0.15.15\",\"published\":\"2026-01-02\",\"packageCount\":1}]}"

static void robots_may_walk_all_but_queries_and_see_what_is_hidden(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const struct answered robots = get(s, "/robots.txt");
    expect_status(robots, 200);
    expect_header(s, &robots, "content-type", "text/plain; charset=utf-8");
    expect_within(robots.body, "User-agent: *\n");
    expect_within(robots.body, "Allow: /api/v1/jobs/*\n");
    expect_within(robots.body, "Allow: /jobs\n");
    expect_within(robots.body, "Allow: /logs/*\n");
    expect_within(robots.body, "Disallow: /*?\n");
    const char *disallowed = strstr(robots.body, "Disallow: ");
    assert_null(strstr(disallowed + 1, "Disallow: ")); /* nothing else: RFC 9309 takes the longest rule that fits */
    expect_within(robots.body, arena_format(&s->f.arena, "\nSitemap: %s/sitemap.xml\n", s->url));
}

static void the_sitemap_has_all_pages(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_package_query, "{\"packages\":[{\"name\":\"aff\"},{\"name\":\"zeta\"}]}");
    stub_services_answer_json(s->services, MESSAGE_set_page_query, SETS);
    const struct answered map = get(s, "/sitemap.xml");
    expect_status(map, 200);
    expect_header(s, &map, "content-type", "application/xml; charset=utf-8");
    expect_within(map.body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/"
                            "sitemap/0.9\"><url>");
    expect_within(map.body, arena_format(&s->f.arena, "<url><loc>%s/</loc></url>", s->url));
    expect_within(map.body, arena_format(&s->f.arena, "<url><loc>%s/docs/api</loc></url>", s->url));
    expect_within(map.body, arena_format(&s->f.arena, "<url><loc>%s/packages/zeta</loc></url>", s->url));
    expect_within(map.body,
                  arena_format(&s->f.arena, "<loc>%s/package-sets/2.0.0</loc><lastmod>2026-01-02</lastmod></url>", s->url));
    expect_not_within(map.body, "robots.txt");
    expect_not_within(map.body, "/status<"); /* hidden from crawlers */
    const char *const has[] = {arena_format(&s->f.arena, "If-None-Match: %s", header_of(s, &map, "etag")), NULL};
    expect_status(ask_with(s, NULL, "/sitemap.xml", has, NULL), 304);
    expect_status(get(s, "/sitemap/1.xml"), 200);
    expect_status(get(s, "/sitemap/2.xml"), 404);
    expect_status(get(s, "/sitemap/one.xml"), 404);
}

static void all_pages_of_the_services_answers_are_asked_for(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_hold(s->services, MESSAGE_package_query, true);
    stub_services_answer_json(s->services, MESSAGE_package_query, "{\"packages\":[{\"name\":\"aff\"}],\"next\":\"aff\"}");
    stub_services_answer_json(s->services, MESSAGE_set_page_query, SETS);
    struct http_connection client;
    assert_true(http_connection_open(&client, server_port(s->gateway.server), PATIENCE_MS));
    assert_true(http_connection_send(&client, "GET", "/sitemap.xml", NULL));
    stub_services_await(s->services, MESSAGE_package_query, 1);
    assert_null(stub_services_last(s->services, MESSAGE_package_query, NULL)->package_query.after);
    stub_services_hold(s->services, MESSAGE_package_query, false);
    stub_services_await(s->services, MESSAGE_package_query, 2);
    assert_string_equal(stub_services_last(s->services, MESSAGE_package_query, NULL)->package_query.after, "aff");
    http_connection_close(&client);
}

/* So many packages that one file cannot have them. */
static void a_large_sitemap_is_an_index(void **state) {
    struct gateway_scene *s = *state;
    struct text json = {0};
    serve(s);
    text_append(&json, "{\"packages\":[{\"name\":\"first\"}");
    for (int i = 0; i < 50000; i++)
        text_append_format(&json, ",{\"name\":\"p%d\"}", i);
    text_append(&json, "]}");
    stub_services_answer_json(s->services, MESSAGE_package_query, json.bytes);
    stub_services_answer_json(s->services, MESSAGE_set_page_query, SETS);
    const struct answered map = get(s, "/sitemap.xml"), first = get(s, "/sitemap/1.xml"), second = get(s, "/sitemap/2.xml");
    expect_within(map.body, "<sitemapindex xmlns=");
    expect_within(map.body, arena_format(&s->f.arena, "<sitemap><loc>%s/sitemap/2.xml</loc></sitemap></sitemapindex>", s->url));
    expect_within(first.body, "/packages/first</loc>");
    expect_not_within(first.body, "/packages/p49999</loc>");
    expect_within(second.body, "/packages/p49999</loc>");
    expect_within(second.body, "/package-sets/2.0.0</loc>");
    expect_not_within(second.body, "/packages/first</loc>");
    expect_status(get(s, "/sitemap/3.xml"), 404);
    text_release(&json);
}

static void without_a_service_there_is_no_half_sitemap(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_package_query, "{\"packages\":[{\"name\":\"aff\"}]}");
    stub_services_fail(s->services, MESSAGE_set_page_query, STATUS_UNAVAILABLE, NULL, "");
    const struct answered map = get(s, "/sitemap.xml");
    expect_status(map, 503);
    expect_header(s, &map, "retry-after", "2");
}

/* ---- The state of the registry ---- */

static void the_state_is_shown_to_people(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_page_query, SETS);
    const struct job_request request = publish_of("aff");
    accept_job(f, &request);
    const struct answered page = get(s, "/status");
    expect_status(page, 200);
    expect_header(s, &page, "x-robots-tag", "noindex, nofollow");
    expect_within(page.body, "<h1>Status</h1>");
    expect_within(page.body, "All parts of the registry work.");
    expect_within(page.body, "<td>build-matrix</td><td>✓ works</td>");
    expect_within(page.body,
                  "<td>publish</td><td class=\"number\">1</td><td>less than a minute</td><td class=\"number\">0</td>");
    expect_within(page.body, "<td>matrix</td><td class=\"number\">0</td><td></td>");
    expect_within(page.body, "None lately.");
    expect_within(page.body, "<a href=\"/package-sets/2.0.0\">2.0.0</a>, <time");
}

static void what_does_not_work_is_shown_without_addresses(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_close(s->services, SERVICE_PACKAGE_SET);
    const struct answered page = get(s, "/status");
    expect_status(page, 200);
    expect_within(page.body, "Not all parts of the registry work.");
    expect_within(page.body, "<td>package-set</td><td class=\"fault\">✗ does not work</td>");
    expect_within(page.body, "Unknown at the moment.");
    expect_not_within(page.body, s->folder.path);
}

static void programs_get_the_state_as_json(void **state) {
    struct gateway_scene *s = *state;
    static const char *const json[] = {"Accept: application/json", NULL},
                             *const browser[] = {"Accept: text/html,application/xhtml+xml,application/json;q=0.9", NULL};
    serve(s);
    const struct answered program = ask_with(s, NULL, "/status", json, NULL),
                          person = ask_with(s, NULL, "/status", browser, NULL);
    expect_header(s, &program, "content-type", "application/json");
    expect_within(program.body, "{\"ready\":true,");
    expect_within(person.body, "<h1>Status</h1>");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        gateway_test(robots_may_walk_all_but_queries_and_see_what_is_hidden),
        gateway_test(the_sitemap_has_all_pages),
        gateway_test(all_pages_of_the_services_answers_are_asked_for),
        gateway_test(a_large_sitemap_is_an_index),
        gateway_test(without_a_service_there_is_no_half_sitemap),
        gateway_test(the_state_is_shown_to_people),
        gateway_test(what_does_not_work_is_shown_without_addresses),
        gateway_test(programs_get_the_state_as_json),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
