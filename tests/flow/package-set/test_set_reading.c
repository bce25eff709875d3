/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Package sets read through the gateway (services/gateway/README.md, Package sets), with the whole server and a git server. The
 * sets are pushed by this test, as another server or a person would. Where this checkout lies beside the real registry's data
 * (../shared/data/make-repos), its sets are read, too.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "tests/support/git/git_server.h"
#include "tests/support/http/http.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/shell.h"

#define SETS "/api/v1/package-sets"

static struct server *server;

/* ---- Helpers ---- */

static void write_set(const char *version, const char *content) {
    shell_run("cd '%s' && { [ -d pushed ] || git clone -q registry.git pushed 2>/dev/null; } && cd pushed && "
              "git pull -q 2>/dev/null; mkdir -p package-sets && printf '%%s' '%s' >package-sets/%s.json",
              server->folder, content, version);
}

static void push(void) {
    shell_run("cd '%s/pushed' && git add -A && git -c user.name=other -c user.email=other@example.org commit -qm Push && "
              "git push -q origin HEAD",
              server->folder);
}

/* The text of a set's file, with the members `"NAME": "VERSION"` by commas and line breaks. */
static const char *set_text(const char *version, const char *compiler, const char *members) {
    return arena_format(&server->arena,
                        "{\n  \"version\": \"%s\",\n  \"compiler\": \"%s\",\n  \"published\": \"2026-01-02\",\n"
                        "  \"packages\": {\n    %s\n  }\n}\n",
                        version, compiler, members);
}

static void push_set(const char *version, const char *compiler, const char *members) {
    write_set(version, set_text(version, compiler, members));
    push();
}

/* The body of the answer, in the server's arena. */
static const char *ask(const char *path, int status) {
    struct http_response response = http_ask(NULL, server->url, path, NULL, NULL);
    const char *body = arena_copy(&server->arena, text_view(&response.body));
    if (response.status != status) fail_msg("%s: %d %s", path, response.status, body);
    http_response_release(&response);
    return body;
}

static void expect_within(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("\"%s\" is not in %s", part, text);
}

static const char *log_of(const char *program) {
    return read_file(&server->arena, arena_format(&server->arena, "%s/%s.log", server->folder, program));
}

static int begin(void **state) {
    (void)state;
    server = server_start(&(struct server_options){.has_git_server = true});
    push_set("1.0.0", "0.15.14", "\"a\": \"1.0.0\",\n    \"b\": \"1.2.3\",\n    \"read\": \"1.0.0\"");
    push_set("1.1.0", "0.15.14", "\"a\": \"1.0.0\",\n    \"b\": \"1.2.3\",\n    \"c\": \"1.0.0\",\n    \"read\": \"1.0.0\"");
    push_set("2.0.0", "0.15.15", "\"a\": \"1.0.1\",\n    \"c\": \"1.0.0\"");
    return 0;
}

static int end(void **state) {
    (void)state;
    server_stop(server);
    return 0;
}

/* ---- Sets of others ---- */

/* The service started before the sets were pushed. */
static void a_set_that_was_just_released_elsewhere_is_found(void **state) {
    (void)state;
    assert_string_equal(ask(SETS "/2.0.0", 200), set_text("2.0.0", "0.15.15", "\"a\": \"1.0.1\",\n    \"c\": \"1.0.0\""));
    assert_string_equal(ask(SETS "/latest", 200), ask(SETS "/2.0.0", 200));
    push_set("2.0.1", "0.15.15", "\"a\": \"1.0.2\",\n    \"c\": \"1.0.0\"");
    push_set("2.0.2", "0.15.15", "\"a\": \"1.0.3\",\n    \"c\": \"1.0.0\"");
    expect_within(ask(SETS "/2.0.1/compare/2.0.2", 200),
                  "\"upgraded\":{\"a\":{\"from\":\"1.0.2\",\"to\":\"1.0.3\",\"by\":\"patch\"}}");
}

static bool is_latest(void *context) {
    return strstr(ask(SETS "/latest", 200), arena_format(&server->arena, "\"version\": \"%s\"", (const char *)context));
}

static void the_latest_set_changes_without_a_question_for_it(void **state) {
    (void)state;
    push_set("2.1.0", "0.15.15", "\"a\": \"1.1.0\",\n    \"c\": \"1.0.0\"");
    assert_true(wait_until(is_latest, (void *)"2.1.0", PATIENCE_MS));
}

