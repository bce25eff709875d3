/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The handlers of queries about packages: lists, one package, one version with its package sets and its cells.
 */
#include "tests/store/build-matrix/query_scene.h"

/* ---- Packages ---- */

/* The rows of the fixture's packages. The texts of the JSON are borrowed until the next question. */
static void expect_names(struct matrix_fixture *m, struct message_package_list_query query, const char *names,
                         const char *next) {
    const struct message question = {.tag = MESSAGE_package_list_query, .package_list_query = query};
    const char *json = expect_json(m, &question);
    json_t *list = json_loads(json, 0, NULL), *row;
    struct text found = {0};
    size_t i;
    json_array_foreach(json_object_get(list, "packages"), i, row)
        text_append_format(&found, "%s%s", i ? " " : "", json_string_value(json_object_get(row, "name")));
    assert_string_equal(text_view(&found), names);
    if (next)
        assert_string_equal(json_string_value(json_object_get(list, "next")), next);
    else
        assert_null(json_object_get(list, "next"));
    text_release(&found);
    json_decref(list);
}

static void packages_come_in_pages(void **state) {
    struct matrix_fixture *m = *state;
    expect_names(m, (struct message_package_list_query){0}, "arrays effect maybe prelude", NULL);
    expect_names(m, (struct message_package_list_query){.limit = 2}, "arrays effect", "effect");
    expect_names(m, (struct message_package_list_query){.limit = 2, .after = "effect"}, "maybe prelude", NULL);
    expect_names(m, (struct message_package_list_query){.after = "prelude"}, "", NULL);
    expect_names(m, (struct message_package_list_query){.limit = 1, .sort = "dependants"}, "prelude", "3:prelude");
    expect_names(m, (struct message_package_list_query){.limit = 3, .sort = "dependants", .after = "3:prelude"},
                 "arrays effect maybe", NULL);
    expect_names(m, (struct message_package_list_query){.search = "Array"}, "arrays", NULL);
    const struct message all = package_query(NULL, NULL);
    assert_non_null(strstr(expect_json(m, &all), "{\"name\":\"prelude\",\"latest\":\"6.0.0\",\"publishedTime\":\""));
    assert_non_null(strstr(answer.json_answer.json, "\"versions\":1,\"dependants\":3}],\"total\":4}"));
}

static void a_malformed_question_about_packages_names_its_field(void **state) {
    struct matrix_fixture *m = *state;
    struct message query = {.tag = MESSAGE_package_list_query, .package_list_query = {.sort = "size"}};
    expect_failure(m, STATUS_INVALID, &query, "sort", "The order must be name, dependants, newest or relevance.");
    query.package_list_query = (struct message_package_list_query){.after = "a:b"};
    expect_failure(m, STATUS_INVALID, &query, "after", "\"a:b\" is not the cursor of a list of packages.");
}

static void a_package_is_its_metadata_and_its_manifests(void **state) {
    struct matrix_fixture *m = *state;
    const struct message query = package_query("arrays", NULL), known = known_query("arrays", NULL);
    const char *json = expect_json(m, &query);
    static const char begin[] = "{\"name\":\"arrays\",\"latest\":\"1.0.0\",\"metadata\":{\"location\":";
    assert_memory_equal(json, begin, strlen(begin));
    assert_non_null(strstr(json, "\"manifests\":{\"1.0.0\":{\"name\":\"arrays\""));
    assert_string_equal(expect_json(m, &known), json);
}

