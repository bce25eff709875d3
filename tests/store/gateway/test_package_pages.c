/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pages about packages, whose contents come from a stand-in of the service.
 */
#include "tests/store/gateway/page_scene.h"

#include "lib/tools/archive/archive.h"

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
    "\"subdir\":\"lib\"},\"owners\":[{\"id\":\"<me>\",\"keytype\":\"ssh-ed25519\",\"public\":\"AAAA\"}],\"published\":{"       \
    "\"10.0.0\":{\"compilers\":[\"0.15.14\",\"0.15.15\"],\"publishedTime\":\"2026-03-04T05:06:07.000Z\"},"                     \
    "\"9.0.0\":{\"compilers\":[\"0.15.14\"],\"publishedTime\":\"2026-01-02T05:06:07.000Z\"}},"                                 \
    "\"unpublished\":{\"9.1.0\":{\"publishedTime\":\"2026-02-01T00:00:00.000Z\",\"reason\":\"<b>Wrong</b>\","                  \
    "\"unpublishedTime\":\"2026-02-02T00:00:00.000Z\"}}},\"manifests\":{\"10.0.0\":{\"description\":\"A & B\","                \
    "\"license\":\"MIT\",\"dependencies\":{\"prelude\":\">=6.0.0 <7.0.0\"}}},"                                                 \
    "\"dependantPackages\":[{\"name\":\"halogen\",\"version\":\"7.0.0\",\"range\":\">=7.0.0 <11.0.0\"}],"                      \
    "\"packageSets\":{\"count\":3,\"first\":\"2.0.0\",\"last\":\"4.0.0\",\"versions\":[\"4.0.0\",\"3.0.0\",\"2.0.0\"]}}"

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
    expect_within(page.body, "<dt>Owners</dt><dd>&lt;me&gt; ssh-ed25519</dd>");
    expect_within(page.body, "<a href=\"/packages/aff/10.0.0\">10.0.0</a></dd>");
    expect_within(page.body,
                  "<a href=\"/package-sets/4.0.0\">4.0.0</a> back to <a href=\"/package-sets/2.0.0\">2.0.0</a> (3 sets)");
    expect_within(page.body, "<a href=\"/jobs?package=aff\">");
    expect_within(page.body, "<li><a href=\"/packages/halogen\">halogen</a> &gt;=7.0.0 &lt;11.0.0</li>");
    const char *newest = strstr(page.body, "<td><a href=\"/packages/aff/10.0.0\">10.0.0</a></td><td><time "
                                           "datetime=\"2026-03-04T05:06:07.000Z\">2026-03-04</time></td>"
                                           "<td>0.15.14, 0.15.15</td>"),
               *unpublished =
                   strstr(page.body, "<td>9.1.0</td><td><time datetime=\"2026-02-01T00:00:00.000Z\">2026-02-01</time></td>"
                                     "<td>Unpublished on <time datetime=\"2026-02-02T00:00:00.000Z\">2026-02-02"
                                     "</time>: &lt;b&gt;Wrong&lt;/b&gt;</td>"),
               *oldest = strstr(page.body, "/packages/aff/9.0.0");
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

/* ---- One version ---- */

