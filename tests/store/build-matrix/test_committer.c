/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Adding compilers to the metadata: one round with one push, in which a job can fail alone; and the thread that takes over
 * jobs.
 */
#include "lib/store/redis/events.h"
#include "services/build-matrix/commit/committer_parts.h"
#include "tests/store/build-matrix/matrix_fixture.h"

enum { ROUND = 4 };

/* The committer without its thread, and its jobs. */
struct round {
    struct committer committer;
    struct success successes[ROUND];
    struct success *jobs[ROUND];
    size_t count;
};

static void begin_round(struct matrix_fixture *m, struct round *round) {
    *round = (struct round){.committer = {.service = &m->service, .store = m->f.store}};
    thread_init(&round->committer.thread);
}

static void end_round(struct round *round) {
    for (size_t i = 0; i < round->count; i++)
        arena_release(&round->successes[i].arena);
    thread_release(&round->committer.thread);
}

/* A job that succeeded. */
static struct success *add_success(struct matrix_fixture *m, struct round *round, const char *package) {
    struct fixture *f = &m->f;
    struct success *success = &round->successes[round->count];
    round->jobs[round->count++] = success;
    success->committer = &round->committer;
    const char *id = accept_build(m, package, NULL, MATRIX_PURPOSE_SWEEP);
    size_t claimed;
    assert_ok(job_store_claim_some(f->store,
                                   &(struct job_claim){.ids = &id, .count = 1, .runner = "build-matrix", .lease_ms = LEASE_MS},
                                   &f->arena, &success->lease, &success->job, &claimed, &f->err));
    assert_int_equal(claimed, 1);
    assert_ok(version_parse(&success->version, success->job.version, &f->err));
    assert_ok(version_parse(&success->compiler, success->job.compiler, &f->err));
    return success;
}

static enum status go_round(struct matrix_fixture *m, struct round *round) {
    return committer_go_round(&round->committer, round->jobs, round->count, &m->f.err);
}

/* The events that were not read yet, each on its own line. */
static const char *read_events(struct matrix_fixture *m) {
    struct fixture *f = &m->f;
    struct event *events;
    size_t count;
    struct text text = {0};
    assert_ok(
        events_read(f->store, &(struct event_consumer){"test", "test", LEASE_MS}, 0, 100, &f->arena, &events, &count, &f->err));
    for (size_t i = 0; i < count; i++)
        text_append_format(&text, "%s%s", i ? "\n" : "", events[i].payload);
    const char *copy = arena_copy(&f->arena, text_view(&text));
    text_release(&text);
    return copy;
}

/* ---- Rounds ---- */

static void a_round_is_a_commit_each_and_one_push(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    struct round round;
    begin_round(m, &round);
    const struct success *arrays = add_success(m, &round, "arrays"), *effect = add_success(m, &round, "effect");
    round.successes[0].result = "{\"compiled\":3}";
    assert_ok(go_round(m, &round));
    assert_int_equal(round.committer.rounds, 1);
    assert_int_equal(round.committer.commits, 2);
    assert_int_equal(count_commits(m, "registry"), 3);
    assert_string_equal(compilers_of(m, "arrays"), OLD " " NEW);
    assert_string_equal(compilers_of(m, "effect"), OLD " " NEW);
    assert_string_equal(git_output(&m->git, "git -C registry.git log -1 --format=%%s"), "Add compiler " NEW " to effect@1.0.0");
    for (size_t i = 0; i < 2; i++) {
        const struct success *success = round.jobs[i];
        assert_true(success->is_ended);
        expect_state(m, success->lease.job_id, JOB_STATE_SUCCEEDED);
        assert_string_equal(log_of(m, success->lease.job_id),
                            arena_format(&f->arena, "Committed the metadata: %s.", success->commit));
    }
    const struct job job = get_job(f, arrays->lease.job_id);
    assert_string_equal(job.verdict, "succeeded");
    assert_string_equal(job.result, "{\"compiled\":3}");
    assert_string_equal(job.commits, arena_format(&f->arena, "registry=%s", arrays->commit));
    static const char event[] = "{\"event\":\"built\",\"name\":\"%s\",\"version\":\"1.0.0\",\"compiler\":\"" NEW
                                "\",\"purpose\":\"sweep\",\"registryCommit\":\"%s\"}";
    struct text events = {0};
    text_append_format(&events, event, "arrays", arrays->commit);
    text_append_character(&events, '\n');
    text_append_format(&events, event, "effect", effect->commit);
    assert_string_equal(read_events(m), text_view(&events));
    text_release(&events);
    end_round(&round);
}

