/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Queries about the whole matrix: its file and its cells, as builds and the registry change.
 */
#include "services/build-matrix/query/matrix_book.h"
#include "services/build-matrix/query/matrix_query.h"
#include "tests/store/build-matrix/matrix_fixture.h"

static struct message answer;

/* ---- The file ---- */

static const char *ask_file(struct matrix_fixture *m, const char *known) {
    struct fixture *f = &m->f;
    const struct message query = {.tag = MESSAGE_matrix_file_query, .matrix_file_query.known = known};
    answer = (struct message){0};
    assert_ok(answer_matrix_file_query(&m->service, &query, &f->arena, &answer, &f->err));
    assert_int_equal(answer.tag, MESSAGE_matrix_file);
    return answer.matrix_file.json;
}

/* The book follows changes after a moment. The cells of arrays, effect, maybe and prelude. */
static void await_cells(struct matrix_fixture *m, const char *cells) {
    const char *expected = arena_format(&m->f.arena, "\"cells\":[%s]}", cells), *json = NULL;
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; clock_monotonic_ms() < until_ms; wait_ms(50))
        if (strstr(json = ask_file(m, NULL), expected)) return;
    fail_msg("%s is not in\n%s", expected, json);
}

static void the_file_has_all_versions_and_compilers(void **state) {
    struct matrix_fixture *m = *state;
    assert_string_equal(ask_file(m, NULL),
                        "{\"compilers\":[\"" OLD "\",\"" NEW "\"],"
                        "\"states\":[\"untried\",\"succeeded\",\"failed\",\"no_plan\",\"pending\",\"running\"],"
                        "\"names\":[\"arrays\",\"effect\",\"maybe\",\"prelude\"],\"dependants\":[0,0,0,3],"
                        "\"versions\":[\"1.0.0\",\"1.0.0\",\"1.0.0\",\"6.0.0\"],\"cells\":[\"10\",\"10\",\"10\",\"11\"]}");
}

static void a_file_that_is_known_is_not_sent_again(void **state) {
    struct matrix_fixture *m = *state;
    ask_file(m, NULL);
    const char *tag = answer.matrix_file.tag;
    assert_null(ask_file(m, tag));
    assert_string_equal(answer.matrix_file.tag, tag);
    assert_non_null(ask_file(m, "0123456789abcdef"));
    accept_wave_build(m, "arrays");
    await_cells(m, "\"14\",\"10\",\"10\",\"11\"");
    assert_non_null(ask_file(m, tag));
    assert_string_not_equal(answer.matrix_file.tag, tag);
}

static struct lease claim(struct matrix_fixture *m, const char *id) {
    struct fixture *f = &m->f;
    struct lease lease;
    struct job job;
    size_t count;
    assert_ok(job_store_claim_some(f->store,
                                   &(struct job_claim){.ids = &id, .count = 1, .runner = "worker", .lease_ms = LEASE_MS},
                                   &f->arena, &lease, &job, &count, &f->err));
    assert_int_equal(count, 1);
    return lease;
}

static void cells_follow_their_builds(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    accept_build(m, "effect", NULL, MATRIX_PURPOSE_VERIFY); /* does not change the cell */
    const char *id = accept_wave_build(m, "arrays");
    await_cells(m, "\"14\",\"10\",\"10\",\"11\""); /* read as a whole */
    const struct lease lease = claim(m, id);
    await_cells(m, "\"15\",\"10\",\"10\",\"11\""); /* and from here by changes */
    finish_build(f, &lease, "failed_to_compile");
    await_cells(m, "\"12\",\"10\",\"10\",\"11\"");
    const char *again = accept_build(m, "arrays", "{\"maybe\":\"1.0.0\",\"prelude\":\"6.0.0\"}", MATRIX_PURPOSE_WAVE);
    await_cells(m, "\"14\",\"10\",\"10\",\"11\"");
    const struct lease another = claim(m, again);
    finish_job(f, &another, false); /* without a verdict: the one before is left */
    await_cells(m, "\"12\",\"10\",\"10\",\"11\"");
}

static void builds_that_ended_before_the_start_are_read(void **state) {
    struct matrix_fixture *m = *state;
    const struct lease lease = claim(m, accept_wave_build(m, "maybe"));
    finish_build(&m->f, &lease, "timed_out");
    accept_wave_build(m, "arrays");
    await_cells(m, "\"14\",\"10\",\"12\",\"11\"");
}