#define CELL(compiler, state) "{\"compiler\":\"" compiler "\",\"state\":\"" state "\"},"
#define VERSION                                                                                                                \
    "{\"name\":\"aff\",\"version\":\"7.1.0\",\"metadata\":{\"bytes\":1234,\"compilers\":[\"0.15.0\"],\"hash\":\"sha256-"       \
    "hash\","                                                                                                                  \
    "\"publishedTime\":\"2026-03-04T05:06:07.000Z\",\"ref\":\"v7.1.0\"},\"manifest\":{\"description\":\"A & "                  \
    "B\",\"license\":\"MIT\","                                                                                                 \
    "\"location\":{\"githubOwner\":\"owner\",\"githubRepo\":\"repo\"},\"dependencies\":{\"prelude\":\">=6.0.0 <7.0.0\"}},"     \
    "\"dependants\":2,\"dependantPackages\":[],\"packageSets\":{\"count\":0,\"versions\":[]},\"matrix\":["                     \
    "{\"compiler\":\"0.14.0\",\"state\":\"no_plan\",\"reason\":\"No version of b:\\n  >=1.0.0 (wanted by c)\"}," CELL(         \
        "0.15.0", "succeeded") "{\"compiler\":\"0.15.1\",\"state\":\"failed\",\"jobId\":\"0a0a0a0a-0000-4000-8000-"            \
                               "000000000000\",\"reason\":\"It has 1 "                                                         \
                               "error.\",\"failedPackage\":{\"name\":\"aff\",\"version\":\"7.1.0\"},"                          \
                               "\"firstError\":{\"message\":\"Unknown "                                                        \
                               "<Type>\",\"errorCode\":\"UnknownName\",\"filename\":\"src/A.purs\","                           \
                               "\"position\":{\"startLine\":3,\"startColumn\":5,\"endLine\":3,\"endColumn\":9}}},"             \
                               "{\"compiler\":\"0.15.2\",\"state\":\"failed\",\"reason\":\"b-1.0.0, on which it depends, "     \
                               "does not compile.\","                                                                          \
                               "\"failedPackage\":{\"name\":\"b\",\"version\":\"1.0.0\"}}]}"

static struct answered get_version(struct gateway_scene *s) {
    stub_services_answer_json(s->services, MESSAGE_known_package_query, VERSION);
    return get(s, "/packages/aff/7.1.0");
}

static void a_version_has_its_facts_and_why_it_does_not_build(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const struct answered page = get_version(s);
    expect_page(s, page, 200, "aff 7.1.0");
    expect_within(page.body, "<p>A &amp; B</p>");
    expect_within(page.body, "<a href=\"/aff/7.1.0.tar.gz\">/aff/7.1.0.tar.gz</a>, 1234 bytes");
    expect_within(page.body, "<dt>Hash</dt><dd>sha256-hash</dd>");
    expect_within(page.body, "<dt>Package sets</dt><dd>none</dd>");
    expect_within(page.body, "No package depends on it");
    const char *newest = strstr(page.body, "<th scope=\"row\">0.15.2</th>"),
               *oldest = strstr(page.body, "<th scope=\"row\">0.14.0</th>");
    assert_true(newest && newest < oldest);
    expect_within(page.body, "<summary>A dependency does not compile: b 1.0.0</summary>");
    expect_within(page.body, "<a href=\"/packages/b/1.0.0\">");
    expect_within(page.body, "href=\"/jobs/0a0a0a0a-0000-4000-8000-000000000000\"");
    expect_within(page.body, "<summary>Its own error</summary><p>It has 1 error.</p>");
    expect_within(page.body, "<code>src/A.purs:3:5\nUnknown &lt;Type&gt;</code>");
    expect_within(page.body, "<code>No version of b:\n  &gt;=1.0.0 (wanted by c)</code>");
    expect_within(page.body, "<p>The tarball is not on this server.</p>");
}

static void put_tarball(struct gateway_scene *s, const struct archive_item *items, size_t count) {
    struct fixture *f = &s->f;
    struct text tarball = {0};
    assert_ok(archive_pack(&tarball, s->folder.path, "aff-7.1.0", items, count, 64 << 20, &f->err));
    temporary_folder_write_bytes(&s->folder, "storage/aff/7.1.0.tar.gz", tarball.bytes, tarball.length);
    text_release(&tarball);
}

static void a_readme_is_shown_as_the_text_that_it_is(void **state) {
    struct gateway_scene *s = *state;
    static const char readme[] = "<img src=\"https://example.org/a.png\" onerror=alert(1)>\n\x1b[31m\xff";
    const struct archive_item items[] = {
        {"docs/README.md", "no", 2}, {"readme.txt", "no", 2}, {"ReadMe.md", readme, sizeof readme - 1}};
    put_tarball(s, items, 3);
    serve(s);
    const struct answered page = get_version(s);
    expect_page(s, page, 200, "aff 7.1.0");
    expect_within(page.body, "<pre class=\"readme\">&lt;img src=&quot;https://example.org/a.png&quot; onerror=alert(1)&gt;\n"
                             "[U+001B][31m\xef\xbf\xbd</pre>");
    expect_not_within(page.body, "KiB of the README");
}

