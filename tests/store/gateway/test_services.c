/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The gateway's queries to services (services/gateway/README.md, Packages and tarballs, Status and short forms): readiness,
 * metrics, packages; and many queries at once.
 */
#include "tests/store/gateway/gateway_scene.h"

#include "lib/tools/http/health_check.h"
#include "services/gateway/backend/service_asker.h"
#include "tests/support/http/http2_frames.h"
#include "tests/support/http/http_stub.h"

static struct answered get_managed(struct gateway_scene *s, const char *path) {
    struct http_response response = http_ask(NULL, s->management_url, path, NULL, NULL);
    return keep_answer(s, &response);
}

/* ---- Readiness ---- */

static void all_that_is_needed_is_checked(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const struct answered answered = get(s, "/readyz");
    expect_json(answered, 200,
                "{\"ready\":true,\"checks\":[{\"check\":\"gateway\",\"ok\":true},{\"check\":\"redis\",\"ok\":true},"
                "{\"check\":\"publish\",\"ok\":true},{\"check\":\"transfer\",\"ok\":true},"
                "{\"check\":\"package-set\",\"ok\":true},{\"check\":\"build-matrix\",\"ok\":true},{\"check\":\"storage\","
                "\"ok\":true}]}");
    expect_header(s, &answered, "content-type", "application/json");
    expect_header(s, &answered, "retry-after", NULL);
}

static void a_service_that_cannot_work_says_why(void **state) {
    struct gateway_scene *s = *state;
    static const struct record_check check = {
        .name = "registry", .message = "It is not at /secret.", .public_message = "It is not at [REGISTRY_REPO]."};
    serve(s);
    stub_services_answer(s->services, MESSAGE_ready_query,
                         (struct message){.tag = MESSAGE_readiness, .readiness = {.checks = {&check, 1}}});
    const struct answered answered = get(s, "/readyz"), full = get_managed(s, "/readyz");
    expect_status(answered, 503);
    expect_status(full, 503);
    expect_header(s, &answered, "retry-after", "5");
    expect_within(answered.body, "{\"check\":\"publish\",\"ok\":false,\"message\":\"The service cannot work.\",\"reasons\":"
                                 "[{\"check\":\"registry\",\"ok\":false,\"message\":\"It is not at [REGISTRY_REPO].\"}]}");
    expect_not_within(answered.body, "/secret");
    expect_within(full.body, "[{\"check\":\"registry\",\"ok\":false,\"message\":\"It is not at /secret.\"}]");
    expect_not_within(full.body, "publicMessage");
}

static void unreachable_parts_are_named_without_folders_in_public(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_close(s->services, SERVICE_TRANSFER);
    unlink(arena_format(&s->f.arena, "%s/storage/_", s->folder.path));
    rmdir(s->settings.storage_dir);
    redis_server_kill(s->f.server);
    const struct answered answered = get(s, "/readyz"), full = get_managed(s, "/readyz");
    redis_server_restart(s->f.server);
    expect_status(answered, 503);
    static const char *const failed[] = {
        "{\"check\":\"redis\",\"ok\":false,\"message\":", "{\"check\":\"transfer\",\"ok\":false,\"message\":",
        "{\"check\":\"storage\",\"ok\":false,\"message\":"};
    for (int i = 0; i < 3; i++)
        expect_within(answered.body, failed[i]);
    expect_within(answered.body, "{\"check\":\"publish\",\"ok\":true}");
    expect_not_within(answered.body, s->folder.path);
    expect_within(answered.body, "[STORAGE_DIR]");
    expect_within(full.body, s->settings.storage_dir);
}

static void on_s3_the_folder_is_not_needed(void **state) {
    struct gateway_scene *s = *state;
    s->settings.has_spaces_key = true;
    set_text(&s->settings.storage_dir, "/nowhere");
    serve(s);
    expect_within(get(s, "/readyz").body, "{\"check\":\"storage\",\"ok\":true}");
}

static void a_wrong_answer_is_no_readiness(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer(s->services, MESSAGE_ready_query, (struct message){.tag = MESSAGE_done});
    const struct answered answered = get(s, "/readyz");
    expect_status(answered, 503);
    expect_within(answered.body, "Unexpected answer: ");
}

/* ---- The health check ---- */

#define NO_CONTENT "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

/* Receives pings, from the one with this number on, until the failures so far have named `alarms` jobs in all; then some
 * more. */
