/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The choice of ready jobs that one worker gets together, refused jobs, and the packages of a batch.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "services/build-matrix/dispatch/batch.h"
#include "tests/support/small_registry.h"

enum { MANY = WORK_ORDER_JOBS_MAX + 4 };

static struct manifest_index *registry;
static struct arena arena;
static struct error err;

static int set_up(void **state) {
    static const char *const rows[] = {
        "prelude 1.0.0 [0.15.0]",
        "prelude 2.0.0 [0.15.0]",
        "gone 1.0.0 []",
        "effect 1.0.0 [0.15.0] prelude >=1.0.0 <3.0.0",
        "maybe 1.0.0 [0.15.0] prelude >=1.0.0 <3.0.0",
        "maybe 2.0.0 [0.15.0] prelude >=1.0.0 <3.0.0",
        "arrays 1.0.0 [0.15.0] maybe >=1.0.0 <2.0.0, prelude >=1.0.0 <3.0.0",
        "chicken 1.0.0 [0.15.0] egg >=1.0.0 <2.0.0",
        "egg 1.0.0 [0.15.0] chicken >=1.0.0 <2.0.0",
    };
    (void)state;
    registry = small_registry_create(rows, sizeof rows / sizeof *rows);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    manifest_index_free(registry);
    arena_release(&arena);
    return 0;
}

static struct job job_of(const char *package, const char *plan) {
    return (struct job){.kind = JOB_KIND_MATRIX,
                        .package = package,
                        .version = "1.0.0",
                        .compiler = "0.15.1",
                        .purpose = MATRIX_PURPOSE_WAVE,
                        .payload = plan};
}

#define ONE "{\"prelude\":\"1.0.0\"}"
#define TWO "{\"prelude\":\"2.0.0\"}"
#define MAYBE_ONE "{\"maybe\":\"1.0.0\",\"prelude\":\"1.0.0\"}"

/* `expected` has the positions of the chosen jobs and, after a colon, those of the refused ones. */
static void expect_choice(const char *expected, const struct job *jobs, size_t count, size_t most) {
    struct batch_choice choice;
    struct text text = {0};
    batch_choose(&choice, registry, jobs, count, most, &arena);
    for (size_t i = 0; i < choice.job_count; i++)
        text_append_format(&text, "%s%zu", i ? " " : "", choice.jobs[i]);
    for (size_t i = 0; i < choice.refusal_count; i++)
        text_append_format(&text, "%s%zu", i ? " " : ":", choice.refusals[i].job);
    assert_string_equal(text_view(&text), expected);
    text_release(&text);
}

/* ---- Choosing ---- */

static void jobs_whose_plans_agree_share_a_batch(void **state) {
    (void)state;
    const struct job jobs[] = {job_of("effect", ONE), job_of("maybe", ONE), job_of("prelude", "{}")};
    expect_choice("0 1", jobs, 2, 16);
    expect_choice("0", jobs, 2, 1);
    expect_choice("", jobs, 0, 16);
}

/* No requester waits for one of them, as for a request. */
static void builds_of_a_package_set_share_a_batch(void **state) {
    (void)state;
    struct job jobs[] = {job_of("effect", ONE), job_of("maybe", ONE), job_of("arrays", MAYBE_ONE), job_of("maybe", TWO)};
    for (int i = 0; i < 3; i++)
        jobs[i].purpose = MATRIX_PURPOSE_SET;
    expect_choice("0 1", jobs, 4, 16);
}

/* The plan of the second has more than its package depends on. */
static void a_build_of_a_whole_package_set_goes_alone(void **state) {
    (void)state;
    struct job jobs[] = {job_of("arrays", MAYBE_ONE), job_of("effect", MAYBE_ONE), job_of("arrays", MAYBE_ONE)};
    expect_choice("0 1", jobs, 2, 16); /* only of a package set that says something */
    for (int i = 0; i < 3; i++)
        jobs[i].purpose = MATRIX_PURPOSE_SET;
    expect_choice("0", jobs, 2, 16);
    expect_choice("0", jobs + 1, 2, 16);
}

static void a_plan_with_another_version_waits_for_another_batch(void **state) {
    (void)state;
    const struct job jobs[] = {job_of("effect", ONE), job_of("maybe", TWO), job_of("maybe", ONE)};
    expect_choice("0 2", jobs, 3, 16);
}

static void no_job_is_about_what_another_builds_with(void **state) {
    (void)state;
    const struct job dependant_first[] = {job_of("arrays", MAYBE_ONE), job_of("maybe", ONE), job_of("effect", ONE)};
    const struct job dependency_first[] = {job_of("maybe", ONE), job_of("arrays", MAYBE_ONE), job_of("effect", ONE)};
    expect_choice("0 2", dependant_first, 3, 16);
    expect_choice("0 2", dependency_first, 3, 16);
}

