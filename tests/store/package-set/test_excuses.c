/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Why packages are, or are not, in the latest package set, as the package-set service answers it, with a real redis-server and
 * git repositories; on the real registry also in which time, and how large the answer is.
 */
#include "services/package-set/query/excuse_query.h"
#include "tests/store/package-set/set_service_scene.h"

#include "lib/base/json.h"
#include "lib/domain/set/set_excuses.h"
#include "lib/store/redis/matrix_store.h"
#include "lib/store/redis/set_store.h"

#define JOB "2b1c1d6e-0000-4000-8000-00000000000"

static enum status ask(struct set_service_scene *s, const char *name, bool looks_again) {
    const struct message question = {.tag = MESSAGE_set_excuses_query,
                                     .set_excuses_query = {.name = name, .looks_again = looks_again}};
    s->answer = (struct message){0};
    s->f.err = (struct error){0};
    return answer_set_excuses_query(&s->service, &question, &s->f.arena, &s->answer, &s->f.err);
}

/* The answer; the caller releases it. */
static json_t *get(struct set_service_scene *s, const char *name) {
    struct fixture *f = &s->f;
    json_t *json;
    assert_ok(ask(s, name, false));
    assert_int_equal(s->answer.tag, MESSAGE_json_answer);
    const char *text = s->answer.json_answer.json;
    assert_ok(json_read(&json, text, strlen(text), "The answer", &f->err));
    return json;
}

static void expect_json(struct set_service_scene *s, const char *name, const char *expected) {
    struct fixture *f = &s->f;
    assert_ok(ask(s, name, false));
    assert_string_equal(s->answer.json_answer.json, expected);
}

static void expect_failure(struct set_service_scene *s, const char *name, bool looks_again, const char *sentence) {
    struct fixture *f = &s->f;
    assert_status(STATUS_NOT_FOUND, ask(s, name, looks_again));
    assert_string_equal(f->err.message, sentence);
}

/* ---- What is in Redis ---- */

static void write_compilers(struct set_service_scene *s) {
    struct fixture *f = &s->f;
    static const struct version compilers[] = {{0, 15, 14}, {0, 15, 15}, {0, 15, 16}};
    assert_ok(compiler_list_write(f->store, compilers, 3, &f->err));
}

static void write_verdict(struct set_service_scene *s, const char *version, const char *compiler, const char *value) {
    struct fixture *f = &s->f;
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "HSET verdicts:%s %s %s", version, compiler, value));
}

static void write_findings(struct set_service_scene *s, struct set_finding *items, size_t count,
                           const struct set_update_state *update) {
    struct fixture *f = &s->f;
    assert_ok(set_findings_write(f->store, &(struct set_findings){items, count}, update, &f->err));
}

/* ---- Answers ---- */

#define SET "\"packageSet\":{\"version\":\"1.0.0\",\"compiler\":\"0.15.15\",\"published\":\"2026-07-29\"}"
#define PUBLISHED "\"since\":\"2026-01-01T00:00:00.000Z\""
#define A                                                                                                                      \
    "{\"name\":\"a\",\"verdict\":\"in_set\",\"sentence\":\"a@1.0.0 is in the package set 1.0.0.\",\"version\":\"1.0.0\","      \
    "\"setVersion\":\"1.0.0\"," PUBLISHED ",\"whoCanAct\":\"nobody\"}"
#define B                                                                                                                      \
    "{\"name\":\"b\",\"verdict\":\"fails_with_set\",\"sentence\":\"b@1.1.0 does not compile with the versions in the package " \
    "set 1.0.0: Module X was not found. The last update that tried the candidates ended at 2026-01-03 00:00 UTC, more than a " \
    "day ago.\",\"version\":\"1.1.0\",\"setVersion\":\"1.0.0\",\"jobId\":\"" JOB                                               \
    "1\",\"since\":\"2026-01-02T00:00:00.000Z\",\"whoCanAct\":\"its authors\"}"
