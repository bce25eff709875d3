/* SPDX-License-Identifier: BSD-3-Clause
 * What updates of the package set leave in Redis (lib/store/README.md, Package sets). */
#include "lib/store/redis/set_store.h"

#include "tests/store/fixture.h"

#define JOB "2b1c1d6e-0000-4000-8000-000000000001"
#define OTHER_JOB "2b1c1d6e-0000-4000-8000-000000000002"

static void an_outcome_is_read_as_it_was_written(void **state) {
    struct fixture *f = *state;
    const struct kept_outcome written[] = {
        {.key = "good", .compiles = true, .job_id = JOB, .time_ms = 5},
        {.key = "bad", .job_id = JOB, .time_ms = 6, .detail = "Module A was not found,\n  in \"B\" 100%"},
        {.key = "slow", .was_slow = true, .job_id = JOB, .time_ms = 7, .detail = "It took too long."},
    };
    for (int i = 0; i < 3; i++)
        assert_ok(kept_outcome_write(f->store, &written[i], &f->err));
    struct kept_outcome read[] = {{.key = "slow"}, {.key = "unknown"}, {.key = "bad"}, {.key = "good"}};
    assert_ok(kept_outcomes_read(f->store, read, 4, &f->arena, &f->err));
    assert_false(read[0].is_known); /* so it is made once more */
    assert_true(read[0].was_slow);
    assert_false(read[1].is_known);
    assert_true(read[2].is_known);
    assert_false(read[2].compiles);
    assert_string_equal(read[2].detail, written[1].detail);
    assert_string_equal(read[2].job_id, JOB);
    assert_int_equal(read[2].time_ms, 6);
    assert_true(read[3].is_known);
    assert_true(read[3].compiles);
    assert_null(read[3].detail);
    assert_ok(kept_outcomes_read(f->store, NULL, 0, &f->arena, &f->err));
}

static int64_t seconds_left(struct fixture *f, const char *key) {
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "TTL %s", key));
    return reply->integer;
}

static void outcomes_that_are_read_are_kept_for_longer(void **state) {
    struct fixture *f = *state;
    struct redis_reply *reply;
    struct kept_outcome outcome = {.key = "kept", .compiles = true, .job_id = JOB, .time_ms = 5};
    assert_ok(kept_outcome_write(f->store, &outcome, &f->err));
    assert_in_range(seconds_left(f, "set:outcome:kept"), 80 * 86400, 90 * 86400);
    assert_ok(redis_call(f->redis, &reply, &f->err, "EXPIRE set:outcome:kept 60"));
    assert_ok(kept_outcomes_read(f->store, &outcome, 1, &f->arena, &f->err));
    assert_in_range(seconds_left(f, "set:outcome:kept"), 80 * 86400, 90 * 86400);
}

static void damaged_outcomes_are_unknown(void **state) {
    struct fixture *f = *state;
    static const char *const values[] = {"", "compiles", "compiles " JOB, "perhaps " JOB " 5", "fails " JOB " soon"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct redis_reply *reply;
        struct kept_outcome outcome = {.key = "damaged"};
        assert_ok(redis_call(f->redis, &reply, &f->err, "SET set:outcome:damaged %s", values[i]));
        assert_ok(kept_outcomes_read(f->store, &outcome, 1, &f->arena, &f->err));
        assert_false(outcome.is_known);
    }
}

static void findings_replace_the_earlier_ones(void **state) {
    struct fixture *f = *state;
    struct set_findings read;
    struct set_update_state update;
    struct set_finding items[] = {
        {"aff", {8, 0, 0}, {0, 15, 15}, true, JOB, "effect: \"no\"", 1000, false},
        {"bolson", {1, 2, 3}, {0, 15, 16}, false, NULL, NULL, 2000, true},
    };
    assert_ok(set_findings_read(f->store, &read, &update, &f->arena, &f->err));
    assert_int_equal(read.count, 0);
    assert_string_equal(update.job_id, "");
    assert_string_equal(update.checked_job_id, "");
    assert_int_equal(update.checked_ms, 0);
    const struct set_update_state first = {.job_id = JOB, .time_ms = 77, .candidates = "abc"},
                                  second = {.job_id = JOB, .time_ms = 78, .checked_job_id = OTHER_JOB, .checked_ms = 66};
    assert_ok(set_findings_write(f->store, &(struct set_findings){items, 2}, &first, &f->err));
    assert_ok(set_findings_read(f->store, &read, &update, &f->arena, &f->err));
    assert_int_equal(read.count, 2);
    assert_string_equal(read.items[0].package, "aff");
    assert_int_equal(read.items[0].version.major, 8);
    assert_int_equal(read.items[0].compiler.patch, 15);
    assert_true(read.items[0].breaks_others);
    assert_string_equal(read.items[0].job, JOB);
    assert_string_equal(read.items[0].detail, "effect: \"no\"");
    assert_int_equal(read.items[0].since_ms, 1000);
    assert_false(read.items[0].has_no_result);
    assert_true(read.items[1].has_no_result);
    assert_false(read.items[1].breaks_others);
    assert_null(read.items[1].job);
    assert_null(read.items[1].detail);
    assert_int_equal(update.time_ms, 77);
    assert_string_equal(update.candidates, "abc");
    assert_string_equal(update.checked_job_id, "");
    assert_ok(set_findings_write(f->store, &(struct set_findings){&items[1], 1}, &second, &f->err));
    assert_ok(set_findings_read(f->store, &read, &update, &f->arena, &f->err));
    assert_int_equal(read.count, 1);
    assert_string_equal(read.items[0].package, "bolson");
    assert_string_equal(update.candidates, "");
    assert_string_equal(update.job_id, JOB);
    assert_string_equal(update.checked_job_id, OTHER_JOB);
    assert_int_equal(update.checked_ms, 66);
}

static void the_schedule_is_remembered(void **state) {
    struct fixture *f = *state;
    int64_t value;
    assert_ok(daily_work_last(f->store, "new-tags", &value, &f->err));
    assert_int_equal(value, 0);
    assert_ok(daily_work_done(f->store, "new-tags", 1800000000000, &f->err));
    assert_ok(daily_work_last(f->store, "new-tags", &value, &f->err));
    assert_int_equal(value, 1800000000000);
    assert_ok(daily_work_last(f->store, "package-set", &value, &f->err));
    assert_int_equal(value, 0);
    assert_ok(set_updates_count(f->store, 20000, &value, &f->err));
    assert_int_equal(value, 0);
    assert_ok(set_updates_note(f->store, 20000, 3, &f->err));
    assert_ok(set_updates_count(f->store, 20000, &value, &f->err));
    assert_int_equal(value, 3);
    assert_ok(set_updates_count(f->store, 20001, &value, &f->err));
    assert_int_equal(value, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(an_outcome_is_read_as_it_was_written), store_test(outcomes_that_are_read_are_kept_for_longer),
        store_test(damaged_outcomes_are_unknown),         store_test(findings_replace_the_earlier_ones),
        store_test(the_schedule_is_remembered),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
