/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Why packages are not in the package set, over HTTP, with real programs: before an update and after it.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "tests/support/set_scene.h"

#define BOTH "[0.15.15 0.15.16]"
#define EXCUSES "/api/v1/package-sets/latest/excuses"

/* `base` 2.0.0 has no longer what `user` imports, `bad` imports something that is nowhere, `needy` needs `bad`. */
static const char *const rows[] = {
    "bad 1.0.0 " BOTH " ",
    "base 1.0.0 " BOTH " ",
    "base 2.0.0 " BOTH " ",
    "good 1.0.0 " BOTH " base >=1.0.0 <3.0.0",
    "needy 1.0.0 " BOTH " bad >=1.0.0 <2.0.0",
    "user 1.0.0 [0.15.15] base >=1.0.0 <3.0.0",
};
static const struct generated_extra extras[] = {
    {"base", "1.0.0", .module = "Base.Old", .import = NULL},
    {"user", "1.0.0", .module = NULL, .import = "Base.Old"},
    {"bad", "1.0.0", .module = NULL, .import = "Nowhere.At.All"},
};

static struct server *server;

static int start(void **state) {
    (void)state;
    server = set_scene_start(&(struct set_scene_options){.rows = rows,
                                                         .row_count = sizeof rows / sizeof rows[0],
                                                         .extras = extras,
                                                         .extra_count = sizeof extras / sizeof extras[0],
                                                         .members = "base 1.0.0 user 1.0.0"});
    return 0;
}

static int stop(void **state) {
    (void)state;
    set_scene_stop(server);
    return 0;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static const json_t *excuse_of(const json_t *answer, const char *name) {
    size_t i;
    const json_t *excuse;
    json_array_foreach(json_object_get(answer, "excuses"), i, excuse) {
        if (text_equal(text_of(excuse, "name"), name)) return excuse;
    }
    fail_msg("there is no excuse for %s", name);
    return NULL;
}

/* `words`: of the sentence. */
static void expect(const json_t *answer, const char *name, const char *verdict, const char *words) {
    const json_t *excuse = excuse_of(answer, name);
    assert_string_equal(text_of(excuse, "verdict"), verdict);
    if (!strstr(text_of(excuse, "sentence"), words)) fail_msg("%s: %s", name, text_of(excuse, "sentence"));
}

/* The job of the excuse is there, and is that of a failed build. */
static void expect_build(const json_t *answer, const char *name, const char *package) {
    json_t *job =
        server_get(server, arena_format(&server->arena, "/api/v1/jobs/%s", text_of(excuse_of(answer, name), "jobId")));
    assert_string_equal(text_of(job, "packageName"), package);
    assert_string_equal(text_of(job, "verdict"), "failed_to_compile");
    json_decref(job);
}

static void an_update_decides_what_waited(void **state) {
    (void)state;
    json_t *before = server_get(server, EXCUSES);
    expect(before, "bad", "waiting", "tries bad@1.0.0. No update is scheduled. No update has tried the candidates yet.");
    expect(before, "base", "waiting", "tries base@2.0.0.");
    expect(before, "needy", "waiting", "tries needy@1.0.0.");
    expect(before, "user", "in_set", "user@1.0.0 is in the package set 1.0.0.");
    assert_null(json_object_get(before, "checked"));
    json_decref(before);

    const char *id = set_scene_update(server);
    set_scene_expect_done(server, id, "Released the package set 1.1.0");
    json_t *after = server_get(server, EXCUSES);
    assert_string_equal(text_of(json_object_get(after, "packageSet"), "version"), "1.1.0");
    assert_string_equal(text_of(json_object_get(after, "checked"), "jobId"), id);
    expect(after, "bad", "fails_with_set", "bad@1.0.0 does not compile with the versions in the package set 1.1.0: ");
    expect(after, "base", "breaks", "With base@2.0.0 another package of the set does not compile: user: ");
    expect(after, "good", "in_set", "good@1.0.0 is in the package set 1.1.0.");
    expect(after, "needy", "blocked_by", "needy@1.0.0 depends on bad, not in the package set 1.1.0.");
    expect_build(after, "bad", "bad");
    expect_build(after, "base", "user");
    const json_t *next = json_array_get(json_object_get(after, "nextCompilers"), 0);
    assert_string_equal(text_of(next, "compiler"), "0.15.16");
    assert_string_equal(text_of(json_array_get(json_object_get(next, "inTheWay"), 0), "name"), "user");
    json_decref(after);
}

static void one_package_can_be_asked_for(void **state) {
    (void)state;
    json_t *needy = server_get(server, EXCUSES "/needy");
    const json_t *excuse = json_object_get(needy, "excuse");
    assert_string_equal(text_of(excuse, "verdict"), "blocked_by");
    assert_string_equal(json_string_value(json_array_get(json_object_get(excuse, "roots"), 0)), "bad");
    json_decref(needy);
    struct http_response response;
    server_call(server, "GET", EXCUSES "/nobody", NULL, &response);
    assert_int_equal(response.status, 404);
    assert_non_null(strstr(text_view(&response.body), "There is no package nobody in the registry."));
    http_response_release(&response);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_decides_what_waited),
        cmocka_unit_test(one_package_can_be_asked_for),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
