/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The handlers of other queries from the gateway and registryctl: plans, builds, workers, compilers, and whether a change of a package
 * still holds. (Packages: test_package_queries.c.)
 */
#include "tests/store/build-matrix/query_scene.h"

/* ---- Does it still hold? ---- */

static struct message holds_query(const char *kind, const char *payload) {
    return (struct message){.tag = MESSAGE_holds_query, .holds_query = {.kind = kind, .payload = payload}};
}

static void a_transfer_holds_while_the_package_is_where_it_went(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
#define TRANSFER(name, repo)                                                                                                   \
    holds_query("transfer", "{\"name\":\"" name "\",\"newLocation\":{\"githubOwner\":\"owner\",\"githubRepo\":\"" repo "\"}}")
    const struct message there = TRANSFER("arrays", "repo"), elsewhere = TRANSFER("arrays", "other"),
                         gone = TRANSFER("gone", "repo");
    assert_ok(ask(m, &there));
    assert_int_equal(answer.tag, MESSAGE_done);
    assert_status(STATUS_REFUSED, ask(m, &elsewhere));
    assert_non_null(strstr(f->err.message, "arrays is now at "));
    expect_failure(m, STATUS_REFUSED, &gone, "", "The package gone is no longer in the registry.");
}

static void an_unpublishing_holds_while_the_version_is_not_published(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
#define UNPUBLISH(name, version)                                                                                               \
    holds_query("unpublish", "{\"name\":\"" name "\",\"version\":\"" version "\",\"reason\":\"Wrong.\"}")
    const struct message published = UNPUBLISH("arrays", "1.0.0"), other = UNPUBLISH("arrays", "2.0.0"),
                         gone = UNPUBLISH("gone", "1.0.0");
    expect_failure(m, STATUS_REFUSED, &published, "", "arrays@1.0.0 is published again.");
    assert_ok(ask(m, &other));
    assert_ok(ask(m, &gone));
}

static void nothing_else_is_asked_whether_it_holds(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct message publish = holds_query("publish", "{}"), none = holds_query(NULL, NULL),
                         empty = holds_query("transfer", NULL);
    expect_failure(m, STATUS_INVALID, &publish, "kind", "The kind must be transfer or unpublish.");
    expect_failure(m, STATUS_INVALID, &none, "kind", "The kind must be transfer or unpublish.");
    assert_status(STATUS_INVALID, ask(m, &empty));
}

/* ---- Plans ---- */

static struct message plan_query(const char *name, const char *version, const char *compiler) {
    return (struct message){.tag = MESSAGE_plan_query, .plan_query = {.name = name, .version = version, .compiler = compiler}};
}

static void a_plan_is_the_payload_of_a_build(void **state) {
    struct matrix_fixture *m = *state;
    const struct message query = plan_query("arrays", "1.0.0", NEW);
    assert_string_equal(expect_json(m, &query), PRELUDE);
}

static void a_plan_that_is_not_to_be_had_names_the_field(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    static const char *const rows[] = {"prelude 6.0.0 [0.15.14]", "stuck 1.0.0 [0.15.14] prelude >=5.0.0 <6.0.0"};
    write_registry(m, rows, 2);
    refresh(m);
    static const struct {
        const char *name, *version, *compiler, *field;
        enum status status;
        const char *words;
    } cases[] = {
        {NULL, "1.0.0", NEW, "name", STATUS_INVALID, "must be the name of a package"},
        {"stuck", "one", NEW, "version", STATUS_INVALID, ""},
        {"stuck", NULL, NEW, "version", STATUS_INVALID, ""},
        {"stuck", "1.0.0", NULL, "compiler", STATUS_INVALID, ""},
        {"stuck", "1.0.0", "0.15.16", "compiler", STATUS_REFUSED, "Supported compilers: " OLD ", " NEW "."},
        {"gone", "1.0.0", NEW, "name", STATUS_NOT_FOUND, "There is no package gone in the registry."},
        {"stuck", "2.0.0", NEW, "version", STATUS_NOT_FOUND, "stuck@2.0.0 is not published."},
        {"stuck", "1.0.0", NEW, "compiler", STATUS_REFUSED, "stuck@1.0.0 has no plan with the compiler " NEW},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct message query = plan_query(cases[i].name, cases[i].version, cases[i].compiler);
        assert_status(cases[i].status, ask(m, &query));
        assert_memory_equal(f->err.path, cases[i].field, strlen(cases[i].field));
        if (!strstr(f->err.message, cases[i].words)) fail_msg("%s", f->err.message);
    }
}

