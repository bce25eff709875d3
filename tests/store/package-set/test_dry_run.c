/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the next update of the package set would try, as the package-set service answers it, with a real redis-server and git
 * repositories. That an update makes these builds is tested by tests/flow/package-set/test_plans.c.
 */
#include "services/package-set/query/dry_run_query.h"
#include "tests/store/package-set/set_service_scene.h"

#include "lib/base/json.h"
#include "lib/store/redis/set_store.h"
#include "services/package-set/update.h"

#define JOB "2b1c1d6e-0000-4000-8000-000000000001"
#define SET "\"packageSet\":{\"version\":\"1.0.0\",\"compiler\":\"0.15.15\",\"published\":\"2026-07-29\"}"
#define ADDED(name, outcome)                                                                                                   \
    "{\"name\":\"" name "\",\"version\":\"1.0.0\",\"published\":\"2026-01-01T00:00:00.000Z\",\"outcome\":" outcome "}"
#define RAISED(name, outcome)                                                                                                  \
    "{\"name\":\"" name                                                                                                        \
    "\",\"version\":\"1.1.0\",\"setVersion\":\"1.0.0\",\"published\":\"2026-01-01T00:00:00.000Z\",\"outcome\":" outcome "}"
#define BUILD(name, version, because) "{\"name\":\"" name "\",\"version\":\"" version "\",\"because\":[" because "]}"

static enum status ask(struct set_service_scene *s) {
    const struct message question = {.tag = MESSAGE_set_dry_run_query};
    s->answer = (struct message){0};
    s->f.err = (struct error){0};
    return answer_set_dry_run_query(&s->service, &question, &s->f.arena, &s->answer, &s->f.err);
}

static void expect_json(struct set_service_scene *s, const char *expected) {
    struct fixture *f = &s->f;
    assert_ok(ask(s));
    assert_string_equal(s->answer.json_answer.json, expected);
}

/* Keeps the outcome of a build with `plan`, `NAME VERSION …`, as an update does. */
static void keep_outcome(struct set_service_scene *s, const char *package, struct version version, const char *plan,
                         bool compiles) {
    struct fixture *f = &s->f;
    char key[UUID_TEXT_MAX];
    const struct package_set planned = small_package_set(plan, &f->arena);
    update_build_key(key, package, version, planned.compiler, &planned.packages);
    const struct kept_outcome outcome = {.key = key, .compiles = compiles, .job_id = JOB, .time_ms = 1};
    assert_ok(kept_outcome_write(f->store, &outcome, &f->err));
}

/* `base` is raised, `user` depends on it; `fresh` is new, and `needy` with it. */
static void open_candidates(struct set_service_scene *s) {
    OPEN_SMALL_REGISTRY(s, "base 1.0.0 other 1.0.0 user 1.0.0", "base 1.0.0 [0.15.15]", "base 1.1.0 [0.15.15]",
                        "fresh 1.0.0 [0.15.15] other >=1.0.0 <2.0.0", "needy 1.0.0 [0.15.15] fresh >=1.0.0 <2.0.0",
                        "other 1.0.0 [0.15.15]", "user 1.0.0 [0.15.15] base >=1.0.0 <2.0.0");
}

static void lists_candidates_in_groups_and_their_builds(void **state) {
    struct set_service_scene *s = *state;
    struct fixture *f = &s->f;
    struct redis_reply *keys;
    open_candidates(s);
    expect_json(
        s,
        "{" SET
        ",\"candidates\":3,\"lost\":[],\"groups\":[[" RAISED("base", "\"to_try\"") "],[" ADDED("fresh", "\"to_try\"") "," ADDED(
            "needy",
            "\"to_try\"") "]],\"knownBuilds\":0,\"builds\":[" BUILD("base", "1.1.0",
                                                                    "\"base\"") "," BUILD("user", "1.0.0",
                                                                                          "\"base\"") "," BUILD("fresh",
                                                                                                                "1.0.0",
                                                                                                                "\"fresh\"") "," BUILD("needy",
                                                                                                                                       "1.0.0",
                                                                                                                                       "\"fresh\",\"needy\"") "]}");
    assert_ok(redis_call(f->redis, &keys, &f->err, "KEYS *")); /* nothing was made, no job above all */
    assert_int_equal(keys->count, 0);
}