static void two_versions_of_a_package_are_two_batches(void **state) {
    (void)state;
    struct job jobs[] = {job_of("maybe", ONE), job_of("maybe", ONE), job_of("effect", ONE)};
    jobs[1].version = "2.0.0";
    expect_choice("0 2", jobs, 3, 16);
}

static void a_batch_has_one_compiler_and_one_purpose(void **state) {
    (void)state;
    struct job jobs[] = {job_of("effect", ONE), job_of("maybe", ONE), job_of("maybe", ONE), job_of("maybe", ONE)};
    jobs[1].compiler = "0.15.2";
    jobs[2].purpose = MATRIX_PURPOSE_SWEEP;
    expect_choice("0 3", jobs, 4, 16);
}

/* A build that a requester waits for, one for a comparison, one whose worker was lost. */
static void some_jobs_go_alone(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct job jobs[] = {job_of("effect", ONE), job_of("maybe", ONE)};
        for (int j = 0; j < 2; j++) {
            if (i == 0) jobs[j].purpose = MATRIX_PURPOSE_REQUEST;
            if (i == 1) jobs[j].purpose = MATRIX_PURPOSE_PUBLICATION;
            if (i == 2) jobs[j].purpose = MATRIX_PURPOSE_VERIFY;
            if (i == 3) jobs[j].attempts = 1;
            if (i == 4) jobs[j].record = "{}";
        }
        expect_choice("0", jobs, 2, 16);
    }
    struct job jobs[] = {job_of("effect", ONE), job_of("maybe", ONE)};
    jobs[1].attempts = 1;
    expect_choice("0", jobs, 2, 16);
}

static void a_job_with_a_record_needs_no_plan(void **state) {
    (void)state;
    struct job job = job_of("gone", "no plan");
    job.record = "{}";
    expect_choice("0", &job, 1, 16);
}

static void a_batch_has_a_bound_of_its_own(void **state) {
    (void)state;
    const char *rows[MANY + 1] = {"prelude 1.0.0 [0.15.0]"};
    struct job jobs[MANY];
    for (int i = 0; i < MANY; i++) {
        jobs[i] = job_of(arena_format(&arena, "package-%d", i), ONE);
        rows[i + 1] = arena_format(&arena, "package-%d 1.0.0 [0.15.0] prelude >=1.0.0 <2.0.0", i);
    }
    struct manifest_index *large = small_registry_create(rows, MANY + 1);
    struct batch_choice choice;
    batch_choose(&choice, large, jobs, MANY, 1000, &arena);
    assert_int_equal(choice.job_count, WORK_ORDER_JOBS_MAX);
    manifest_index_free(large);
}

/* ---- Refusing ---- */

static void impossible_builds_are_refused_and_the_others_chosen(void **state) {
    (void)state;
    struct job jobs[] = {job_of("effect", "no plan"), job_of("gone", "{}"),    job_of("effect", "{\"gone\":\"1.0.0\"}"),
                         job_of("maybe", ONE),        job_of("nothing", "{}"), job_of("effect", ONE)};
    static const struct {
        bool is_withdrawn;
        const char *reason;
    } expected[] = {{false, "The job's plan cannot be read: "},
                    {true, "gone@1.0.0 is no longer published."},
                    {false, "gone@1.0.0, which the build needs, is no longer published."},
                    {true, "nothing@1.0.0 is no longer published."}};
    struct batch_choice choice;
    batch_choose(&choice, registry, jobs, 6, 16, &arena);
    expect_choice("3 5:0 1 2 4", jobs, 6, 16);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(choice.refusals[i].is_withdrawn, expected[i].is_withdrawn);
        assert_memory_equal(choice.refusals[i].reason, expected[i].reason, strlen(expected[i].reason));
    }
    jobs[0] = job_of("effect", ONE);
    jobs[0].version = "one";
    expect_choice(":0", jobs, 1, 16);
}

static void nothing_is_refused_behind_a_full_batch(void **state) {
    (void)state;
    struct job jobs[] = {job_of("effect", ONE), job_of("gone", "{}")};
    expect_choice("0", jobs, 2, 1);
    jobs[0].attempts = 1;
    expect_choice("0", jobs, 2, 16);
}

/* ---- The packages of a batch ---- */

