/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The document is made from the rows, and is complete, without references to missing parts. That it is valid OpenAPI and true
 * is tested by tests/clients/openapi_test.js, which needs tools from npm.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/job/job.h"
#include "services/gateway/http/router.h"
#include "services/gateway/routes/openapi.h"

static int make_document(void **state) {
    struct text text = {0};
    json_t *document = NULL;
    struct error err;
    openapi_append(&text);
    enum status status = json_read(&document, text.bytes, text.length, "The document", &err);
    text_release(&text);
    *state = document;
    return status ? -1 : 0;
}

static int free_document(void **state) {
    json_decref(*state);
    return 0;
}

static const json_t *at(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    if (!value) fail_msg("there is no \"%s\"", key);
    return value;
}

static const json_t *operation_of(const json_t *document, const struct route *route) {
    return at(at(at(document, "paths"), route->path), route->method == METHOD_POST ? "post" : "get");
}

static const json_t *parameter_of(const json_t *operation, const char *place, const char *name) {
    size_t index;
    json_t *parameter;
    json_array_foreach(json_object_get(operation, "parameters"), index, parameter) {
        if (strcmp(json_string_value(at(parameter, "in")), place) == 0 &&
            strcmp(json_string_value(at(parameter, "name")), name) == 0)
            return parameter;
    }
    fail_msg("there is no parameter \"%s\" in the %s", name, place);
    return NULL;
}

static void every_public_route_is_there(void **state) {
    size_t count;
    const struct route *routes = router_routes(&count);
    for (size_t i = 0; i < count; i++) {
        if (!(routes[i].ports & PORT_PUBLIC) || routes[i].is_page) continue;
        const json_t *operation = operation_of(*state, &routes[i]);
        assert_string_equal(json_string_value(at(operation, "summary")), routes[i].description);
        assert_string_equal(json_string_value(at(operation, "operationId")), routes[i].name);
        assert_true((json_object_get(operation, "requestBody") != NULL) == (routes[i].body_limit_bytes > 0));
    }
}

static void every_row_of_a_parameter_is_there_with_its_default(void **state) {
    size_t count;
    const struct route *routes = router_routes(&count);
    for (size_t i = 0; i < count; i++) {
        if (!(routes[i].ports & PORT_PUBLIC) || routes[i].is_page) continue;
        const json_t *operation = operation_of(*state, &routes[i]);
        for (const struct query_parameter *row = routes[i].parameters; row->name; row++) {
            const json_t *parameter = parameter_of(operation, row->type == QUERY_HEADER ? "header" : "query", row->name);
            assert_string_equal(json_string_value(at(parameter, "description")), row->meaning);
            assert_true((json_object_get(at(parameter, "schema"), "default") != NULL) == (row->initial != NULL));
        }
    }
}

static const json_t *query_schema(const json_t *document, const char *path, const char *name) {
    return at(parameter_of(at(at(at(document, "paths"), path), "get"), "query", name), "schema");
}

static void a_parameter_has_the_type_of_its_row(void **state) {
    const json_t *limit = query_schema(*state, "/api/v1/jobs/{id}", "limit");
    assert_string_equal(json_string_value(at(limit, "type")), "integer");
    assert_int_equal(json_integer_value(at(limit, "minimum")), 1);
    assert_int_equal(json_integer_value(at(limit, "default")), 10000);
    assert_true(json_is_false(at(query_schema(*state, "/api/v1/jobs", "include_completed"), "default")));
    assert_string_equal(json_string_value(at(query_schema(*state, "/api/v1/jobs", "since"), "format")), "date-time");
    const json_t *levels = at(query_schema(*state, "/logs/{id}", "level"), "enum");
    assert_string_equal(json_string_value(json_array_get(levels, 0)), "DEBUG");
    const json_t *version = parameter_of(at(at(at(*state, "paths"), "/{name}/{version}.tar.gz"), "get"), "path", "version");
    assert_true(json_is_true(at(version, "required")));
}

static void words_come_from_their_tables(void **state) {
    const json_t *schemas = at(at(*state, "components"), "schemas");
    assert_string_equal(json_string_value(json_array_get(at(at(schemas, "ErrorCode"), "enum"), 0)), "invalid_request");
    assert_string_equal(json_string_value(json_array_get(at(at(schemas, "JobKind"), "enum"), 0)), "publish");
    assert_int_equal(json_array_size(at(at(schemas, "JobState"), "enum")), JOB_STATE_COUNT);
    /* and a job of every kind has a schema */
    assert_int_equal(json_array_size(at(at(schemas, "Job"), "oneOf")), JOB_KIND_COUNT);
}

static void check_reference(const json_t *document, const char *reference) {
    char path[200];
    assert_true(text_starts_with(reference, "#/"));
    snprintf(path, sizeof path, "%s", reference + 2);
    const json_t *found = document;
    char *rest = NULL;
    for (char *part = strtok_r(path, "/", &rest); part; part = strtok_r(NULL, "/", &rest))
        found = at(found, part);
}

static void check_references(const json_t *document, const json_t *value) {
    const char *key;
    size_t index;
    json_t *part;
    json_array_foreach(value, index, part) check_references(document, part);
    json_object_foreach((json_t *)value, key, part) {
        if (strcmp(key, "$ref") == 0) check_reference(document, json_string_value(part));
        check_references(document, part);
    }
}

static void every_reference_leads_somewhere(void **state) {
    check_references(*state, *state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_public_route_is_there),
        cmocka_unit_test(every_row_of_a_parameter_is_there_with_its_default),
        cmocka_unit_test(a_parameter_has_the_type_of_its_row),
        cmocka_unit_test(words_come_from_their_tables),
        cmocka_unit_test(every_reference_leads_somewhere),
    };
    return cmocka_run_group_tests(tests, make_document, free_document);
}
