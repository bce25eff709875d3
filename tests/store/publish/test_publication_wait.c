/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A release of several packages at once (services/publish/README.md, A publication), by the job runner: which publications wait
 * for which, and the results. The test itself holds the jobs that are waited for. Killed services:
 * tests/flow/publish/test_together.c and others.
 */
#include "tests/store/publish/publish_scene.h"

static const struct package base = {.name = "base", .version = "1.0.0"};
static const struct package middle = {.name = "middle", .version = "1.0.0", .dependencies = {{"base", ">=1.0.0 <2.0.0"}}};
static const struct package top = {
    .name = "top", .version = "1.0.0", .dependencies = {{"base", ">=1.0.0 <2.0.0"}, {"middle", ">=1.0.0 <2.0.0"}}};

/* Accepts a publication and holds it, as another service would. No runner may run, because it might claim the job first. */
static struct lease hold(struct publish_scene *p, const struct package *package, struct job_request *request) {
    push_source(p, package);
    *request = request_of(p, package);
    accept_job(&p->s.f, request);
    return claim_job(&p->s.f, request->id);
}

static void let_go(struct publish_scene *p, const struct lease *lease) {
    struct fixture *f = &p->s.f;
    assert_ok(job_store_release(f->store, lease, &f->err));
    job_runner_announce(p->s.runner, lease->job_id);
}

/* Accepts a publication for the runner. */
static struct job_request begin(struct publish_scene *p, const struct package *package) {
    push_source(p, package);
    const struct job_request request = request_of(p, package);
    begin_job(&p->s, &request);
    return request;
}

static const char *waiting_line(struct publish_scene *p, const struct job_request *other) {
    return arena_format(&p->s.f.arena, "NOTICE Waiting for the publication of %s@1.0.0 (job %s).", other->package, other->id);
}

static void await_waiting(struct publish_scene *p, const struct job_request *request, const struct job_request *other) {
    await_line(&p->s, request->id, waiting_line(p, other));
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; get_job(&p->s.f, request->id).state != JOB_STATE_PENDING;
         wait_ms(5))
        if (clock_monotonic_ms() > until_ms) fail_msg("The job is not handed back:\n%s", log_of(&p->s, request->id));
}

static void a_release_is_published_in_the_order_of_its_dependencies(void **state) {
    struct publish_scene *p = *state;
    struct job_request first;
    const struct lease lease = hold(p, &base, &first);
    start_publish_runner(p);
    const struct job_request second = begin(p, &middle), third = begin(p, &top);
    await_waiting(p, &second, &first);
    await_waiting(p, &third, &first);
    expect_line(&p->s, third.id, waiting_line(p, &second));
    assert_int_equal(get_job(&p->s.f, second.id).attempts, 0); /* waiting costs no attempt */
    let_go(p, &lease);
    expect_success(&p->s, first.id);
    assert_int_equal(expect_success(&p->s, second.id).attempts, 1);
    assert_int_equal(expect_success(&p->s, third.id).attempts, 1);
    expect_line(&p->s, third.id, "INFO Building with compiler 0.15.15 and base@1.0.0, middle@1.0.0.");
}

static void a_publication_fails_with_the_reason_of_the_one_that_it_waits_for(void **state) {
    struct publish_scene *p = *state;
    struct fixture *f = &p->s.f;
    struct job_request first;
    const struct lease lease = hold(p, &base, &first);
    start_publish_runner(p);
    const struct job_request second = begin(p, &middle);
    await_waiting(p, &second, &first);
    const struct job_end end = {.error = "It is broken.\nVery much so."};
    assert_ok(job_store_finish(f->store, &lease, &end, &f->err));
    const struct job job = await_end(&p->s.f, second.id);
    assert_int_equal(job.state, JOB_STATE_FAILED);
    assert_true(text_starts_with(job.error, "Could not produce valid dependencies for manifest.\n"));
    assert_true(
        text_ends_with(job.error, arena_format(&f->arena,
                                               "\nThe publication of base@1.0.0, which was accepted before this one (job "
                                               "%s), failed: It is broken.",
                                               first.id)));
}

