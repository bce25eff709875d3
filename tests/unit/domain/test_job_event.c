/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include "lib/domain/job/job_event.h"

static struct arena arena;

static const struct job_event built = {.kind = JOB_EVENT_BUILT,
                                       .package = "prelude",
                                       .version = {6, 0, 1},
                                       .compiler = {0, 15, 15},
                                       .purpose = MATRIX_PURPOSE_WAVE,
                                       .registry_commit = "abc"};

static void an_event_has_the_fields_of_its_kind(void **state) {
    (void)state;
    assert_string_equal(job_event_print(&built, &arena),
                        "{\"event\":\"built\",\"name\":\"prelude\",\"version\":\"6.0.1\",\"compiler\":\"0.15.15\","
                        "\"purpose\":\"wave\",\"registryCommit\":\"abc\"}");
    struct job_event revised = built;
    revised.kind = JOB_EVENT_REVISED;
    revised.purpose = MATRIX_PURPOSE_NONE;
    revised.registry_commit = NULL;
    revised.index_commit = "def";
    assert_string_equal(job_event_print(&revised, &arena),
                        "{\"event\":\"revised\",\"name\":\"prelude\",\"version\":\"6.0.1\",\"indexCommit\":\"def\"}");
}

static void a_printed_event_is_read(void **state) {
    (void)state;
    struct job_event event;
    struct error err;
    bool is_known;
    assert_int_equal(job_event_read(&event, &is_known, job_event_print(&built, &arena), &arena, &err), STATUS_OK);
    assert_true(is_known);
    assert_int_equal(event.kind, JOB_EVENT_BUILT);
    assert_string_equal(event.package, "prelude");
    assert_true(version_equal(event.version, built.version) && version_equal(event.compiler, built.compiler));
    assert_int_equal(event.purpose, MATRIX_PURPOSE_WAVE);
    assert_string_equal(event.registry_commit, "abc");
    assert_null(event.index_commit);
}

static void an_unknown_kind_is_no_error_and_an_unknown_purpose_is_none(void **state) {
    (void)state;
    struct job_event event;
    struct error err;
    bool is_known;
    assert_int_equal(job_event_read(&event, &is_known, "{\"event\":\"unpublished\"}", &arena, &err), STATUS_OK);
    assert_false(is_known);
    static const char later[] = "{\"event\":\"revised\",\"name\":\"a\",\"version\":\"1.0.0\",\"purpose\":\"later\"}";
    assert_int_equal(job_event_read(&event, &is_known, later, &arena, &err), STATUS_OK);
    assert_true(is_known);
    assert_int_equal(event.purpose, MATRIX_PURPOSE_NONE);
}

static void a_malformed_event_names_the_field(void **state) {
    (void)state;
    static const struct {
        const char *json, *path;
    } cases[] = {
        {"{\"event\":7}", "event"},
        {"{\"event\":\"published\",\"version\":\"1.0.0\"}", "name"},
        {"{\"event\":\"published\",\"name\":\"A\",\"version\":\"1.0.0\"}", "name"},
        {"{\"event\":\"published\",\"name\":\"a\"}", "version"},
        {"{\"event\":\"published\",\"name\":\"a\",\"version\":\"1\"}", "version"},
        {"{\"event\":\"built\",\"name\":\"a\",\"version\":\"1.0.0\"}", "compiler"},
        {"{\"event\":\"published\",\"name\":\"a\",\"version\":\"1.0.0\",\"indexCommit\":7}", "indexCommit"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct job_event event;
        struct error err = {0};
        bool is_known;
        assert_int_equal(job_event_read(&event, &is_known, cases[i].json, &arena, &err), STATUS_INVALID);
        assert_string_equal(err.path, cases[i].path);
    }
}

static int release_arena(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_has_the_fields_of_its_kind),
        cmocka_unit_test(a_printed_event_is_read),
        cmocka_unit_test(an_unknown_kind_is_no_error_and_an_unknown_purpose_is_none),
        cmocka_unit_test(a_malformed_event_names_the_field),
    };
    return cmocka_run_group_tests(tests, NULL, release_arena);
}
