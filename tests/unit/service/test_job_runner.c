/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The job runner without faults: which runner runs which job, when, and the state afterwards. Faults: test_job_runner_faults.c.
 */
#include "lib/store/redis/lock.h"
#include "tests/unit/service/job_fixture.h"

static void an_announced_job_runs_to_its_end(void **state) {
    struct job_fixture *j = *state;
    start_runner(j, 2);
    struct job_accepted job = announce_order(j, "prelude", "say 3");
    await(state_of(j, job.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
    struct log_lines lines = read_log(j, job.id);
    assert_int_equal(lines.count, 3);
    assert_string_equal(lines.lines[2].message, "line 3");
    struct job ended = get_job(&j->f, job.id);
    assert_true(ended.finished_ms > lines.lines[2].time_ms);
    assert_int_equal(ended.attempts, 1);
}

static void a_log_line_ends_without_a_line_break(void **state) {
    struct job_fixture *j = *state;
    start_runner(j, 2);
    struct job_accepted job = announce_order(j, "prelude", "say a text");
    await(state_of(j, job.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
    struct log_lines lines = read_log(j, job.id);
    assert_int_equal(lines.count, 1);
    assert_string_equal(lines.lines[0].message, "above\n\nbelow");
}

static void a_job_that_nobody_announced_is_found(void **state) {
    struct job_fixture *j = *state;
    struct job_accepted before = accept_order(j, "prelude", "return");
    j->settings.pending_scan_ms = 20;
    start_runner(j, 2);
    await(state_of(j, before.id) == JOB_STATE_SUCCEEDED);
    struct job_accepted later = accept_order(j, "arrays", "return");
    await(state_of(j, later.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
}

static void without_scans_jobs_start_by_messages_and_after_others(void **state) {
    struct job_fixture *j = *state;
    struct job_accepted silent = accept_order(j, "prelude", "return");
    start_runner(j, 2);
    struct job_accepted told = accept_order(j, "arrays", "wait");
    job_runner_announce(j->runner, told.id);
    await(atomic_load(&j->begun) == 1);
    assert_int_equal(state_of(j, silent.id), JOB_STATE_PENDING);
    atomic_store(&j->gate_is_open, true);
    await(state_of(j, silent.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
    assert_string_equal(j->order[0], told.id);
}

static void jobs_of_one_package_run_one_by_one_in_order(void **state) {
    struct job_fixture *j = *state;
    struct job_accepted jobs[6];
    for (int i = 0; i < 6; i++)
        jobs[i] = accept_order(j, "prelude", i == 0 ? "wait" : "say 1");
    start_runner(j, 4);
    for (int i = 5; i >= 0; i--)
        job_runner_announce(j->runner, jobs[i].id);
    await(atomic_load(&j->begun) == 1);
    atomic_store(&j->gate_is_open, true);
    await(state_of(j, jobs[5].id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
    assert_int_equal(atomic_load(&j->most_running), 1);
    for (int i = 0; i < 6; i++)
        assert_string_equal(j->order[i], jobs[i].id);
}

/* The release of a lock is not announced, and no scan finds the job here. */
static void a_job_whose_lock_somebody_held_runs_once_it_is_free(void **state) {
    struct job_fixture *j = *state;
    struct fixture *f = &j->f;
    struct lock lock;
    assert_ok(lock_take(f->store, "package:prelude", LEASE_MS, 0, &lock, &f->err));
    start_runner(j, 2);
    struct job_accepted held = announce_order(j, "prelude", "return"), other = announce_order(j, "arrays", "return");
    await(state_of(j, other.id) == JOB_STATE_SUCCEEDED);
    assert_int_equal(state_of(j, held.id), JOB_STATE_PENDING);
    assert_ok(lock_release(f->store, &lock, &f->err));
    await(state_of(j, held.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
    assert_int_equal(get_job(f, held.id).attempts, 1);
}

static void slots_work_side_by_side_and_no_more_than_there_are(void **state) {
    struct job_fixture *j = *state;
    static const char *const packages[] = {"a", "b", "c", "d", "e", "g"};
    struct job_accepted jobs[6];
    start_runner(j, 4);
    for (int i = 0; i < 6; i++)
        jobs[i] = announce_order(j, packages[i], "wait");
    await(atomic_load(&j->running) == 4);
    struct job_counts counts;
    struct fixture *f = &j->f;
    assert_ok(job_store_count(f->store, &counts, &f->err));
    assert_int_equal(counts.running[JOB_KIND_PUBLISH], 4);
    assert_int_equal(counts.pending[JOB_KIND_PUBLISH], 2);
    atomic_store(&j->gate_is_open, true);
    for (int i = 0; i < 6; i++)
        await(state_of(j, jobs[i].id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
    assert_int_equal(atomic_load(&j->most_running), 4);
}

static void more_announcements_than_are_remembered_are_all_run(void **state) {
    struct job_fixture *j = *state;
    enum { JOBS = 1100 };
    start_runner(j, 4);
    struct job_accepted first = announce_order(j, "first", "wait");
    await(atomic_load(&j->begun) == 1);
    for (int i = 0; i < 3; i++) /* the other slots are busy, too */
        announce_order(j, (const char *[]){"second", "third", "fourth"}[i], "wait");
    await(atomic_load(&j->begun) == 4);
    for (int i = 0; i < JOBS; i++) {
        char package[16];
        snprintf(package, sizeof package, "p%d", i);
        announce_order(j, package, "return");
    }
    atomic_store(&j->gate_is_open, true);
    await(atomic_load(&j->begun) == JOBS + 4);
    stop_runner(j);
    assert_int_equal(state_of(j, first.id), JOB_STATE_SUCCEEDED);
    struct job_counts counts;
    struct fixture *f = &j->f;
    assert_ok(job_store_count(f->store, &counts, &f->err));
    assert_int_equal(counts.pending[JOB_KIND_PUBLISH] + counts.running[JOB_KIND_PUBLISH], 0);
}

/* The first job's delay is longer than those of the others, and there are no scans. */
static void each_of_many_delayed_jobs_is_looked_for(void **state) {
    struct job_fixture *j = *state;
    enum { OTHERS = 64 };
    start_runner(j, 4);
    const struct job_accepted patient = announce_order(j, "patient", "full disk");
    await(atomic_load(&j->begun) == 2); /* the next attempt is in two seconds */
    for (int i = 0; i < OTHERS; i++) {
        char package[16];
        snprintf(package, sizeof package, "other-%d", i);
        announce_order(j, package, "full disk");
    }
    await(atomic_load(&j->begun) >= 2 + OTHERS);
    atomic_store(&j->gate_is_open, true);
    await(state_of(j, patient.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
}

static void a_job_of_another_service_is_left_to_it(void **state) {
    struct job_fixture *j = *state;
    start_runner(j, 1);
    struct job_request request = unpublish_of("prelude");
    struct job_accepted other = accept_job(&j->f, &request);
    job_runner_announce(j->runner, other.id);
    job_runner_announce(j->runner, "no id at all");
    job_runner_announce(j->runner, "something that is longer than any job's id could ever be");
    struct job_accepted mine = announce_order(j, "arrays", "return");
    await(state_of(j, mine.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
    assert_int_equal(state_of(j, other.id), JOB_STATE_PENDING);
    assert_int_equal(get_job(&j->f, other.id).attempts, 0);
}

static void many_lines_keep_their_order_and_come_before_the_end(void **state) {
    struct job_fixture *j = *state;
    enum { LINES = 3000 };
    start_runner(j, 1);
    struct job_accepted job = announce_order(j, "prelude", "say 3000");
    await(state_of(j, job.id) == JOB_STATE_SUCCEEDED);
    struct log_lines lines = read_log(j, job.id);
    assert_int_equal(lines.count, LINES);
    for (int i = 0; i < LINES; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "line %d", i + 1);
        assert_string_equal(lines.lines[i].message, expected);
    }
    stop_runner(j);
}

static void lines_arrive_while_the_job_runs(void **state) {
    struct job_fixture *j = *state;
    start_runner(j, 1);
    struct job_accepted job = announce_order(j, "prelude", "wait");
    await(read_log(j, job.id).count == 1);
    assert_int_equal(state_of(j, job.id), JOB_STATE_RUNNING);
    stop_runner(j);
}

static void a_log_over_its_limit_keeps_its_head_and_its_tail(void **state) {
    struct job_fixture *j = *state;
    j->settings.log_limit_lines = 100;
    start_runner(j, 1);
    struct job_accepted job = announce_order(j, "prelude", "say 500");
    await(state_of(j, job.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
    struct log_lines lines = read_log(j, job.id);
    assert_int_equal(lines.count, 101);
    assert_int_equal(lines.lines[50].level, LOG_WARN);
    assert_string_equal(lines.lines[100].message, "line 500");
}

static void a_lease_is_renewed_while_the_job_runs(void **state) {
    struct job_fixture *j = *state;
    struct fixture *f = &j->f;
    j->settings.lease_ms = 3000;
    start_runner(j, 1);
    struct job_accepted job = announce_order(j, "prelude", "wait");
    await(atomic_load(&j->begun) == 1);
    for (int64_t until_ms = clock_monotonic_ms() + 7000; clock_monotonic_ms() < until_ms;) {
        struct job_reaped reaped;
        assert_ok(job_store_reap(f->store, 3000, &reaped, &f->err));
        assert_int_equal(reaped.returned + reaped.failed, 0);
        usleep(5000);
    }
    atomic_store(&j->gate_is_open, true);
    await(state_of(j, job.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
    assert_int_equal(atomic_load(&j->begun), 1);
}

static void a_drain_lets_a_running_job_end(void **state) {
    struct job_fixture *j = *state;
    start_runner(j, 2);
    struct job_accepted running = announce_order(j, "prelude", "say 2000");
    await(atomic_load(&j->begun) == 1);
    stop_runner(j);
    assert_int_equal(state_of(j, running.id), JOB_STATE_SUCCEEDED);
}

static void a_drain_takes_no_more_jobs_and_hands_back_what_does_not_end(void **state) {
    struct job_fixture *j = *state;
    start_runner(j, 1);
    struct job_accepted running = announce_order(j, "prelude", "wait"), waiting = announce_order(j, "arrays", "return");
    await(atomic_load(&j->begun) == 1);
    int64_t before_ms = clock_monotonic_ms();
    job_runner_free(j->runner, 100);
    assert_in_range(clock_monotonic_ms() - before_ms, 100, PATIENCE_MS);
    assert_int_equal(atomic_load(&j->last_status), STATUS_CANCELLED);
    struct job handed_back = get_job(&j->f, running.id);
    assert_int_equal(handed_back.state, JOB_STATE_PENDING);
    assert_int_equal(handed_back.attempts, 0);
    assert_int_equal(read_log(j, running.id).count, 1);
    assert_int_equal(state_of(j, waiting.id), JOB_STATE_PENDING);

    atomic_store(&j->gate_is_open, true);
    start_runner(j, 1); /* the next process */
    job_runner_announce(j->runner, running.id);
    await(state_of(j, running.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
    assert_int_equal(read_log(j, running.id).count, 2);
}

static int compare_times(const void *a, const void *b) {
    int64_t difference = *(const int64_t *)a - *(const int64_t *)b;
    return difference < 0 ? -1 : difference > 0;
}

/* Not a limit on performance (tests/bench measures that); it fails if the start depends on a timer. */
static void an_announced_job_starts_at_once(void **state) {
    struct job_fixture *j = *state;
    enum { JOBS = 101 };
    int64_t times_us[JOBS];
    start_runner(j, 2);
    for (int i = 0; i < JOBS; i++) {
        char package[16];
        snprintf(package, sizeof package, "p%d", i);
        struct job_accepted job = accept_order(j, package, "return");
        int64_t before_us = clock_monotonic_us();
        job_runner_announce(j->runner, job.id);
        while (atomic_load(&j->begun) <= i) {
        }
        times_us[i] = clock_monotonic_us() - before_us;
        await(state_of(j, job.id) == JOB_STATE_SUCCEEDED);
    }
    stop_runner(j);
    qsort(times_us, JOBS, sizeof times_us[0], compare_times);
    print_message("from announcement to handler: median %lld us, 90th percentile %lld us\n", (long long)times_us[JOBS / 2],
                  (long long)times_us[JOBS * 9 / 10]);
    assert_in_range(times_us[JOBS / 2], 1, 500000);
}

int main(void) {
    alarm(580); /* a lost wake-up is a failure, not a wait for ever */
    const struct CMUnitTest tests[] = {
        job_test(an_announced_job_runs_to_its_end),
        job_test(a_log_line_ends_without_a_line_break),
        job_test(a_job_that_nobody_announced_is_found),
        job_test(without_scans_jobs_start_by_messages_and_after_others),
        job_test(jobs_of_one_package_run_one_by_one_in_order),
        job_test(a_job_whose_lock_somebody_held_runs_once_it_is_free),
        job_test(slots_work_side_by_side_and_no_more_than_there_are),
        job_test(more_announcements_than_are_remembered_are_all_run),
        job_test(each_of_many_delayed_jobs_is_looked_for),
        job_test(a_job_of_another_service_is_left_to_it),
        job_test(many_lines_keep_their_order_and_come_before_the_end),
        job_test(lines_arrive_while_the_job_runs),
        job_test(a_log_over_its_limit_keeps_its_head_and_its_tail),
        job_test(a_lease_is_renewed_while_the_job_runs),
        job_test(a_drain_lets_a_running_job_end),
        job_test(a_drain_takes_no_more_jobs_and_hands_back_what_does_not_end),
        job_test(an_announced_job_starts_at_once),
    };
    return cmocka_run_group_tests(tests, start_job_fixture, stop_job_fixture);
}
