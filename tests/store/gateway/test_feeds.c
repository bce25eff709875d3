/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The Atom feeds, byte by byte, from stand-ins of the services. (A feed reader on a whole server: tests/clients/feeds_test.js)
 */
#include "tests/store/gateway/gateway_scene.h"

#include "lib/store/takedown/takedown_store.h"

#define HEAD                                                                                                                   \
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\"><id>urn:uuid:"
#define LINK(site, path) "<link rel=\"alternate\" type=\"text/html\" href=\"" site path "\"></link>"
#define PUBLICATIONS                                                                                                           \
    "{\"publications\":["                                                                                                      \
    "{\"event\":\"unpublished\",\"package\":\"aff\",\"version\":\"1.0.0\",\"time\":\"2026-02-02T00:00:00.000Z\","              \
    "\"reason\":\"<b>&\\u0001\"},"                                                                                             \
    "{\"event\":\"published\",\"package\":\"aff\",\"version\":\"1.0.0\",\"time\":\"2026-02-01T00:00:00.000Z\"}]}"

static const char *const no_headers[] = {"Host: example.org:9000", NULL};

static struct answered get_feed(struct gateway_scene *s, const char *path) {
    const struct answered feed = ask_with(s, NULL, path, no_headers, NULL);
    expect_status(feed, 200);
    expect_header(s, &feed, "content-type", "application/atom+xml; charset=utf-8");
    assert_memory_equal(feed.body, HEAD, strlen(HEAD));
    assert_true(text_ends_with(feed.body, "</feed>\n"));
    return feed;
}

static void publications_and_unpublishings_are_entries(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_publication_query, PUBLICATIONS);
    const struct answered feed = get_feed(s, "/feeds/publications.atom");
    expect_within(feed.body, "<updated>2026-02-02T00:00:00.000Z</updated><author><name>PureScript registry</name></author>"
                             "<link rel=\"self\" type=\"application/atom+xml\" "
                             "href=\"http://example.org:9000/feeds/publications.atom\"></link>" LINK("http://example.org:9000",
                                                                                                     "/packages"));
    expect_within(feed.body, "<title>aff 1.0.0 was unpublished</title><updated>2026-02-02T00:00:00.000Z</updated>"
                             "<published>2026-02-02T00:00:00.000Z</published>" LINK(
                                 "http://example.org:9000", "/packages/aff") "<category term=\"unpublished\"></category>"
                                                                             "<summary>The version 1.0.0 of aff was "
                                                                             "unpublished: &lt;b&gt;&amp;[U+0001]</summary>");
    expect_within(feed.body, "<title>aff 1.0.0</title><updated>2026-02-01T00:00:00.000Z</updated>");
    assert_null(stub_services_last(s->services, MESSAGE_publication_query, NULL)->publication_query.name);
    get_feed(s, "/feeds/packages/aff.atom");
    assert_string_equal(stub_services_last(s->services, MESSAGE_publication_query, NULL)->publication_query.name, "aff");
}

static void a_feed_that_the_reader_has_is_not_sent_again(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_publication_query, PUBLICATIONS);
    const struct answered first = get_feed(s, "/feeds/publications.atom");
    const char *const has[] = {no_headers[0], arena_format(&s->f.arena, "If-None-Match: %s", header_of(s, &first, "etag")),
                               NULL};
    expect_status(ask_with(s, NULL, "/feeds/publications.atom", has, NULL), 304);
    stub_services_answer_json(s->services, MESSAGE_publication_query, "{\"publications\":[]}");
    const struct answered changed = ask_with(s, NULL, "/feeds/publications.atom", has, NULL);
    expect_status(changed, 200);
    expect_within(changed.body, "<updated>1970-01-01T00:00:00Z</updated>");
    expect_not_within(changed.body, "<entry>");
}

