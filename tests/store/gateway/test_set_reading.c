/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Questions about package sets at the gateway (services/gateway/README.md, Package sets), to a stand-in of the service.
 */
#include "tests/store/gateway/gateway_scene.h"

#include "lib/tools/archive/gzip.h"

static void a_page_is_passed_on_with_a_link(void **state) {
    struct gateway_scene *s = *state;
    static const char page[] = "{\"packageSets\":[],\"next\":\"2.0.0\"}";
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_page_query, page);
    const struct answered first = get(s, "/api/v1/package-sets?limit=2&after=3.0.0");
    expect_json(first, 200, page);
    expect_header(s, &first, "content-type", "application/json");
    expect_header(s, &first, "cache-control", "no-store");
    expect_header(s, &first, "link", "</api/v1/package-sets?after=2.0.0&limit=2>; rel=\"next\"");
    enum service service;
    const struct message_set_page_query *asked =
        &stub_services_last(s->services, MESSAGE_set_page_query, &service)->set_page_query;
    assert_int_equal(service, SERVICE_PACKAGE_SET);
    assert_string_equal(asked->after, "3.0.0");
    assert_int_equal(asked->limit, 2);
    stub_services_answer_json(s->services, MESSAGE_set_page_query, "{\"packageSets\":[]}");
    const struct answered last = get(s, "/api/v1/package-sets");
    expect_header(s, &last, "link", NULL);
    asked = &stub_services_last(s->services, MESSAGE_set_page_query, NULL)->set_page_query;
    assert_null(asked->after);
    assert_int_equal(asked->limit, 100);
    expect_error(s, get(s, "/api/v1/package-sets?after=x"), 400, "after",
                 "The parameter \"after\" must be a version like 1.0.3, but it is \"x\".");
    expect_error(s, get(s, "/api/v1/package-sets?limit=0"), 400, "limit", "");
}

static void a_set_that_is_known_is_not_looked_for_again(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_query, "{\"version\":\"1.0.0\"}");
    expect_json(get(s, "/api/v1/package-sets/1.0.0"), 200, "{\"version\":\"1.0.0\"}");
    const struct message_set_query *asked = &stub_services_last(s->services, MESSAGE_set_query, NULL)->set_query;
    assert_string_equal(asked->version, "1.0.0");
    assert_false(asked->looks_again);
    expect_json(get(s, "/api/v1/package-sets/latest"), 200, "{\"version\":\"1.0.0\"}");
    asked = &stub_services_last(s->services, MESSAGE_set_query, NULL)->set_query;
    assert_null(asked->version);
    assert_int_equal(stub_services_count(s->services, MESSAGE_set_query), 2);
}

static void two_sets_are_asked_for_in_order(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_comparison_query, "{}");
    expect_json(get(s, "/api/v1/package-sets/1.0.0/compare/latest"), 200, "{}");
    const struct message_set_comparison_query *asked =
        &stub_services_last(s->services, MESSAGE_set_comparison_query, NULL)->set_comparison_query;
    assert_string_equal(asked->from, "1.0.0");
    assert_null(asked->to);
    expect_json(get(s, "/api/v1/package-sets/latest/compare/2.0.0"), 200, "{}");
    asked = &stub_services_last(s->services, MESSAGE_set_comparison_query, NULL)->set_comparison_query;
    assert_null(asked->from);
    assert_string_equal(asked->to, "2.0.0");
}