static void another_plan_is_taken_instead_of_a_publication_that_fails(void **state) {
    struct publish_scene *p = *state;
    static const struct package newer = {.name = "base", .version = "1.1.0"};
    struct job_request first;
    start_publish_runner(p);
    publish_package(p, &base);
    scene_stop_runner(&p->s);
    const struct lease lease = hold(p, &newer, &first);
    start_publish_runner(p);
    const struct job_request second = begin(p, &middle);
    expect_success(&p->s, second.id); /* there is a plan without it */
    expect_no_line(&p->s, second.id, "Waiting for");
    finish_job(&p->s.f, &lease, false);
}

static void nothing_waits_for_what_could_not_help(void **state) {
    struct publish_scene *p = *state;
    static const struct package old = {.name = "base", .version = "0.9.0"}; /* outside the range */
    struct job_request first;
    const struct lease lease = hold(p, &old, &first);
    start_publish_runner(p);
    const struct job_request second = begin(p, &middle);
    const struct job job = await_end(&p->s.f, second.id);
    assert_int_equal(job.state, JOB_STATE_FAILED);
    assert_null(strstr(job.error, "The publication of"));
    finish_job(&p->s.f, &lease, false);
}

static void a_job_waits_only_for_those_that_were_accepted_before_it(void **state) {
    struct publish_scene *p = *state;
    struct fixture *f = &p->s.f;
    struct job_request first, second;
    const struct lease early = hold(p, &middle, &first), late = hold(p, &base, &second);
    start_publish_runner(p);
    let_go(p, &early);
    assert_int_equal(await_end(&p->s.f, first.id).state, JOB_STATE_FAILED);
    assert_ok(job_store_release(f->store, &late, &f->err));
}

static void resolutions_are_waited_for_too(void **state) {
    struct publish_scene *p = *state;
    struct job_request first;
    const struct lease lease = hold(p, &base, &first);
    start_publish_runner(p);
    push_source(p, &middle);
    const struct job_request second = short_request(
        p, &middle,
        ",\"resolutions\":{\"base\":\"1.0.0\"},\"location\":{\"githubOwner\":\"flow\",\"githubRepo\":\"purescript-middle\"}");
    begin_job(&p->s, &second);
    await_waiting(p, &second, &first);
    let_go(p, &lease);
    expect_success(&p->s, second.id);
}

static void a_package_whose_publications_fail_again_and_again_is_not_waited_for(void **state) {
    struct publish_scene *p = *state;
    struct fixture *f = &p->s.f;
    enum { FAILURES = 5 };
    struct job_request failing, waiting;
    const struct lease block = hold(p, &top, &waiting); /* accepted before all failures, so that these count */
    push_source(p, &middle);
    const struct job_request second = request_of(p, &middle);
    for (int i = 0; i < FAILURES + 1; i++) {
        push_source(p, &base);
        failing = request_of(p, &base);
        accept_job(f, &failing);
    }
    accept_job(f, &second);
    for (int i = 0; i < FAILURES; i++) {
        const struct lease lease = claim_next(f, 1 << JOB_KIND_PUBLISH);
        assert_string_equal(get_job(f, lease.job_id).package, "base");
        finish_job(f, &lease, false);
    }
    const struct lease last = claim_next(f, 1 << JOB_KIND_PUBLISH);
    start_publish_runner(p);
    const struct job job = await_end(&p->s.f, second.id);
    assert_int_equal(job.state, JOB_STATE_FAILED); /* although the last one could still succeed */
    expect_no_line(&p->s, second.id, "Waiting for");
    finish_job(f, &last, false);
    finish_job(f, &block, false);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        publish_test_without_runner(a_release_is_published_in_the_order_of_its_dependencies),
        publish_test_without_runner(a_publication_fails_with_the_reason_of_the_one_that_it_waits_for),
        publish_test_without_runner(another_plan_is_taken_instead_of_a_publication_that_fails),
        publish_test_without_runner(nothing_waits_for_what_could_not_help),
        publish_test_without_runner(a_job_waits_only_for_those_that_were_accepted_before_it),
        publish_test_without_runner(resolutions_are_waited_for_too),
        publish_test_without_runner(a_package_whose_publications_fail_again_and_again_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, start_publish, stop_publish);
}