static void a_set_that_nobody_has_is_404(void **state) {
    (void)state;
    expect_within(ask(SETS "/9.0.0", 404), "{\"error\":\"not_found\",\"message\":\"There is no package set 9.0.0.\"}");
    expect_within(ask(SETS "/9.0.0/compare/latest", 404), "There is no package set 9.0.0.");
    expect_within(ask(SETS "/1.0.0/compare/9.0.0", 404), "There is no package set 9.0.0.");
    expect_within(ask(SETS "/9", 400), "\"path\":\"set\"");
    expect_within(ask(SETS "/1.0.0/compare/now", 400), "\"path\":\"other\"");
    expect_within(ask(SETS "?after=9", 400), "\"path\":\"after\"");
}

/* Each 404 is a look at both repositories, which an address has 60 times a minute; each service itself looks every 10 s. */
static void made_up_versions_cost_few_fetches(void **state) {
    (void)state;
    enum { VERSIONS = 200, PER_MINUTE = 60, REPOSITORIES = 2, SERVICES = 2 };
    size_t requests = git_server_requests(server->git), denied = 0;
    int64_t began_ms = clock_monotonic_ms();
    for (int i = 0; i < VERSIONS; i++) {
        struct http_response response =
            http_ask(NULL, server->url, arena_format(&server->arena, SETS "/9.%d.0", i), NULL, NULL);
        assert_true(response.status == 404 || response.status == 429);
        denied += response.status == 404;
        http_response_release(&response);
    }
    size_t seconds = (size_t)(clock_monotonic_ms() - began_ms) / 1000 + 1;
    requests = git_server_requests(server->git) - requests;
    assert_in_range(denied, 1, PER_MINUTE + seconds);
    assert_in_range(requests, 1, REPOSITORIES * (denied + SERVICES * (seconds / 10 + 2)));
    ask(SETS "/1.0.0", 200);
}

/* ---- What is told ---- */

static void all_sets_are_listed_page_by_page(void **state) {
    (void)state;
    static const char *const versions[] = {"2.1.0", "2.0.2", "2.0.1", "2.0.0", "1.1.0", "1.0.0"};
    enum { COUNT = sizeof versions / sizeof versions[0] };
    const char *path = SETS "?limit=4";
    size_t seen = 0;
    for (int pages = 0; path; pages++) {
        struct http_response response = http_ask(NULL, server->url, path, NULL, NULL);
        json_t *page = http_json(&response), *set;
        size_t i;
        assert_true(pages < 2);
        json_array_foreach(json_object_get(page, "packageSets"), i, set) {
            assert_true(seen < COUNT);
            assert_string_equal(server_job_text(set, "version"), versions[seen++]);
            assert_string_equal(server_job_text(set, "published"), "2026-01-02");
        }
        const char *link = http_header(&response, "link");
        path = link && *link ? arena_format(&server->arena, "%.*s", (int)strcspn(link + 1, ">"), link + 1) : NULL;
        json_decref(page);
        http_response_release(&response);
    }
    assert_int_equal(seen, COUNT);
    expect_within(ask(SETS "?after=1.1.0", 200),
                  "{\"packageSets\":[{\"version\":\"1.0.0\",\"compiler\":\"0.15.14\",\"published\":\"2026-01-02\","
                  "\"packageCount\":3}]}");
}

static void two_sets_are_compared(void **state) {
    (void)state;
    assert_string_equal(ask(SETS "/1.0.0/compare/2.0.0", 200),
                        "{\"from\":{\"version\":\"1.0.0\",\"compiler\":\"0.15.14\",\"published\":\"2026-01-02\"},"
                        "\"to\":{\"version\":\"2.0.0\",\"compiler\":\"0.15.15\",\"published\":\"2026-01-02\"},"
                        "\"added\":{\"c\":\"1.0.0\"},\"removed\":{\"b\":\"1.2.3\",\"read\":\"1.0.0\"},"
                        "\"upgraded\":{\"a\":{\"from\":\"1.0.0\",\"to\":\"1.0.1\",\"by\":\"patch\"}}}");
    expect_within(ask(SETS "/latest/compare/1.0.0", 200),
                  "\"upgraded\":{\"a\":{\"from\":\"1.1.0\",\"to\":\"1.0.0\",\"by\":\"downgrade\"}}");
}

static void a_version_names_its_package_sets(void **state) {
    (void)state;
    server_expect_published(server, &(struct package){"read", "1.0.0", .pragma = NULL});
    expect_within(ask("/api/v1/packages/read/1.0.0", 200),
                  "\"packageSets\":{\"count\":2,\"first\":\"1.0.0\",\"last\":\"1.1.0\",\"versions\":[\"1.1.0\",\"1.0.0\"]}");
}

/* ---- Malformed files ---- */

