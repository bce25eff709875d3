/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Questions of the gateway about package sets, as the handlers of the package-set service answer them, with a real redis-server
 * and git repositories.
 */
#include "services/package-set/query/set_query.h"
#include "tests/store/fixture.h"

#include <unistd.h>

#include "lib/store/registry/registry_sets.h"
#include "services/package-set/package_set_service.h"
#include "tests/support/git/git_fixture.h"

struct scene {
    struct fixture f; /* first: tests/store/fixture.h casts */
    struct git_fixture git;
    struct package_set_service service;
};

static struct message answer;

/* ---- Setup ---- */

/* Writes the file of a set with these members, `"NAME": "VERSION"` by commas, as the registry has it. */
static void write_set(struct scene *s, const char *version, const char *compiler, const char *members) {
    git_script(&s->git,
               "mkdir -p registry/package-sets; printf '{\\n  \"version\": \"%s\",\\n  \"compiler\": \"%s\",\\n"
               "  \"published\": \"2026-01-02\",\\n  \"packages\": {\\n    %s\\n  }\\n}\\n' >registry/package-sets/%s.json",
               version, compiler, members, version);
}

static void push(struct scene *s) {
    git_script(&s->git, "push_files registry.git");
}

static int start_scene(void **state) {
    struct scene *s = memory_alloc(sizeof *s);
    s->f.server = redis_server_start();
    connect_fixture(&s->f);
    *state = s;
    return 0;
}

/* The sets 1.0.0, 1.1.0 and 2.0.0. */
static int open_service(void **state) {
    struct scene *s = *state;
    struct fixture *f = &s->f;
    empty_fixture(state);
    git_fixture_make(&s->git);
    git_script(&s->git, "mkdir registry-index; echo Read me >registry-index/README.md; push_files registry-index.git");
    write_set(s, "1.0.0", "0.15.14",
              "\"a\": \"1.0.0\",\\n    \"b\": \"1.2.3\",\\n    \"c\": \"1.0.0\",\\n    \"d\": \"2.0.0\"");
    write_set(s, "1.1.0", "0.15.14", "\"a\": \"1.0.1\"");
    write_set(s, "2.0.0", "0.15.15",
              "\"a\": \"2.0.0\",\\n    \"b\": \"1.3.0\",\\n    \"d\": \"1.9.9\",\\n    \"e\": \"1.0.0\"");
    push(s);
    setenv("STATE_DIR", s->git.folder, true);
    setenv("REDIS_URL", redis_server_url(f->server), true);
    s->service = (struct package_set_service){.folder_claim = -1};
    assert_ok(settings_load(&s->service.settings, PROGRAM_PACKAGE_SET, &f->err));
    assert_ok(package_set_service_init(&s->service, &f->err));
    return 0;
}

static int close_service(void **state) {
    struct scene *s = *state;
    package_set_service_release(&s->service);
    git_fixture_remove(&s->git);
    return 0;
}

#define set_test(name) cmocka_unit_test_setup_teardown(name, open_service, close_service)

static enum status ask(struct scene *s, const struct message *question) {
    struct fixture *f = &s->f;
    answer = (struct message){0};
    f->err = (struct error){0};
    switch (question->tag) {
    case MESSAGE_set_page_query: return answer_set_page_query(&s->service, question, &f->arena, &answer, &f->err);
    case MESSAGE_set_query: return answer_set_query(&s->service, question, &f->arena, &answer, &f->err);
    case MESSAGE_set_detail_query: return answer_set_detail_query(&s->service, question, &f->arena, &answer, &f->err);
    default: return answer_set_comparison_query(&s->service, question, &f->arena, &answer, &f->err);
    }
}

static void expect_json(struct scene *s, const struct message *question, const char *expected) {
    struct fixture *f = &s->f;
    assert_ok(ask(s, question));
    assert_int_equal(answer.tag, MESSAGE_json_answer);
    assert_string_equal(answer.json_answer.json, expected);
}