static size_t take_pings(struct http_stub *stub, size_t next, int alarms) {
    static int named;
    if (next == 0) named = 0;
    for (int after = 0; after < 5; next++) {
        const char *request = http_stub_request(stub, next);
        assert_non_null(request);
        const char *count = strstr(request, " jobs need an operator");
        assert_int_equal(count != NULL, strstr(request, "POST /ping/fail ") != NULL);
        while (count && count[-1] != '\n')
            count--;
        if (count) named += atoi(count);
        assert_true(named <= alarms);
        after += named == alarms;
    }
    return next;
}

static void answer_with_alarms(struct gateway_scene *s, int alarms) {
    stub_services_answer(s->services, MESSAGE_ready_query,
                         (struct message){.tag = MESSAGE_readiness, .readiness = {.is_ready = true, .alarms = alarms}});
}

static void the_health_check_is_told_of_each_alarm_once(void **state) {
    struct gateway_scene *s = *state;
    struct http_stub *stub = http_stub_start(NO_CONTENT);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/ping", http_stub_port(stub));
    set_text(&s->settings.healthchecks_url, url);
    s->settings.healthchecks_interval_ms = 10;
    serve(s);
    size_t next = take_pings(stub, 0, 0);
    answer_with_alarms(s, 2);
    next = take_pings(stub, next, 2 * SERVICE_COUNT);
    answer_with_alarms(s, 3);
    next = take_pings(stub, next, 3 * SERVICE_COUNT);
    answer_with_alarms(s, 1); /* a restarted service counts from 0 */
    take_pings(stub, next, 4 * SERVICE_COUNT);
    stop_serving(s);
    http_stub_stop(stub);
}

/* ---- Metrics ---- */

static void metrics_of_all_programs_are_shown_by_program(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    static const struct record_metric_label labels[] = {{"color", "red"}};
    static const struct record_metric things = {
        .name = "registry_things", .help = "Things.", .labels = {labels, 1}, .value = 7};
    struct job_request request = publish_of("a");
    accept_job(f, &request);
    request = publish_of("b");
    claim_job(f, accept_job(f, &request).id);
    serve(s);
    stub_services_answer(s->services, MESSAGE_metrics_query,
                         (struct message){.tag = MESSAGE_metrics, .metrics.samples = {&things, 1}});
    const struct answered answered = get_managed(s, "/metrics");
    expect_header(s, &answered, "content-type", "text/plain; version=0.0.4; charset=utf-8");
    static const char *const lines[] = {
        "\nregistry_things{color=\"red\",program=\"publish\"} 7\n",
        "\nregistry_things{color=\"red\",program=\"build-matrix\"} 7\n",
        "\nregistry_up{program=\"gateway\"} 1\n",
        "\nregistry_up{program=\"redis\"} 1\n",
        "\nregistry_up{program=\"transfer\"} 1\n",
        "\nregistry_jobs{kind=\"publish\",state=\"pending\"} 1\n",
        "\nregistry_jobs{kind=\"publish\",state=\"running\"} 1\n",
        "\nregistry_jobs{kind=\"matrix\",state=\"pending\"} 0\n",
        "\nregistry_oldest_pending_job_seconds{kind=\"matrix\"} 0\n",
        "\nregistry_jobs_per_minute{kind=\"publish\"} 0\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        expect_within(answered.body, lines[i]);
}

static void a_program_that_does_not_answer_is_not_up(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_close(s->services, SERVICE_PUBLISH);
    redis_server_kill(s->f.server);
    const struct answered answered = get_managed(s, "/metrics");
    redis_server_restart(s->f.server);
    expect_within(answered.body, "\nregistry_up{program=\"publish\"} 0\n");
    expect_within(answered.body, "\nregistry_up{program=\"redis\"} 0\n");
    expect_within(answered.body, "\nregistry_up{program=\"transfer\"} 1\n");
    expect_not_within(answered.body, "registry_jobs{");
    stub_services_answer(s->services, MESSAGE_metrics_query, (struct message){.tag = MESSAGE_done});
    assert_true(metric_of(s, "registry_up{program=\"transfer\"}") == 0);
    static const struct record_metric nameless = {.help = "Things.", .value = 7};
    stub_services_answer(s->services, MESSAGE_metrics_query,
                         (struct message){.tag = MESSAGE_metrics, .metrics.samples = {&nameless, 1}});
    assert_true(metric_of(s, "registry_up{program=\"transfer\"}") == 0);
}

/* ---- Packages ---- */

static const struct message_package_list_query *last_list_query(struct gateway_scene *s) {
    return &stub_services_last(s->services, MESSAGE_package_list_query, NULL)->package_list_query;
}

static void packages_are_passed_on_with_a_link(void **state) {
    struct gateway_scene *s = *state;
    static const char page[] = "{\"packages\":[\"a\",\"b\"],\"next\":\"b\"}";
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_package_list_query, page);
    const struct answered answered = get(s, "/api/v1/packages?limit=2&after=_");
    expect_error(s, answered, 400, "after", "");
    const struct answered first = get(s, "/api/v1/packages?limit=2&after=a");
    expect_json(first, 200, page);
    expect_header(s, &first, "link", "</api/v1/packages?after=b&limit=2>; rel=\"next\"");
    const struct message_package_list_query *asked = last_list_query(s);
    assert_null(asked->search);
    assert_null(asked->sort);
    assert_string_equal(asked->after, "a");
    assert_int_equal(asked->limit, 2);
    stub_services_answer_json(s->services, MESSAGE_package_list_query, "{\"packages\":[]}");
    const struct answered last = get(s, "/api/v1/packages");
    expect_header(s, &last, "link", NULL);
    assert_int_equal(last_list_query(s)->limit, 100);
}