static void a_compiler_that_is_there_needs_no_commit(void **state) {
    struct matrix_fixture *m = *state;
    struct round round;
    begin_round(m, &round);
    struct success *success = add_success(m, &round, "arrays");
    success->compiler = (struct version){0, 15, 14};
    assert_int_equal(go_round(m, &round), STATUS_OK);
    assert_int_equal(count_commits(m, "registry"), 1);
    assert_int_equal(round.committer.commits, 0);
    expect_state(m, success->lease.job_id, JOB_STATE_SUCCEEDED);
    assert_string_equal(log_of(m, success->lease.job_id), "The metadata already has the compiler.");
    end_round(&round);
}

static void a_version_that_was_unpublished_fails_alone(void **state) {
    struct matrix_fixture *m = *state;
    static const char *const rows[] = {"arrays 1.0.0 [0.15.14]", "effect 1.0.0 []", "prelude 6.0.0 [0.15.14 0.15.15]"};
    struct round round;
    begin_round(m, &round);
    const struct success *arrays = add_success(m, &round, "arrays"), *effect = add_success(m, &round, "effect"),
                         *maybe = add_success(m, &round, "maybe");
    write_registry(m, rows, 3);
    assert_int_equal(go_round(m, &round), STATUS_OK);
    expect_state(m, arrays->lease.job_id, JOB_STATE_SUCCEEDED);
    expect_failed(m, effect->lease.job_id, NULL, "effect@1.0.0 was unpublished meanwhile, so nothing is written.");
    expect_failed(m, maybe->lease.job_id, NULL, "The package maybe is no longer in the registry.");
    assert_int_equal(round.committer.commits, 1);
    assert_string_equal(compilers_of(m, "arrays"), OLD " " NEW);
    end_round(&round);
}

static void a_job_that_is_somebody_elses_by_now_is_left_to_them(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    struct round round;
    begin_round(m, &round);
    struct success *lost = add_success(m, &round, "arrays");
    const struct success *held = add_success(m, &round, "effect");
    assert_ok(job_store_release(f->store, &lost->lease, &f->err));
    assert_ok(go_round(m, &round));
    assert_true(lost->is_stale);
    assert_false(lost->is_ended);
    expect_state(m, lost->lease.job_id, JOB_STATE_PENDING);
    assert_string_equal(compilers_of(m, "arrays"), OLD);
    expect_state(m, held->lease.job_id, JOB_STATE_SUCCEEDED);
    end_round(&round);
}

static void a_round_that_cannot_be_pushed_is_gone_again(void **state) {
    struct matrix_fixture *m = *state;
    struct round round;
    begin_round(m, &round);
    const struct success *success = add_success(m, &round, "arrays");
    git_script(&m->git, "touch registry.git/refs/heads/main.lock");
    m->f.err = (struct error){0};
    assert_int_not_equal(go_round(m, &round), STATUS_OK);
    assert_string_not_equal(m->f.err.message, ""); /* shown in the log and the alarm */
    assert_false(success->is_ended || success->is_stale);
    expect_state(m, success->lease.job_id, JOB_STATE_RUNNING);
    git_script(&m->git, "rm registry.git/refs/heads/main.lock");
    assert_int_equal(go_round(m, &round), STATUS_OK);
    assert_true(success->is_ended);
    assert_int_equal(count_commits(m, "registry"), 2);
    end_round(&round);
}

