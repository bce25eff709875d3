/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/metrics.h"
#include "lib/base/text.h"

static void expect_prometheus(const struct metrics *metrics, const char *expected) {
    struct text out = {0};
    metrics_append_prometheus(&out, metrics);
    assert_string_equal(text_view(&out), expected);
    text_release(&out);
}

static void a_name_is_explained_once_with_all_its_samples(void **state) {
    (void)state;
    struct metrics *metrics = metrics_create();
    metrics_add(metrics, METRIC_GAUGE, "registry_slots", "Slots.", (const char *const[]){"worker", "a", NULL}, 4);
    metrics_add(metrics, METRIC_COUNTER, "registry_jobs_total", "Jobs.", NULL, 12345678);
    metrics_add(metrics, METRIC_GAUGE, "registry_slots", "Slots.", (const char *const[]){"worker", "b", "host", "h", NULL},
                0.1);
    expect_prometheus(metrics, "# HELP registry_slots Slots.\n"
                               "# TYPE registry_slots gauge\n"
                               "registry_slots{worker=\"a\"} 4\n"
                               "registry_slots{worker=\"b\",host=\"h\"} 0.1\n"
                               "# HELP registry_jobs_total Jobs.\n"
                               "# TYPE registry_jobs_total counter\n"
                               "registry_jobs_total 12345678\n");
    metrics_free(metrics);
}

static void characters_that_would_end_a_text_are_escaped(void **state) {
    (void)state;
    struct metrics *metrics = metrics_create();
    metrics_add(metrics, METRIC_GAUGE, "registry_x", "A \"b\" \\ c\nd.", (const char *const[]){"l", "a \"b\" \\ c\nd", NULL},
                1);
    expect_prometheus(metrics, "# HELP registry_x A \"b\" \\\\ c\\nd.\n"
                               "# TYPE registry_x gauge\n"
                               "registry_x{l=\"a \\\"b\\\" \\\\ c\\nd\"} 1\n");
    metrics_free(metrics);
}

static void numbers_that_are_none_have_names(void **state) {
    (void)state;
    struct metrics *metrics = metrics_create();
    static const double values[] = {(double)NAN, (double)INFINITY, (double)-INFINITY, -0.5, 1e300, 1700000000.125};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        metrics_add(metrics, METRIC_GAUGE, "registry_x", "X.", NULL, values[i]);
    expect_prometheus(metrics, "# HELP registry_x X.\n# TYPE registry_x gauge\nregistry_x NaN\nregistry_x +Inf\n"
                               "registry_x -Inf\nregistry_x -0.5\nregistry_x 1e+300\nregistry_x 1700000000.125\n");
    metrics_free(metrics);
}

static void a_list_comes_through_json_with_one_more_label(void **state) {
    (void)state;
    struct metrics *one = metrics_create(), *other = metrics_create();
    metrics_add(one, METRIC_GAUGE, "registry_x", "X \"\\\n.", (const char *const[]){"l", "\"\\\nä", NULL}, 2.5);
    metrics_add(one, METRIC_GAUGE, "registry_x", "X \"\\\n.", NULL, (double)-INFINITY);
    metrics_add(one, METRIC_COUNTER, "registry_y_total", "Y.", NULL, 1e15 + 0.125);
    metrics_add(other, METRIC_GAUGE, "registry_x", "X here.", NULL, 1);
    struct text json = {0};
    metrics_append_json(&json, one);
    struct error err = {0};
    assert_int_equal(metrics_add_json(other, text_view(&json), "program", "publish", &err), STATUS_OK);
    expect_prometheus(other, "# HELP registry_x X here.\n"
                             "# TYPE registry_x gauge\n"
                             "registry_x 1\n"
                             "registry_x{l=\"\\\"\\\\\\nä\",program=\"publish\"} 2.5\n"
                             "registry_x{program=\"publish\"} -Inf\n"
                             "# HELP registry_y_total Y.\n"
                             "# TYPE registry_y_total counter\n"
                             "registry_y_total{program=\"publish\"} 1000000000000000.1\n");
    text_release(&json);
    metrics_free(one);
    metrics_free(other);
}

