/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The builds that a job makes to decide something, on a real Redis, with this test as the build workers: the jobs made, their
 * repetitions, and their ends.
 */
#include "lib/service/job/trial_builds.h"
#include "tests/store/fixture.h"

enum { AT_MOST = 2, AWAY_MS = 300 };

static struct package_version plan_items[] = {{"effect", {4, 0, 0}}, {"prelude", {6, 0, 0}}};
static const struct package_versions plan = {plan_items, 2}, smaller_plan = {plan_items, 1};

/* Numbers of calls of the callbacks. */
static struct { int begun, repeated; } told;

static void note_begun(void *context, const struct trial_build *build) {
    assert_string_equal(context, "context");
    assert_true(*build->job_id);
    told.begun++;
}

static void note_repeated(void *context, const struct trial_build *build, const char *reason) {
    assert_string_equal(context, "context");
    assert_false(build->has_ended);
    assert_string_equal(reason, "It does not compile.");
    told.repeated++;
}

/* A run of an update of the package set, with its builds. */
struct scene {
    struct job_run run;
    struct trial_builds builds;
};

static void begin_run(struct fixture *f, struct scene *out) {
    *out = (struct scene){.run = {.store = f->store, .lease_ms = LEASE_MS}};
    deadline_start(&out->run.deadline, TIMEOUT_MS);
    out->builds = (struct trial_builds){.run = &out->run,
                                        .purpose = MATRIX_PURPOSE_SET,
                                        .program = "package-set",
                                        .unneeded = "The update no longer needs this build.",
                                        .repeats_max = AT_MOST,
                                        .begun = note_begun,
                                        .repeated = note_repeated,
                                        .context = "context"};
    memset(&told, 0, sizeof told);
}

static void end_run(struct scene *scene) {
    arena_release(&scene->run.arena);
}

static struct trial_build build_of(const char *package) {
    return (struct trial_build){.package = package, .version = {1, 0, 0}, .compiler = {0, 15, 15}, .plan = &plan};
}

static size_t poll_one(struct fixture *f, const struct scene *scene, struct trial_build *build) {
    size_t ended;
    assert_ok(trial_builds_poll(&scene->builds, &build, 1, &ended, &f->err));
    return ended;
}

/* Ends the job of the build's last try as build-matrix does. */
static void finish_try(struct fixture *f, const struct trial_build *build, const char *verdict) {
    const struct lease lease = claim_job(f, build->job_id);
    finish_build(f, &lease, verdict);
}

/* ---- The jobs made ---- */

static void a_build_is_one_job_for_all_who_need_it(void **state) {
    struct fixture *f = *state;
    struct scene first, second;
    struct job_list list;
    struct trial_build build = build_of("arrays"), same = build_of("arrays");
    begin_run(f, &first), begin_run(f, &second);
    assert_ok(trial_build_start(&first.builds, &build, &f->err));
    assert_ok(trial_build_start(&second.builds, &same, &f->err));
    assert_string_equal(build.job_id, same.job_id);
    assert_int_equal(told.begun, 2);
    const struct job job = get_job(f, build.job_id);
    assert_int_equal(job.kind, JOB_KIND_MATRIX);
    assert_int_equal(job.purpose, MATRIX_PURPOSE_SET);
    assert_int_equal(job.state, JOB_STATE_PENDING);
    assert_string_equal(job.package, "arrays");
    assert_string_equal(job.version, "1.0.0");
    assert_string_equal(job.compiler, "0.15.15");
    assert_string_equal(job.payload, "{\"effect\":\"4.0.0\",\"prelude\":\"6.0.0\"}");
    const struct job_filter all = {.include_unknown_to_old_clients = true, .limit = 10};
    assert_ok(job_store_list(f->store, &all, &f->arena, &list, &f->err));
    assert_int_equal(list.count, 1);
    assert_int_equal(poll_one(f, &first, &build), 0);
    finish_try(f, &build, "succeeded");
    assert_int_equal(poll_one(f, &first, &build), 1);
    assert_int_equal(poll_one(f, &first, &build), 0); /* reported once */
    assert_int_equal(poll_one(f, &second, &same), 1);
    assert_true(build.has_ended && same.has_ended);
    assert_int_equal(same.outcome, TRIAL_SUCCEEDED);
    assert_string_equal(same.verdict, "succeeded");
    assert_null(same.reason);
    assert_int_equal(same.ended_ms, get_job(f, build.job_id).finished_ms);
    end_run(&first), end_run(&second);
}