static void cells_follow_the_registry_and_the_compilers(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    static const char *const rows[] = {"arrays 1.0.0 [0.15.14 0.15.15] prelude >=6.0.0 <7.0.0",
                                       "prelude 6.0.0 [0.15.14 0.15.15]", "stuck 1.0.0 [0.15.14] prelude >=5.0.0 <6.0.0"};
    ask_file(m, NULL);
    write_registry(m, rows, 3);
    refresh(m);
    await_cells(m, "\"11\",\"11\",\"13\"");
    const struct version one = {.major = 0, .minor = 15, .patch = 15};
    assert_ok(compiler_list_write(f->store, &one, 1, &f->err));
    await_cells(m, "\"1\",\"1\",\"3\"");
}

/* ---- Cells ---- */

static enum status ask_cells(struct matrix_fixture *m, struct message_matrix_cells_query query) {
    struct fixture *f = &m->f;
    const struct message message = {.tag = MESSAGE_matrix_cells_query, .matrix_cells_query = query};
    answer = (struct message){0};
    f->err = (struct error){0};
    return answer_matrix_cells_query(&m->service, &message, &f->arena, &answer, &f->err);
}

/* From "count" on. */
static void expect_cells(struct matrix_fixture *m, struct message_matrix_cells_query query, const char *expected) {
    struct fixture *f = &m->f;
    assert_ok(ask_cells(m, query));
    assert_string_equal(strstr(answer.json_answer.json, "\"count\":"), expected);
}

#define CELL(name, version, dependants, compiler, state)                                                                       \
    "{\"name\":\"" name "\",\"version\":\"" version "\",\"dependants\":" dependants ",\"compiler\":\"" compiler                \
    "\",\"state\":\"" state "\"}"

static const char *const several[] = {"arrays 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0",
                                      "arrays 2.0.0 [0.15.14 0.15.15] prelude >=6.0.0 <7.0.0", "base 1.0.0 [0.15.14]",
                                      "prelude 6.0.0 [0.15.14 0.15.15]", "stuck 1.0.0 [0.15.14] prelude >=5.0.0 <6.0.0"};

static void use_several(struct matrix_fixture *m) {
    write_registry(m, several, sizeof several / sizeof *several);
    refresh(m);
}

static void cells_are_filtered_and_ordered(void **state) {
    struct matrix_fixture *m = *state;
    use_several(m);
    expect_cells(m, (struct message_matrix_cells_query){.state = "not_succeeded"},
                 "\"count\":2,\"cells\":[" CELL("base", "1.0.0", "0", NEW, "untried") "," CELL("stuck", "1.0.0", "0", NEW,
                                                                                               "no_plan") "]}");
    expect_cells(m, (struct message_matrix_cells_query){.state = "no_plan", .all_versions = true},
                 "\"count\":1,\"cells\":[" CELL("stuck", "1.0.0", "0", NEW, "no_plan") "]}");
    expect_cells(m, (struct message_matrix_cells_query){.name = "ra", .all_versions = true},
                 "\"count\":2,\"cells\":[" CELL("arrays", "2.0.0", "0", NEW, "succeeded") "," CELL("arrays", "1.0.0", "0", NEW,
                                                                                                   "untried") "]}");
    expect_cells(m, (struct message_matrix_cells_query){.compiler = OLD, .limit = 1},
                 "\"count\":4,\"cells\":[" CELL("prelude", "6.0.0", "2", OLD, "succeeded") "],\"next\":1}");
    expect_cells(m, (struct message_matrix_cells_query){.compiler = OLD, .limit = 1, .first = 3, .by_name = true},
                 "\"count\":4,\"cells\":[" CELL("stuck", "1.0.0", "0", OLD, "succeeded") "]}");
    expect_cells(m, (struct message_matrix_cells_query){.first = 1000}, "\"count\":4,\"cells\":[]}");
    expect_cells(m, (struct message_matrix_cells_query){.than = OLD, .name = "b"},
                 "\"count\":1,\"cells\":[{\"name\":\"base\",\"version\":\"1.0.0\",\"dependants\":0,\"compiler\":\"" NEW
                 "\",\"state\":\"untried\",\"otherState\":\"succeeded\"}]}");
}

static void states_are_counted_for_each_compiler(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    use_several(m);
    assert_ok(ask_cells(m, (struct message_matrix_cells_query){.all_versions = true, .than = OLD}));
    static const char begin[] =
        "{\"filter\":{\"compiler\":\"" NEW "\",\"than\":\"" OLD "\",\"versions\":\"all\",\"order\":\"dependants\"},"
        "\"compilers\":[{\"compiler\":\"" NEW
        "\",\"untried\":2,\"succeeded\":2,\"failed\":0,\"no_plan\":1,\"pending\":0,\"running\":0},{\"compiler\":\"" OLD
        "\",\"untried\":0,\"succeeded\":5,\"failed\":0,\"no_plan\":0,\"pending\":0,\"running\":0}],";
    assert_memory_equal(answer.json_answer.json, begin, sizeof begin - 1);
}

