/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "services/gateway/http/router.h"

static struct route_match find(enum port port, const char *method, const char *path) {
    struct route_match match;
    router_find(port, method, strlen(method), path, strlen(path), &match);
    return match;
}

static void assert_parameter(const struct route_match *match, size_t index, const char *expected) {
    assert_int_equal(match->parameters[index].length, strlen(expected));
    assert_memory_equal(match->parameters[index].start, expected, strlen(expected));
}

static void every_route_finds_itself(void **state) {
    (void)state;
    size_t count;
    const struct route *routes = router_routes(&count);
    for (size_t i = 0; i < count; i++) {
        enum port port = routes[i].ports & PORT_PUBLIC ? PORT_PUBLIC : PORT_MANAGEMENT;
        struct route_match match = find(port, routes[i].method == METHOD_POST ? "POST" : "GET", routes[i].path);
        assert_ptr_equal(match.route, &routes[i]);
        assert_true(strlen(routes[i].description) > 10);
    }
}

static void parameters_are_cut_out(void **state) {
    (void)state;
    struct route_match match = find(PORT_PUBLIC, "GET", "/api/v1/jobs/abc");
    assert_ptr_equal(match.route->start, get_job);
    assert_parameter(&match, 0, "abc");
    match = find(PORT_PUBLIC, "HEAD", "/prelude/6.0.1.tar.gz");
    assert_ptr_equal(match.route->start, get_tarball);
    assert_parameter(&match, 0, "prelude");
    assert_parameter(&match, 1, "6.0.1");
}

static void missing_objects_are_not_found(void **state) {
    (void)state;
    static const char *const paths[] = {
        "//",       "",           "/api/v1/jobs/",  "/api/v1/jobs/a/b", "/api/v1/job", "/api/v1/jobsx",
        "/status/", "/a/.tar.gz", "//1.0.0.tar.gz", "/a/b/1.0.0.tar.gz"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct route_match match = find(PORT_PUBLIC, "GET", paths[i]);
        assert_null(match.route);
        assert_int_equal(match.other_methods, 0);
    }
}

static void another_method_is_told_which_there_are(void **state) {
    (void)state;
    struct route_match match = find(PORT_PUBLIC, "GET", "/api/v1/publish");
    assert_null(match.route);
    assert_int_equal(match.other_methods, METHOD_POST);
    assert_int_equal(find(PORT_PUBLIC, "PATCH", "/api/v1/jobs").other_methods, METHOD_GET);
}

static void the_management_port_has_only_its_own(void **state) {
    (void)state;
    assert_non_null(find(PORT_MANAGEMENT, "GET", "/readyz").route);
    assert_non_null(find(PORT_MANAGEMENT, "GET", "/metrics").route);
    assert_null(find(PORT_PUBLIC, "GET", "/metrics").route);
    assert_null(find(PORT_MANAGEMENT, "GET", "/api/v1/jobs").route);
}

static void bodies_are_limited_by_route(void **state) {
    (void)state;
    static const struct {
        const char *method, *target;
        size_t limit; /* 0: the largest */
    } rows[] = {
        {"POST", "/api/v1/publish", 65536},
        {"POST", "/api/v1/publish?a=/b/../c", 65536},
        {"POST", "http://host:80/api/v1/publish?a=b", 65536},
        {"POST", "/api/v1/package-sets", 1048576},
        {"GET", "/api/v1/publish", IGNORED_BODY_BYTES},
        {"GET", "/api/v1/jobs", IGNORED_BODY_BYTES},
        {"POST", "/api/v1/jobs", IGNORED_BODY_BYTES},
        {"POST", "/nowhere", IGNORED_BODY_BYTES},
        {"DELETE", "/", IGNORED_BODY_BYTES},
        {"POST", "/api/v1/%70ublish", 0}, /* h2o will make it /api/v1/publish */
        {"POST", "/api/v1/./publish", 0},
        {"POST", "", 0},
        {"POST", "http://host", 0},
        {"POST", "*", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t expected = rows[i].limit ? rows[i].limit : router_largest_body_bytes();
        size_t found =
            router_body_limit(PORT_PUBLIC, rows[i].method, strlen(rows[i].method), rows[i].target, strlen(rows[i].target));
        if (found != expected) fail_msg("%s %s: %zu", rows[i].method, rows[i].target, found);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_finds_itself),
        cmocka_unit_test(parameters_are_cut_out),
        cmocka_unit_test(bodies_are_limited_by_route),
        cmocka_unit_test(missing_objects_are_not_found),
        cmocka_unit_test(another_method_is_told_which_there_are),
        cmocka_unit_test(the_management_port_has_only_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
