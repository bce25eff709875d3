/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/deadline.h"
#include "lib/base/text.h"
#include "lib/tools/http/pursuit.h"
#include "tests/support/server/pursuit_server.h"

#define TOKEN "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
#define DOCUMENTATION                                                                                                          \
    "{\"packageMeta\":{\"name\":\"purescript-aff\"},\"version\":\"7.1.0\",\"versionTag\":\"v7.1.0\",\"modules\":[],"           \
    "\"github\":[\"purescript-contrib\",\"purescript-aff\"]}"

static struct pursuit_server *server;
static struct deadline deadline;

static int set_up(void **state) {
    (void)state;
    deadline_start(&deadline, 100000);
    server = pursuit_server_start(TOKEN);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    pursuit_server_stop(server);
    return 0;
}

static struct pursuit client(void) {
    return (struct pursuit){.base_url = pursuit_server_url(server), .token = TOKEN, .timeout_ms = 20000};
}

static bool has_version(const char *name, const char *version) {
    struct pursuit pursuit = client();
    struct error err;
    bool is_there = false;
    if (pursuit_has_version(&is_there, &pursuit, name, version, &deadline, &err)) fail_msg("%s", err.message);
    return is_there;
}

static enum status upload(const char *json, const char *token, struct error *err) {
    struct pursuit pursuit = client();
    pursuit.token = token;
    return pursuit_upload(&pursuit, json, strlen(json), &deadline, err);
}

static void a_version_is_there_once_it_was_uploaded(void **state) {
    (void)state;
    struct error err;
    assert_false(has_version("aff", "7.1.0")); /* 404: Pursuit has no version */
    assert_int_equal(upload(DOCUMENTATION, TOKEN, &err), STATUS_OK);
    assert_true(has_version("aff", "7.1.0"));
    assert_false(has_version("aff", "7.1"));
    assert_false(has_version("aff", "7.1.01"));
    json_t *kept = pursuit_server_documentation(server, "aff", "7.1.0"), *sent = json_loads(DOCUMENTATION, 0, NULL);
    assert_true(json_equal(kept, sent));
    json_decref(kept);
    json_decref(sent);
    assert_int_equal(upload(DOCUMENTATION, TOKEN, &err), STATUS_OK);
}

static void a_base_with_a_slash_at_its_end_is_the_same(void **state) {
    (void)state;
    struct text base = {0}, page = {0};
    struct error err;
    bool is_there = true;
    text_append_format(&base, "%s//", pursuit_server_url(server));
    const struct pursuit pursuit = {.base_url = base.bytes, .token = TOKEN, .timeout_ms = 20000};
    assert_int_equal(pursuit_has_version(&is_there, &pursuit, "unknown", "1.0.0", &deadline, &err), STATUS_OK);
    assert_false(is_there);
    pursuit_append_page(&page, "https://pursuit.purescript.org/", "aff", "7.1.0");
    assert_string_equal(page.bytes, "https://pursuit.purescript.org/packages/purescript-aff/7.1.0");
    text_release(&base);
    text_release(&page);
}

static void a_refusal_is_quoted_and_the_token_is_not(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(upload("{}", TOKEN, &err), STATUS_REFUSED);
    assert_string_equal(err.message, "Pursuit answered 400: \"{\"error\":\"Invalid JSON data\"}\".");
    assert_int_equal(upload(DOCUMENTATION, "ghp_another", &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, "401"));
    assert_null(strstr(err.message, "ghp_"));
}

static void failed_or_malformed_answers_are_unavailable(void **state) {
    (void)state;
    struct pursuit pursuit = client();
    struct error err;
    bool is_there;
    static const enum pursuit_mode modes[] = {PURSUIT_AWAY, PURSUIT_GARBLED};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        pursuit_server_set_mode(server, modes[i]);
        assert_int_equal(pursuit_has_version(&is_there, &pursuit, "aff", "7.1.0", &deadline, &err), STATUS_UNAVAILABLE);
        assert_false(is_there);
    }
    pursuit_server_set_mode(server, PURSUIT_SILENT);
    pursuit.timeout_ms = 100;
    assert_int_equal(pursuit_upload(&pursuit, "{}", 2, &deadline, &err), STATUS_TIMEOUT);
    assert_null(strstr(err.message, "ghp_"));
}

static void a_list_of_versions_is_taken_in_no_other_form(void **state) {
    (void)state;
    static const char *const lists[] = {"",
                                        "{}",
                                        "7",
                                        "[7]",
                                        "[[]]",
                                        "[[\"7.1.0\"]]",
                                        "[[\"7.1.0\",7]]",
                                        "[[\"7.1.0\",\"u\",\"v\"]]",
                                        "[[7,\"u\"]]",
                                        "[[\"7.1.0\",\"u\"]] and more",
                                        "[[\"7.1.0\",\"u\"],7]"};
    struct error err;
    bool is_there;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        assert_int_equal(pursuit_find_version(&is_there, lists[i], strlen(lists[i]), "7.1.0", &err), STATUS_INVALID);
        assert_false(is_there);
    }
    static const char good[] = "[[\"7.0.0\",\"u\"],[\"7.1.0\",\"u\"]]";
    assert_int_equal(pursuit_find_version(&is_there, good, strlen(good), "7.1.0", &err), STATUS_OK);
    assert_true(is_there);
    assert_int_equal(pursuit_find_version(&is_there, "[]", 2, "7.1.0", &err), STATUS_OK);
    assert_false(is_there);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_version_is_there_once_it_was_uploaded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_base_with_a_slash_at_its_end_is_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_is_quoted_and_the_token_is_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failed_or_malformed_answers_are_unavailable, set_up, tear_down),
        cmocka_unit_test(a_list_of_versions_is_taken_in_no_other_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
