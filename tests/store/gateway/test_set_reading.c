/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Questions about package sets at the gateway (services/gateway/README.md, Package sets), to a stand-in of the service.
 */
#include "tests/store/gateway/gateway_scene.h"

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
        gateway_test(a_malformed_version_is_400_without_a_question),
        gateway_test(questions_for_sets_that_are_not_there_are_limited),
        gateway_test(without_the_service_it_is_503),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
