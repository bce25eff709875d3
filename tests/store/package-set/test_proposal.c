/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a change of the package set to a higher compiler would take, as the package-set service answers it, with a real
 * redis-server and git repositories. That its job builds the changed set is tested by tests/flow/package-set/test_plans.c.
 */
#include "services/package-set/query/proposal_query.h"
#include "tests/store/package-set/set_service_scene.h"

#include "lib/base/json.h"
#include "lib/domain/job/operation.h"
#include "lib/store/redis/matrix_store.h"

#define SET "\"packageSet\":{\"version\":\"1.0.0\",\"compiler\":\"0.15.15\",\"published\":\"2026-07-29\"}"
#define REQUEST "\"compiler\":\"0.15.16\",\"packages\":{\"down\":\"0.9.0\",\"gone\":null,\"lost\":null,\"up\":\"1.1.0\"}"
#define CHANGE(name, versions, reason) "{\"name\":\"" name "\"," versions ",\"reason\":\"" reason "\"}"
#define UNKNOWN(name) name "@1.0.0 is not known to build with compiler 0.15.16."

static enum status ask(struct set_service_scene *s, const char *compiler, bool builds) {
    const struct message question = {.tag = MESSAGE_set_proposal_query,
                                     .set_proposal_query = {.compiler = compiler, .builds = builds}};
    s->answer = (struct message){0};
    s->f.err = (struct error){0};
    return answer_set_proposal_query(&s->service, &question, &s->f.arena, &s->answer, &s->f.err);
}

static void open_members(struct set_service_scene *s) {
    struct fixture *f = &s->f;
    static const struct version compilers[] = {{0, 15, 14}, {0, 15, 15}, {0, 15, 16}};
    OPEN_SMALL_REGISTRY(s, "down 1.0.0 gone 1.0.0 lost 1.0.0 stays 1.0.0 through 1.0.0 up 1.0.0", "down 0.9.0 [0.15.16]",
                        "down 1.0.0 [0.15.15]", "gone 1.0.0 [0.15.15]", "lost 1.0.0 []", "stays 1.0.0 [0.15.15 0.15.16]",
                        "through 1.0.0 [0.15.15] up >=1.0.0 <2.0.0", "up 1.0.0 [0.15.15]", "up 1.1.0 [0.15.16]");
    assert_ok(compiler_list_write(f->store, compilers, 3, &f->err));
}

static void a_proposal_is_a_ready_request_with_reasons(void **state) {
    struct set_service_scene *s = *state;
    struct fixture *f = &s->f;
    struct package_set_request request;
    open_members(s);
    assert_ok(ask(s, "0.15.16", false));
    assert_string_equal(s->answer.json_answer.json,
                        "{" SET ",\"compiler\":\"0.15.16\",\"changes\":[" CHANGE(
                            "down", "\"from\":\"1.0.0\",\"to\":\"0.9.0\"",
                            UNKNOWN("down")) "," CHANGE("gone", "\"from\":\"1.0.0\"",
                                                        UNKNOWN("gone") " No other version is known to build with that "
                                                                        "compiler.") "," CHANGE("up",
                                                                                                "\"from\":\"1.0.0\",\"to\":\"1."
                                                                                                "1.0\"",
                                                                                                UNKNOWN(
                                                                                                    "up")) "," CHANGE("lost",
                                                                                                                      "\"from\""
                                                                                                                      ":\"1.0."
                                                                                                                      "0\"",
                                                                                                                      "It is "
                                                                                                                      "not "
                                                                                                                      "publishe"
                                                                                                                      "d any "
                                                                                                                      "more.") "],\"unproven\":[\"through\"],\"request\":{" REQUEST
                                                                                                                               "}}");
    assert_ok(package_set_request_parse(&request, "{" REQUEST "}", &f->arena, &f->err));
    assert_false(package_set_payload_is_trial("{" REQUEST "}"));
}

/* ---- A job that tries it ---- */

static const char *job_of(struct set_service_scene *s) {
    struct fixture *f = &s->f;
    json_t *json;
    const char *text = s->answer.json_answer.json;
    assert_ok(json_read(&json, text, strlen(text), "The answer", &f->err));
    const char *id = json_string_value(json_object_get(json, "jobId"));
    assert_non_null(id);
    id = arena_copy(&f->arena, id);
    json_decref(json);
    return id;
}

static void a_trial_is_made_once(void **state) {
    struct set_service_scene *s = *state;
    struct fixture *f = &s->f;
    struct job job;
    open_members(s);
    assert_ok(ask(s, "0.15.16", true));
    const char *id = job_of(s);
    assert_ok(job_store_get(f->store, id, &f->arena, &job, &f->err));
    assert_int_equal(job.kind, JOB_KIND_PACKAGE_SET);
    assert_string_equal(job.payload, "{" REQUEST ",\"trial\":true}");
    assert_true(package_set_payload_is_trial(job.payload));
    assert_null(job.authority);
    assert_ok(ask(s, "0.15.16", true));
    assert_string_equal(job_of(s), id);
}

/* ---- What cannot be proposed ---- */

static void expect_refusal(struct set_service_scene *s, const char *compiler, enum status status, const char *words) {
    struct fixture *f = &s->f;
    struct redis_reply *keys;
    assert_status(status, ask(s, compiler, true));
    assert_string_equal(f->err.path, "compiler");
    if (!strstr(f->err.message, words)) fail_msg("%s", f->err.message);
    assert_ok(redis_call(f->redis, &keys, &f->err, "KEYS job:*"));
    assert_int_equal(keys->count, 0);
}

static void the_compiler_must_be_a_higher_one_that_is_supported(void **state) {
    struct set_service_scene *s = *state;
    open_members(s);
    expect_refusal(s, "0.15.15", STATUS_REFUSED, "The package set 1.0.0 is for compiler 0.15.15: only a higher one");
    expect_refusal(s, "0.15.14", STATUS_REFUSED, "only a higher one can be proposed.");
    expect_refusal(s, "0.15.17", STATUS_REFUSED, "0.15.17");
    expect_refusal(s, "new", STATUS_INVALID, "\"new\" is not a version");
    expect_refusal(s, NULL, STATUS_INVALID, "");
}

static void without_a_set_there_is_nothing_to_change(void **state) {
    struct set_service_scene *s = *state;
    struct fixture *f = &s->f;
    OPEN_SMALL_REGISTRY(s, NULL, "a 1.0.0 [0.15.15]");
    assert_status(STATUS_NOT_FOUND, ask(s, "0.15.16", false));
    assert_string_equal(f->err.message, "There is no package set yet.");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        set_scene_test(a_proposal_is_a_ready_request_with_reasons),
        set_scene_test(a_trial_is_made_once),
        set_scene_test(the_compiler_must_be_a_higher_one_that_is_supported),
        set_scene_test(without_a_set_there_is_nothing_to_change),
    };
    return cmocka_run_group_tests(tests, start_set_scene, stop_fixture);
}
