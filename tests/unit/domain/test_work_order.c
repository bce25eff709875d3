/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/matrix/work_order.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "tests/support/cmocka_all.h"

#define HASH "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define PACKAGE(name, dependencies)                                                                                            \
    "{\"name\":\"" name "\",\"version\":\"1.0.0\",\"hash\":\"" HASH "\",\"bytes\":7,\"dependencies\":" dependencies "}"
#define JOB(package) "{\"jobId\":\"0a-1\",\"fence\":3,\"attempt\":1,\"package\":" package ",\"how\":\"reuse\"}"
#define WORK(packages, jobs)                                                                                                   \
    "{\"compiler\":\"0.15.15\",\"timeLimitMs\":1000,\"leaseMs\":500,\"downloads\":\"http://here\",\"packages\":[" packages     \
    "],\"jobs\":[" jobs "]}"

#define OTHERS(others)                                                                                                         \
    "{\"compiler\":\"0.15.15\",\"timeLimitMs\":1000,\"leaseMs\":500,\"downloads\":\"http://here\",\"packages\":[" PACKAGE(     \
        "a", "[]") "],\"jobs\":[" JOB("0") "],\"others\":" others "}"

static void what_is_written_is_read_again(void **state) {
    (void)state;
    static const char text[] =
        WORK(PACKAGE("a", "[]") "," PACKAGE("b", "[0]") "," PACKAGE("c", "[]") "," PACKAGE("d", "[1]"), JOB("3") "," JOB("2"));
    struct arena arena = {0};
    struct work_order work;
    struct error err;
    struct text printed = {0};
    if (work_order_parse(&work, text, strlen(text), &arena, &err)) fail_msg("%s: %s", err.path, err.message);
    work_order_append_json(&printed, &work);
    assert_string_equal(text_view(&printed), text);
    assert_int_equal(work.jobs[0].package, 3);
    text_release(&printed);
    arena_release(&arena);
}

static void others_are_read_again(void **state) {
    (void)state;
    static const char text[] = WORK(PACKAGE("a", "[]"), JOB("0"));
    struct arena arena = {0};
    struct work_order work;
    struct text printed = {0}, with = {0};
    text_append_bytes(&with, text, strlen(text) - 1);
    text_append(&with, ",\"others\":[" PACKAGE("b", "[]") "," PACKAGE("c", "[]") "]}");
    assert_int_equal(work_order_parse(&work, with.bytes, with.length, &arena, NULL), STATUS_OK);
    assert_int_equal(work.other_count, 2);
    assert_string_equal(work.others[1].name, "c");
    work_order_append_json(&printed, &work);
    assert_string_equal(text_view(&printed), text_view(&with));
    text_release(&printed);
    text_release(&with);
    arena_release(&arena);
}

static void a_closure_is_all_that_a_package_depends_on(void **state) {
    (void)state;
    static const char text[] =
        WORK(PACKAGE("a", "[]") "," PACKAGE("b", "[0]") "," PACKAGE("c", "[]") "," PACKAGE("d", "[1]"), JOB("3"));
    struct arena arena = {0};
    struct work_order work;
    size_t *closure = NULL;
    if (work_order_parse(&work, text, strlen(text), &arena, NULL)) fail();
    assert_int_equal(work_order_closure(&closure, &work, 3, &arena), 2);
    assert_int_equal(closure[0], 0);
    assert_int_equal(closure[1], 1);
    assert_int_equal(work_order_closure(&closure, &work, 2, &arena), 0);
    arena_release(&arena);
}

static void what_is_not_as_drawn_is_refused_by_its_field(void **state) {
    (void)state;
    static const struct {
        const char *text, *path;
    } rows[] = {
        {WORK("", JOB("0")), "packages"},
        {WORK(PACKAGE("a", "[]"), ""), "jobs"},
        {WORK(PACKAGE("a", "[0]"), JOB("0")), "packages[0].dependencies"},
        {WORK(PACKAGE("a", "[]") "," PACKAGE("a", "[]"), JOB("0")), "packages[1].name"},
        {WORK(PACKAGE("a", "[]"), JOB("1")), "jobs[0].package"},
        {WORK(PACKAGE("a", "[]"), JOB("0") "," JOB("0")), "jobs[1].package"},
        {WORK(PACKAGE("../a", "[]"), JOB("0")), "packages[0].name"},
        {"{\"compiler\":\"new\"}", "compiler"},
        {OTHERS("{}"), "others"},
        {OTHERS("[" PACKAGE("a", "[0]") "]"), "others[0].dependencies"},
        {OTHERS("[" PACKAGE("b", "[]") "," PACKAGE("c", "[]") "," PACKAGE("d", "[]") "," PACKAGE("e", "[]") "]"), "others"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena arena = {0};
        struct work_order work;
        struct error err;
        assert_int_equal(work_order_parse(&work, rows[i].text, strlen(rows[i].text), &arena, &err), STATUS_INVALID);
        assert_string_equal(err.path, rows[i].path);
        assert_int_equal(work_order_parse(&work, rows[i].text, strlen(rows[i].text), &arena, NULL), STATUS_INVALID);
        arena_release(&arena);
    }
}

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
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(others_are_read_again),
        cmocka_unit_test(a_closure_is_all_that_a_package_depends_on),
        cmocka_unit_test(what_is_not_as_drawn_is_refused_by_its_field),
        cmocka_unit_test(a_result_keeps_its_errors),
        cmocka_unit_test(a_result_that_cannot_be_read_may_be_told_to_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
