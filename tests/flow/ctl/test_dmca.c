/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Takedown cases from the form of a gateway to registryctl: nothing is lost where the gateway, Redis's data or the folder dies, and
 * nothing personal is in a log.
 */
#include "tests/flow/gateway/gateway_fixture.h"

#include <string.h>

#include "lib/base/text.h"
#include "tests/support/http/http.h"
#include "tests/support/run_program.h"
#include "tests/support/shell.h"

#define FORM                                                                                                                   \
    "name=Erika+Mustermann&email=erika%40example.org&package=aff&work=The+sonata+in+G&good_faith=yes&accuracy=yes&"            \
    "signature=E.+Mustermann"

static struct arena arena;
static struct command_result result; /* of the last run */

/* The folder of the cases is Redis's neighbour, since that of a gateway goes with it. */
static const char *cases(void) {
    return arena_format(&arena, "%s/cases", redis_server_folder(redis));
}

static void begin_gateway(void) {
    const char *const settings[] = {"POST_LIMIT_PER_MINUTE=0", arena_format(&arena, "DMCA_DIR=%s", cases()), NULL};
    gateway = gateway_process_start(redis_server_url(redis), settings);
    url = gateway_process_url(gateway);
}

static int start(void **state) {
    (void)state;
    redis = redis_server_start();
    begin_gateway();
    return 0;
}

static int stop(void **state) {
    command_result_release(&result);
    arena_release(&arena);
    return stop_gateway(state);
}

static const char *folder(void) {
    return gateway_process_folder(gateway);
}

/* Runs registryctl dmca with the gateway's settings. */
static int dmca(const char *const *words) {
    const char *arguments[8] = {"dmca"};
    for (size_t i = 0; words[i]; i++)
        arguments[i + 1] = words[i];
    const char *settings = arena_format(&arena, "REDIS_URL=%s", redis_server_url(redis));
    write_file(arena_format(&arena, "%s/ctl/.env", folder()), arena_format(&arena, "DMCA_DIR=%s\n", cases()));
    return run_program(
        &result, &(struct program_call){"registryctl", arguments, settings, arena_format(&arena, "%s/ctl", folder()), NULL});
}

#define DMCA(...) dmca((const char *const[]){__VA_ARGS__, NULL})

static const char *output(void) {
    return text_view(&result.output);
}

static void expect_output(const char *part) {
    if (!strstr(output(), part)) fail_msg("no \"%s\" in: %s%s", part, output(), text_view(&result.errors));
}

static const char *file_case(const char *body) {
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", NULL};
    struct http_response response = http_ask(NULL, url, "/dmca", headers, body);
    assert_int_equal(response.status, 303);
    const char *reference = arena_copy(&arena, http_header(&response, "location") + strlen("/dmca/"));
    http_response_release(&response);
    return reference;
}

static void a_case_is_listed_shown_and_closed(void **state) {
    (void)state;
    const char *reference = file_case(FORM);
    assert_int_equal(DMCA("list"), 0);
    expect_output(reference);
    expect_output(" open   aff\n");
    assert_null(strstr(output(), "Mustermann"));
    assert_int_equal(DMCA("show", reference), 0);
    expect_output("not checked: ");
    expect_output("name: Erika Mustermann\ne-mail: erika@example.org\nsignature: E. Mustermann\n");
    expect_output("\nThe sonata in G\n");
    assert_int_equal(DMCA("close", reference, "short"), 1);
    assert_non_null(strstr(text_view(&result.errors), "a sentence of 10 to 1000 characters"));
    assert_int_equal(DMCA("close", reference, "aff@1.0.0 was unpublished."), 0);
    expect_output("decision: aff@1.0.0 was unpublished.\n");
    assert_int_equal(DMCA("close", reference, "Another decision about it."), 1);
    assert_non_null(strstr(text_view(&result.errors), "closed already: aff@1.0.0 was unpublished."));
    assert_int_equal(DMCA("list"), 0);
    assert_null(strstr(output(), reference));
    assert_int_equal(DMCA("list", "--all"), 0);
    expect_output(" closed aff\n");
    assert_int_equal(DMCA("show", "DMCA-00000000"), 1);
}

static void wrong_calls_are_told(void **state) {
    (void)state;
    assert_int_equal(DMCA("open"), 2);
    assert_int_equal(DMCA("show"), 2);
    assert_int_equal(DMCA("close", "DMCA-00000000"), 2);
    assert_int_equal(DMCA("list", "DMCA-00000000"), 2);
}

static void a_case_outlives_gateway_redis_and_folder(void **state) {
    (void)state;
    const char *open = file_case(FORM "&version=1.0.0"), *closed = file_case(FORM "&version=2.0.0");
    gateway_process_kill(gateway);
    redis_server_kill(redis);
    redis_server_restart(redis);
    begin_gateway();
    assert_int_equal(DMCA("close", closed, "The claim was withdrawn."), 0);

    shell_run("redis-cli -s %s flushall >/dev/null", redis_server_url(redis) + strlen("unix://"));
    assert_int_equal(DMCA("list", "--all"), 0);
    expect_output(open);
    expect_output(closed);
    assert_non_null(strstr(text_view(&result.errors), "cases were missing"));
    assert_int_equal(DMCA("show", closed), 0);
    expect_output("The claim was withdrawn.");
    shell_run("rm -r %s", cases());
    assert_int_equal(DMCA("list"), 0);
    expect_output(open);
    shell_run("grep -q withdrawn %s/%s.json && test $(stat -c %%a %s) = 700", cases(), closed, cases());
}

static void nothing_personal_is_in_the_log(void **state) {
    (void)state;
    const char *reference = file_case(FORM "&version=3.0.0");
    const char *log = read_file(&arena, arena_format(&arena, "%s/gateway.log", folder()));
    assert_non_null(strstr(log, reference));
    static const char *const personal[] = {"Mustermann", "example.org", "sonata"};
    for (size_t i = 0; i < sizeof personal / sizeof *personal; i++)
        assert_null(strstr(log, personal[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_case_is_listed_shown_and_closed),
        cmocka_unit_test(wrong_calls_are_told),
        cmocka_unit_test(a_case_outlives_gateway_redis_and_folder),
        cmocka_unit_test(nothing_personal_is_in_the_log),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