static void a_file_that_is_no_set_is_left_out_and_named(void **state) {
    (void)state;
    write_set("3.0.0", "{\"version\": \"3.0.0\", \"compiler\": \"0.15.15\", \"published\": \"soon\", \"packages\": {}}");
    write_set("0.9.0", "{");
    push();
    expect_within(ask(SETS "/3.0.0", 404),
                  "The package set 3.0.0 cannot be read, because its file in the registry is malformed: "
                  "published: \\\"soon\\\" is not a date");
    expect_within(ask(SETS "/0.9.0", 404), "The package set 0.9.0 cannot be read");
    expect_within(ask(SETS "/latest", 200), "\"version\": \"2.1.0\"");
    assert_null(strstr(ask(SETS, 200), "3.0.0"));
    expect_within(log_of("package-set"), "event=registry_file_skipped kind=package-set set=3.0.0");
    push_set("3.0.0", "0.15.15", "\"a\": \"1.0.0\"");
    assert_string_equal(ask(SETS "/3.0.0", 200), set_text("3.0.0", "0.15.15", "\"a\": \"1.0.0\""));
}

/* ---- Away ---- */

static bool is_answered(void *context) {
    (void)context;
    struct http_response response = http_ask(NULL, server->url, SETS "/latest", NULL, NULL);
    int status = response.status;
    http_response_release(&response);
    return status == 200;
}

static void a_service_that_was_killed_has_all_sets_again(void **state) {
    (void)state;
    const char *before = ask(SETS, 200);
    server_kill(server, SERVER_PACKAGE_SET);
    expect_within(ask(SETS "/latest", 503), "Package sets cannot be looked up at the moment: try again in a few seconds.");
    ask("/api/v1/packages", 200);
    server_start_program(server, SERVER_PACKAGE_SET);
    assert_true(wait_until(is_answered, NULL, PATIENCE_MS));
    assert_string_equal(ask(SETS, 200), before);
}

/* What is known is told from memory. */
static void without_the_git_host_sets_are_still_told(void **state) {
    (void)state;
    const char *before = ask(SETS "/latest", 200);
    git_server_behave(server->git, GIT_SERVER_STATUS, 500, NULL);
    assert_string_equal(ask(SETS "/latest", 200), before);
    ask(SETS "/1.0.0/compare/2.0.0", 200);
    struct http_response response = http_ask(NULL, server->url, SETS "/9.9.9", NULL, NULL);
    assert_true(response.status == 503 || response.status == 429); /* nobody knows now */
    http_response_release(&response);
    git_server_behave(server->git, GIT_SERVER_SERVE, 0, NULL);
}

/* ---- The real registry ---- */

static void the_real_sets_are_served_as_they_are(void **state) {
    (void)state;
    static const char make_repos[] = SOURCE_DIR "/../shared/data/make-repos";
    if (access(make_repos, X_OK) != 0) {
        print_message("No registry data beside the checkout: not read.\n");
        skip();
    }
    struct server *small = server;
    server = server_start(&(struct server_options){.make_repositories = make_repos});
    json_t *all = server_get(server, SETS), *set;
    size_t i;
    assert_int_equal(json_array_size(json_object_get(all, "packageSets")), 12);
    json_array_foreach(json_object_get(all, "packageSets"), i, set) {
        const char *version = server_job_text(set, "version");
        const char *file = shell_output(&server->arena, "git -C '%s/registry.git' show HEAD:package-sets/%s.json; echo .",
                                        server->folder, version);
        const char *body = ask(arena_format(&server->arena, SETS "/%s", version), 200);
        assert_int_equal(strncmp(file, body, strlen(body)), 0);
        assert_string_equal(file + strlen(body), ".\n");
    }
    json_decref(all);
    expect_within(ask(SETS "/80.7.0/compare/latest", 200), "\"to\":{\"version\":\"80.8.0\",\"compiler\":\"0.15.15\"");
    expect_within(ask("/api/v1/packages/prelude/6.0.2", 200),
                  "\"packageSets\":{\"count\":12,\"first\":\"79.0.0\",\"last\":\"80.8.0\"");
    server_stop(server);
    server = small;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_that_was_just_released_elsewhere_is_found),
        cmocka_unit_test(the_latest_set_changes_without_a_question_for_it),
        cmocka_unit_test(a_set_that_nobody_has_is_404),
        cmocka_unit_test(all_sets_are_listed_page_by_page),
        cmocka_unit_test(two_sets_are_compared),
        cmocka_unit_test(a_version_names_its_package_sets),
        cmocka_unit_test(a_file_that_is_no_set_is_left_out_and_named),
        cmocka_unit_test(a_service_that_was_killed_has_all_sets_again),
        cmocka_unit_test(without_the_git_host_sets_are_still_told),
        cmocka_unit_test(made_up_versions_cost_few_fetches),
        cmocka_unit_test(the_real_sets_are_served_as_they_are),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