static void excuses_are_asked_for_all_packages_or_one(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_excuses_query, "{\"excuses\":[]}");
    expect_json(get(s, "/api/v1/package-sets/latest/excuses"), 200, "{\"excuses\":[]}");
    enum service service;
    const struct message_set_excuses_query *asked =
        &stub_services_last(s->services, MESSAGE_set_excuses_query, &service)->set_excuses_query;
    assert_int_equal(service, SERVICE_PACKAGE_SET);
    assert_null(asked->name);
    assert_false(asked->looks_again);
    expect_json(get(s, "/api/v1/package-sets/latest/excuses/aff"), 200, "{\"excuses\":[]}");
    asked = &stub_services_last(s->services, MESSAGE_set_excuses_query, NULL)->set_excuses_query;
    assert_string_equal(asked->name, "aff");
    assert_false(asked->looks_again);
    expect_error(s, get(s, "/api/v1/package-sets/latest/excuses/Aff"), 404, NULL, "There is no such package: ");
    expect_status(get(s, "/api/v1/package-sets/1.0.0/excuses"), 404); /* of the latest set alone */
    assert_int_equal(stub_services_count(s->services, MESSAGE_set_excuses_query), 2);
    stub_services_fail(s->services, MESSAGE_set_excuses_query, STATUS_NOT_FOUND, NULL,
                       "There is no package x in the registry.");
    expect_error(s, get(s, "/api/v1/package-sets/latest/excuses/x"), 404, NULL, "There is no package x in the registry.");
    asked = &stub_services_last(s->services, MESSAGE_set_excuses_query, NULL)->set_excuses_query;
    assert_true(asked->looks_again);
    assert_string_equal(asked->name, "x");
}

#define EXCUSES "/api/v1/package-sets/latest/excuses"

/* Many excuses, all alike. */
static const char *make_excuses(struct gateway_scene *s, size_t count) {
    struct text json = {0};
    text_append(&json, "{\"excuses\":[");
    for (size_t i = 0; i < count; i++)
        text_append_format(&json, "%s{\"name\":\"package-%zu\",\"verdict\":\"waiting\"}", i ? "," : "", i);
    text_append(&json, "]}");
    const char *copy = arena_copy(&s->f.arena, json.bytes);
    text_release(&json);
    return copy;
}

static void expect_plain(struct gateway_scene *s, const char *accepted, const char *json) {
    const char *const headers[] = {accepted, NULL};
    const struct answered answered = ask_with(s, NULL, EXCUSES, headers, NULL);
    expect_json(answered, 200, json);
    expect_header(s, &answered, "content-encoding", NULL);
    expect_header(s, &answered, "vary", "Origin, Accept-Encoding");
}

static void a_large_answer_is_compressed_for_who_takes_it(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    static const char *const accepts[] = {"Accept-Encoding: br, gzip;q=0.5", NULL};
    const char *large = make_excuses(s, 1000), *small = make_excuses(s, 2);
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_excuses_query, large);
    struct http_response response = http_ask(NULL, s->url, EXCUSES, accepts, NULL);
    struct text plain = {0};
    assert_int_equal(response.status, 200);
    assert_string_equal(http_header(&response, "content-encoding"), "gzip");
    assert_string_equal(http_header(&response, "content-type"), "application/json");
    assert_string_equal(http_header(&response, "vary"), "Origin, Accept-Encoding");
    assert_true(response.body.length * 5 < strlen(large));
    assert_ok(gzip_unpack(&plain, response.body.bytes, response.body.length, 1 << 20, &f->err));
    assert_string_equal(text_view(&plain), large);
    text_release(&plain);
    http_response_release(&response);
    expect_plain(s, "Accept-Encoding: gzip;q=0", large);
    expect_plain(s, "Accept-Encoding: identity", large);
    stub_services_answer_json(s->services, MESSAGE_set_excuses_query, small);
    expect_plain(s, "Accept-Encoding: gzip", small);
}

static void excuses_that_a_client_has_are_not_sent_again(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_set_excuses_query, make_excuses(s, 1000));
    const struct answered first = get(s, EXCUSES);
    const char *tag = header_of(s, &first, "etag");
    char hash[SHA256_SRI_MAX];
    hash_sha256_sri(first.body, strlen(first.body), hash);
    assert_string_equal(tag, arena_format(&s->f.arena, "\"%s\"", hash)); /* as the OpenAPI document has it */
    expect_header(s, &first, "cache-control", "no-cache");
    const char *const headers[] = {arena_format(&s->f.arena, "If-None-Match: %s", tag), "Accept-Encoding: gzip", NULL};
    const struct answered same = ask_with(s, NULL, EXCUSES, headers, NULL);
    expect_json(same, 304, "");
    expect_header(s, &same, "etag", tag);
    expect_header(s, &same, "content-encoding", NULL);
    stub_services_answer_json(s->services, MESSAGE_set_excuses_query, make_excuses(s, 2));
    expect_json(ask_with(s, NULL, EXCUSES, headers, NULL), 200, make_excuses(s, 2));
    const struct answered one = get(s, EXCUSES "/aff"); /* small: asked for each time */
    expect_header(s, &one, "etag", NULL);
    expect_header(s, &one, "cache-control", "no-store");
}

