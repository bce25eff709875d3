/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/secret.h"
#include "lib/base/settings.h"
#include "lib/base/text.h"

struct fixture {
    char folder[64];
    char before[4096]; /* the working folder to go back to */
    struct settings settings;
    struct error err;
};

/* An empty environment and working folder, with a STATE_DIR. */
static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->folder, sizeof f->folder, "/tmp/registry-settings-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_non_null(getcwd(f->before, sizeof f->before));
    assert_int_equal(chdir(f->folder), 0);
    clearenv();
    setenv("STATE_DIR", f->folder, 1);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    settings_release(&f->settings);
    assert_int_equal(chdir(f->before), 0);
    folder_remove(f->folder);
    free(f);
    return 0;
}

static void write_file(const char *path, const char *content) {
    struct error err;
    assert_int_equal(file_write(path, content, strlen(content), &err), STATUS_OK);
}

static void defaults_stand_where_nothing_is_set(void **state) {
    struct fixture *f = *state;
    assert_int_equal(settings_load(&f->settings, PROGRAM_GATEWAY, &f->err), STATUS_OK);
    assert_int_equal(f->settings.server_port, 9000);
    assert_null(f->settings.healthchecks_url);
    assert_true(text_starts_with(f->settings.redis_url, "unix:///tmp/registry-settings-"));
    assert_true(text_ends_with(f->settings.redis_url, "/redis.sock"));
}

static void a_program_gets_only_its_own(void **state) {
    struct fixture *f = *state;
    setenv("PACCHETTIBOTTI_TOKEN", "a-token-of-the-bot", 1);
    assert_int_equal(settings_load(&f->settings, PROGRAM_GATEWAY, &f->err), STATUS_OK);
    assert_null(f->settings.pacchettibotti_token);
    settings_release(&f->settings);
    assert_int_equal(settings_load(&f->settings, PROGRAM_PUBLISH, &f->err), STATUS_OK);
    assert_string_equal(f->settings.pacchettibotti_token, "a-token-of-the-bot");
}

static void malformed_values_are_named(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *variable, *value;
        enum program program;
    } bad[] = {
        {"SERVER_PORT", "80x", PROGRAM_GATEWAY},     {"SERVER_PORT", "65536", PROGRAM_GATEWAY},
        {"SERVER_PORT", " 80", PROGRAM_GATEWAY},     {"SERVER_PORT", "99999999999999999999", PROGRAM_GATEWAY},
        {"SERVER_PORT", "+80", PROGRAM_GATEWAY},     {"SERVER_PORT", "80 ", PROGRAM_GATEWAY},
        {"SERVER_PORT", "-80", PROGRAM_GATEWAY},     {"SERVER_PORT", "0x50", PROGRAM_GATEWAY},
        {"SERVER_PORT", "8e1", PROGRAM_GATEWAY},     {"MANAGEMENT_PORT", "+1", PROGRAM_GATEWAY},
        {"MANAGEMENT_PORT", "-2", PROGRAM_GATEWAY},  {"MANAGEMENT_PORT", "--1", PROGRAM_GATEWAY},
        {"MANAGEMENT_PORT", "- 1", PROGRAM_GATEWAY}, {"MANAGEMENT_PORT", "-", PROGRAM_GATEWAY},
        {"READONLY", "yes", PROGRAM_PUBLISH},        {"SERVICE_KEY_FILE", "/nowhere/to/be/found", PROGRAM_PUBLISH},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setenv(bad[i].variable, bad[i].value, 1);
        assert_int_equal(settings_load(&f->settings, bad[i].program, &f->err), STATUS_INVALID);
        assert_string_equal(f->err.path, bad[i].variable);
        assert_non_null(strstr(f->err.message, bad[i].value));
        assert_true(text_starts_with(f->err.message, bad[i].variable));
        settings_release(&f->settings);
        unsetenv(bad[i].variable);
    }
}

static void a_number_is_digits_alone(void **state) {
    struct fixture *f = *state;
    setenv("SERVER_PORT", "0080", 1);
    setenv("MANAGEMENT_PORT", "-1", 1);
    assert_int_equal(settings_load(&f->settings, PROGRAM_GATEWAY, &f->err), STATUS_OK);
    assert_int_equal(f->settings.server_port, 80);
    assert_int_equal(f->settings.management_port, -1);
    settings_release(&f->settings);
}

static void empty_means_unset_and_the_environment_wins_over_the_file(void **state) {
    struct fixture *f = *state;
    write_file(".env", "# a comment\n"
                       "SERVER_PORT=8001\n"
                       "export SERVER_ADDRESS='0.0.0.0'\n"
                       "GATEWAY_THREADS = 3 \n"
                       "DATABASE_URL=ignored\n");
    setenv("SERVER_PORT", "8002", 1);
    setenv("GATEWAY_STORE_THREADS", "", 1);
    assert_int_equal(settings_load(&f->settings, PROGRAM_GATEWAY, &f->err), STATUS_OK);
    assert_int_equal(f->settings.server_port, 8002);
    assert_string_equal(f->settings.server_address, "0.0.0.0");
    assert_int_equal(f->settings.gateway_threads, 3);
    assert_int_equal(f->settings.gateway_store_threads, 16);
}

static void a_secret_comes_from_a_file_and_is_blanked(void **state) {
    struct fixture *f = *state;
    write_file("key", "correct horse battery staple\n");
    setenv("SERVICE_KEY_FILE", "key", 1);
    assert_int_equal(settings_load(&f->settings, PROGRAM_PUBLISH, &f->err), STATUS_OK);
    assert_string_equal(f->settings.service_key, "correct horse battery staple");
    struct text line = {0};
    text_append(&line, "twice correct horse battery staple, correct horse battery staple.");
    secret_blank(&line);
    assert_string_equal(text_view(&line), "twice [secret], [secret].");
    text_release(&line);
}