static void missing_objects_are_not_found(void **state) {
    struct matrix_fixture *m = *state;
    static const struct {
        const char *name, *version, *sentence;
    } rows[] = {{"gone", NULL, "There is no package gone in the registry."},
                {"gone", "1.0.0", "There is no package gone in the registry."},
                {"arrays", "2.0.0", "arrays@2.0.0 is not published."}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct message query = package_query(rows[i].name, rows[i].version),
                             known = known_query(rows[i].name, rows[i].version);
        expect_failure(m, STATUS_NOT_FOUND, &query, "", rows[i].sentence);
        expect_failure(m, STATUS_NOT_FOUND, &known, "", rows[i].sentence);
    }
    const struct message mistyped = known_query("arays", NULL), latest = known_query("arrays", "latest"),
                         same = known_query("arrays", "1.0.0");
    expect_failure(m, STATUS_NOT_FOUND, &mistyped, "", "There is no package arays in the registry. Similar names: arrays.");
    assert_string_equal(expect_json(m, &latest), arena_copy(&m->f.arena, expect_json(m, &same)));
    struct fixture *f = &m->f;
    const struct message query = package_query("arrays", "one"), nameless = known_query(NULL, NULL);
    assert_status(STATUS_NOT_FOUND, ask(m, &query));
    assert_non_null(strstr(f->err.message, "There is no version one of arrays: "));
    expect_failure(m, STATUS_INVALID, &nameless, "name", "The field \"name\" must be the name of a package.");
}

/* Another instance, or a person, has pushed the package. */
static void before_a_no_the_repositories_are_read_again(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    static const char *const rows[] = {"late 1.0.0 [0.15.14]"};
    const struct message query = package_query("late", NULL), known = known_query("late", NULL);
    write_registry(m, rows, 1);
    assert_status(STATUS_NOT_FOUND, ask(m, &known));
    expect_json(m, &query);
    expect_json(m, &known);
    git_script(&m->git, "mv registry-index.git away.git");
    const struct message other = package_query("later", NULL);
    assert_int_not_equal(ask(m, &other), STATUS_OK);
    assert_int_not_equal(f->err.status, STATUS_NOT_FOUND); /* whether it exists is unknown now */
    git_script(&m->git, "mv away.git registry-index.git");
}

/* A job of this server has committed the change, and recorded that in Redis. */
static void commits_of_a_job_are_seen_by_the_next_query(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    static const char *const rows[] = {"late 1.0.0 [0.15.14]"};
    write_registry(m, rows, 1);
    const struct job_request request = publish_of("late");
    accept_job(f, &request);
    const struct lease lease = claim_job(f, request.id);
    const char *commit = git_output(&m->git, "git -C registry.git rev-parse HEAD");
    assert_ok(job_store_add_commit(f->store, &lease, arena_format(&f->arena, "registry=%s", commit), &f->err));
    const struct message known = known_query("late", NULL);
    expect_json(m, &known);
}

/* ---- Package sets ---- */

/* Pushes the sets MAJOR.0.0 to MAJOR.(COUNT - 1).0 with these members, `"NAME":"VERSION",…`. */
static void push_sets(struct matrix_fixture *m, int major, int count, const char *members) {
    git_script(
        &m->git,
        "mkdir -p registry/package-sets; i=0; while [ $i -lt %d ]; do echo '{\"version\":\"%d.'$i'.0\",\"compiler\":\"" NEW
        "\",\"published\":\"2026-01-01\",\"packages\":{%s}}' >registry/package-sets/%d.$i.0.json; i=$((i+1)); done; "
        "push_files registry.git",
        count, major, members, major);
    refresh(m);
}

/* "packageSets" of arrays@1.0.0. */
static void expect_sets(struct matrix_fixture *m, const char *expected) {
    const struct message query = package_query("arrays", "1.0.0"), known = known_query("arrays", "1.0.0");
    const char *sets = strstr(expect_json(m, &query), "\"packageSets\":");
    const char *end = strstr(sets, ",\"matrix\":");
    assert_string_equal(arena_format(&m->f.arena, "%.*s", (int)(end - sets), sets),
                        arena_format(&m->f.arena, "\"packageSets\":%s", expected));
    assert_non_null(strstr(expect_json(m, &known), sets));
}