static void a_malformed_version_is_400_without_a_question(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    expect_error(s, get(s, "/api/v1/package-sets/1.0"), 400, "set", "\"1.0\" is not a version");
    expect_error(s, get(s, "/api/v1/package-sets/Latest"), 400, "set", "\"Latest\" is not a version");
    expect_error(s, get(s, "/api/v1/package-sets/v1.0.0/compare/1.0.0"), 400, "set", "\"v1.0.0\" is not a version");
    expect_error(s, get(s, "/api/v1/package-sets/1.0.0/compare/x"), 400, "other", "\"x\" is not a version");
    assert_int_equal(stub_services_count(s->services, MESSAGE_set_query), 0);
    assert_int_equal(stub_services_count(s->services, MESSAGE_set_comparison_query), 0);
}

/* Only an answer that is "not found" costs a fetch of both repositories; so many a minute may one address cause, together with
 * those for packages. */
static void questions_for_sets_that_are_not_there_are_limited(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_fail(s->services, MESSAGE_set_query, STATUS_NOT_FOUND, NULL, "There is no package set 9.0.0.");
    stub_services_fail(s->services, MESSAGE_set_comparison_query, STATUS_NOT_FOUND, NULL, "There is no package set 9.0.0.");
    expect_error(s, get(s, "/api/v1/package-sets/9.0.0"), 404, NULL, "There is no package set 9.0.0.");
    assert_true(stub_services_last(s->services, MESSAGE_set_query, NULL)->set_query.looks_again);
    assert_string_equal(stub_services_last(s->services, MESSAGE_set_query, NULL)->set_query.version, "9.0.0");
    for (int i = 1; i < UNKNOWN_PACKAGES_PER_MINUTE; i++)
        expect_status(get(s, "/api/v1/package-sets/9.0.0/compare/1.0.0"), 404);
    assert_true(stub_services_last(s->services, MESSAGE_set_comparison_query, NULL)->set_comparison_query.looks_again);
    const struct answered answered = get(s, "/api/v1/package-sets/9.0.0");
    expect_error(s, answered, 429, NULL, "Too many requests from 127.0.0.1");
    assert_true(atoi(header_of(s, &answered, "retry-after")) >= 1);
    stub_services_fail(s->services, MESSAGE_known_package_query, STATUS_NOT_FOUND, NULL, "There is no package x.");
    expect_status(get(s, "/api/v1/packages/x"), 429);
    stub_services_answer_json(s->services, MESSAGE_set_query, "{}");
    expect_status(get(s, "/api/v1/package-sets/1.0.0"), 200); /* what is there is never limited */
}

static void without_the_service_it_is_503(void **state) {
    struct gateway_scene *s = *state;
    static const char *const paths[] = {"/api/v1/package-sets", "/api/v1/package-sets/latest",
                                        "/api/v1/package-sets/1.0.0/compare/2.0.0"};
    serve(s);
    stub_services_close(s->services, SERVICE_PACKAGE_SET);
    expect_error(s, get(s, "/api/v1/package-sets/latest/excuses"), 503, NULL,
                 "Excuses cannot be looked up at the moment: try again in a few seconds.");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const struct answered answered = get(s, paths[i]);
        expect_error(s, answered, 503, NULL, "Package sets cannot be looked up at the moment: try again in a few seconds.");
        expect_header(s, &answered, "retry-after", "2");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        gateway_test(a_page_is_passed_on_with_a_link),
        gateway_test(a_set_that_is_known_is_not_looked_for_again),
        gateway_test(two_sets_are_asked_for_in_order),
        gateway_test(excuses_are_asked_for_all_packages_or_one),
        gateway_test(a_large_answer_is_compressed_for_who_takes_it),
        gateway_test(excuses_that_a_client_has_are_not_sent_again),
        gateway_test(a_malformed_version_is_400_without_a_question),
        gateway_test(questions_for_sets_that_are_not_there_are_limited),
        gateway_test(without_the_service_it_is_503),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