static void every_input_makes_it_another_build(void **state) {
    struct fixture *f = *state;
    struct scene scene;
    enum { OTHERS = 8 };
    char ids[OTHERS][UUID_TEXT_MAX];
    struct trial_build builds[OTHERS];
    begin_run(f, &scene);
    for (int i = 0; i < OTHERS; i++) {
        struct trial_build *build = &builds[i];
        *build = build_of(i == 1 ? "lists" : "arrays");
        if (i == 2) build->version.major = 2;
        if (i == 3) build->compiler.patch = 16;
        if (i == 4) build->plan = &smaller_plan;
        if (i == 5) build->id_basis = "a revision";
        if (i == 6) scene.builds.purpose = MATRIX_PURPOSE_REVISION;
        trial_build_id(ids[i], &scene.builds, build, i == 7);
        scene.builds.purpose = MATRIX_PURPOSE_SET;
        for (int j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
    assert_ok(trial_build_start(&scene.builds, &builds[0], &f->err));
    assert_string_equal(builds[0].job_id, ids[0]); /* the first try has the id of the build itself */
    end_run(&scene);
}

/* ---- Ends ---- */

static void a_failure_comes_with_its_errors(void **state) {
    struct fixture *f = *state;
    struct scene scene;
    struct trial_build build = build_of("arrays");
    const struct job_end end = {.error = "The package does not compile with compiler 0.15.15: 1 error.",
                                .verdict = "failed_to_compile",
                                .result = "{\"compiled\":3}"};
    begin_run(f, &scene);
    assert_ok(trial_build_start(&scene.builds, &build, &f->err));
    const struct lease lease = claim_job(f, build.job_id);
    assert_int_equal(poll_one(f, &scene, &build), 0); /* it is running */
    assert_ok(job_store_finish(f->store, &lease, &end, &f->err));
    assert_int_equal(poll_one(f, &scene, &build), 1);
    assert_int_equal(build.outcome, TRIAL_FAILED);
    assert_string_equal(build.verdict, end.verdict);
    assert_string_equal(build.reason, end.error);
    assert_string_equal(build.result, end.result);
    end_run(&scene);
}

static bool has_no_hope(void *context, const struct trial_build *build) {
    (void)context;
    return strcmp(build->package, "arrays") == 0;
}

static void a_hopeless_build_is_not_repeated(void **state) {
    struct fixture *f = *state;
    struct scene scene;
    struct trial_build build = build_of("arrays"), other = build_of("lists");
    begin_run(f, &scene);
    scene.builds.is_hopeless = has_no_hope;
    assert_ok(trial_build_start(&scene.builds, &build, &f->err));
    assert_ok(trial_build_start(&scene.builds, &other, &f->err));
    finish_try(f, &build, "dependency_missing");
    finish_try(f, &other, "dependency_missing");
    assert_int_equal(poll_one(f, &scene, &build), 1);
    assert_int_equal(build.outcome, TRIAL_UNKNOWN);
    assert_string_equal(build.verdict, "dependency_missing");
    assert_int_equal(told.repeated, 0);
    assert_int_equal(poll_one(f, &scene, &other), 0);
    assert_int_equal(told.repeated, 1);
    end_run(&scene);
}

static void builds_without_an_outcome_are_repeated_and_then_given_up(void **state) {
    struct fixture *f = *state;
    struct scene scene;
    struct trial_build build = build_of("arrays");
    begin_run(f, &scene);
    assert_ok(trial_build_start(&scene.builds, &build, &f->err));
    for (int i = 0; i < AT_MOST; i++) {
        const char *before = arena_copy(&f->arena, build.job_id);
        int64_t now_ms = clock_monotonic_ms();
        finish_try(f, &build, i == 0 ? "spurious" : "worker_lost");
        assert_int_equal(poll_one(f, &scene, &build), 0);
        assert_int_equal(told.repeated, i + 1);
        assert_true(build.repeat_at_ms >= now_ms + (1000 << i));
        assert_int_equal(poll_one(f, &scene, &build), 0);
        assert_string_equal(build.job_id, before); /* not yet */
        build.repeat_at_ms = 1;
        assert_int_equal(poll_one(f, &scene, &build), 0);
        assert_string_not_equal(build.job_id, before);
        assert_int_equal(told.begun, i + 2);
        assert_int_equal(get_job(f, build.job_id).state, JOB_STATE_PENDING);
    }
    finish_try(f, &build, "dependency_missing");
    assert_int_equal(poll_one(f, &scene, &build), 1);
    assert_int_equal(told.repeated, AT_MOST);
    assert_int_equal(build.outcome, TRIAL_UNKNOWN);
    assert_string_equal(build.verdict, "dependency_missing");
    assert_string_equal(build.reason, "It does not compile.");
    end_run(&scene);

    struct trial_build later = build_of("arrays"); /* another run tries again, after the tries without an outcome */
    begin_run(f, &scene);
    assert_ok(trial_build_start(&scene.builds, &later, &f->err));
    assert_int_equal(later.tries, AT_MOST + 1);
    assert_int_equal(told.begun, 1);
    assert_int_equal(get_job(f, later.job_id).state, JOB_STATE_PENDING);
    finish_try(f, &later, "spurious");
    assert_int_equal(poll_one(f, &scene, &later), 0); /* as often as the first */
    assert_true(later.repeat_at_ms > 0);
    end_run(&scene);
}

static void without_a_limit_it_is_repeated_up_to_the_deadline(void **state) {
    struct fixture *f = *state;
    struct scene scene;
    struct trial_build build = build_of("arrays");
    begin_run(f, &scene);
    scene.builds.repeats_max = 0;
    assert_ok(trial_build_start(&scene.builds, &build, &f->err));
    for (int i = 0; i < 10; i++) {
        int64_t now_ms = clock_monotonic_ms();
        finish_try(f, &build, "spurious");
        assert_int_equal(poll_one(f, &scene, &build), 0);
        assert_true(build.repeat_at_ms >= now_ms + (1000 << (i < 6 ? i : 6)));
        build.repeat_at_ms = 1;
        assert_int_equal(poll_one(f, &scene, &build), 0);
    }
    assert_int_equal(build.tries, 10);
    end_run(&scene);
}

static bool is_of_the_code(enum verdict verdict) {
    return verdict == VERDICT_FAILED_TO_COMPILE;
}

static void the_caller_decides_which_verdicts_stand(void **state) {
    struct fixture *f = *state;
    for (int is_strict = 0; is_strict < 2; is_strict++) {
        struct scene scene;
        struct trial_build build = build_of(is_strict ? "strict" : "lenient");
        begin_run(f, &scene);
        if (is_strict) scene.builds.stands = is_of_the_code;
        assert_ok(trial_build_start(&scene.builds, &build, &f->err));
        finish_try(f, &build, "timed_out");
        assert_int_equal(poll_one(f, &scene, &build), !is_strict);
        assert_int_equal(told.repeated, is_strict);
        if (!is_strict) assert_int_equal(build.outcome, TRIAL_FAILED);
        end_run(&scene);
    }
}

/* The version was unpublished: a repetition would end in the same way. */
static void a_build_that_build_matrix_withdraws_is_not_repeated(void **state) {
    struct fixture *f = *state;
    struct scene scene;
    struct trial_build build = build_of("arrays");
    begin_run(f, &scene);
    assert_ok(trial_build_start(&scene.builds, &build, &f->err));
    const struct lease lease = claim_job(f, build.job_id);
    finish_job(f, &lease, false);
    assert_int_equal(poll_one(f, &scene, &build), 1);
    assert_int_equal(build.outcome, TRIAL_UNKNOWN);
    assert_null(build.verdict);
    assert_string_equal(build.reason, "It does not compile.");
    assert_int_equal(told.repeated, 0);
    end_run(&scene);
}

static void a_job_whose_time_in_redis_is_over_is_made_again(void **state) {
    struct fixture *f = *state;
    struct scene scene;
    struct trial_build build = build_of("arrays");
    begin_run(f, &scene);
    assert_ok(trial_build_start(&scene.builds, &build, &f->err));
    finish_try(f, &build, "succeeded");
    assert_ok(job_store_forget(f->store, build.job_id, &f->err));
    const char *id = arena_copy(&f->arena, build.job_id);
    assert_int_equal(poll_one(f, &scene, &build), 0);
    assert_string_equal(build.job_id, id);
    assert_int_equal(get_job(f, id).state, JOB_STATE_PENDING);
    end_run(&scene);
}

/* ---- Builds that are not needed any longer ---- */

static void a_withdrawn_build_is_ended_unless_a_worker_has_it(void **state) {
    struct fixture *f = *state;
    struct scene scene;
    struct trial_build waiting = build_of("arrays"), running = build_of("lists"), ended = build_of("maybe"),
                       unmade = build_of("unmade");
    begin_run(f, &scene);
    assert_ok(trial_build_start(&scene.builds, &waiting, &f->err));
    assert_ok(trial_build_start(&scene.builds, &running, &f->err));
    assert_ok(trial_build_start(&scene.builds, &ended, &f->err));
    claim_job(f, running.job_id);
    finish_try(f, &ended, "succeeded");
    poll_one(f, &scene, &ended);
    struct trial_build *all[] = {&waiting, &running, &ended, &unmade};
    for (int i = 0; i < 4; i++)
        assert_ok(trial_build_withdraw(&scene.builds, all[i], &f->err));
    const struct job job = get_job(f, waiting.job_id);
    assert_int_equal(job.state, JOB_STATE_FAILED);
    assert_string_equal(job.error, scene.builds.unneeded);
    assert_null(job.verdict);
    assert_string_equal(print_log(f, job.id, true), "ERROR The update no longer needs this build.");
    assert_int_equal(get_job(f, running.job_id).state, JOB_STATE_RUNNING);
    assert_true(waiting.has_ended && running.has_ended && !unmade.has_ended);
    assert_int_equal(waiting.outcome, TRIAL_UNKNOWN);
    assert_string_equal(running.reason, scene.builds.unneeded);
    assert_int_equal(ended.outcome, TRIAL_SUCCEEDED);

    struct trial_build again = build_of("arrays"), waited = build_of("lists"); /* they are needed after all */
    assert_ok(trial_build_start(&scene.builds, &again, &f->err));
    assert_ok(trial_build_start(&scene.builds, &waited, &f->err));
    assert_int_equal(again.tries, 1);
    assert_int_equal(get_job(f, again.job_id).state, JOB_STATE_PENDING);
    assert_string_equal(waited.job_id, running.job_id);
    end_run(&scene);
}

/* ---- Waiting ---- */

static void waiting_ends_with_the_first_that_ends(void **state) {
    struct fixture *f = *state;
    struct scene scene;
    size_t ended = 9;
    struct trial_build one = build_of("arrays"), other = build_of("lists"), unmade = build_of("unmade");
    struct trial_build *all[] = {&one, &other, &unmade};
    begin_run(f, &scene);
    assert_ok(trial_builds_wait(&scene.builds, all, 3, &ended, &f->err)); /* none was started */
    assert_int_equal(ended, 0);
    assert_ok(trial_build_start(&scene.builds, &one, &f->err));
    assert_ok(trial_build_start(&scene.builds, &other, &f->err));
    finish_try(f, &other, "succeeded");
    assert_ok(trial_builds_wait(&scene.builds, all, 3, &ended, &f->err));
    assert_int_equal(ended, 1);
    assert_true(other.has_ended && !one.has_ended);
    deadline_start(&scene.run.deadline, AWAY_MS);
    assert_status(STATUS_TIMEOUT, trial_builds_wait(&scene.builds, all, 3, &ended, &f->err));
    assert_false(one.has_ended);
    end_run(&scene);
}

static void while_redis_is_away_nothing_ends_and_nothing_fails(void **state) {
    struct fixture *f = *state;
    struct scene scene;
    struct trial_build build = build_of("arrays"), late = build_of("lists");
    begin_run(f, &scene);
    assert_ok(trial_build_start(&scene.builds, &build, &f->err));
    finish_try(f, &build, "succeeded");
    redis_server_kill(f->server);
    assert_int_equal(poll_one(f, &scene, &build), 0);
    deadline_start(&scene.run.deadline, AWAY_MS);
    assert_status(STATUS_TIMEOUT, trial_build_start(&scene.builds, &late, &f->err));
    struct trial_build unneeded = build;
    assert_int_equal(trial_build_withdraw(&scene.builds, &unneeded, &f->err), STATUS_UNAVAILABLE);
    redis_server_restart(f->server);
    deadline_start(&scene.run.deadline, TIMEOUT_MS);
    assert_ok(trial_build_start(&scene.builds, &late, &f->err));
    assert_int_equal(poll_one(f, &scene, &build), 1);
    assert_int_equal(build.outcome, TRIAL_SUCCEEDED);
    end_run(&scene);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        store_test(a_build_is_one_job_for_all_who_need_it),
        store_test(every_input_makes_it_another_build),
        store_test(a_failure_comes_with_its_errors),
        store_test(a_hopeless_build_is_not_repeated),
        store_test(builds_without_an_outcome_are_repeated_and_then_given_up),
        store_test(without_a_limit_it_is_repeated_up_to_the_deadline),
        store_test(the_caller_decides_which_verdicts_stand),
        store_test(a_build_that_build_matrix_withdraws_is_not_repeated),
        store_test(a_job_whose_time_in_redis_is_over_is_made_again),
        store_test(a_withdrawn_build_is_ended_unless_a_worker_has_it),
        store_test(waiting_ends_with_the_first_that_ends),
        store_test(while_redis_is_away_nothing_ends_and_nothing_fails),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