static void expect_failure(struct scene *s, enum status status, const struct message *question, const char *field,
                           const char *sentence) {
    struct fixture *f = &s->f;
    assert_status(status, ask(s, question));
    assert_string_equal(f->err.path, field);
    assert_string_equal(f->err.message, sentence);
}

static struct message page_query(const char *after, int64_t limit) {
    return (struct message){.tag = MESSAGE_set_page_query, .set_page_query = {.after = after, .limit = limit}};
}

static struct message set_query(const char *version, bool looks_again) {
    return (struct message){.tag = MESSAGE_set_query, .set_query = {.version = version, .looks_again = looks_again}};
}

static struct message comparison_query(const char *from, const char *to) {
    return (struct message){.tag = MESSAGE_set_comparison_query, .set_comparison_query = {.from = from, .to = to}};
}

static const char *file_of(struct scene *s, const char *version) { /* without the last line break */
    return git_output(&s->git, "cat registry/package-sets/%s.json", version);
}

/* ---- Reading ---- */

#define ITEM(version, compiler, count)                                                                                         \
    "{\"version\":\"" version "\",\"compiler\":\"" compiler "\",\"published\":\"2026-01-02\",\"packageCount\":" count "}"
#define NEWEST ITEM("2.0.0", "0.15.15", "4")
#define MIDDLE ITEM("1.1.0", "0.15.14", "1")
#define OLDEST ITEM("1.0.0", "0.15.14", "4")

static void sets_come_in_pages_newest_first(void **state) {
    struct scene *s = *state;
    struct message query = page_query(NULL, 0);
    expect_json(s, &query, "{\"packageSets\":[" NEWEST "," MIDDLE "," OLDEST "]}");
    query = page_query(NULL, 2);
    expect_json(s, &query, "{\"packageSets\":[" NEWEST "," MIDDLE "],\"next\":\"1.1.0\"}");
    query = page_query("1.1.0", 2);
    expect_json(s, &query, "{\"packageSets\":[" OLDEST "]}");
    query = page_query("1.5.0", 1); /* no set's version */
    expect_json(s, &query, "{\"packageSets\":[" MIDDLE "],\"next\":\"1.1.0\"}");
    query = page_query("1.0.0", 2);
    expect_json(s, &query, "{\"packageSets\":[]}");
    query = page_query("one", 2);
    assert_int_equal(ask(s, &query), STATUS_INVALID);
    assert_string_equal(s->f.err.path, "after");
}

static void a_set_is_its_file(void **state) {
    struct scene *s = *state;
    const struct message older = set_query("1.0.0", false), latest = set_query(NULL, false);
    expect_json(s, &older, arena_format(&s->f.arena, "%s\n", file_of(s, "1.0.0")));
    expect_json(s, &latest, arena_format(&s->f.arena, "%s\n", file_of(s, "2.0.0")));
}

#define SIDE(version, compiler) "{\"version\":\"" version "\",\"compiler\":\"" compiler "\",\"published\":\"2026-01-02\"}"

