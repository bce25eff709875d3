/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The handlers of queries from the gateway and registryctl: packages, plans, builds, workers, compilers, and whether a change
 * of a package still holds.
 */
#include "services/build-matrix/query/matrix_query.h"
#include "tests/store/build-matrix/matrix_fixture.h"

static struct message answer;

static enum status ask(struct matrix_fixture *m, const struct message *question) {
    struct fixture *f = &m->f;
    static const struct {
        enum message_tag tag;
        enum status (*answer)(void *context, const struct message *request, struct arena *arena, struct message *answer,
                              struct error *err);
    } rows[] = {{MESSAGE_package_list_query, answer_package_list_query},
                {MESSAGE_package_query, answer_package_query},
                {MESSAGE_known_package_query, answer_known_package_query},
                {MESSAGE_workers_query, answer_workers_query},
                {MESSAGE_matrix_query, answer_matrix_query},
                {MESSAGE_matrix_verify, answer_matrix_verify},
                {MESSAGE_build_states_query, answer_build_states_query},
                {MESSAGE_plan_query, answer_plan_query},
                {MESSAGE_holds_query, answer_holds_query}};
    answer = (struct message){0};
    f->err = (struct error){0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].tag == question->tag) return rows[i].answer(&m->service, question, &f->arena, &answer, &f->err);
    fail_msg("%s", message_name(question->tag));
    return STATUS_INTERNAL;
}

static const char *expect_json(struct matrix_fixture *m, const struct message *question) {
    struct fixture *f = &m->f;
    assert_ok(ask(m, question));
    assert_int_equal(answer.tag, MESSAGE_json_answer);
    return answer.json_answer.json;
}

static void expect_failure(struct matrix_fixture *m, enum status status, const struct message *question, const char *field,
                           const char *sentence) {
    struct fixture *f = &m->f;
    assert_status(status, ask(m, question));
    assert_string_equal(f->err.path, field);
    assert_string_equal(f->err.message, sentence);
}

static struct message package_query(const char *name, const char *version) {
    return (struct message){.tag = MESSAGE_package_query, .package_query = {.name = name, .version = version}};
}

static struct message known_query(const char *name, const char *version) {
    return (struct message){.tag = MESSAGE_known_package_query, .known_package_query = {.name = name, .version = version}};
}

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