static void a_search_is_passed_on_as_it_was_typed(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_package_list_query, "{\"packages\":[],\"next\":\"7:b\"}");
    const struct answered found = get(s, "/api/v1/packages?search=%3Cb%3E+%C3%A9&sort=newest&after=9:a&unknown=1");
    expect_header(s, &found, "link", "</api/v1/packages?after=7%3Ab&search=%3Cb%3E%20%C3%A9&sort=newest>; rel=\"next\"");
    assert_string_equal(last_list_query(s)->search, "<b> \u00e9");
    assert_string_equal(last_list_query(s)->sort, "newest");
    assert_string_equal(last_list_query(s)->after, "9:a");
    expect_error(s, get(s, "/api/v1/packages?sort=size"), 400, "sort", "must be name, dependants, newest or relevance");
    expect_error(s, get(s, "/api/v1/packages?after=x:a"), 400, "after", "not the cursor");
    char path[400];
    snprintf(path, sizeof path, "/api/v1/packages?search=%0257d", 0);
    expect_error(s, get(s, path), 400, "search", "must not be longer than 256 bytes");
    snprintf(path, sizeof path, "/api/v1/packages?search=%0256d", 0);
    expect_status(get(s, path), 200);
}

static void a_package_that_is_known_is_not_looked_for_again(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    stub_services_answer_json(s->services, MESSAGE_known_package_query, "{\"name\":\"aff\"}");
    expect_json(get(s, "/api/v1/packages/aff"), 200, "{\"name\":\"aff\"}");
    expect_json(get(s, "/api/v1/packages/aff/7.1.0"), 200, "{\"name\":\"aff\"}");
    const struct message_known_package_query *asked =
        &stub_services_last(s->services, MESSAGE_known_package_query, NULL)->known_package_query;
    assert_string_equal(asked->name, "aff");
    assert_string_equal(asked->version, "7.1.0");
    assert_int_equal(stub_services_count(s->services, MESSAGE_package_query), 0);
}

static void impossible_names_are_404_without_a_query(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    expect_error(s, get(s, "/api/v1/packages/Aff"), 404, NULL, "There is no such package");
    expect_error(s, get(s, "/api/v1/packages/aff/7.1"), 404, NULL, "There is no such version");
    assert_int_equal(stub_services_count(s->services, MESSAGE_known_package_query), 0);
}

/* Only an answer "not found" costs a fetch of both repositories; one address may cause a limited number of them a minute. */
static void questions_for_what_is_not_there_are_limited_by_address(void **state) {
    struct gateway_scene *s = *state;
    static const char *const another[] = {"X-Forwarded-For: 192.0.2.1", NULL};
    set_text(&s->settings.trusted_proxies, "127.0.0.1");
    serve(s);
    stub_services_fail(s->services, MESSAGE_known_package_query, STATUS_NOT_FOUND, NULL, "There is no package x.");
    stub_services_fail(s->services, MESSAGE_package_query, STATUS_NOT_FOUND, NULL, "There is no package x.");
    for (int i = 0; i < UNKNOWN_PACKAGES_PER_MINUTE; i++)
        expect_error(s, get(s, "/api/v1/packages/x"), 404, NULL, "There is no package x.");
    const struct answered answered = get(s, "/api/v1/packages/x/1.0.0");
    expect_error(s, answered, 429, NULL, "Too many requests from 127.0.0.1");
    assert_true(atoi(header_of(s, &answered, "retry-after")) >= 1);
    assert_int_equal(stub_services_count(s->services, MESSAGE_package_query), UNKNOWN_PACKAGES_PER_MINUTE);
    stub_services_answer_json(s->services, MESSAGE_known_package_query, "{\"name\":\"aff\"}");
    expect_status(get(s, "/api/v1/packages/aff"), 200); /* existing packages are never limited */
    stub_services_fail(s->services, MESSAGE_known_package_query, STATUS_NOT_FOUND, NULL, "There is no package x.");
    expect_status(ask_with(s, NULL, "/api/v1/packages/x", another, NULL), 404);
}