static void a_version_has_the_package_sets_that_it_is_in(void **state) {
    struct matrix_fixture *m = *state;
    expect_sets(m, "{\"count\":0,\"versions\":[]}");
    push_sets(m, 1, 2, "\"arrays\":\"1.0.0\",\"prelude\":\"6.0.0\"");
    push_sets(m, 2, 1, "\"arrays\":\"0.9.0\"");
    push_sets(m, 3, 1, "\"arrays\":\"1.0.0\"");
    push_sets(m, 4, 1, "\"prelude\":\"6.0.0\"");
    expect_sets(m, "{\"count\":3,\"first\":\"1.0.0\",\"last\":\"3.0.0\",\"versions\":[\"3.0.0\",\"1.1.0\",\"1.0.0\"]}");
    git_script(&m->git, "rm registry/package-sets/3.0.0.json; push_files registry.git");
    refresh(m);
    expect_sets(m, "{\"count\":2,\"first\":\"1.0.0\",\"last\":\"1.1.0\",\"versions\":[\"1.1.0\",\"1.0.0\"]}");
}

static void of_many_package_sets_the_newest_are_listed(void **state) {
    struct matrix_fixture *m = *state;
    struct text expected = {0};
    push_sets(m, 1, 103, "\"arrays\":\"1.0.0\"");
    text_append(&expected, "{\"count\":103,\"first\":\"1.0.0\",\"last\":\"1.102.0\",\"versions\":[");
    for (int i = 102; i > 2; i--)
        text_append_format(&expected, "\"1.%d.0\"%s", i, i > 3 ? "," : "]}");
    expect_sets(m, expected.bytes);
    text_release(&expected);
}

/* ---- Cells ---- */

static void expect_cells(struct matrix_fixture *m, const char *package, const char *version, const char *cells) {
    const struct message query = package_query(package, version);
    const char *json = strstr(expect_json(m, &query), "\"matrix\":");
    assert_string_equal(json, arena_format(&m->f.arena, "\"matrix\":[%s]}", cells));
}

/* The cell with NEW must begin with this state. */
static void expect_cell(struct matrix_fixture *m, const char *package, const char *state, const char *verdict, const char *id) {
    struct fixture *f = &m->f;
    const struct message query = package_query(package, "1.0.0");
    const char *json = strstr(expect_json(m, &query), "{\"compiler\":\"" NEW "\"");
    const char *cell = arena_format(&f->arena, "{\"compiler\":\"" NEW "\",\"state\":\"%s\"%s,\"jobId\":\"%s\",\"time\":", state,
                                    verdict ? arena_format(&f->arena, ",\"verdict\":\"%s\"", verdict) : "", id);
    assert_memory_equal(json, cell, strlen(cell));
}

static void a_cell_without_a_build_says_whether_there_is_a_plan(void **state) {
    struct matrix_fixture *m = *state;
    static const char *const rows[] = {"arrays 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0", "base 1.0.0 [0.15.14]",
                                       "prelude 6.0.0 [0.15.14]", "stuck 1.0.0 [0.15.14] prelude >=5.0.0 <6.0.0"};
    write_registry(m, rows, 4);
    refresh(m);
    expect_cells(m, "prelude", "6.0.0",
                 "{\"compiler\":\"" OLD "\",\"state\":\"succeeded\"},{\"compiler\":\"" NEW "\",\"state\":\"untried\"}");
    expect_cells(m, "stuck", "1.0.0",
                 "{\"compiler\":\"" OLD "\",\"state\":\"succeeded\"},{\"compiler\":\"" NEW
                 "\",\"state\":\"no_plan\",\"reason\":"
                 "\"The registry has no version of prelude inside its bounds:\\n  >=5.0.0 (a declared dependency)\\n  <6.0.0 "
                 "(a declared dependency)\"}");
    const struct message query = package_query("prelude", "6.0.0");
    const char *json = expect_json(m, &query);
    assert_non_null(strstr(json, "\"name\":\"prelude\",\"version\":\"6.0.0\",\"metadata\":{\"bytes\":1000,"));
    assert_non_null(strstr(json, "\"dependants\":1,\"dependantPackages\":[{\"name\":\"arrays\",\"version\":\"1.0.0\",\"range\":"
                                 "\">=6.0.0 <7.0.0\"}],\"packageSets\":{"));
}