static void packages_stand_behind_their_dependencies(void **state) {
    (void)state;
    const struct job jobs[] = {job_of("arrays", MAYBE_ONE), job_of("effect", ONE)};
    struct work_order work = {0};
    size_t own[2];
    bool is_whole = true;
    if (batch_list_packages(&work, own, &is_whole, registry, jobs, 2, &arena, &err)) fail_msg("%s", err.message);
    assert_false(is_whole);
    assert_int_equal(work.package_count, 4);
    assert_string_equal(work.packages[own[0]].name, "arrays");
    assert_string_equal(work.packages[own[1]].name, "effect");
    static const size_t dependency_counts[] = {['a'] = 2, ['e'] = 1, ['m'] = 1, ['p'] = 0};
    for (size_t i = 0; i < work.package_count; i++) {
        const struct build_package *package = &work.packages[i];
        assert_int_equal(package->dependency_count, dependency_counts[(int)package->name[0]]);
        for (size_t j = 0; j < package->dependency_count; j++)
            assert_true(package->dependencies[j] < i);
        assert_true(version_equal(package->version, (struct version){.major = 1}));
        assert_int_equal(package->size_bytes, 1000);
        assert_memory_equal(package->hash, "sha256-", 7);
    }
}

/* All packages of the plan, also those on which its package does not depend. */
static void a_whole_package_set_is_listed(void **state) {
    (void)state;
    struct job job = job_of("effect", "{\"arrays\":\"1.0.0\",\"maybe\":\"1.0.0\",\"prelude\":\"1.0.0\"}");
    for (int is_set = 0; is_set < 2; is_set++) {
        struct work_order work = {0};
        size_t own, *needed;
        bool is_whole;
        if (is_set) job.purpose = MATRIX_PURPOSE_SET;
        if (batch_list_packages(&work, &own, &is_whole, registry, &job, 1, &arena, &err)) fail_msg("%s", err.message);
        assert_int_equal(is_whole, is_set);
        assert_int_equal(work.package_count, is_set ? 4 : 2);
        assert_string_equal(work.packages[own].name, "effect");
        assert_int_equal(work_order_closure(&needed, &work, own, &arena), 1);
        for (size_t i = 0; i < work.package_count; i++)
            for (size_t j = 0; j < work.packages[i].dependency_count; j++)
                assert_true(work.packages[i].dependencies[j] < i);
    }
    job.payload = "{\"maybe\":\"1.0.0\",\"prelude\":\"1.0.0\"}";
    struct work_order work = {0};
    size_t own;
    bool is_whole;
    if (batch_list_packages(&work, &own, &is_whole, registry, &job, 1, &arena, &err)) fail_msg("%s", err.message);
    assert_true(is_whole);
    job = job_of("arrays", MAYBE_ONE);
    job.purpose = MATRIX_PURPOSE_SET;
    work = (struct work_order){0};
    if (batch_list_packages(&work, &own, &is_whole, registry, &job, 1, &arena, &err)) fail_msg("%s", err.message);
    assert_false(is_whole);
}

static void expect_no_list(enum status status, const char *sentence, const struct job *jobs, size_t count) {
    struct work_order work = {0};
    size_t own[2];
    bool is_whole;
    assert_int_equal(batch_list_packages(&work, own, &is_whole, registry, jobs, count, &arena, &err), status);
    assert_string_equal(err.message, sentence);
}

static void an_index_that_has_changed_since_is_seen(void **state) {
    (void)state;
    const struct job gone = job_of("gone", "{}"), incomplete = job_of("arrays", ONE),
                     circle = job_of("egg", "{\"chicken\":\"1.0.0\"}");
    expect_no_list(STATUS_REFUSED, "gone@1.0.0 is no longer published.", &gone, 1);
    expect_no_list(STATUS_REFUSED, "The plan does not have maybe, on which arrays depends.", &incomplete, 1);
    expect_no_list(STATUS_INVALID, "With these versions egg depends on itself, through others, so it cannot be built.", &circle,
                   1);
    expect_no_list(STATUS_REFUSED, "The plans of the jobs in the batch do not agree.",
                   (const struct job[]){job_of("effect", ONE), job_of("maybe", TWO)}, 2);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_whose_plans_agree_share_a_batch),
        cmocka_unit_test(builds_of_a_package_set_share_a_batch),
        cmocka_unit_test(a_build_of_a_whole_package_set_goes_alone),
        cmocka_unit_test(a_plan_with_another_version_waits_for_another_batch),
        cmocka_unit_test(no_job_is_about_what_another_builds_with),
        cmocka_unit_test(two_versions_of_a_package_are_two_batches),
        cmocka_unit_test(a_batch_has_one_compiler_and_one_purpose),
        cmocka_unit_test(some_jobs_go_alone),
        cmocka_unit_test(a_job_with_a_record_needs_no_plan),
        cmocka_unit_test(a_batch_has_a_bound_of_its_own),
        cmocka_unit_test(impossible_builds_are_refused_and_the_others_chosen),
        cmocka_unit_test(nothing_is_refused_behind_a_full_batch),
        cmocka_unit_test(packages_stand_behind_their_dependencies),
        cmocka_unit_test(a_whole_package_set_is_listed),
        cmocka_unit_test(an_index_that_has_changed_since_is_seen),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