static void failures_of_build_matrix_are_told_apart(void **state) {
    struct gateway_scene *s = *state;
    static const struct {
        enum status status;
        const char *path;
        int answered;
        const char *words;
    } rows[] = {
        {STATUS_INVALID, "limit", 400, "A sentence."},
        {STATUS_REFUSED, NULL, 400, "A sentence."},
        {STATUS_BUSY, NULL, 503, "A sentence."},
        {STATUS_UNAVAILABLE, NULL, 503, "cannot be looked up at the moment"},
        {STATUS_INTERNAL, NULL, 503, "cannot be looked up at the moment"},
    };
    serve(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stub_services_fail(s->services, MESSAGE_package_list_query, rows[i].status, rows[i].path, "A sentence.");
        const struct answered answered = get(s, "/api/v1/packages");
        expect_error(s, answered, rows[i].answered, rows[i].path, rows[i].words);
        if (rows[i].answered == 503) expect_header(s, &answered, "retry-after", "2");
    }
    stub_services_answer(s->services, MESSAGE_package_list_query, (struct message){.tag = MESSAGE_done}); /* wrong answer */
    expect_error(s, get(s, "/api/v1/packages"), 503, NULL, "cannot be looked up at the moment");
    stub_services_close(s->services, SERVICE_BUILD_MATRIX);
    expect_error(s, get(s, "/api/v1/packages"), 503, NULL, "cannot be looked up at the moment");
}

/* ---- Many queries at once ---- */

enum { THREADS = 4, PER_ADDRESS = 24, IN_ALL = 48 }; /* services/gateway/gateway.c, services/gateway/backend/service_asker.c */

/* Starts a gateway that waits longer for build-matrix than a test takes. */
static void serve_patiently(struct gateway_scene *s) {
    struct fixture *f = &s->f;
    serve(s);
    const struct service_asker_options options = {
        .client = s->gateway.services[SERVICE_BUILD_MATRIX], .threads = THREADS, .timeout_ms = PATIENCE_MS, .busy = "Busy."};
    service_asker_free(s->gateway.matrix_asker);
    s->gateway.matrix_asker = NULL;
    assert_ok(service_asker_create(&s->gateway.matrix_asker, &options, &f->err));
    stub_services_answer_json(s->services, MESSAGE_package_list_query, "{\"packages\":[]}");
    stub_services_hold(s->services, MESSAGE_package_list_query, true);
}

static void open_as(struct gateway_scene *s, struct http_connection *connection, unsigned client) {
    assert_true(http_connection_open_as(connection, client, server_port(s->gateway.server), PATIENCE_MS));
}

static double refused(struct gateway_scene *s) {
    return metric_of(s, "registry_http_answers_total{method=\"GET\",route=\"/api/v1/packages\",status=\"5xx\","
                        "program=\"gateway\"}");
}

/* Sends `count` requests from one address, each on a separate connection; when this returns, they wait or were refused. */
static void ask_many(struct gateway_scene *s, struct http_connection *connections, int count, unsigned client,
                     int waiting_before) {
    double before = refused(s);
    for (int i = 0; i < count; i++) {
        open_as(s, &connections[i], client);
        assert_true(http_connection_send(&connections[i], "GET", "/api/v1/packages", NULL));
    }
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    for (;;) { /* the request for metrics is one of those being answered */
        double under_way = metric_of(s, "registry_http_answers_under_way{program=\"gateway\"}") - 1;
        if (under_way - waiting_before + refused(s) - before == count) return;
        if (clock_monotonic_ms() > until_ms) fail_msg("%g under way, %g refused", under_way, refused(s) - before);
        wait_ms(5);
    }
}

/* The number of 200s among the answers; the others must be 503, with Retry-After. */
static int take_answers(struct http_connection *connections, int count) {
    int good = 0;
    for (int i = 0; i < count; i++) {
        assert_true(http_connection_receive(&connections[i]));
        if (connections[i].status != 200) assert_int_equal(connections[i].status, 503);
        good += connections[i].status == 200;
        http_connection_close(&connections[i]);
    }
    return good;
}