/* ---- Builds to compare, and their outcomes ---- */

static struct message verify_query(int64_t count, const char *compiler) {
    return (struct message){.tag = MESSAGE_matrix_verify, .matrix_verify = {.count = count, .compiler = compiler}};
}

static void builds_to_compare_are_drawn_from_what_is_known_to_build(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct message all = verify_query(1000, NULL), new = verify_query(1000, NEW), two = verify_query(2, OLD);
    json_t *ids = json_loads(expect_json(m, &all), 0, NULL);
    assert_int_equal(json_array_size(ids), 5); /* four with OLD, and prelude also with NEW */
    const json_t *id;
    size_t i;
    json_array_foreach(ids, i, id) {
        const struct job job = get_job(f, json_string_value(id));
        assert_int_equal(job.purpose, MATRIX_PURPOSE_VERIFY);
        assert_string_equal(job.payload, strcmp(job.package, "prelude") == 0 ? "{}" : PRELUDE);
    }
    json_decref(ids);
    ids = json_loads(expect_json(m, &new), 0, NULL);
    assert_int_equal(json_array_size(ids), 1);
    assert_string_equal(get_job(f, json_string_value(json_array_get(ids, 0))).package, "prelude");
    json_decref(ids);
    ids = json_loads(expect_json(m, &two), 0, NULL);
    assert_int_equal(json_array_size(ids), 2);
    json_decref(ids);
}

static void builds_to_compare_are_asked_for_within_bounds(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct message none = verify_query(0, NULL), many = verify_query(1001, NULL), other = verify_query(1, "0.15.16"),
                         wrong = verify_query(1, "new");
    expect_failure(m, STATUS_INVALID, &none, "count", "The field \"count\" must be from 1 to 1000.");
    expect_failure(m, STATUS_INVALID, &many, "count", "The field \"count\" must be from 1 to 1000.");
    expect_failure(m, STATUS_REFUSED, &other, "compiler",
                   "Compiler 0.15.16 is not supported. Supported compilers: " OLD ", " NEW ".");
    assert_status(STATUS_INVALID, ask(m, &wrong));
    assert_ok(compiler_list_write(f->store, NULL, 0, &f->err));
    expect_failure(m, STATUS_REFUSED, &other, "compiler", "Compiler 0.15.16 is not supported. Supported compilers: none yet.");
}

static void the_outcomes_of_builds_are_answered(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const char *failed = accept_wave_build(m, "arrays");
    const struct build_job build = take_build(m);
    const struct lease lease = lease_of(&build);
    finish_build(f, &lease, "failed_to_compile");
    const char *pending = accept_wave_build(m, "effect");
    const struct record_job_id ids[] = {{failed}, {pending}};
    const struct message query = {.tag = MESSAGE_build_states_query, .build_states_query.jobs = {ids, 2}};
    assert_string_equal(
        expect_json(m, &query),
        arena_format(&f->arena,
                     "[{\"jobId\":\"%s\",\"name\":\"arrays\",\"version\":\"1.0.0\",\"compiler\":\"" NEW
                     "\",\"state\":\"failed\",\"verdict\":\"failed_to_compile\",\"error\":\"It does not compile.\"},"
                     "{\"jobId\":\"%s\",\"name\":\"effect\",\"version\":\"1.0.0\",\"compiler\":\"" NEW
                     "\",\"state\":\"pending\"}]",
                     failed, pending));
}