#define C                                                                                                                      \
    "{\"name\":\"c\",\"verdict\":\"no_version_for_compiler\",\"sentence\":\"c@1.0.0 does not build with compiler 0.15.15, "    \
    "and no other version of it is known to: The compiler reports errors.\",\"version\":\"1.0.0\",\"jobId\":\"" JOB            \
    "2\",\"since\":\"2026-01-05T00:00:00.000Z\",\"whoCanAct\":\"its authors\"}"
#define D                                                                                                                      \
    "{\"name\":\"d\",\"verdict\":\"blocked_by\",\"sentence\":\"d@1.0.0 depends on e, not in the package set 1.0.0 because of " \
    "c.\",\"version\":\"1.0.0\",\"since\":\"2026-01-05T00:00:00.000Z\",\"whoCanAct\":\"the authors of its dependencies\","     \
    "\"blockedBy\":[\"e\"],\"roots\":[\"c\"]}"
#define E                                                                                                                      \
    "{\"name\":\"e\",\"verdict\":\"blocked_by\",\"sentence\":\"e@1.0.0 depends on c, not in the package set 1.0.0.\","         \
    "\"version\":\"1.0.0\",\"since\":\"2026-01-05T00:00:00.000Z\",\"whoCanAct\":\"the authors of its dependencies\","          \
    "\"blockedBy\":[\"c\"],\"roots\":[\"c\"]}"
#define F                                                                                                                      \
    "{\"name\":\"f\",\"verdict\":\"waiting\",\"sentence\":\"The next update of the package set tries f@1.0.0. No update is "   \
    "scheduled. The last update that tried the candidates ended at 2026-01-03 00:00 UTC, more than a day ago.\","              \
    "\"version\":\"1.0.0\"," PUBLISHED ",\"whoCanAct\":\"the registry\"}"
#define CHECKED "\"checked\":{\"jobId\":\"" JOB "3\",\"time\":\"2026-01-03T00:00:00.000Z\"}"
#define COUNTS                                                                                                                 \
    "\"counts\":{\"in_set\":1,\"waiting\":1,\"blocked_by\":2,\"fails_with_set\":1,\"breaks\":0,\"no_result\":0,"               \
    "\"no_version_for_compiler\":1,\"never_tried\":0,\"needs_trustee\":0,\"unpublished\":0}"
#define OBSTACLE "{\"name\":\"b\",\"version\":\"1.0.0\",\"newer\":\"1.1.0\",\"through\":[\"a\"]}"

/* Every source of an excuse, and what does not count: a verdict with another compiler, a finding about another version. */
static void each_package_has_its_excuse(void **state) {
    struct set_service_scene *s = *state;
    struct set_finding findings[] = {
        {"b", {1, 1, 0}, {0, 15, 15}, false, JOB "1", "  Module X\n  was not found.", 1767312000000, false},
        {"f", {0, 9, 0}, {0, 15, 15}, true, JOB "9", NULL, 1767312000000, false},
    };
    const struct set_update_state update = {
        .job_id = JOB "4", .time_ms = 1767484800000, .checked_job_id = JOB "3", .checked_ms = 1767398400000};
    OPEN_SMALL_REGISTRY(s, "a 1.0.0 b 1.0.0", "a 1.0.0 [0.15.15]", "b 1.0.0 [0.15.15] a >=1.0.0 <2.0.0",
                        "b 1.1.0 [0.15.15 0.15.16]", "c 1.0.0 [0.15.14]", "d 1.0.0 [0.15.15] e >=1.0.0 <2.0.0",
                        "e 1.0.0 [0.15.15] c >=1.0.0 <2.0.0", "f 1.0.0 [0.15.15]");
    write_compilers(s);
    write_findings(s, findings, 2, &update);
    write_verdict(s, "c@1.0.0", "0.15.15", "failed_to_compile " JOB "2 1767571200000 plan");
    write_verdict(s, "c@1.0.0", "0.15.16", "succeeded " JOB "8 1767657600000 plan");
    expect_json(s, NULL,
                "{" SET "," CHECKED "," COUNTS ",\"excuses\":[" A "," B "," C "," D "," E "," F
                "],\"nextCompilers\":[{\"compiler\":\"0.15.16\",\"inTheWay\":[{\"name\":\"a\",\"version\":\"1.0.0\"}," OBSTACLE
                "]}]}");
    expect_json(s, "d",
                "{" SET "," CHECKED ",\"excuse\":" D ",\"nextCompilers\":[{\"compiler\":\"0.15.16\",\"inTheWay\":[]}]}");
    expect_json(s, "b",
                "{" SET "," CHECKED ",\"excuse\":" B ",\"nextCompilers\":[{\"compiler\":\"0.15.16\",\"inTheWay\":[" OBSTACLE
                "]}]}");
}