static void a_read_only_service_writes_nothing(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    struct round round;
    m->service.settings.readonly = true;
    begin_round(m, &round);
    const struct success *success = add_success(m, &round, "arrays");
    assert_ok(go_round(m, &round));
    const struct job job = get_job(f, success->lease.job_id);
    assert_int_equal(job.state, JOB_STATE_SUCCEEDED);
    assert_true(job.is_readonly);
    assert_string_equal(log_of(m, job.id), "Read-only: the compiler is not added to the metadata.");
    assert_int_equal(count_commits(m, "registry"), 1);
    assert_string_equal(read_events(m), "");
    end_round(&round);
}

/* ---- The thread ---- */

static void hand_over(struct matrix_fixture *m, const char *id, struct lease *lease, const char *version, int times) {
    struct fixture *f = &m->f;
    struct job job;
    size_t claimed;
    assert_ok(job_store_claim_some(f->store,
                                   &(struct job_claim){.ids = &id, .count = 1, .runner = "build-matrix", .lease_ms = LEASE_MS},
                                   &f->arena, lease, &job, &claimed, &f->err));
    job.record = "{\"verdict\":\"succeeded\",\"result\":{\"compiled\":3}}";
    if (version) job.version = version;
    for (int i = 0; i < times; i++)
        committer_add(m->service.committer, &job, lease);
}

static void pending_commits_are_made_before_it_ends(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    struct lease leases[3];
    start_committer(m);
    hand_over(m, accept_wave_build(m, "arrays"), &leases[0], NULL, 2); /* the same result twice */
    hand_over(m, accept_wave_build(m, "effect"), &leases[1], "one", 1);
    hand_over(m, accept_build(m, "maybe", NULL, MATRIX_PURPOSE_REQUEST), &leases[2], NULL, 1);
    committer_free(m->service.committer);
    m->service.committer = NULL;
    expect_state(m, leases[0].job_id, JOB_STATE_SUCCEEDED);
    assert_string_equal(get_job(f, leases[0].job_id).result, "{\"compiled\":3}");
    expect_failed(m, leases[1].job_id, NULL, "The job's version or compiler cannot be read.");
    expect_state(m, leases[2].job_id, JOB_STATE_SUCCEEDED);
    assert_int_equal(count_commits(m, "registry"), 3);
}

static void a_push_that_fails_is_tried_again(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    struct lease lease;
    struct metrics *metrics = NULL;
    struct text text = {0};
    git_script(&m->git, "touch registry.git/refs/heads/main.lock");
    start_committer(m);
    hand_over(m, accept_wave_build(m, "arrays"), &lease, NULL, 1);
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;; wait_ms(5)) {
        metrics = metrics_create();
        committer_measure(m->service.committer, metrics);
        metrics_append_prometheus(&text, metrics);
        metrics_free(metrics);
        if (!strstr(text_view(&text), "registry_matrix_failed_rounds_total 0\n")) break;
        if (clock_monotonic_ms() > until_ms) fail_msg("No round has failed.");
        text_clear(&text);
    }
    assert_non_null(strstr(text_view(&text), "registry_matrix_commits_waiting 1\n"));
    text_release(&text);
    expect_state(m, lease.job_id, JOB_STATE_RUNNING);
    git_script(&m->git, "rm registry.git/refs/heads/main.lock");
    await_end(&m->f, lease.job_id);
    assert_int_equal(get_job(f, lease.job_id).state, JOB_STATE_SUCCEEDED);
    assert_string_equal(compilers_of(m, "arrays"), OLD " " NEW);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        matrix_test(a_round_is_a_commit_each_and_one_push),
        matrix_test(a_compiler_that_is_there_needs_no_commit),
        matrix_test(a_version_that_was_unpublished_fails_alone),
        matrix_test(a_job_that_is_somebody_elses_by_now_is_left_to_them),
        matrix_test(a_round_that_cannot_be_pushed_is_gone_again),
        matrix_test(a_read_only_service_writes_nothing),
        matrix_test(pending_commits_are_made_before_it_ends),
        matrix_test(a_push_that_fails_is_tried_again),
    };
    return cmocka_run_group_tests(tests, start_matrix, stop_matrix);
}
