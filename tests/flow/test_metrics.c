/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /metrics of a whole server: every program's metrics in one answer, also while some programs are away.
 */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "tests/support/http/http.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/shell.h"

static int set_up(void **state) {
    *state = server_start(&(struct server_options){.workers = 1});
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

static void expect_all(const struct http_response *response, const char *const *lines, size_t count) {
    for (size_t i = 0; i < count; i++)
        expect(response, lines[i]);
}

static void every_program_tells_its_metrics(void **state) {
    struct server *server = *state;
    json_decref(server_get(server, "/api/v1/jobs"));
    struct http_response response = ask(server);
    static const char *const lines[] = {
        "\n# TYPE registry_jobs gauge\n",
        "\nregistry_up{program=\"gateway\"} 1\n",
        "\nregistry_up{program=\"redis\"} 1\n",
        "\nregistry_up{program=\"publish\"} 1\n",
        "\nregistry_up{program=\"transfer\"} 1\n",
        "\nregistry_up{program=\"build-matrix\"} 1\n",
        "\nregistry_alarms_total{program=\"build-matrix\"} 0\n",
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
    expect_all(&response, lines, sizeof lines / sizeof lines[0]);
    http_response_release(&response);
}

/* The workers' metrics come with the renewals of their leases. */
static bool has_builds(void *context) {
    struct server *server = context;
    const char *metrics = server_metrics(server), *builds = strstr(metrics, "\nregistry_builds_total{verdict=\"succeeded\",");
    const char *missed = strstr(metrics, "\nregistry_build_store_missed_total{");
    return builds && missed && strtod(strchr(builds, '}') + 1, NULL) >= 1 && strtod(strchr(missed, '}') + 1, NULL) >= 1;
}

static void the_build_matrix_tells_how_it_goes(void **state) {
    struct server *server = *state;
    const struct package package = {"measured", "1.0.0", .pragma = NULL},
                         waits = {"waits-for-a-worker", "1.0.0", .pragma = NULL};
    server_expect_published(server, &package);
    matrix_expect_verdict(server, "measured", "1.0.0", "0.15.14", "succeeded");
    if (!wait_until(has_builds, server, PATIENCE_MS)) fail_msg("%s", server_metrics(server));
    struct http_response response = ask(server);
    static const char *const of_the_worker[] = {
        "\nregistry_build_workers{program=\"build-matrix\"} 1\n",
        "\nregistry_build_slots{worker=\"",
        "\nregistry_build_slots_busy{worker=\"",
        "\nregistry_build_store_found_total{",
        "\nregistry_build_store_bytes{",
        "\nregistry_compiler_runs_total{",
    };
    expect_all(&response, of_the_worker, sizeof of_the_worker / sizeof of_the_worker[0]);
    http_response_release(&response);
    server_terminate_worker(server, 0);
    server_expect_published(server, &waits);
    matrix_wait_for_job(server, "waits-for-a-worker", "1.0.0", "0.15.14");
    usleep(10000); /* so that it has an age */
    response = ask(server);
    static const char *const lines[] = {
        "\nregistry_up{program=\"build-matrix\"} 1\n",
        "\nregistry_build_workers{program=\"build-matrix\"} 0\n",
        "\nregistry_jobs{kind=\"matrix\",state=\"pending\"} 1\n",
        "\nregistry_jobs{kind=\"matrix\",state=\"running\"} 0\n",
        "\nregistry_jobs_per_minute{kind=\"matrix\"} 1\n",
        "\nregistry_matrix_jobs{compiler=\"0.15.14\",state=\"pending\",program=\"build-matrix\"} 1\n",
        "\nregistry_matrix_jobs{compiler=\"0.15.15\",state=\"pending\",program=\"build-matrix\"} 0\n",
        "\nregistry_matrix_jobs_total{verdict=\"succeeded\",program=\"build-matrix\"} 1\n",
        "\nregistry_matrix_jobs_total{verdict=\"worker_lost\",program=\"build-matrix\"} 0\n",
        "\nregistry_matrix_jobs_made_total{program=\"build-matrix\"} 2\n",
        "\nregistry_matrix_handed_out_total{program=\"build-matrix\"} 1\n",
        "\nregistry_matrix_commits_total{program=\"build-matrix\"} 1\n",
        "\nregistry_matrix_commits_waiting{program=\"build-matrix\"} 0\n",
        "\nregistry_matrix_stale_total{message=\"result\",program=\"build-matrix\"} 0\n",
        "\n# TYPE registry_matrix_jobs gauge\n",
        "\n# TYPE registry_matrix_jobs_total counter\n",
    };
    expect_all(&response, lines, sizeof lines / sizeof lines[0]);
    assert_false(has(&response, "\nregistry_oldest_pending_job_seconds{kind=\"matrix\"} 0\n"));
    assert_false(has(&response, "\nregistry_build_slots{worker=\""));
    http_response_release(&response);
    server_start_worker(server, 0);
    matrix_expect_verdict(server, "waits-for-a-worker", "1.0.0", "0.15.14", "succeeded");
}

static void they_are_for_the_management_port_alone(void **state) {
    struct http_response response;
    server_call(*state, "GET", "/metrics", NULL, &response);
    assert_int_equal(response.status, 404);
    http_response_release(&response);
}

static void an_unreachable_program_is_reported_beside_the_rest(void **state) {
    struct server *server = *state;
    server_kill(server, SERVER_PUBLISH);
    const char *id = server_publish(server, "{\"name\":\"waits\",\"version\":\"1.0.0\",\"ref\":\"v1.0.0\",\"location\":"
                                            "{\"gitUrl\":\"https://example.org/waits.git\"}}")
                         .id;
    assert_non_null(id);
    struct http_response response = ask(server);
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
        cmocka_unit_test(every_program_tells_its_metrics),
        cmocka_unit_test(the_build_matrix_tells_how_it_goes),
        cmocka_unit_test(they_are_for_the_management_port_alone),
        cmocka_unit_test(an_unreachable_program_is_reported_beside_the_rest),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
