/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Work orders, results and metrics as parts of messages. Faults in a work order itself: tests/unit/domain/test_work_order.c.
 */
#include "lib/service/message/message_work.h"

#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/service/message/message_metrics.h"

#define HASH "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define JOB "11111111-1111-4111-8111-111111111111"

static struct arena arena;
static struct error err;

static int tear_down(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

/* Packs it and unpacks it. */
static struct message send(const struct message *message) {
    struct text bytes = {0};
    struct message got;
    if (message_pack(message, &bytes, &err)) fail_msg("%s", err.message);
    if (message_unpack(message->tag, bytes.bytes, bytes.length, &arena, &got, &err)) fail_msg("%s", err.message);
    text_release(&bytes);
    return got;
}

/* ---- Work orders ---- */

static const size_t on_first[] = {0};
static const struct build_package packages[] = {{"prelude", {6, 0, 1}, HASH, 23456, NULL, 0},
                                                {"effect", {4, 0, 0}, HASH, 0, on_first, 1}};
static const struct build_package others[] = {{"maybe", {6, 0, 0}, HASH, 7, NULL, 0}};
static const struct build_job jobs[] = {{JOB, 7, 2, 1, BUILD_HOW_VERIFY}};
static const struct work_order work = {.compiler = {0, 15, 15},
                                       .time_limit_ms = 3600000,
                                       .lease_ms = 30000,
                                       .downloads = "https://packages.example.org",
                                       .packages = packages,
                                       .package_count = 2,
                                       .jobs = jobs,
                                       .job_count = 1,
                                       .others = others,
                                       .other_count = 1};

static void a_work_order_arrives_as_it_was(void **state) {
    (void)state;
    struct message sent;
    struct work_order got;
    message_write_work(&sent, &work, &arena);
    const struct message received = send(&sent);
    if (message_read_work(&got, &received.work_order, &arena, &err)) fail_msg("%s: %s", err.path, err.message);
    assert_true(version_equal(got.compiler, work.compiler));
    assert_int_equal(got.time_limit_ms, work.time_limit_ms);
    assert_int_equal(got.lease_ms, work.lease_ms);
    assert_string_equal(got.downloads, work.downloads);
    assert_int_equal(got.package_count, 2);
    assert_string_equal(got.packages[1].name, "effect");
    assert_true(version_equal(got.packages[1].version, packages[1].version));
    assert_string_equal(got.packages[1].hash, HASH);
    assert_int_equal(got.packages[0].size_bytes, 23456);
    assert_int_equal(got.packages[0].dependency_count, 0);
    assert_int_equal(got.packages[1].dependency_count, 1);
    assert_int_equal(got.packages[1].dependencies[0], 0);
    assert_int_equal(got.job_count, 1);
    assert_memory_equal(got.jobs[0].job_id, JOB, sizeof JOB);
    assert_int_equal(got.jobs[0].fence, 7);
    assert_int_equal(got.jobs[0].attempt, 2);
    assert_int_equal(got.jobs[0].package, 1);
    assert_int_equal(got.jobs[0].how, BUILD_HOW_VERIFY);
    assert_int_equal(got.other_count, 1);
    assert_string_equal(got.others[0].name, "maybe");
}

static void expect_refused(const struct message *message, const char *path) {
    struct work_order got;
    assert_int_equal(message_read_work(&got, &message->work_order, &arena, &err), STATUS_INVALID);
    assert_string_equal(err.path, path);
    assert_int_equal(message_read_work(&got, &message->work_order, &arena, NULL), STATUS_INVALID);
}

static void a_field_that_cannot_be_read_is_named(void **state) {
    (void)state;
    struct message message;
    struct record_package package;
    struct record_build job;
    message_write_work(&message, &work, &arena);
    message.work_order.compiler = "new";
    expect_refused(&message, "compiler");
    message.work_order.compiler = NULL;
    expect_refused(&message, "compiler");
    message_write_work(&message, &work, &arena);
    message.work_order.lease_ms = -1;
    expect_refused(&message, "lease_ms");

    message_write_work(&message, &work, &arena);
    package = message.work_order.packages.items[0];
    message.work_order.packages = (struct record_package_list){&package, 1};
    package.version = "1.0";
    expect_refused(&message, "packages[0].version");
    package.version = NULL;
    expect_refused(&message, "packages[0].version");
    package.version = "1.0.0";
    package.dependencies = (struct record_dependency_list){&(struct record_dependency){-1}, 1};
    expect_refused(&message, "packages[0].dependencies");

    message_write_work(&message, &work, &arena);
    job = message.work_order.jobs.items[0];
    message.work_order.jobs = (struct record_build_list){&job, 1};
    job.how = "somehow";
    expect_refused(&message, "jobs[0].how");
    job.how = "reuse";
    job.package = -1;
    expect_refused(&message, "jobs[0].package");
    job.attempt = INT64_C(1) << 31;
    expect_refused(&message, "jobs[0].attempt");
    job.job_id = JOB "1";
    expect_refused(&message, "jobs[0].job_id");
    job.job_id = NULL;
    expect_refused(&message, "jobs[0].job_id");
}

/* ---- Results ---- */

static const struct build_error errors[] = {{.message = "No.",
                                             .code = "TypesDoNotUnify",
                                             .link = "https://example.org",
                                             .filename = "src/A.purs",
                                             .module = "A",
                                             .has_position = true,
                                             .position = {1, 2, 3, INT32_MAX}},
                                            {.message = "Neither.", .code = "Other"}};

static void a_result_arrives_as_it_was(void **state) {
    (void)state;
    const struct build_result result = {.compiled_modules = 3,
                                        .reused_modules = 225,
                                        .own_modules = 2,
                                        .compiler_ms = 1234,
                                        .own_ms = 12,
                                        .batch_jobs = 16,
                                        .errors = errors,
                                        .error_count = 2,
                                        .errors_left_out = 7};
    struct build_result got;
    struct text before = {0}, after = {0};
    const struct message sent = {.tag = MESSAGE_build_outcome, .build_outcome.result = message_write_result(&result, &arena)};
    const struct message received = send(&sent);
    if (message_read_result(&got, received.build_outcome.result, &arena, &err)) fail_msg("%s: %s", err.path, err.message);
    build_result_append_json(&before, &result);
    build_result_append_json(&after, &got);
    assert_string_equal(text_view(&before), text_view(&after));
    assert_null(got.errors[1].link);
    text_release(&before);
    text_release(&after);
}

static void a_result_that_cannot_be_read_names_its_field(void **state) {
    (void)state;
    static const struct record_source_position far = {1, 1, 1, INT64_C(1) << 31}, before = {-1, 1, 1, 1};
    static const struct {
        struct record_compiler_error error;
        const char *path;
    } rows[] = {{{.code = "Other"}, "errors[0].message"},
                {{.message = "No."}, "errors[0].code"},
                {{.message = "No.", .code = "Other", .position = &far}, "errors[0].position.end_column"},
                {{.message = "No.", .code = "Other", .position = &before}, "errors[0].position.start_line"}};
    struct build_result got;
    struct record_build_result record = {.errors_left_out = -1};
    assert_int_equal(message_read_result(&got, &record, &arena, &err), STATUS_INVALID);
    assert_string_equal(err.path, "errors_left_out");
    record = (struct record_build_result){.reused_modules = -1};
    assert_int_equal(message_read_result(&got, &record, &arena, &err), STATUS_INVALID);
    assert_string_equal(err.path, "reused_modules");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        record = (struct record_build_result){.errors = {&rows[i].error, 1}};
        assert_int_equal(message_read_result(&got, &record, &arena, &err), STATUS_INVALID);
        assert_string_equal(err.path, rows[i].path);
        assert_int_equal(message_read_result(&got, &record, &arena, NULL), STATUS_INVALID);
    }
}