static void assert_blanked(const char *secret) {
    struct text line = {0};
    text_append(&line, secret);
    secret_blank(&line);
    assert_string_equal(text_view(&line), "[secret]");
    text_release(&line);
}

static void a_secret_in_a_file_can_be_replaced(void **state) {
    struct fixture *f = *state;
    write_file("key", "correct horse battery staple\n");
    write_file("token", "the first token");
    setenv("SERVICE_KEY_FILE", "key", 1);
    setenv("PACCHETTIBOTTI_TOKEN_FILE", "token", 1);
    assert_int_equal(settings_load(&f->settings, PROGRAM_PUBLISH, &f->err), STATUS_OK);
    const char *first = f->settings.pacchettibotti_token;
    write_file("token", "the second token\n");
    assert_int_equal(unlink("key"), 0);
    assert_int_equal(settings_reload_secrets(&f->settings, PROGRAM_PUBLISH, &f->err), STATUS_INVALID);
    assert_string_equal(f->err.path, "SERVICE_KEY_FILE");
    assert_string_equal(f->settings.service_key, "correct horse battery staple");
    assert_string_equal(f->settings.pacchettibotti_token, "the second token");
    assert_string_equal(first, "the first token"); /* valid for callers that got it earlier */
    assert_blanked("the first token");
    assert_blanked("the second token");
}

/* The file can be opened but not read: that must not count as an empty file. */
static void a_file_that_cannot_be_read_leaves_the_secret_as_it_was(void **state) {
    struct fixture *f = *state;
    write_file("token", "the first token");
    setenv("PACCHETTIBOTTI_TOKEN_FILE", "token", 1);
    assert_int_equal(settings_load(&f->settings, PROGRAM_PUBLISH, &f->err), STATUS_OK);
    assert_int_equal(unlink("token"), 0);
    assert_int_equal(mkdir("token", 0700), 0);
    assert_int_equal(settings_reload_secrets(&f->settings, PROGRAM_PUBLISH, &f->err), STATUS_INVALID);
    assert_string_equal(f->err.path, "PACCHETTIBOTTI_TOKEN_FILE");
    assert_string_equal(f->settings.pacchettibotti_token, "the first token");
    assert_int_equal(rmdir("token"), 0);
}

/* As when an editor truncates the file and then writes it. */
static void a_file_that_is_empty_for_a_moment_leaves_the_secret_as_it_was(void **state) {
    struct fixture *f = *state;
    write_file("token", "the first token");
    setenv("PACCHETTIBOTTI_TOKEN_FILE", "token", 1);
    assert_int_equal(settings_load(&f->settings, PROGRAM_PUBLISH, &f->err), STATUS_OK);
    write_file("token", "\n");
    assert_int_equal(settings_reload_secrets(&f->settings, PROGRAM_PUBLISH, &f->err), STATUS_INVALID);
    assert_string_equal(f->err.path, "PACCHETTIBOTTI_TOKEN_FILE");
    assert_non_null(strstr(f->err.message, "token is empty"));
    assert_string_equal(f->settings.pacchettibotti_token, "the first token");
    write_file("token", "the second token");
    assert_int_equal(settings_reload_secrets(&f->settings, PROGRAM_PUBLISH, &f->err), STATUS_OK);
    assert_string_equal(f->settings.pacchettibotti_token, "the second token");
}

static void an_empty_file_is_no_secret(void **state) {
    struct fixture *f = *state;
    write_file("token", " \n");
    setenv("PACCHETTIBOTTI_TOKEN_FILE", "token", 1);
    assert_int_equal(settings_load(&f->settings, PROGRAM_PUBLISH, &f->err), STATUS_OK);
    assert_null(f->settings.pacchettibotti_token);
}

static void the_gateway_learns_only_that_a_secret_is_set(void **state) {
    struct fixture *f = *state;
    assert_int_equal(settings_load(&f->settings, PROGRAM_GATEWAY, &f->err), STATUS_OK);
    assert_false(f->settings.has_spaces_key);
    settings_release(&f->settings);
    setenv("SPACES_KEY_FILE", "a file that the gateway cannot read", 1);
    assert_int_equal(settings_load(&f->settings, PROGRAM_GATEWAY, &f->err), STATUS_OK);
    unsetenv("SPACES_KEY_FILE");
    assert_true(f->settings.has_spaces_key);
    assert_null(f->settings.spaces_key);
}

static void the_table_has_a_row_for_every_variable(void **state) {
    (void)state;
    struct text table = {0};
    settings_append_markdown(&table);
    assert_non_null(strstr(text_view(&table), "\n| `SERVER_PORT` | `9000` | gateway | "));
    assert_non_null(strstr(text_view(&table), "\n| `SERVICE_KEY`, `SERVICE_KEY_FILE` |  | gateway, publish"));
    text_release(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_stand_where_nothing_is_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_program_gets_only_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(malformed_values_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_number_is_digits_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(empty_means_unset_and_the_environment_wins_over_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_comes_from_a_file_and_is_blanked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_in_a_file_can_be_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_read_leaves_the_secret_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_empty_for_a_moment_leaves_the_secret_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_file_is_no_secret, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_gateway_learns_only_that_a_secret_is_set, set_up, tear_down),
        cmocka_unit_test(the_table_has_a_row_for_every_variable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