static void questions_of_one_address_leave_room_for_others(void **state) {
    struct gateway_scene *s = *state;
    enum { MINE = THREADS + PER_ADDRESS + 3, OTHERS = 5 };
    struct http_connection mine[MINE], others[OTHERS];
    serve_patiently(s);
    ask_many(s, mine, THREADS, 2, 0);
    stub_services_await(s->services, MESSAGE_package_list_query, THREADS); /* no thread is free, so all others wait */
    ask_many(s, mine + THREADS, MINE - THREADS, 2, THREADS);
    assert_true(refused(s) == MINE - THREADS - PER_ADDRESS);
    ask_many(s, others, OTHERS, 3, THREADS + PER_ADDRESS);
    assert_true(refused(s) == MINE - THREADS - PER_ADDRESS);
    stub_services_hold(s->services, MESSAGE_package_list_query, false);
    assert_int_equal(take_answers(mine, MINE), THREADS + PER_ADDRESS);
    assert_int_equal(take_answers(others, OTHERS), OTHERS);
    assert_int_equal(stub_services_count(s->services, MESSAGE_package_list_query), THREADS + PER_ADDRESS + OTHERS);
}

static void a_full_queue_of_questions_refuses_everybody(void **state) {
    struct gateway_scene *s = *state;
    enum { EACH = IN_ALL / 4 };
    struct http_connection first[THREADS], waiting[4][EACH], late[2];
    serve_patiently(s);
    ask_many(s, first, THREADS, 2, 0);
    stub_services_await(s->services, MESSAGE_package_list_query, THREADS);
    for (int i = 0; i < 4; i++)
        ask_many(s, waiting[i], EACH, (unsigned)i + 2, THREADS + i * EACH);
    assert_true(refused(s) == 0);
    ask_many(s, late, 2, 9, THREADS + IN_ALL);
    assert_true(refused(s) == 2);
    stub_services_hold(s->services, MESSAGE_package_list_query, false);
    assert_int_equal(take_answers(late, 2), 0);
    assert_int_equal(take_answers(first, THREADS), THREADS);
    for (int i = 0; i < 4; i++)
        assert_int_equal(take_answers(waiting[i], EACH), EACH);
}

static void a_question_whose_client_left_is_not_asked(void **state) {
    struct gateway_scene *s = *state;
    struct http_connection first[THREADS], left[3];
    serve_patiently(s);
    ask_many(s, first, THREADS, 2, 0);
    stub_services_await(s->services, MESSAGE_package_list_query, THREADS);
    /* over HTTP/1 h2o notices that only when it answers, so this uses HTTP/2 */
    struct text bytes = {0};
    for (int i = 0; i < 3; i++) {
        open_as(s, &left[i], 2);
        http2_append_preface(&bytes);
        http2_append_request(&bytes, 1, "GET", "/api/v1/packages", -1, true);
        assert_true(http_connection_send_bytes(&left[i], bytes.bytes, bytes.length));
        text_clear(&bytes);
    }
    await_requests(s, THREADS + 3);
    for (int i = 0; i < 3; i++)
        http_connection_close(&left[i]);
    await_requests(s, THREADS);
    stub_services_hold(s->services, MESSAGE_package_list_query, false);
    assert_int_equal(take_answers(first, THREADS), THREADS);
    expect_status(get(s, "/api/v1/packages"), 200);
    assert_int_equal(stub_services_count(s->services, MESSAGE_package_list_query), THREADS + 1);
    text_release(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        gateway_test(all_that_is_needed_is_checked),
        gateway_test(a_service_that_cannot_work_says_why),
        gateway_test(unreachable_parts_are_named_without_folders_in_public),
        gateway_test(on_s3_the_folder_is_not_needed),
        gateway_test(a_wrong_answer_is_no_readiness),
        gateway_test(the_health_check_is_told_of_each_alarm_once),
        gateway_test(metrics_of_all_programs_are_shown_by_program),
        gateway_test(a_program_that_does_not_answer_is_not_up),
        gateway_test(packages_are_passed_on_with_a_link),
        gateway_test(a_search_is_passed_on_as_it_was_typed),
        gateway_test(a_package_that_is_known_is_not_looked_for_again),
        gateway_test(impossible_names_are_404_without_a_query),
        gateway_test(questions_for_what_is_not_there_are_limited_by_address),
        gateway_test(failures_of_build_matrix_are_told_apart),
        gateway_test(questions_of_one_address_leave_room_for_others),
        gateway_test(a_full_queue_of_questions_refuses_everybody),
        gateway_test(a_question_whose_client_left_is_not_asked),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
