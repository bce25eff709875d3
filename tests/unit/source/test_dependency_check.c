/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/json.h"
#include "lib/source/dependency_check.h"

/* `own-1.0.0` imports from prelude, from a package with dashes and digits in its name, from itself, and a built-in module of
 * the compiler; prelude imports from a package that must not matter. */
#define OTHERS                                                                                                                 \
    "\"Prelude\":{\"path\":\".registry/prelude-6.0.1/src/Prelude.purs\",\"depends\":[\"Hidden\"]},"                            \
    "\"Hidden\":{\"path\":\".registry/hidden-1.0.0/src/Hidden.purs\",\"depends\":[]},"                                         \
    "\"Codec\":{\"path\":\".registry/js-bigints-2.0.0/src/Codec.purs\",\"depends\":[]}"
static const char graph_in_src[] =
    "{\"A\":{\"path\":\"src/A.purs\",\"depends\":[\"Prelude\",\"B\"]},\"B\":{\"path\":\"./src/B.purs\",\"depends\":[\"Codec\","
    "\"Prelude\",\"Prim.Row\"]}," OTHERS "}";
static const char graph_in_registry[] =
    "{\"A\":{\"path\":\".registry/own-1.0.0/src/A.purs\",\"depends\":[\"Prelude\",\"B\"]},"
    "\"B\":{\"path\":\".registry/own-1.0.0/src/B.purs\",\"depends\":[\"Codec\"]}," OTHERS "}";

static enum status check(const char *source, const char *const *declared, size_t count, struct error *err) {
    struct arena arena = {0};
    struct dependency_findings findings;
    json_t *graph;
    assert_int_equal(json_read(&graph, source, strlen(source), "The graph", err), STATUS_OK);
    enum status status = dependency_findings_make(&findings, &arena, graph, "own", declared, count, err);
    if (!status) status = dependency_findings_check(&findings, err);
    json_decref(graph);
    arena_release(&arena);
    return status;
}

static void declared_and_imported_dependencies_are_fine(void **state) {
    (void)state;
    struct error err = {0};
    static const char *const declared[] = {"js-bigints", "prelude"};
    assert_int_equal(check(graph_in_src, declared, 2, &err), STATUS_OK);
    assert_int_equal(check(graph_in_registry, declared, 2, &err), STATUS_OK);
    assert_int_equal(check("{}", NULL, 0, &err), STATUS_OK);
}

static void unused_and_missing_are_named(void **state) {
    (void)state;
    struct error err = {0};
    static const char *const declared[] = {"zip", "prelude", "effect", "js"};
    assert_int_equal(check(graph_in_src, declared, 4, &err), STATUS_REFUSED);
    assert_string_equal(err.path, "dependencies");
    assert_string_equal(
        err.message,
        "The manifest declares dependencies that no module imports from (unused): effect, js and zip. Leave them out. The "
        "modules import from packages that the manifest does not declare (missing): js-bigints. Add them to its dependencies.");
}

static void imports_of_dependencies_are_not_ours(void **state) {
    (void)state;
    struct error err = {0};
    static const char *const declared[] = {"prelude", "js-bigints", "hidden"};
    assert_int_equal(check(graph_in_src, declared, 3, &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, "(unused): hidden."));
    assert_null(strstr(err.message, "missing"));
}

static void a_strange_graph_is_an_error(void **state) {
    (void)state;
    struct error err = {0};
    static const char *const graphs[] = {"[]", "{\"A\":1}", "{\"A\":{\"path\":\"src/A.purs\"}}",
                                         "{\"A\":{\"path\":\"src/A.purs\",\"depends\":[1]}}",
                                         "{\"A\":{\"path\":\"src/A.purs\",\"depends\":[\"B\"]},\"B\":{}}"};
    for (size_t i = 0; i < sizeof graphs / sizeof graphs[0]; i++)
        assert_int_equal(check(graphs[i], NULL, 0, &err), STATUS_INTERNAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declared_and_imported_dependencies_are_fine),
        cmocka_unit_test(unused_and_missing_are_named),
        cmocka_unit_test(imports_of_dependencies_are_not_ours),
        cmocka_unit_test(a_strange_graph_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