static void goes_on_from_the_outcomes_that_are_known(void **state) {
    struct set_service_scene *s = *state;
    open_candidates(s);
    keep_outcome(s, "base", (struct version){1, 1, 0}, "", true);
    keep_outcome(s, "user", (struct version){1, 0, 0}, "base 1.1.0", false);
    keep_outcome(s, "fresh", (struct version){1, 0, 0}, "other 1.0.0", true);
    expect_json(
        s, "{" SET ",\"candidates\":3,\"lost\":[],\"groups\":[[" RAISED("base", "\"breaks\",\"by\":\"user\"") "],[" ADDED(
               "fresh",
               "\"to_try\"") "," ADDED("needy",
                                       "\"to_try\"") "]],\"knownBuilds\":3,\"builds\":[" BUILD("needy", "1.0.0",
                                                                                               "\"fresh\",\"needy\"") "]}");
    keep_outcome(s, "needy", (struct version){1, 0, 0}, "fresh 1.0.0 other 1.0.0", true);
    expect_json(s,
                "{" SET ",\"candidates\":3,\"lost\":[],\"groups\":[[" RAISED("base", "\"breaks\",\"by\":\"user\"") "],[" ADDED(
                    "fresh", "\"compiles\"") "," ADDED("needy", "\"compiles\"") "]],\"knownBuilds\":4,\"builds\":[]}");
    keep_outcome(s, "fresh", (struct version){1, 0, 0}, "other 1.0.0", false);
    expect_json(
        s, "{" SET ",\"candidates\":3,\"lost\":[],\"groups\":[[" RAISED("base", "\"breaks\",\"by\":\"user\"") "],[" ADDED(
               "fresh", "\"fails\"") "," ADDED("needy", "\"blocked\",\"by\":\"fresh\"") "]],\"knownBuilds\":4,\"builds\":[]}");
}

/* As in an update, all candidates are one group then: any of them may close the hole. */
static void in_a_set_with_a_hole_there_is_one_group(void **state) {
    struct set_service_scene *s = *state;
    OPEN_SMALL_REGISTRY(s, "lost 1.0.0 user 1.0.0", "fresh 1.0.0 [0.15.15]", "lost 1.0.0 []", "lost 1.1.0 [0.15.15]",
                        "user 1.0.0 [0.15.15] lost >=1.0.0 <2.0.0");
    struct fixture *f = &s->f;
    assert_ok(ask(s));
    json_t *json;
    const char *text = s->answer.json_answer.json;
    assert_ok(json_read(&json, text, strlen(text), "The answer", &f->err));
    assert_int_equal(json_integer_value(json_object_get(json, "candidates")), 2);
    assert_int_equal(json_array_size(json_object_get(json, "groups")), 1);
    json_decref(json);
}

/* Without a candidate for it, nothing will be released, whatever compiles. */
static void names_what_is_lost_and_cannot_be_replaced(void **state) {
    struct set_service_scene *s = *state;
    OPEN_SMALL_REGISTRY(s, "base 1.0.0 gone 1.0.0 moved 1.0.0", "base 1.0.0 [0.15.15]", "gone 0.9.0 [0.15.15]", "gone 1.0.0 []",
                        "moved 1.1.0 [0.15.15]");
    expect_json(
        s, "{" SET ",\"candidates\":1,\"lost\":[{\"name\":\"gone\",\"version\":\"1.0.0\"}],\"groups\":[[{\"name\":\"moved\","
           "\"version\":\"1.1.0\",\"published\":\"2026-01-01T00:00:00.000Z\",\"outcome\":\"to_try\"}]],\"knownBuilds\":0,"
           "\"builds\":[" BUILD("moved", "1.1.0", "\"moved\"") "]}");
}

static void without_a_set_or_with_a_malformed_one_there_is_no_update(void **state) {
    struct set_service_scene *s = *state;
    struct fixture *f = &s->f;
    OPEN_SMALL_REGISTRY(s, NULL, "a 1.0.0 [0.15.15]");
    assert_status(STATUS_NOT_FOUND, ask(s));
    assert_string_equal(f->err.message, "There is no package set yet.");
    git_script(&s->git, "git clone -q registry.git registry && mkdir registry/package-sets && echo '{}' "
                        ">registry/package-sets/1.0.0.json && push_files registry.git");
    assert_ok(package_set_service_look_again(&s->service, clock_monotonic_us(), &f->err));
    assert_status(STATUS_REFUSED, ask(s));
    assert_non_null(strstr(f->err.message, "package-sets/1.0.0.json in the registry repository, cannot be read"));
}

static void the_real_registry(void **state) {
    struct set_service_scene *s = *state;
    struct fixture *f = &s->f;
    if (!open_real_registry(s)) skip();
    int64_t begin_us = clock_monotonic_us();
    assert_ok(ask(s));
    int64_t took_us = clock_monotonic_us() - begin_us;
    json_t *json;
    const char *text = s->answer.json_answer.json;
    assert_ok(json_read(&json, text, strlen(text), "The answer", &f->err));
    assert_int_equal(json_integer_value(json_object_get(json, "candidates")), 82);
    printf("dry run on the real registry: %zu groups, %zu builds, %zu bytes, %.1f ms\n",
           json_array_size(json_object_get(json, "groups")), json_array_size(json_object_get(json, "builds")), strlen(text),
           (double)took_us / 1000);
    assert_in_range(json_array_size(json_object_get(json, "builds")), 82, 650);
    json_decref(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        set_scene_test(lists_candidates_in_groups_and_their_builds),
        set_scene_test(goes_on_from_the_outcomes_that_are_known),
        set_scene_test(in_a_set_with_a_hole_there_is_one_group),
        set_scene_test(names_what_is_lost_and_cannot_be_replaced),
        set_scene_test(without_a_set_or_with_a_malformed_one_there_is_no_update),
        set_scene_test(the_real_registry),
    };
    return cmocka_run_group_tests(tests, start_set_scene, stop_fixture);
}
