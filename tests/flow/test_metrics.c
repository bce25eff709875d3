/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /metrics of a whole server: every program's figures in one answer, also while some of them are away.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "tests/support/http.h"
#include "tests/support/server_fixture.h"
#include "tests/support/shell.h"

static int set_up(void **state) {
    *state = server_start(NULL);
    return 0;
}

static int tear_down(void **state) {
    server_stop(*state);
    return 0;
}

static struct http_response ask(const struct server *server) {
    struct http_response response = http_ask(NULL, server->management_url, "/metrics", NULL, NULL);
    assert_int_equal(response.status, 200);
    assert_true(text_starts_with(http_header(&response, "content-type"), "text/plain; version=0.0.4"));
    return response;
}

static bool has(const struct http_response *response, const char *line) {
    return strstr(text_view(&response->body), line);
}

static void expect(const struct http_response *response, const char *line) {
    if (!has(response, line)) fail_msg("no \"%s\" in %s", line, text_view(&response->body));
}

static void every_program_tells_its_figures(void **state) {
    struct server *server = *state;
    json_decref(server_get(server, "/api/v1/jobs"));
    struct http_response response = ask(server);
    static const char *const lines[] = {
        "\n# TYPE registry_jobs gauge\n",
        "\nregistry_up{program=\"gateway\"} 1\n",
        "\nregistry_up{program=\"redis\"} 1\n",
        "\nregistry_up{program=\"publish\"} 1\n",
        "\nregistry_up{program=\"transfer\"} 1\n",
        "\nregistry_jobs{kind=\"publish\",state=\"pending\"} 0\n",
        "\nregistry_oldest_pending_job_seconds{kind=\"publish\"} 0\n",
        "\nregistry_slots{program=\"publish\"} 8\n",
        "\nregistry_busy_slots{program=\"publish\"} 0\n",
        "\nregistry_alarms_total{program=\"transfer\"} 0\n",
        "\nregistry_resident_bytes{program=\"publish\"} ",
        "\nregistry_cpu_seconds_total{program=\"gateway\"} ",
        "\nregistry_uptime_seconds{program=\"transfer\"} ",
        "\nregistry_http_answers_total{method=\"GET\",route=\"/api/v1/jobs\",status=\"2xx\",program=\"gateway\"} 1\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        expect(&response, lines[i]);
    http_response_release(&response);
}

static void they_are_for_the_management_port_alone(void **state) {
    struct http_response response;
    server_call(*state, "GET", "/metrics", NULL, &response);
    assert_int_equal(response.status, 404);
    http_response_release(&response);
}

static void who_is_away_is_told_beside_the_rest(void **state) {
    struct server *server = *state;
    server_kill(server, SERVER_PUBLISH);
    const char *id = server_publish(server, "{\"name\":\"waits\",\"version\":\"1.0.0\",\"ref\":\"v1.0.0\",\"location\":"
                                            "{\"gitUrl\":\"https://example.org/waits.git\"}}")
                         .id;
    assert_non_null(id);
    int64_t before_ms = clock_monotonic_ms();
    struct http_response response = ask(server);
    assert_in_range(clock_monotonic_ms() - before_ms, 0, 2000);
    expect(&response, "\nregistry_up{program=\"publish\"} 0\n");
    expect(&response, "\nregistry_up{program=\"transfer\"} 1\n");
    expect(&response, "\nregistry_slots{program=\"transfer\"} ");
    expect(&response, "\nregistry_jobs{kind=\"publish\",state=\"pending\"} 1\n");
    assert_false(has(&response, "\nregistry_oldest_pending_job_seconds{kind=\"publish\"} 0\n"));
    assert_false(has(&response, "registry_slots{program=\"publish\"}"));
    http_response_release(&response);

    server_kill(server, SERVER_REDIS);
    response = ask(server);
    expect(&response, "registry_up{program=\"redis\"} 0\n");
    expect(&response, "registry_up{program=\"transfer\"} 1\n");
    assert_false(has(&response, "registry_jobs{"));
    http_response_release(&response);

    server_start_program(server, SERVER_REDIS);
    server_start_program(server, SERVER_PUBLISH);
    server_wait_until_ready(server);
    response = ask(server);
    expect(&response, "\nregistry_up{program=\"publish\"} 1\n");
    http_response_release(&response);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_program_tells_its_figures),
        cmocka_unit_test(they_are_for_the_management_port_alone),
        cmocka_unit_test(who_is_away_is_told_beside_the_rest),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