static void expect_excuse(struct set_service_scene *s, const char *name, const char *verdict, const char *job) {
    json_t *json = get(s, name);
    const json_t *excuse = json_object_get(json, "excuse");
    assert_string_equal(json_string_value(json_object_get(excuse, "verdict")), verdict);
    const char *id = json_string_value(json_object_get(excuse, "jobId"));
    if (!text_equal(id, job)) fail_msg("the job of %s is %s", name, id ? id : "none");
    json_decref(json);
}

static void each_kind_of_verdict_of_the_matrix_counts(void **state) {
    struct set_service_scene *s = *state;
    OPEN_SMALL_REGISTRY(s, "a 1.0.0", "a 1.0.0 [0.15.15]", "lost 1.0.0 [0.15.14]", "noplan 1.0.0 [0.15.14] old >=1.0.0 <2.0.0",
                        "old 1.0.0 [0.15.13]", "soon 1.0.0 [0.15.14]", "untried 1.0.0 [0.15.14]");
    write_verdict(s, "lost@1.0.0", "0.15.15", "worker_lost " JOB "1 1767571200000 plan");
    write_verdict(s, "soon@1.0.0", "0.15.15", "succeeded " JOB "2 1767571200000 plan");
    write_verdict(s, "untried@0.9.0", "0.15.15", "failed_to_compile " JOB "3 1767571200000 plan");
    expect_excuse(s, "lost", "never_tried", JOB "1");
    expect_excuse(s, "noplan", "no_version_for_compiler", NULL);
    expect_excuse(s, "soon", "waiting", JOB "2");
    expect_excuse(s, "untried", "never_tried", NULL);
    write_verdict(s, "lost@1.0.0", "0.15.15", "damaged");
    assert_int_equal(ask(s, "lost", false), STATUS_INTERNAL);
}

static void what_is_not_there_is_not_found(void **state) {
    struct set_service_scene *s = *state;
    OPEN_SMALL_REGISTRY(s, NULL, "a 1.0.0 [0.15.15]");
    expect_failure(s, NULL, true, "There is no package set yet.");
    expect_failure(s, "a", true, "There is no package set yet.");
}

static void before_a_no_the_repositories_are_read_again(void **state) {
    struct set_service_scene *s = *state;
    struct fixture *f = &s->f;
    OPEN_SMALL_REGISTRY(s, "a 1.0.0", "a 1.0.0 [0.15.15]");
    expect_failure(s, "fresh", true, "There is no package fresh in the registry.");
    git_script(&s->git,
               "git clone -q registry.git registry && cd registry && cp metadata/a.json metadata/fresh.json && cd .. && "
               "push_files registry.git");
    expect_failure(s, "fresh", false, "There is no package fresh in the registry.");
    assert_ok(ask(s, "fresh", true));
    assert_ok(ask(s, "fresh", false));
}

/* ---- When a candidate is tried ---- */

