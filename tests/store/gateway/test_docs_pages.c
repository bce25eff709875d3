/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The documentation among the pages (services/gateway/web/docs.def), and the API's, which is made of the OpenAPI document.
 */
#include "tests/store/gateway/gateway_scene.h"

#include <ctype.h>

/* Each `href="#ID"` of the page leads to an element that has the id. */
static void expect_fragments(struct gateway_scene *s, const char *body) {
    static const char start[] = "href=\"#";
    int count = 0;
    for (const char *at = body; (at = strstr(at, start)); count++) {
        at += strlen(start);
        const char *id = arena_copy_bytes(&s->f.arena, at, strcspn(at, "\""));
        expect_within(body, arena_format(&s->f.arena, " id=\"%s\"", id));
    }
    assert_true(count > 5);
}

static void the_documentation_says_how_to_publish(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const struct answered docs = get(s, "/docs");
    expect_status(docs, 200);
    expect_within(docs.body, "<a href=\"/docs\" aria-current=\"page\">Documentation</a>");
    expect_within(docs.body, "<h2 id=\"publish\">How to publish</h2>");
    expect_within(docs.body, "<li><strong>Imports.</strong> Something is imported");
    expect_within(docs.body, "<code>&gt;=1.0.0 &lt;2.0.0</code>");
    expect_within(docs.body, "<a href=\"/package-sets/excuses\">Why a package is in the latest set, or not</a>");
    expect_within(docs.body, "<summary>publish.yml</summary>");
    expect_within(docs.body, "timeout-minutes: 60"); /* of the workflow */
    expect_not_within(docs.body, "**");
    expect_fragments(s, docs.body);
}

static void expect_operation(struct gateway_scene *s, const char *body, const char *path, const char *method,
                             const json_t *operation) {
    char *upper = arena_copy(&s->f.arena, method);
    for (char *at = upper; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    expect_within(body,
                  arena_format(&s->f.arena, "<h3 id=\"%s\">%s %s</h3>", http_json_text(operation, "operationId"), upper, path));
}

static void the_api_page_has_each_route_and_shape(void **state) {
    struct gateway_scene *s = *state;
    json_t *methods, *operation;
    const char *path, *method;
    size_t count = 0;
    serve(s);
    const struct answered page = get(s, "/docs/api"), openapi = get(s, "/api/v1/openapi.json");
    expect_status(page, 200);
    json_t *document = json_loads(openapi.body, 0, NULL);
    json_object_foreach(json_object_get(document, "paths"), path, methods) json_object_foreach(methods, method, operation) {
        expect_operation(s, page.body, path, method, operation);
        count++;
    }
    json_decref(document);
    assert_true(count > 20);
    expect_within(page.body, "<h3 id=\"shape-Accepted\">Accepted</h3>");
    expect_within(page.body, "<td><code>limit</code></td><td class=\"short\">query</td><td>integer, at least "
                             "<code>1</code>, at most <code>1000</code>, default <code>100</code></td>");
    expect_within(page.body, "<td>404</td><td><a href=\"#shape-Error\">Error</a></td>");
    expect_fragments(s, page.body);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        gateway_test(the_documentation_says_how_to_publish),
        gateway_test(the_api_page_has_each_route_and_shape),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