/* Of 10 MB, whose limit is within a character of two bytes. */
static void a_long_readme_is_cut(void **state) {
    struct gateway_scene *s = *state;
    enum { LENGTH = 10000001 };
    char *readme = memory_alloc(LENGTH + 1);
    readme[0] = 'x';
    for (size_t i = 1; i < LENGTH; i += 2)
        memcpy(readme + i, "\xc3\xa9", 2);
    put_tarball(s, &(struct archive_item){"README", readme, LENGTH}, 1);
    free(readme);
    serve(s);
    const struct answered page = get_version(s);
    expect_page(s, page, 200, "aff 7.1.0");
    expect_within(page.body, "\xc3\xa9</pre><p>Only the first 128 KiB of the README are shown here");
    const char *begin = strstr(page.body, "<pre class=\"readme\">x"), *end = strstr(page.body, "</pre><p>Only");
    assert_int_equal(end - begin, strlen("<pre class=\"readme\">") + (128 << 10) - 1);
}

static void what_is_no_tarball_has_no_readme(void **state) {
    struct gateway_scene *s = *state;
    temporary_folder_write(&s->folder, "storage/aff/7.1.0.tar.gz", "no tarball");
    serve(s);
    expect_within(get_version(s).body, "<p>Its tarball cannot be read.</p>");
    put_tarball(s, &(struct archive_item){"purs.json", "{}", 2}, 1);
    expect_within(get_version(s).body, "<p>It has no README.</p>");
}

/* ---- What does not exist ---- */

#define NEAR_LIST "{\"packages\":[{\"name\":\"effect\"},{\"name\":\"effects\"}],\"total\":2}"

static const char *last_search(struct gateway_scene *s) {
    return stub_services_last(s->services, MESSAGE_package_list_query, NULL)->package_list_query.search;
}

static void an_unknown_name_leads_to_similar_ones(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_fail(s->services, MESSAGE_known_package_query, STATUS_NOT_FOUND, NULL, "");
    stub_services_fail(s->services, MESSAGE_package_query, STATUS_NOT_FOUND, NULL, "There is no package effekt.");
    stub_services_answer_json(s->services, MESSAGE_package_list_query, NEAR_LIST);
    static const char *const paths[] = {"/packages/effekt", "/packages/effekt/1.0.0", "/packages/Effekt!/1.0.0"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const struct answered unknown = get(s, paths[i]);
        expect_page(s, unknown, 404, "Not found");
        expect_within(unknown.body, i < 2 ? "<p>There is no package effekt.</p>" : "<p>There is no such package: ");
        expect_within(unknown.body, "<li><a href=\"/packages/effect\">effect</a></li><li><a href=\"/packages/effects\">");
        assert_string_equal(last_search(s), i < 2 ? "effekt" : "Effekt!");
    }
    const struct answered bytes = get(s, "/packages/%3Cscript%3E%C3%A9");
    expect_page(s, bytes, 404, "Not found");
    expect_within(bytes.body, "value=\"&lt;script&gt;\xc3\xa9\"");
    expect_error(s, get(s, "/api/v1/packages/effekt"), 404, NULL, "There is no package effekt.");
}

static void without_an_answer_the_sentence_is_all(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_fail(s->services, MESSAGE_known_package_query, STATUS_NOT_FOUND, NULL, "");
    stub_services_fail(s->services, MESSAGE_package_query, STATUS_NOT_FOUND, NULL, "There is no package effekt.");
    stub_services_fail(s->services, MESSAGE_package_list_query, STATUS_UNAVAILABLE, NULL, "");
    const struct answered unknown = get(s, "/packages/effekt");
    expect_page(s, unknown, 404, "Not found");
    expect_within(unknown.body, "<p>There is no package effekt.</p>");
}