static void an_excuse_says_why_no_update_can_start(void **state) {
    struct set_service_scene *s = *state;
    setenv("PACKAGE_SET_AFTER_MS", "3600000", true);
    OPEN_SMALL_REGISTRY(s, "a 1.0.0", "a 1.0.0 [0.15.15]", "b 1.0.0 [0.15.15]");
    git_script(&s->git,
               "git clone -q registry.git registry && echo '{' >registry/package-sets/7.0.0.json && push_files registry.git");
    expect_failure(s, "nobody", true, "There is no package nobody in the registry."); /* the repositories are read again */
    json_t *json = get(s, "b");
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "packageSet"), "version")), "1.0.0");
    assert_non_null(strstr(json_string_value(json_object_get(json_object_get(json, "excuse"), "sentence")),
                           "No update can start, since the latest package set, package-sets/7.0.0.json, cannot be read."));
    assert_null(json_object_get(json, "nextUpdate"));
    json_decref(json);
}

static int64_t next_update(struct set_service_scene *s) {
    json_t *json = get(s, NULL);
    const char *text = json_string_value(json_object_get(json, "nextUpdate"));
    int64_t time_ms = 0;
    if (text) assert_true(time_parse(text, &time_ms));
    json_decref(json);
    return time_ms;
}

static void an_excuse_says_when_the_candidate_is_tried(void **state) {
    struct set_service_scene *s = *state;
    struct fixture *f = &s->f;
    setenv("PACKAGE_SET_AFTER_MS", "3600000", true);
    OPEN_SMALL_REGISTRY(s, "a 1.0.0", "a 1.0.0 [0.15.15]", "b 1.0.0 [0.15.15]");
    int64_t now_ms = clock_now_ms();
    assert_in_range(next_update(s), now_ms, now_ms + 60000);
    json_t *json = get(s, "b");
    assert_non_null(strstr(json_string_value(json_object_get(json_object_get(json, "excuse"), "sentence")),
                           "tries b@1.0.0. It is due now. No update has tried the candidates yet."));
    json_decref(json);

    /* Not before an hour after the last one, nor the same candidates again. */
    struct set_update_state update = {.job_id = JOB "1", .time_ms = now_ms - 1000, .candidates = "others"};
    write_findings(s, NULL, 0, &update);
    assert_int_equal(next_update(s), now_ms - 1000 + 3600000);
    struct package_set set;
    struct set_members members;
    struct set_changes candidates;
    assert_true(package_set_service_latest(&s->service, &set, &f->arena));
    set_members_read(&members, registry_view_lock(s->service.repositories.view), &set, &f->arena);
    set_changes_find_candidates(&candidates, &members, &f->arena);
    set_changes_hash(&candidates, &members, update.candidates);
    registry_view_unlock(s->service.repositories.view);
    write_findings(s, NULL, 0, &update);
    assert_int_equal(next_update(s), 0);
}

/* ---- The real registry ---- */

enum { JSON_MAX_BYTES = 1900000 /* json_answer */, GZIP_MAX_BYTES = 60000, ROUNDS = 20 };

/* A sanitizer takes its time, on a busy machine even more. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { TIME_MAX_US = 500000 };
#else
enum { TIME_MAX_US = 20000 };
#endif

/* Every version that is not known to build with the set's compiler has a failed build, and every candidate was tried: no answer
 * is larger. */
