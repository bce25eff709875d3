/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The job runner while things go wrong: handlers fail or take too long, leases are lost, Redis is silent or killed. */
#include "tests/support/server/redis_relay.h"
#include "tests/unit/service/job_fixture.h"

static void a_refused_job_says_why_in_its_last_line(void **state) {
    struct job_fixture *j = *state;
    start_runner(j, 1);
    struct job_accepted accepted = announce_order(j, "prelude", "refuse");
    await(state_of(j, accepted.id) == JOB_STATE_FAILED);
    stop_runner(j);
    struct job job = get_job(&j->f, accepted.id);
    assert_string_equal(job.error, "There is no license.");
    assert_null(job.ending);
    struct log_lines lines = read_log(j, accepted.id);
    assert_int_equal(lines.lines[lines.count - 1].level, LOG_ERROR);
    assert_string_equal(lines.lines[lines.count - 1].message, "There is no license.");
}

static void a_job_over_its_limit_fails_and_names_it(void **state) {
    struct job_fixture *j = *state;
    j->settings.publish_timeout_ms = 100;
    start_runner(j, 1);
    struct job_accepted accepted = announce_order(j, "prelude", "wait");
    await(state_of(j, accepted.id) == JOB_STATE_FAILED);
    stop_runner(j);
    assert_non_null(strstr(get_job(&j->f, accepted.id).error, "100 ms"));
    assert_string_equal(get_job(&j->f, accepted.id).ending, JOB_ENDING_TIMEOUT);
}

static void once_it_has_a_record_it_is_tried_again(void **state) {
    struct job_fixture *j = *state;
    j->settings.pending_scan_ms = 20;
    start_runner(j, 1);
    struct job_accepted accepted = announce_order(j, "prelude", "record");
    await(state_of(j, accepted.id) == JOB_STATE_SUCCEEDED);
    assert_int_equal(job_runner_alarms(j->runner), 1);
    stop_runner(j);
    assert_int_equal(atomic_load(&j->begun), 2);
    struct log_lines lines = read_log(j, accepted.id);
    assert_int_equal(lines.count, 1);
    assert_int_equal(lines.lines[0].level, LOG_WARN);
    assert_non_null(strstr(lines.lines[0].message, "The storage is away."));
}