static void an_unknown_version_leads_to_those_beside_it(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_known_package_query,
                              "{\"name\":\"aff\",\"latest\":\"10.0.0\",\"metadata\":{\"published\":{\"10.0.0\":{},\"7.0.0\":{},"
                              "\"6.0.0\":{},\"9.0.0\":{},\"9.1.0\":{}}}}");
    const struct answered page = get(s, "/packages/aff/x.y");
    expect_page(s, page, 404, "Not found");
    expect_within(page.body, "<p>There is no such version: ");
    expect_within(page.body,
                  "<li><a href=\"/packages/aff/10.0.0\">10.0.0</a>, the latest version</li><li><a href=\"/packages/aff\">");
    expect_within(get(s, "/packages/aff/08.0.0").body, "the latest version</li><li><a href=\"/packages/aff\">");
}

/* ---- The badge ---- */

static struct answered get_badge(struct gateway_scene *s, const char *path, int status, const char *colour, const char *words) {
    const struct answered badge = get(s, path);
    expect_status(badge, status);
    expect_header(s, &badge, "content-type", "image/svg+xml");
    expect_header(s, &badge, "cache-control", "public, max-age=300");
    assert_non_null(header_of(s, &badge, "etag"));
    expect_within(badge.body, arena_format(&s->f.arena, "<title>%s</title>", words));
    expect_within(badge.body, colour);
    return badge;
}

static void a_badge_has_the_latest_version_or_its_state(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_known_package_query, VERSION);
    const struct answered badge = get_badge(s, "/packages/aff/badge.svg", 200, "#0a5c9e", "aff: v7.1.0");
    assert_string_equal(stub_services_last(s->services, MESSAGE_known_package_query, NULL)->known_package_query.version,
                        "latest");
    const char *const has[] = {arena_format(&s->f.arena, "If-None-Match: %s", header_of(s, &badge, "etag")), NULL};
    expect_status(ask_with(s, NULL, "/packages/aff/badge.svg", has, NULL), 304);
    get_badge(s, "/packages/aff/badge.svg?compiler=0.15.0", 200, "#0a5c9e", "aff: 0.15.0: builds");
    get_badge(s, "/packages/aff/badge.svg?compiler=0.15.1", 200, "#a94600", "aff: 0.15.1: fails");
    get_badge(s, "/packages/aff/badge.svg?compiler=9.9.9", 200, "#5f6673", "aff: 9.9.9: unknown compiler");
    expect_status(get(s, "/packages/aff/badge.svg?compiler=new"), 400);
    stub_services_fail(s->services, MESSAGE_known_package_query, STATUS_NOT_FOUND, NULL, "There is none.");
    get_badge(s, "/packages/none/badge.svg", 404, "#5f6673", "none: unknown package");
    get_badge(s, "/packages/%3Cscript%3E/badge.svg", 404, "#5f6673", "PureScript: unknown package");
    assert_int_equal(stub_services_count(s->services, MESSAGE_package_query), 0);
    stub_services_fail(s->services, MESSAGE_known_package_query, STATUS_UNAVAILABLE, NULL, "");
    expect_status(get(s, "/packages/none/badge.svg"), 503);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        gateway_test(packages_are_listed_page_by_page),
        gateway_test(a_search_keeps_its_words_and_order),
        gateway_test(a_package_has_its_versions_newest_first),
        gateway_test(an_address_that_is_no_web_page_is_no_link),
        gateway_test(a_version_has_its_facts_and_why_it_does_not_build),
        gateway_test(a_readme_is_shown_as_the_text_that_it_is),
        gateway_test(a_long_readme_is_cut),
        gateway_test(what_is_no_tarball_has_no_readme),
        gateway_test(an_unknown_name_leads_to_similar_ones),
        gateway_test(without_an_answer_the_sentence_is_all),
        gateway_test(an_unknown_version_leads_to_those_beside_it),
        gateway_test(a_badge_has_the_latest_version_or_its_state),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