/* ---- Metrics ---- */

static void metrics_arrive_with_one_more_label(void **state) {
    (void)state;
    struct metrics *before = metrics_create(), *after = metrics_create();
    struct text out = {0};
    metrics_add(before, METRIC_GAUGE, "registry_x", "X.", (const char *const[]){"kind", "a", "state", "", NULL}, 0.1);
    metrics_add(before, METRIC_COUNTER, "registry_y_total", "Y.", NULL, 1e300);
    const struct message sent = {.tag = MESSAGE_metrics, .metrics.samples = message_list_metrics(before, &arena)};
    const struct message received = send(&sent);
    assert_int_equal(message_add_metrics(after, received.metrics.samples, "program", "p", &err), STATUS_OK);
    metrics_append_prometheus(&out, after);
    assert_string_equal(text_view(&out), "# HELP registry_x X.\n# TYPE registry_x gauge\n"
                                         "registry_x{kind=\"a\",state=\"\",program=\"p\"} 0.1\n"
                                         "# HELP registry_y_total Y.\n# TYPE registry_y_total counter\n"
                                         "registry_y_total{program=\"p\"} 1e+300\n");
    assert_int_equal(message_add_metrics(after, received.metrics.samples, "state", "p", &err), STATUS_INVALID);
    assert_string_equal(err.path, "labels");
    text_release(&out);
    metrics_free(before);
    metrics_free(after);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_work_order_arrives_as_it_was, tear_down),
        cmocka_unit_test_teardown(a_field_that_cannot_be_read_is_named, tear_down),
        cmocka_unit_test_teardown(a_result_arrives_as_it_was, tear_down),
        cmocka_unit_test_teardown(a_result_that_cannot_be_read_names_its_field, tear_down),
        cmocka_unit_test_teardown(metrics_arrive_with_one_more_label, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