static void builds_since_a_time_are_of_all_compilers(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const char *id = accept_wave_build(m, "maybe");
    const struct lease lease = claim(m, id);
    finish_build(f, &lease, "timed_out");
    accept_wave_build(m, "arrays"); /* has not ended */
    const struct job job = get_job(f, id);
    assert_ok(ask_cells(m, (struct message_matrix_cells_query){.since_ms = job.finished_ms}));
    const char *expected =
        arena_format(&f->arena,
                     "\"count\":1,\"cells\":[{\"name\":\"maybe\",\"version\":\"1.0.0\",\"dependants\":0,"
                     "\"compiler\":\"" NEW "\",\"state\":\"failed\",\"verdict\":\"timed_out\",\"jobId\":\"%s\",\"time\":",
                     id);
    assert_non_null(strstr(answer.json_answer.json, expected));
    expect_cells(m, (struct message_matrix_cells_query){.since_ms = job.finished_ms + 1}, "\"count\":0,\"cells\":[]}");
}

static void what_is_not_to_be_found_is_named(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    static const struct {
        struct message_matrix_cells_query query;
        enum status status;
        const char *field, *sentence;
    } cases[] = {
        {{.compiler = "0.15.16"},
         STATUS_REFUSED,
         "compiler",
         "Compiler 0.15.16 is not supported. Supported compilers: " OLD ", " NEW "."},
        {{.than = "0.15.16"},
         STATUS_REFUSED,
         "than",
         "Compiler 0.15.16 is not supported. Supported compilers: " OLD ", " NEW "."},
        {{.state = "broken"}, STATUS_INVALID, "state", "There is no such state of a cell."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_status(cases[i].status, ask_cells(m, cases[i].query));
        assert_string_equal(f->err.path, cases[i].field);
        assert_string_equal(f->err.message, cases[i].sentence);
    }
    assert_status(STATUS_INVALID, ask_cells(m, (struct message_matrix_cells_query){.than = "new"}));
    assert_ok(compiler_list_write(f->store, NULL, 0, &f->err));
    wait_ms(600); /* the book looks again */
    expect_cells(m, (struct message_matrix_cells_query){0}, "\"count\":0,\"cells\":[]}");
}

/* ---- Causes ---- */

static enum status ask_causes(struct matrix_fixture *m, const char *compiler) {
    struct fixture *f = &m->f;
    const struct message message = {.tag = MESSAGE_matrix_causes_query, .matrix_causes_query.compiler = compiler};
    answer = (struct message){0};
    f->err = (struct error){0};
    return answer_matrix_causes_query(&m->service, &message, &f->arena, &answer, &f->err);
}

static void causes_have_their_jobs_and_what_they_stop(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    static const char *const rows[] = {"arrays 1.0.0 [0.15.14] maybe >=1.0.0 <2.0.0", "maybe 1.0.0 [0.15.14]"};
    write_registry(m, rows, 2);
    refresh(m);
    const char *id = accept_build(m, "maybe", "{}", MATRIX_PURPOSE_WAVE);
    const struct lease lease = claim(m, id);
    finish_build(f, &lease, "failed_to_compile");
    assert_ok(ask_causes(m, NULL));
    assert_string_equal(answer.json_answer.json,
                        arena_format(&f->arena,
                                     "{\"compiler\":\"" NEW "\",\"causes\":[{\"name\":\"maybe\",\"version\":\"1.0.0\","
                                     "\"state\":\"failed\",\"jobId\":\"%s\",\"count\":1,\"stops\":[\"arrays\"]}]}",
                                     id));
    assert_ok(ask_causes(m, OLD));
    assert_string_equal(answer.json_answer.json, "{\"compiler\":\"" OLD "\",\"causes\":[]}");
    assert_status(STATUS_REFUSED, ask_causes(m, "0.15.16"));
    assert_string_equal(f->err.path, "compiler");
    assert_status(STATUS_INVALID, ask_causes(m, "new"));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        matrix_test(the_file_has_all_versions_and_compilers),
        matrix_test(a_file_that_is_known_is_not_sent_again),
        matrix_test(cells_follow_their_builds),
        matrix_test(builds_that_ended_before_the_start_are_read),
        matrix_test(cells_follow_the_registry_and_the_compilers),
        matrix_test(cells_are_filtered_and_ordered),
        matrix_test(states_are_counted_for_each_compiler),
        matrix_test(builds_since_a_time_are_of_all_compilers),
        matrix_test(what_is_not_to_be_found_is_named),
        matrix_test(causes_have_their_jobs_and_what_they_stop),
    };
    return cmocka_run_group_tests(tests, start_matrix, stop_matrix);
}