static void builds_are_asked_for_by_a_list_of_ids(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct job_request publish = publish_of("arrays");
    accept_job(f, &publish);
    const struct record_job_id ids[] = {{NULL}, {""}, {"11111111-1111-4111-8111-111111111111"}, {publish.id}};
    const struct message none = {.tag = MESSAGE_build_states_query};
    assert_string_equal(expect_json(m, &none), "[]");
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const struct message query = {.tag = MESSAGE_build_states_query, .build_states_query.jobs = {&ids[i], 1}};
        assert_status(STATUS_NOT_FOUND, ask(m, &query));
    }
    assert_string_equal(f->err.message, arena_format(&f->arena, "The job %s is not a build.", publish.id));
}

/* ---- Workers and compilers ---- */

static void workers_are_listed(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct message query = {.tag = MESSAGE_workers_query};
    assert_string_equal(expect_json(m, &query), "[]");
    const struct worker_entry worker = {.id = m->worker.name, .host = "a-test", .program = "1", .compilers = NEW, .slots = 4};
    assert_ok(worker_list_add(f->store, &worker, LEASE_MS, &f->err));
    const char *begin = arena_format(&f->arena,
                                     "[{\"worker\":\"%s\",\"host\":\"a-test\",\"program\":\"1\",\"compilers\":\"" NEW
                                     "\",\"slots\":4,\"busySlots\":0,\"since\":",
                                     m->worker.name);
    assert_memory_equal(expect_json(m, &query), begin, strlen(begin));
}

static void a_compiler_is_as_far_as_its_builds(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    struct message query = {.tag = MESSAGE_matrix_query, .matrix_query = {NEW}};
    static const char none[] = "{\"compiler\":\"" NEW "\",\"published\":4,\"succeeded\":1,\"pending\":0,\"running\":0,"
                               "\"isBeingPlanned\":false,\"ended\":{}";
    assert_memory_equal(expect_json(m, &query), none, strlen(none));
    accept_wave_build(m, "arrays");
    const struct build_job build = take_build(m);
    const struct lease lease = lease_of(&build);
    accept_wave_build(m, "effect");
    wait_ms(5); /* an estimate needs some time between the first end and the last */
    finish_build(f, &lease, "timed_out");
    static const char some[] = "{\"compiler\":\"" NEW "\",\"published\":4,\"succeeded\":1,\"pending\":1,\"running\":0,"
                               "\"isBeingPlanned\":false,\"ended\":{\"timed_out\":1},\"first\":";
    const char *json = expect_json(m, &query);
    assert_memory_equal(json, some, strlen(some));
    assert_non_null(strstr(json, "\"estimateMs\":"));
    query.matrix_query.compiler = NULL;
    expect_failure(m, STATUS_INVALID, &query, "compiler", "It must be the version of a compiler.");
    query.matrix_query.compiler = "new";
    expect_failure(m, STATUS_INVALID, &query, "compiler", "It must be the version of a compiler.");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        matrix_test(a_transfer_holds_while_the_package_is_where_it_went),
        matrix_test(an_unpublishing_holds_while_the_version_is_not_published),
        matrix_test(nothing_else_is_asked_whether_it_holds),
        matrix_test(a_plan_is_the_payload_of_a_build),
        matrix_test(a_plan_that_is_not_to_be_had_names_the_field),
        matrix_test(builds_to_compare_are_drawn_from_what_is_known_to_build),
        matrix_test(builds_to_compare_are_asked_for_within_bounds),
        matrix_test(the_outcomes_of_builds_are_answered),
        matrix_test(builds_are_asked_for_by_a_list_of_ids),
        matrix_test(workers_are_listed),
        matrix_test(a_compiler_is_as_far_as_its_builds),
    };
    return cmocka_run_group_tests(tests, start_matrix, stop_matrix);
}
