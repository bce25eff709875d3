/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/matrix/work_order.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "tests/support/cmocka_all.h"

#define HASH "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static const size_t on_a[] = {0}, on_b[] = {1};
static const struct build_package packages[] = {
    {"a", {1, 0, 0}, HASH, 7, NULL, 0},
    {"b", {1, 0, 0}, HASH, 7, on_a, 1},
    {"c", {1, 0, 0}, HASH, 7, NULL, 0},
    {"d", {1, 0, 0}, HASH, 7, on_b, 1},
};
static const struct build_job jobs[] = {{.job_id = "0a-1", .fence = 3, .attempt = 1, .package = 3},
                                        {.job_id = "0a-2", .fence = 4, .attempt = 1, .package = 2, .how = BUILD_HOW_VERIFY}};
static const struct build_package others[] = {
    {"e", {1, 0, 0}, HASH, 7, NULL, 0}, {"f", {1, 0, 0}, HASH, 7, NULL, 0}, {"g", {1, 0, 0}, HASH, 7, NULL, 0}};
static const struct work_order good = {.compiler = {0, 15, 15},
                                       .time_limit_ms = 1000,
                                       .lease_ms = 500,
                                       .downloads = "http://here",
                                       .packages = packages,
                                       .package_count = 4,
                                       .jobs = jobs,
                                       .job_count = 2,
                                       .others = others,
                                       .other_count = 3};

static void a_closure_is_all_that_a_package_depends_on(void **state) {
    (void)state;
    struct arena arena = {0};
    size_t *closure = NULL;
    assert_int_equal(work_order_closure(&closure, &good, 3, &arena), 2);
    assert_int_equal(closure[0], 0);
    assert_int_equal(closure[1], 1);
    assert_int_equal(work_order_closure(&closure, &good, 2, &arena), 0);
    arena_release(&arena);
}

static void how_to_build_has_a_text(void **state) {
    (void)state;
    enum build_how how;
    for (unsigned i = 0; i < BUILD_HOW_COUNT; i++) {
        assert_true(build_how_parse(build_how_text((enum build_how)i), &how));
        assert_int_equal(how, i);
    }
    assert_false(build_how_parse("REUSE", &how));
    assert_false(build_how_parse(NULL, &how));
}

/* ---- Checks ---- */

static void expect_refused(const struct work_order *work, const char *path) {
    struct error err;
    assert_int_equal(work_order_check(work, &err), STATUS_INVALID);
    assert_string_equal(err.path, path);
    assert_int_equal(work_order_check(work, NULL), STATUS_INVALID);
}

static void a_good_one_is_taken(void **state) {
    (void)state;
    struct work_order work = good;
    struct error err;
    if (work_order_check(&work, &err)) fail_msg("%s: %s", err.path, err.message);
    work.other_count = 0;
    assert_int_equal(work_order_check(&work, NULL), STATUS_OK);
}

static void a_wrong_field_is_named(void **state) {
    (void)state;
    struct work_order work = good;
    work.time_limit_ms = -1;
    expect_refused(&work, "time_limit_ms");
    work = good;
    work.lease_ms = -1;
    expect_refused(&work, "lease_ms");
    work = good;
    work.downloads = NULL;
    expect_refused(&work, "downloads");
    work = good;
    work.package_count = 0;
    expect_refused(&work, "packages");
    work.package_count = WORK_ORDER_PACKAGES_MAX + 1;
    expect_refused(&work, "packages");
    work = good;
    work.job_count = 0;
    expect_refused(&work, "jobs");
    work.job_count = WORK_ORDER_JOBS_MAX + 1;
    expect_refused(&work, "jobs");
    work = good;
    work.other_count = WORK_ORDER_OTHERS_MAX + 1;
    expect_refused(&work, "others");
}