static void two_sets_are_compared_in_both_directions(void **state) {
    struct scene *s = *state;
    const struct message forward = comparison_query("1.0.0", NULL), back = comparison_query("2.0.0", "1.0.0"),
                         same = comparison_query("1.1.0", "1.1.0");
    expect_json(s, &forward,
                "{\"from\":" SIDE("1.0.0", "0.15.14") ",\"to\":" SIDE(
                    "2.0.0", "0.15.15") ",\"added\":{\"e\":\"1.0.0\"},"
                                        "\"removed\":{\"c\":\"1.0.0\"},\"upgraded\":{\"a\":{\"from\":\"1.0.0\",\"to\":\"2.0."
                                        "0\",\"by\":\"major\"},"
                                        "\"b\":{\"from\":\"1.2.3\",\"to\":\"1.3.0\",\"by\":\"minor\"},"
                                        "\"d\":{\"from\":\"2.0.0\",\"to\":\"1.9.9\",\"by\":\"downgrade\"}}}");
    expect_json(s, &back,
                "{\"from\":" SIDE("2.0.0", "0.15.15") ",\"to\":" SIDE(
                    "1.0.0", "0.15.14") ",\"added\":{\"c\":\"1.0.0\"},"
                                        "\"removed\":{\"e\":\"1.0.0\"},\"upgraded\":{\"a\":{\"from\":\"2.0.0\",\"to\":\"1.0."
                                        "0\",\"by\":\"downgrade\"},"
                                        "\"b\":{\"from\":\"1.3.0\",\"to\":\"1.2.3\",\"by\":\"downgrade\"},"
                                        "\"d\":{\"from\":\"1.9.9\",\"to\":\"2.0.0\",\"by\":\"major\"}}}");
    expect_json(s, &same,
                "{\"from\":" SIDE("1.1.0", "0.15.14") ",\"to\":" SIDE("1.1.0", "0.15.14") ",\"added\":{},\"removed\":{},"
                                                                                          "\"upgraded\":{}}");
}

static struct message detail_query(const char *version, bool looks_again) {
    return (struct message){.tag = MESSAGE_set_detail_query,
                            .set_detail_query = {.version = version, .looks_again = looks_again}};
}

static const char *line_of(struct scene *s, const char *version) { /* the file without line breaks */
    return git_output(&s->git, "tr -d '\\n' <registry/package-sets/%s.json", version);
}

static void a_set_has_its_neighbours(void **state) {
    struct scene *s = *state;
    const struct message first = detail_query("1.0.0", false), middle = detail_query("1.1.0", false),
                         latest = detail_query(NULL, false), unknown = detail_query("1.0.5", true);
    expect_json(s, &first, arena_format(&s->f.arena, "{\"set\":%s,\"following\":\"1.1.0\"}", line_of(s, "1.0.0")));
    expect_json(s, &middle,
                arena_format(&s->f.arena,
                             "{\"set\":%s,\"changes\":{\"from\":" SIDE("1.0.0", "0.15.14") ",\"to\":" SIDE(
                                 "1.1.0", "0.15.14") ",\"added\":{},\"removed\":{\"b\":\"1.2.3\",\"c\":\"1.0.0\","
                                                     "\"d\":\"2.0.0\"},\"upgraded\":{\"a\":{\"from\":\"1.0.0\","
                                                     "\"to\":\"1.0.1\",\"by\":\"patch\"}}},\"following\":\"2.0.0\"}",
                             line_of(s, "1.1.0")));
    assert_int_equal(ask(s, &latest), STATUS_OK);
    assert_non_null(strstr(answer.json_answer.json, "\"changes\":{\"from\":" SIDE("1.1.0", "0.15.14")));
    assert_null(strstr(answer.json_answer.json, "\"following\""));
    expect_failure(s, STATUS_NOT_FOUND, &unknown, "", "There is no package set 1.0.5.");
}

/* ---- Sets that are not there ---- */

static void a_set_that_is_not_there_is_not_found(void **state) {
    struct scene *s = *state;
    const struct message unknown = set_query("3.0.0", false), again = set_query("3.0.0", true),
                         malformed = set_query("1.0", true), from = comparison_query("3.0.0", "1.0.0"),
                         to = comparison_query("1.0.0", "3.0.0");
    expect_failure(s, STATUS_NOT_FOUND, &unknown, "", "There is no package set 3.0.0.");
    expect_failure(s, STATUS_NOT_FOUND, &again, "", "There is no package set 3.0.0.");
    expect_failure(s, STATUS_NOT_FOUND, &from, "", "There is no package set 3.0.0.");
    expect_failure(s, STATUS_NOT_FOUND, &to, "", "There is no package set 3.0.0.");
    assert_int_equal(ask(s, &malformed), STATUS_INVALID);
    git_script(&s->git, "rm registry/package-sets/*; push_files registry.git");
    const struct message other = set_query("3.0.0", true), latest = set_query(NULL, false), page = page_query(NULL, 0);
    expect_failure(s, STATUS_NOT_FOUND, &other, "", "There is no package set 3.0.0."); /* reads the repository */
    expect_failure(s, STATUS_NOT_FOUND, &latest, "", "There is no package set yet.");
    expect_json(s, &page, "{\"packageSets\":[]}");
}