static void a_bad_list_is_refused_whole(void **state) {
    (void)state;
#define GOOD "{\"name\":\"a\",\"kind\":\"gauge\",\"help\":\"A.\",\"labels\":{},\"value\":1}"
    static const char *const bad[] = {
        "",
        "{}",
        "[1]",
        "[" GOOD ",{}]",
        "[" GOOD "",
        "[" GOOD ",{\"name\":\"a b\",\"kind\":\"gauge\",\"help\":\"A.\",\"labels\":{},\"value\":1}]",
        "[" GOOD ",{\"name\":\"1a\",\"kind\":\"gauge\",\"help\":\"A.\",\"labels\":{},\"value\":1}]",
        "[" GOOD ",{\"name\":\"\",\"kind\":\"gauge\",\"help\":\"A.\",\"labels\":{},\"value\":1}]",
        "[" GOOD ",{\"name\":\"b\",\"kind\":\"sum\",\"help\":\"A.\",\"labels\":{},\"value\":1}]",
        "[" GOOD ",{\"name\":\"b\",\"kind\":\"gauge\",\"help\":\"A.\",\"labels\":[],\"value\":1}]",
        "[" GOOD ",{\"name\":\"b\",\"kind\":\"gauge\",\"help\":\"A.\",\"labels\":{\"l\":1},\"value\":1}]",
        "[" GOOD ",{\"name\":\"b\",\"kind\":\"gauge\",\"help\":\"A.\",\"labels\":{\"l-\":\"\"},\"value\":1}]",
        "[" GOOD ",{\"name\":\"b\",\"kind\":\"gauge\",\"help\":\"A.\",\"labels\":{\"program\":\"\"},\"value\":1}]",
        "[" GOOD ",{\"name\":\"b\",\"kind\":\"gauge\",\"help\":\"A.\",\"labels\":{},\"value\":\"1\"}]",
        "[" GOOD ",{\"name\":\"b\",\"kind\":\"gauge\",\"help\":\"A.\",\"labels\":{}}]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct metrics *metrics = metrics_create();
        struct error err = {0};
        if (metrics_add_json(metrics, bad[i], "program", "p", &err) != STATUS_INVALID) fail_msg("taken: %s", bad[i]);
        assert_int_not_equal(err.message[0], '\0');
        expect_prometheus(metrics, "");
        metrics_free(metrics);
    }
    struct metrics *metrics = metrics_create();
    assert_int_equal(metrics_add_json(metrics, "[" GOOD "]", "program", "p", NULL), STATUS_OK);
    expect_prometheus(metrics, "# HELP a A.\n# TYPE a gauge\na{program=\"p\"} 1\n");
    metrics_free(metrics);
}

static void a_process_has_an_age_memory_and_computed(void **state) {
    (void)state;
    struct metrics *metrics = metrics_create();
    metrics_add_process(metrics);
    struct text out = {0};
    metrics_append_prometheus(&out, metrics);
    static const struct {
        const char *name;
        double least, most;
    } samples[] = {{"\nregistry_uptime_seconds ", -0.02, 600}, /* start times are in clock ticks of 10 ms */
                   {"\nregistry_resident_bytes ", 100000, 1e10},
                   {"\nregistry_cpu_seconds_total ", 0.0001, 600}};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const char *line = strstr(text_view(&out), samples[i].name);
        assert_non_null(line);
        double value = strtod(line + strlen(samples[i].name), NULL);
        if (value < samples[i].least || value > samples[i].most) fail_msg("%s is %f", samples[i].name + 1, value);
    }
    text_release(&out);
    metrics_free(metrics);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_explained_once_with_all_its_samples),
        cmocka_unit_test(characters_that_would_end_a_text_are_escaped),
        cmocka_unit_test(numbers_that_are_none_have_names),
        cmocka_unit_test(a_list_comes_through_json_with_one_more_label),
        cmocka_unit_test(a_bad_list_is_refused_whole),
        cmocka_unit_test(a_process_has_an_age_memory_and_computed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