/* Ends a build of arrays with this reason and result, and returns its cell. */
static const char *fail_build(struct matrix_fixture *m, const char *plan, const char *reason, const char *result) {
    struct fixture *f = &m->f;
    struct lease lease;
    struct job job;
    size_t count;
    const char *id = accept_build(m, "arrays", plan, MATRIX_PURPOSE_WAVE);
    assert_ok(job_store_claim_some(f->store,
                                   &(struct job_claim){.ids = &id, .count = 1, .runner = "worker", .lease_ms = LEASE_MS},
                                   &f->arena, &lease, &job, &count, &f->err));
    const struct job_end end = {.error = reason, .verdict = "failed_to_compile", .result = result};
    assert_ok(job_store_finish(f->store, &lease, &end, &f->err));
    const struct message query = package_query("arrays", "1.0.0");
    const char *cell = strstr(expect_json(m, &query), "{\"compiler\":\"" NEW "\"");
    return strstr(cell, ",\"reason\":");
}

static void a_failed_cell_says_whose_error_it_is(void **state) {
    struct matrix_fixture *m = *state;
    assert_string_equal(
        fail_build(m, PRELUDE, "The package does not compile.",
                   "{\"compiled\":1,\"errors\":[{\"message\":\"First.\",\"errorCode\":\"A\"},{\"message\":\"B.\"}]}"),
        ",\"reason\":\"The package does not "
        "compile.\",\"failedPackage\":{\"name\":\"arrays\",\"version\":\"1.0.0\"},\"firstError\":{\"message\":\"First.\","
        "\"errorCode\":\"A\"}}]}");
    assert_string_equal(fail_build(m, "{\"maybe\":\"1.0.0\",\"prelude\":\"6.0.0\"}",
                                   "prelude-6.0.0, on which it depends, is wrong.", "{\"compiled\":1}"),
                        ",\"reason\":\"prelude-6.0.0, on which it depends, is wrong.\",\"failedPackage\":"
                        "{\"name\":\"prelude\",\"version\":\"6.0.0\"}}]}");
}

static void a_cell_is_its_unfinished_build_then_its_verdict(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    struct lease lease;
    struct job job;
    size_t count;
    accept_build(m, "arrays", NULL, MATRIX_PURPOSE_VERIFY); /* does not change the cell */
    const char *id = accept_wave_build(m, "arrays");
    accept_wave_build(m, "effect");
    expect_cell(m, "arrays", "pending", NULL, id);
    assert_ok(job_store_claim_some(f->store,
                                   &(struct job_claim){.ids = &id, .count = 1, .runner = "worker", .lease_ms = LEASE_MS},
                                   &f->arena, &lease, &job, &count, &f->err));
    expect_cell(m, "arrays", "running", NULL, id);
    finish_build(f, &lease, "failed_to_compile");
    expect_cell(m, "arrays", "failed", "failed_to_compile", id);
    const char *again = accept_build(m, "arrays", "{\"maybe\":\"1.0.0\",\"prelude\":\"6.0.0\"}", MATRIX_PURPOSE_WAVE);
    expect_cell(m, "arrays", "pending", NULL, again);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        matrix_test(packages_come_in_pages),
        matrix_test(a_malformed_question_about_packages_names_its_field),
        matrix_test(a_package_is_its_metadata_and_its_manifests),
        matrix_test(missing_objects_are_not_found),
        matrix_test(before_a_no_the_repositories_are_read_again),
        matrix_test(commits_of_a_job_are_seen_by_the_next_query),
        matrix_test(a_version_has_the_package_sets_that_it_is_in),
        matrix_test(of_many_package_sets_the_newest_are_listed),
        matrix_test(a_cell_without_a_build_says_whether_there_is_a_plan),
        matrix_test(a_cell_is_its_unfinished_build_then_its_verdict),
        matrix_test(a_failed_cell_says_whose_error_it_is),
    };
    return cmocka_run_group_tests(tests, start_matrix, stop_matrix);
}