static void a_set_whose_file_is_malformed_says_so(void **state) {
    struct scene *s = *state;
    write_set(s, "2.1.0", "0.15.15", "\"a\": 7");
    push(s);
    const struct message query = set_query("2.1.0", true), latest = set_query(NULL, false);
    expect_failure(s, STATUS_NOT_FOUND, &query, "",
                   "The package set 2.1.0 cannot be read, because its file in the registry is malformed: packages.a: The field "
                   "\"a\" must be a string, but it is a number.");
    expect_json(s, &latest, arena_format(&s->f.arena, "%s\n", file_of(s, "2.0.0"))); /* the latest that can be read */
}

/* Another instance, or a person, has pushed it. */
static void before_a_no_the_repositories_are_read_again(void **state) {
    struct scene *s = *state;
    write_set(s, "2.1.0", "0.15.15", "\"a\": \"2.0.0\"");
    push(s);
    const struct message known = set_query("2.1.0", false), again = set_query("2.1.0", true), latest = set_query(NULL, false);
    assert_int_equal(ask(s, &known), STATUS_NOT_FOUND);
    expect_json(s, &again, arena_format(&s->f.arena, "%s\n", file_of(s, "2.1.0")));
    expect_json(s, &known, arena_format(&s->f.arena, "%s\n", file_of(s, "2.1.0")));
    expect_json(s, &latest, arena_format(&s->f.arena, "%s\n", file_of(s, "2.1.0")));
    write_set(s, "2.2.0", "0.15.15", "\"a\": \"2.0.1\"");
    push(s);
    struct message comparison = comparison_query("2.1.0", "2.2.0");
    assert_int_equal(ask(s, &comparison), STATUS_NOT_FOUND);
    comparison.set_comparison_query.looks_again = true;
    assert_int_equal(ask(s, &comparison), STATUS_OK);

    git_script(&s->git, "mv registry.git away.git");
    const struct message other = set_query("9.0.0", true);
    assert_int_not_equal(ask(s, &other), STATUS_OK);
    assert_int_not_equal(s->f.err.status, STATUS_NOT_FOUND); /* nobody can say so now */
    assert_int_equal(ask(s, &known), STATUS_OK);
    git_script(&s->git, "mv away.git registry.git");
}

/* A job of this server has committed it, and says so in Redis. */
static void a_set_of_this_servers_jobs_is_there_for_the_next_question(void **state) {
    struct scene *s = *state;
    struct fixture *f = &s->f;
    write_set(s, "2.1.0", "0.15.15", "\"a\": \"2.0.0\"");
    push(s);
    const struct job_request request = publish_of("a");
    accept_job(f, &request);
    const struct lease lease = claim_job(f, request.id);
    const char *commit = git_output(&s->git, "git -C registry.git rev-parse HEAD");
    assert_ok(job_store_add_commit(f->store, &lease, arena_format(&f->arena, "registry=%s", commit), &f->err));
    const struct message latest = set_query(NULL, false);
    expect_json(s, &latest, arena_format(&f->arena, "%s\n", file_of(s, "2.1.0")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        set_test(sets_come_in_pages_newest_first),
        set_test(a_set_is_its_file),
        set_test(two_sets_are_compared_in_both_directions),
        set_test(a_set_has_its_neighbours),
        set_test(a_set_that_is_not_there_is_not_found),
        set_test(a_set_whose_file_is_malformed_says_so),
        set_test(before_a_no_the_repositories_are_read_again),
        set_test(a_set_of_this_servers_jobs_is_there_for_the_next_question),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_fixture);
}