static void a_wrong_package_is_named(void **state) {
    (void)state;
    static const size_t own[] = {1}, none[] = {SIZE_MAX};
    static const struct {
        struct build_package package;
        const char *path;
    } rows[] = {
        {{NULL, {1, 0, 0}, HASH, 7, NULL, 0}, "packages[1].name"},
        {{"../b", {1, 0, 0}, HASH, 7, NULL, 0}, "packages[1].name"},
        {{"a", {1, 0, 0}, HASH, 7, NULL, 0}, "packages[1].name"},
        {{"b", {1, 0, 0}, NULL, 7, NULL, 0}, "packages[1].hash"},
        {{"b", {1, 0, 0}, "sha256-", 7, NULL, 0}, "packages[1].hash"},
        {{"b", {1, 0, 0}, HASH, -1, NULL, 0}, "packages[1].size_bytes"},
        {{"b", {1, 0, 0}, HASH, 7, own, 1}, "packages[1].dependencies"},
        {{"b", {1, 0, 0}, HASH, 7, none, 1}, "packages[1].dependencies"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct build_package list[] = {packages[0], rows[i].package, packages[2], packages[3]};
        struct work_order work = good;
        work.packages = list;
        expect_refused(&work, rows[i].path);
    }
    const struct build_package dependent[] = {packages[0], packages[1]};
    struct work_order work = good;
    work.others = dependent;
    work.other_count = 2;
    expect_refused(&work, "others[1].dependencies");
}

static void a_wrong_job_is_named(void **state) {
    (void)state;
    static const struct {
        struct build_job job;
        const char *path;
    } rows[] = {
        {{.job_id = ""}, "jobs[1].job_id"},
        {{.job_id = "0a.1"}, "jobs[1].job_id"},
        {{.job_id = "1", .package = 4}, "jobs[1].package"},
        {{.job_id = "1", .package = 3}, "jobs[1].package"}, /* as the first */
        {{.job_id = "1", .fence = -1}, "jobs[1].fence"},
        {{.job_id = "1", .attempt = -1}, "jobs[1].attempt"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct build_job list[] = {jobs[0], rows[i].job};
        struct work_order work = good;
        work.jobs = list;
        expect_refused(&work, rows[i].path);
    }
}

/* ---- Results ---- */

static void a_result_that_cannot_be_read_may_be_told_to_nobody(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"compiled\":-1}",
        "{\"compiled\":0,\"reused\":0,\"own\":0,\"compilerMs\":0,\"ownMs\":0,\"batch\":0,\"errors\":[7]}",
        "{\"compiled\":0,\"reused\":0,\"own\":0,\"compilerMs\":0,\"ownMs\":0,\"batch\":0,"
        "\"errors\":[{\"message\":\"No.\",\"errorCode\":\"Other\",\"position\":{\"startLine\":\"first\"}}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct arena arena = {0};
        struct build_result result;
        assert_int_equal(build_result_parse(&result, texts[i], strlen(texts[i]), &arena, NULL), STATUS_INVALID);
        arena_release(&arena);
    }
}

static void a_result_keeps_its_errors(void **state) {
    (void)state;
    static const char text[] =
        "{\"compiled\":3,\"reused\":225,\"own\":3,\"compilerMs\":1234,\"ownMs\":12,\"batch\":16,\"errors\":[{\"message\":\"No."
        "\","
        "\"errorCode\":\"TypesDoNotUnify\",\"filename\":\"src/A.purs\",\"moduleName\":\"A\",\"position\":{\"startLine\":1,"
        "\"startColumn\":2,\"endLine\":3,\"endColumn\":4}},{\"message\":\"Neither.\",\"errorCode\":\"Other\"}],"
        "\"errorsLeftOut\":2}";
    struct arena arena = {0};
    struct build_result result;
    struct error err;
    struct text printed = {0};
    if (build_result_parse(&result, text, strlen(text), &arena, &err)) fail_msg("%s: %s", err.path, err.message);
    build_result_append_json(&printed, &result);
    assert_string_equal(text_view(&printed), text);
    assert_int_equal(build_result_parse(&result, "{\"compiled\":-1}", 15, &arena, &err), STATUS_INVALID);
    assert_string_equal(err.path, "compiled");
    text_release(&printed);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closure_is_all_that_a_package_depends_on),
        cmocka_unit_test(how_to_build_has_a_text),
        cmocka_unit_test(a_good_one_is_taken),
        cmocka_unit_test(a_wrong_field_is_named),
        cmocka_unit_test(a_wrong_package_is_named),
        cmocka_unit_test(a_wrong_job_is_named),
        cmocka_unit_test(a_result_that_cannot_be_read_may_be_told_to_nobody),
        cmocka_unit_test(a_result_keeps_its_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