static void behind_a_proxy_addresses_are_those_of_its_clients(void **state) {
    struct gateway_scene *s = *state;
    static const char *const forwarded[] = {"X-Forwarded-Proto: https", "X-Forwarded-Host: registry.example.org", NULL};
    static const char *const odd[] = {"Host: <x>", NULL};
    set_text(&s->settings.trusted_proxies, "127.0.0.1");
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_publication_query, PUBLICATIONS);
    expect_within(ask_with(s, NULL, "/feeds/publications.atom", forwarded, NULL).body,
                  LINK("https://registry.example.org", "/packages"));
    expect_within(ask_with(s, NULL, "/feeds/publications.atom", odd, NULL).body, LINK("", "/packages"));
    stop_serving(s);
    set_text(&s->settings.trusted_proxies, "192.0.2.1");
    serve(s);
    expect_not_within(ask_with(s, NULL, "/feeds/publications.atom", forwarded, NULL).body, "registry.example.org");
}

static void package_sets_are_entries(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_page_query,
                              "{\"packageSets\":[{\"version\":\"2.0.0\",\"compiler\":\"0.15.15\",\"published\":"
                              "\"2026-01-02\",\"packageCount\":7}],\"next\":\"2.0.0\"}");
    expect_within(get_feed(s, "/feeds/package-sets.atom").body,
                  "<title>Package set 2.0.0</title><updated>2026-01-02T00:00:00Z</updated>");
}

static void closed_cases_are_entries_without_personal_data(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    static const char *const references[] = {"DMCA-00000001", "DMCA-00000002", "DMCA-00000003"};
    struct takedown closed;
    serve(s);
    for (int i = 0; i < 3; i++) {
        struct takedown takedown = {.received_ms = 1764000000000 + i,
                                    .name = "Erika",
                                    .email = "e@example.net",
                                    .work = "Sonata",
                                    .package = "aff",
                                    .signature = "E. M.",
                                    .version = i ? NULL : "1.0.0"};
        memcpy(takedown.reference, references[i], sizeof takedown.reference);
        takedown.work = references[i]; /* so that none is the same as another */
        assert_ok(takedown_store_keep(f->store, s->settings.dmca_dir, &takedown, &f->err));
    }
    expect_not_within(get_feed(s, "/feeds/takedowns.atom").body, "<entry>");
    for (int i = 1; i >= 0; i--)
        assert_ok(takedown_store_close(f->store, s->settings.dmca_dir, references[i], "It was <justified>.",
                                       1764000001000 + 1000 * (1 - i), &f->arena, &closed, &f->err));
    const struct answered feed = get_feed(s, "/feeds/takedowns.atom");
    const char *newest = strstr(feed.body, "<title>DMCA-00000001, about aff 1.0.0</title><updated>2025-11-24T16:00:02.000Z"),
               *older = strstr(feed.body, "<title>DMCA-00000002, about aff</title>");
    assert_true(newest && newest < older);
    expect_within(feed.body, "<summary>It was &lt;justified&gt;.</summary>");
    expect_not_within(feed.body, references[2]);
    expect_not_within(feed.body, "Erika");
    expect_not_within(feed.body, "example.net");
    expect_not_within(feed.body, "E. M.");
}

static void failures_are_pages(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_fail(s->services, MESSAGE_publication_query, STATUS_NOT_FOUND, NULL, "There is no package nobody.");
    expect_status(get(s, "/feeds/packages/nobody.atom"), 404);
    expect_status(get(s, "/feeds/packages/No%20Name.atom"), 404);
    expect_status(get(s, "/feeds/packages/aff"), 404);
    stub_services_close(s->services, SERVICE_BUILD_MATRIX);
    const struct answered away = get(s, "/feeds/publications.atom");
    expect_status(away, 503);
    expect_within(away.body, "<h1>This did not work</h1>");
    expect_error(s, get(s, "/api/v1/publications"), 503, NULL, "Publications cannot be looked up");
}

static void pages_lead_to_feeds(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    expect_within(get(s, "/").body,
                  "<link rel=\"alternate\" type=\"application/atom+xml\" title=\"Packages that were published\" "
                  "href=\"/feeds/publications.atom\">");
    expect_within(get(s, "/dmca").body, "href=\"/feeds/takedowns.atom\">");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        gateway_test(publications_and_unpublishings_are_entries),
        gateway_test(a_feed_that_the_reader_has_is_not_sent_again),
        gateway_test(behind_a_proxy_addresses_are_those_of_its_clients),
        gateway_test(package_sets_are_entries),
        gateway_test(closed_cases_are_entries_without_personal_data),
        gateway_test(failures_are_pages),
        gateway_test(pages_lead_to_feeds),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