/* That would leave half a publication behind, and report success. */
static void a_read_only_server_does_not_end_what_has_begun_to_write(void **state) {
    struct job_fixture *j = *state;
    struct fixture *f = &j->f;
    struct job_accepted accepted = accept_order(j, "prelude", "record");
    struct lease lease = claim_job(f, accepted.id);
    assert_ok(job_store_record(f->store, &lease, "{\"commit\":\"1\"}", &f->err));
    assert_ok(job_store_release(f->store, &lease, &f->err));
    j->settings.pending_scan_ms = 20;
    j->settings.readonly = true;
    start_runner(j, 1);
    await(job_runner_alarms(j->runner) > 0);
    stop_runner(j);
    assert_int_equal(state_of(j, accepted.id), JOB_STATE_PENDING);
    assert_int_equal(atomic_load(&j->begun), 0);
    assert_non_null(strstr(read_log(j, accepted.id).lines[0].message, "read-only (READONLY).\nThe job has begun to write"));
    j->settings.readonly = false;
    start_runner(j, 1);
    await(state_of(j, accepted.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
    assert_int_equal(atomic_load(&j->begun), 1);
    assert_false(get_job(f, accepted.id).is_readonly);
}

/* Growing delays would not make the others push less. */
static void a_job_that_lost_a_push_is_retried_at_once_each_time(void **state) {
    struct job_fixture *j = *state;
    start_runner(j, 1);
    struct job_accepted accepted = announce_order(j, "prelude", "rival");
    await(state_of(j, accepted.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
    struct log_lines lines = read_log(j, accepted.id);
    assert_int_equal(lines.count, 3);
    for (size_t i = 0; i < lines.count; i++)
        assert_non_null(strstr(lines.lines[i].message, "it is retried in 1 s."));
}

/* ---- Failures for operators, and others ---- */

static void a_full_disk_is_waited_for_and_counts_no_attempt(void **state) {
    struct job_fixture *j = *state;
    start_runner(j, 1);
    struct job_accepted accepted = announce_order(j, "prelude", "full disk"), behind = announce_order(j, "prelude", "return");
    await(atomic_load(&j->begun) >= 2); /* retried, although there are no scans */
    assert_int_equal(job_runner_busy_slots(j->runner) <= 1, 1);
    assert_int_equal(state_of(j, behind.id), JOB_STATE_PENDING); /* waits for the package's earlier job */
    atomic_store(&j->gate_is_open, true);
    await(state_of(j, accepted.id) == JOB_STATE_SUCCEEDED);
    await(state_of(j, behind.id) == JOB_STATE_SUCCEEDED);
    assert_true(job_runner_alarms(j->runner) >= 2);
    stop_runner(j);
    struct job job = get_job(&j->f, accepted.id);
    assert_int_equal(job.attempts, 1);
    struct log_lines lines = read_log(j, accepted.id);
    assert_true(lines.count >= 2);
    for (size_t i = 0; i < lines.count; i++) {
        assert_int_equal(lines.lines[i].level, LOG_WARN);
        assert_non_null(strstr(lines.lines[i].message, "waiting for this server's disk or memory"));
        assert_null(strstr(lines.lines[i].message, "/var/work")); /* kept private */
    }
}

/* The third delay of each is four seconds: a runner that counted the retries of the latest jobs alone would stay at one. */
static void the_delays_of_many_jobs_that_wait_all_grow(void **state) {
    struct job_fixture *j = *state;
    enum { JOBS = 80, RETRIES = 3 };
    struct job_accepted jobs[JOBS];
    start_runner(j, 4);
    for (int i = 0; i < JOBS; i++) {
        char package[16];
        snprintf(package, sizeof package, "p%d", i);
        jobs[i] = announce_order(j, package, "full disk");
    }
    static const char *const delays[RETRIES] = {"retried in 1.0 s.", "retried in 2.0 s.", "retried in 4.0 s."};
    for (int i = 0; i < JOBS; i++) {
        await(read_log(j, jobs[i].id).count >= RETRIES);
        struct log_lines lines = read_log(j, jobs[i].id);
        for (int k = 0; k < RETRIES; k++)
            assert_non_null(strstr(lines.lines[k].message, delays[k]));
    }
    stop_runner(j);
}

/* Their number is in the job, so it outlives the runner. */
static void the_next_runner_goes_on_with_the_delays(void **state) {
    struct job_fixture *j = *state;
    start_runner(j, 1);
    struct job_accepted accepted = announce_order(j, "prelude", "full disk");
    await(get_job(&j->f, accepted.id).delays == 1);
    job_runner_free(j->runner, PATIENCE_MS);
    j->settings.pending_scan_ms = 20;
    start_runner(j, 1);
    await(get_job(&j->f, accepted.id).delays == 2);
    stop_runner(j);
    assert_non_null(strstr(read_log(j, accepted.id).lines[1].message, "retried in 2.0 s."));
}

/* The time counts between the runs, too, and while no runner has the job. */
static void a_job_that_waits_beyond_its_limit_fails_and_names_the_trouble(void **state) {
    struct job_fixture *j = *state;
    j->settings.publish_timeout_ms = 3500;
    start_runner(j, 1);
    struct job_accepted accepted = announce_order(j, "prelude", "full disk");
    await(state_of(j, accepted.id) == JOB_STATE_FAILED);
    stop_runner(j);
    struct job job = get_job(&j->f, accepted.id);
    assert_non_null(strstr(job.error, "waited for this server's disk or memory, in all longer than the 3500 ms"));
    assert_non_null(strstr(job.error, "Nothing is wrong with the request"));
    assert_true(atomic_load(&j->begun) >= 2);
    assert_true(job.finished_ms - job.created_ms < 3500 + PATIENCE_MS);
}

static void somebody_elses_host_that_is_away_is_not_the_operators_trouble(void **state) {
    struct job_fixture *j = *state;
    start_runner(j, 1);
    struct job_accepted accepted = announce_order(j, "prelude", "host away");
    await(state_of(j, accepted.id) == JOB_STATE_FAILED);
    assert_int_equal(job_runner_alarms(j->runner), 0);
    stop_runner(j);
    assert_int_equal(atomic_load(&j->begun), 1);
    assert_string_equal(get_job(&j->f, accepted.id).error, "git.example is away.");
}

static void a_lost_lease_stops_the_run_and_leaves_the_job_to_its_new_holder(void **state) {
    struct job_fixture *j = *state;
    struct fixture *f = &j->f;
    j->settings.lease_ms = 600;
    start_runner(j, 1);
    struct job_accepted accepted = announce_order(j, "prelude", "wait and say 1");
    await(read_log(j, accepted.id).count == 1);
    expire_lease(j, accepted.id);
    struct lease lease = claim_job(f, accepted.id);
    await(atomic_load(&j->last_status) == STATUS_STALE);
    stop_runner(j);
    assert_int_equal(state_of(j, accepted.id), JOB_STATE_RUNNING);
    assert_int_equal(read_log(j, accepted.id).count, 2); /* our line, and the one about the lost lease */
    finish_job(f, &lease, true);
}

static void a_silent_redis_costs_the_lease(void **state) {
    struct job_fixture *j = *state;
    j->settings.lease_ms = 400;
    start_runner(j, 2);
    struct job_accepted accepted = announce_order(j, "prelude", "wait");
    await(atomic_load(&j->begun) == 1);
    redis_server_pause(j->f.server);
    await(atomic_load(&j->last_status) == STATUS_STALE); /* while Redis is silent */
    redis_server_resume(j->f.server);
    stop_runner(j);
    assert_int_not_equal(state_of(j, accepted.id), JOB_STATE_FAILED);
}

static void a_killed_redis_loses_no_line_and_no_end(void **state) {
    struct job_fixture *j = *state;
    enum { EACH = 700 };
    start_runner(j, 2);
    struct job_accepted accepted = announce_order(j, "prelude", "wait and say 700");
    await(read_log(j, accepted.id).count == EACH);
    redis_server_kill(j->f.server);
    atomic_store(&j->gate_is_open, true);
    await(atomic_load(&j->running) == 0); /* the handler has ended, and Redis was not told */
    redis_server_restart(j->f.server);
    await(state_of(j, accepted.id) == JOB_STATE_SUCCEEDED);
    struct log_lines lines = read_log(j, accepted.id);
    assert_int_equal(lines.count, 2 * EACH);
    for (int i = 0; i < 2 * EACH; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "line %d", i % EACH + 1);
        assert_string_equal(lines.lines[i].message, expected);
    }
    struct job_accepted next = announce_order(j, "prelude", "return");
    await(state_of(j, next.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
}

static void jobs_announced_during_an_outage_of_redis_run_after_it(void **state) {
    struct job_fixture *j = *state;
    struct job_accepted accepted = accept_order(j, "prelude", "return");
    redis_server_kill(j->f.server);
    start_runner(j, 2);
    job_runner_announce(j->runner, accepted.id);
    redis_server_restart(j->f.server);
    await(state_of(j, accepted.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
}

/* The claim's reply is lost, and then the renewal's: such a job used to be dropped until its lease expired. Now each request is
 * repeated once. */
static void a_claimed_job_runs_although_its_renewal_has_no_answer(void **state) {
    struct job_fixture *j = *state;
    struct redis_relay *relay = redis_relay_start(j->f.server);
    j->settings.redis_url = (char *)(uintptr_t)redis_relay_url(relay);
    j->settings.lease_ms = 2 * PATIENCE_MS;
    start_runner(j, 1);
    redis_relay_lose(relay, "claim", 2);
    redis_relay_lose(relay, "renew", 2);
    struct job_accepted accepted = announce_order(j, "prelude", "return");
    await(state_of(j, accepted.id) == JOB_STATE_SUCCEEDED);
    assert_int_equal(redis_relay_left(relay), 0);
    assert_int_equal(get_job(&j->f, accepted.id).attempts, 1);
    stop_runner(j);
    redis_relay_stop(relay);
}

static void a_drain_ends_although_redis_is_away(void **state) {
    struct job_fixture *j = *state;
    start_runner(j, 2);
    struct job_accepted accepted = announce_order(j, "prelude", "wait");
    await(read_log(j, accepted.id).count == 1);
    redis_server_kill(j->f.server);
    int64_t before_ms = clock_monotonic_ms();
    job_runner_free(j->runner, 100);
    assert_in_range(clock_monotonic_ms() - before_ms, 100, PATIENCE_MS);
    redis_server_restart(j->f.server);
    assert_int_equal(state_of(j, accepted.id), JOB_STATE_RUNNING); /* until its lease runs out */
}

static void a_job_lost_three_times_is_an_alarm(void **state) {
    struct job_fixture *j = *state;
    struct fixture *f = &j->f;
    struct job_accepted accepted = accept_order(j, "prelude", "return");
    struct redis_reply *reply;
    struct lease lease;
    struct job job;
    assert_ok(redis_call(f->redis, &reply, &f->err, "HSET job:%s attempts 2", accepted.id));
    assert_ok(job_store_claim(f->store, accepted.id, "runner", 400, &f->arena, &lease, &job, &f->err));
    j->settings.lease_ms = 200;
    start_runner(j, 1);
    await(state_of(j, accepted.id) == JOB_STATE_FAILED);
    await(job_runner_alarms(j->runner) == 1);
    stop_runner(j);
    assert_int_equal(atomic_load(&j->begun), 0);
}

/* ---- job_run_guard ---- */

static atomic_int guard_short, guard_long;

static enum status ask_guard(void *context, struct job_run *run, struct error *err) {
    (void)context;
    atomic_store(&guard_short, job_run_guard(run, run->lease_ms / 2, err));
    atomic_store(&guard_long, job_run_guard(run, 2 * run->lease_ms, err));
    return STATUS_OK;
}

static void a_write_may_begin_only_if_the_lease_outlasts_it(void **state) {
    struct job_fixture *j = *state;
    static const struct job_handler handlers[] = {{JOB_KIND_PUBLISH, ask_guard}, {0}};
    start_runner_with(j, 1, handlers);
    struct job_accepted accepted = announce_order(j, "prelude", "return");
    await(state_of(j, accepted.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
    assert_int_equal(atomic_load(&guard_short), STATUS_OK);
    assert_int_equal(atomic_load(&guard_long), STATUS_STALE);
}

int main(void) {
    alarm(580); /* a lost wake-up is a failure, not a wait for ever */
    const struct CMUnitTest tests[] = {
        job_test(a_refused_job_says_why_in_its_last_line),
        job_test(a_job_over_its_limit_fails_and_names_it),
        job_test(once_it_has_a_record_it_is_tried_again),
        job_test(a_read_only_server_does_not_end_what_has_begun_to_write),
        job_test(a_job_that_lost_a_push_is_retried_at_once_each_time),
        job_test(a_full_disk_is_waited_for_and_counts_no_attempt),
        job_test(the_delays_of_many_jobs_that_wait_all_grow),
        job_test(the_next_runner_goes_on_with_the_delays),
        job_test(a_job_that_waits_beyond_its_limit_fails_and_names_the_trouble),
        job_test(somebody_elses_host_that_is_away_is_not_the_operators_trouble),
        job_test(a_lost_lease_stops_the_run_and_leaves_the_job_to_its_new_holder),
        job_test(a_silent_redis_costs_the_lease),
        job_test(a_killed_redis_loses_no_line_and_no_end),
        job_test(jobs_announced_during_an_outage_of_redis_run_after_it),
        job_test(a_claimed_job_runs_although_its_renewal_has_no_answer),
        job_test(a_drain_ends_although_redis_is_away),
        job_test(a_job_lost_three_times_is_an_alarm),
        job_test(a_write_may_begin_only_if_the_lease_outlasts_it),
    };
    return cmocka_run_group_tests(tests, start_job_fixture, stop_job_fixture);
}