static void fill_redis(struct set_service_scene *s) {
    struct fixture *f = &s->f;
    struct package_set set;
    struct set_members members;
    struct set_changes candidates;
    struct set_known_builds builds;
    struct set_finding findings[200];
    char id[UUID_TEXT_MAX];
    assert_true(package_set_service_latest(&s->service, &set, &f->arena));
    set_members_read(&members, registry_view_lock(s->service.repositories.view), &set, &f->arena);
    set_excuses_list_builds(&builds, &members, &f->arena);
    set_changes_find_candidates(&candidates, &members, &f->arena);
    assert_in_range(candidates.count, 50, 200);
    for (size_t i = 0; i < candidates.count; i++) {
        hash_random_uuid(id);
        findings[i] = (struct set_finding){
            set_members_name(&members, candidates.items[i].package),
            candidates.items[i].version->version,
            set.compiler,
            i % 2,
            arena_copy(&f->arena, id),
            arena_format(&f->arena, "Could not match type %s with type Int while checking that expression %zu has type m a", id,
                         i * 7919),
            1785000000000 + (int64_t)i * 7919,
            false};
    }
    /* Findings are looked up by name. */
    for (size_t i = 1; i < candidates.count; i++)
        for (size_t j = i; j > 0 && strcmp(findings[j - 1].package, findings[j].package) > 0; j--) {
            struct set_finding kept = findings[j];
            findings[j] = findings[j - 1];
            findings[j - 1] = kept;
        }
    const struct set_update_state update = {
        .job_id = JOB "1", .time_ms = clock_now_ms(), .checked_job_id = JOB "1", .checked_ms = clock_now_ms()};
    write_findings(s, findings, candidates.count, &update);
    registry_view_unlock(s->service.repositories.view);
    for (size_t i = 0; i < builds.count; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(builds.items[i].version, version);
        hash_random_uuid(id);
        write_verdict(s, arena_format(&f->arena, "%s@%s", builds.items[i].package, version), "0.15.15",
                      arena_format(&f->arena, "%s %s %lld plan", i % 9 ? "failed_to_compile" : "timed_out", id,
                                   1785000000000 + (long long)i * 104729));
    }
}

static int64_t count_of(const json_t *json, enum set_verdict verdict) {
    return json_integer_value(json_object_get(json_object_get(json, "counts"), set_verdict_text(verdict)));
}

static void expect_size(struct set_service_scene *s) {
    struct fixture *f = &s->f;
    assert_ok(ask(s, NULL, false));
    const char *json = s->answer.json_answer.json, *path = git_fixture_file(&s->git, "excuses.json");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(json, file);
    fclose(file);
    int zipped = atoi(git_output(&s->git, "gzip -c excuses.json | wc -c"));
    printf("excuses of the real registry: %zu bytes, gzipped %d\n", strlen(json), zipped);
    assert_in_range(strlen(json), 100000, JSON_MAX_BYTES);
    assert_in_range(zipped, 1000, GZIP_MAX_BYTES);
}

static void expect_time(struct set_service_scene *s) {
    struct fixture *f = &s->f;
    int64_t best_us = INT64_MAX;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t begin_us = clock_monotonic_us();
        assert_ok(ask(s, NULL, false));
        int64_t took_us = clock_monotonic_us() - begin_us;
        if (took_us < best_us) best_us = took_us;
    }
    printf("excuses of the real registry: %.1f ms, the best of %d\n", (double)best_us / 1000, ROUNDS);
    assert_in_range(best_us, 1, TIME_MAX_US);
}

static void the_real_registry(void **state) {
    struct set_service_scene *s = *state;
    if (!open_real_registry(s)) skip();
    write_compilers(s);
    json_t *json = get(s, NULL);
    assert_int_equal(json_array_size(json_object_get(json, "excuses")), 1215);
    assert_int_equal(count_of(json, SET_VERDICT_WAITING), 82);
    json_decref(json);
    fill_redis(s);
    json = get(s, NULL);
    assert_int_equal(count_of(json, SET_VERDICT_NO_VERSION_FOR_COMPILER), 430);
    assert_int_equal(count_of(json, SET_VERDICT_WAITING), 0);
    const json_t *next = json_array_get(json_object_get(json, "nextCompilers"), 0);
    assert_int_equal(json_array_size(json_object_get(next, "inTheWay")), 6);
    json_decref(json);
    expect_size(s);
    expect_time(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        set_scene_test(each_package_has_its_excuse),
        set_scene_test(each_kind_of_verdict_of_the_matrix_counts),
        set_scene_test(what_is_not_there_is_not_found),
        set_scene_test(before_a_no_the_repositories_are_read_again),
        set_scene_test(an_excuse_says_when_the_candidate_is_tried),
        set_scene_test(an_excuse_says_why_no_update_can_start),
        set_scene_test(the_real_registry),
    };
    return cmocka_run_group_tests(tests, start_set_scene, stop_fixture);
}
