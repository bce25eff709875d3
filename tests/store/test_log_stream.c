/* SPDX-License-Identifier: BSD-3-Clause
 * A job's log (lib/store/README.md, Log). */
#include "lib/store/job/log_stream.h"

#include "lib/base/secret.h"
#include "tests/store/fixture.h"

enum { LINES = 100000, BYTES = 16 * 1024 * 1024 };

static struct lease running_job(struct fixture *f, const char *package) {
    struct job_request request = publish_of(package);
    accept_job(f, &request);
    return claim_job(f, request.id);
}

static void append(struct fixture *f, const struct lease *lease, const struct log_line *lines, size_t count) {
    assert_ok(log_stream_append(f->store, lease, lines, count, LINES, BYTES, &f->err));
}

static void say(struct fixture *f, const struct lease *lease, int number, enum log_level level, const char *message) {
    const struct log_line line = {
        .level = level, .message = message, .time_ms = clock_now_ms(), .attempt = 1, .number = number};
    append(f, lease, &line, 1);
}

static struct log_lines read_log(struct fixture *f, const char *id, struct log_query query) {
    struct log_lines log;
    if (query.limit == 0) query.limit = 10000;
    assert_ok(log_stream_read(f->store, id, &query, &f->arena, &log, &f->err));
    return log;
}

static void lines_come_back_as_they_were_written(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f, "a");
    static const char *const messages[] = {"plain", "", " leading and trailing ", "two\nlines\n", "\xE2\x82\xAC 100 % %s",
                                           "1 2 3"};
    for (int i = 0; i < 6; i++)
        say(f, &lease, i + 1, (enum log_level)(i % 5), messages[i]);
    struct log_lines log = read_log(f, lease.job_id, (struct log_query){0});
    assert_int_equal(log.count, 6);
    assert_false(log.cut);
    for (int i = 0; i < 6; i++) {
        assert_string_equal(log.lines[i].message, messages[i]);
        assert_int_equal(log.lines[i].level, i % 5);
        assert_int_equal(log.lines[i].attempt, 1);
        assert_int_equal(log.lines[i].number, i + 1);
    }
}

static void times_grow_strictly_even_in_a_burst(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f, "a");
    int64_t now_ms = clock_now_ms();
    struct log_line lines[300];
    for (int i = 0; i < 300; i++)
        lines[i] = (struct log_line){.message = "x", .time_ms = now_ms - i, .attempt = 1, .number = i + 1};
    append(f, &lease, lines, 150);
    append(f, &lease, lines + 150, 150);
    struct log_lines log = read_log(f, lease.job_id, (struct log_query){0});
    assert_int_equal(log.count, 300);
    for (int i = 1; i < 300; i++)
        assert_true(log.lines[i].time_ms > log.lines[i - 1].time_ms);
    finish_job(f, &lease, true);
    struct job job = get_job(f, lease.job_id);
    assert_true(job.finished_ms > log.lines[299].time_ms);
    assert_true(log.lines[0].time_ms >= job.started_ms);
    assert_int_equal(read_log(f, lease.job_id, (struct log_query){0}).count, 300); /* the end mark is not a line */
}

/* The log's entries as Redis has them: `ORDINAL FIELD` each. */
static const char *print_entries(struct fixture *f, const char *id) {
    struct redis_reply *entries;
    struct text text = {0};
    assert_ok(redis_call(f->redis, &entries, &f->err, "XRANGE job:%s:log - +", id));
    for (size_t i = 0; i < entries->count; i++)
        text_append_format(&text, "%s%s %s", i ? ", " : "", strchr(entries->items[i].items[0].text, '-') + 1,
                           entries->items[i].items[1].items[0].text);
    const char *copy = arena_copy(&f->arena, text_view(&text));
    text_release(&text);
    return copy;
}

static void lines_are_numbered_in_the_whole_log(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f, "a");
    say(f, &lease, 1, LOG_INFO, "one");
    say(f, &lease, 2, LOG_DEBUG, "two");
    say(f, &lease, 2, LOG_DEBUG, "two"); /* a repetition */
    assert_ok(job_store_release(f->store, &lease, &f->err));
    lease = claim_job(f, lease.job_id);
    say(f, &lease, 1, LOG_INFO, "three");
    struct job_end end = {.success = true, .line = "four", .line_level = LOG_INFO};
    assert_ok(job_store_finish(f->store, &lease, &end, &f->err));
    assert_string_equal(print_entries(f, lease.job_id), "1 line, 2 line, 3 line, 4 line, 4 end");
    struct log_lines log = read_log(f, lease.job_id, (struct log_query){.level = LOG_INFO});
    assert_int_equal(log.count, 3);
    assert_int_equal(log.lines[0].ordinal, 1);
    assert_int_equal(log.lines[1].ordinal, 3);
    assert_int_equal(log.lines[2].ordinal, 4);
}

static void lines_of_a_claim_and_of_a_lost_lease_are_numbered(void **state) {
    struct fixture *f = *state;
    struct job_request request = matrix_of("a", "0.15.15");
    accept_job(f, &request);
    const char *id = request.id;
    const struct job_claim claim = {.ids = &id, .count = 1, .runner = "w", .lease_ms = SHORT_LEASE_MS, .line = "claimed"};
    struct lease lease;
    struct job job;
    size_t claimed;
    struct job_reaped reaped = {0};
    assert_ok(job_store_claim_some(f->store, &claim, &f->arena, &lease, &job, &claimed, &f->err));
    for (int64_t until_ms = clock_monotonic_ms() + TIMEOUT_MS; !reaped.returned && clock_monotonic_ms() < until_ms; wait_ms(5))
        assert_ok(job_store_reap(f->store, SHORT_LEASE_MS, &reaped, &f->err));
    lease = claim_job(f, id);
    say(f, &lease, 1, LOG_INFO, "x");
    finish_build(f, &lease, "succeeded");
    assert_string_equal(print_entries(f, id), "1 line, 2 line, 3 line, 3 end");
}

/* Its lines have the ordinal 0; the numbers go on from how many there are. */
static void a_log_that_an_earlier_release_began_goes_on(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f, "a");
    struct redis_reply *reply;
    int64_t time_ms = get_job(f, lease.job_id).started_ms;
    for (int i = 1; i <= 2; i++)
        assert_ok(redis_call(f->redis, &reply, &f->err, "XADD job:%s:log %lld-0 line %s", lease.job_id, (long long)time_ms + i,
                             i == 1 ? "INFO 1 1 one" : "INFO 1 2 two"));
    assert_ok(redis_call(f->redis, &reply, &f->err, "HSET job:%s logTime %lld logFence %lld logNumber 2 logLines 2 logBytes 20",
                         lease.job_id, (long long)time_ms + 2, (long long)lease.fence));
    say(f, &lease, 2, LOG_INFO, "two"); /* a repetition, which must not begin the count */
    say(f, &lease, 3, LOG_INFO, "three");
    finish_job(f, &lease, true);
    assert_string_equal(print_entries(f, lease.job_id), "0 line, 0 line, 3 line, 3 end");
    struct log_lines log = read_log(f, lease.job_id, (struct log_query){0});
    assert_int_equal(log.count, 3);
    assert_int_equal(log.lines[0].ordinal, 0);
    assert_int_equal(log.lines[2].ordinal, 3);
    struct log_lines rest = read_log(f, lease.job_id, (struct log_query){.since_ms = log.lines[1].time_ms + 1});
    assert_int_equal(rest.count, 1);
    assert_string_equal(rest.lines[0].message, "three");
}

static void a_runner_whose_clock_is_ahead_does_not_write_into_the_future(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f, "a");
    const struct log_line line = {.message = "x", .time_ms = clock_now_ms() + 3600000, .attempt = 1, .number = 1};
    append(f, &lease, &line, 1);
    assert_true(read_log(f, lease.job_id, (struct log_query){0}).lines[0].time_ms <= clock_now_ms() + 1000);
}

static void a_line_that_is_sent_again_counts_once(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f, "a");
    struct log_line lines[] = {{.message = "one", .attempt = 1, .number = 1},
                               {.message = "two", .attempt = 1, .number = 2},
                               {.message = "three", .attempt = 1, .number = 3}};
    append(f, &lease, lines, 2);
    append(f, &lease, lines, 3);
    append(f, &lease, lines, 3);
    assert_int_equal(read_log(f, lease.job_id, (struct log_query){0}).count, 3);
    assert_ok(job_store_release(f->store, &lease, &f->err));
    lease = claim_job(f, lease.job_id); /* counts from 1 again */
    append(f, &lease, lines, 1);
    assert_int_equal(read_log(f, lease.job_id, (struct log_query){0}).count, 4);
}

static void secrets_and_broken_characters_are_blanked(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f, "a");
    secret_keep("ghp_another-secret");
    say(f, &lease, 1, LOG_INFO, "token ghp_another-secret.");
    say(f, &lease, 2, LOG_INFO, "broken \xFF\xC3 end");
    struct log_lines log = read_log(f, lease.job_id, (struct log_query){0});
    assert_string_equal(log.lines[0].message, "token [secret].");
    assert_string_equal(log.lines[1].message, "broken ?? end");
}

static void a_level_is_a_minimum(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f, "a");
    for (int i = 0; i < 50; i++)
        say(f, &lease, i + 1, (enum log_level)(i % 5), "x");
    assert_int_equal(read_log(f, lease.job_id, (struct log_query){.level = LOG_INFO}).count, 40);
    assert_int_equal(read_log(f, lease.job_id, (struct log_query){.level = LOG_ERROR}).count, 10);
    struct log_lines log = read_log(f, lease.job_id, (struct log_query){.level = LOG_ERROR, .limit = 9});
    assert_int_equal(log.count, 9);
    assert_true(log.cut);
    log = read_log(f, lease.job_id, (struct log_query){.level = LOG_ERROR, .limit = 10});
    assert_int_equal(log.count, 10);
    assert_false(log.cut);
}

static void a_log_is_paged_by_time_without_loss(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f, "a");
    enum { COUNT = 2500 };
    struct log_line *lines = arena_alloc(&f->arena, COUNT * sizeof *lines);
    for (int i = 0; i < COUNT; i++)
        lines[i] = (struct log_line){.level = LOG_INFO, .message = "x", .attempt = 1, .number = i + 1};
    append(f, &lease, lines, COUNT);
    finish_job(f, &lease, true);
    static const size_t limits[] = {1, 7, 100, 1000, 2499, 2500, 10000};
    for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
        int64_t since_ms = 0;
        int seen = limits[l] < 7 ? COUNT - 20 : 0; /* fewer for the small limits, to save time */
        if (seen) since_ms = read_log(f, lease.job_id, (struct log_query){.limit = (size_t)seen}).lines[seen - 1].time_ms + 1;
        for (bool cut = true; cut;) {
            struct log_lines log = read_log(f, lease.job_id, (struct log_query){.since_ms = since_ms, .limit = limits[l]});
            for (size_t i = 0; i < log.count; i++)
                assert_int_equal(log.lines[i].number, ++seen);
            cut = log.cut;
            if (log.count) since_ms = log.lines[log.count - 1].time_ms + 1;
        }
        assert_int_equal(seen, COUNT);
    }
    struct log_lines whole = read_log(f, lease.job_id, (struct log_query){0});
    struct log_lines part =
        read_log(f, lease.job_id, (struct log_query){.since_ms = whole.lines[10].time_ms, .until_ms = whole.lines[20].time_ms});
    assert_int_equal(part.count, 10);
    assert_int_equal(part.lines[0].number, 11);
    part = read_log(f, lease.job_id, (struct log_query){.until_ms = whole.lines[20].time_ms, .descending = true, .limit = 5});
    assert_int_equal(part.lines[0].number, 20);
    assert_int_equal(part.lines[4].number, 16);
    assert_true(part.cut);
    part = read_log(f, lease.job_id, (struct log_query){.descending = true});
    assert_int_equal(part.count, COUNT);
    assert_int_equal(part.lines[COUNT - 1].number, 1);
}

static void near_the_memory_limit_the_oldest_finished_logs_go(void **state) {
    struct fixture *f = *state;
    struct lease anonymous = running_job(f, "a"), open = running_job(f, "b");
    struct job_request request = unpublish_of("c");
    accept_job(f, &request);
    struct lease owner = claim_job(f, request.id);
    struct lease all[] = {anonymous, open, owner};
    for (int i = 0; i < 3; i++)
        for (int number = 1; number <= 5; number++)
            say(f, &all[i], number, LOG_INFO, "x");
    finish_job(f, &anonymous, true), finish_job(f, &owner, true);
    struct redis_reply *reply;
    struct job_reaped reaped;
    assert_ok(job_store_reap(f->store, LEASE_MS, &reaped, &f->err));
    assert_int_equal(reaped.logs_removed, 0);
    assert_ok(redis_call(f->redis, &reply, &f->err, "INFO memory"));
    double used = strtod(strstr(reply->text, "used_memory:") + strlen("used_memory:"), NULL);
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET maxmemory %lld", (long long)(used / 0.85)));
    assert_ok(job_store_reap(f->store, LEASE_MS, &reaped, &f->err));
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET maxmemory 256mb"));
    assert_int_equal(reaped.logs_removed, 1);
    struct log_lines log = read_log(f, anonymous.job_id, (struct log_query){0});
    assert_int_equal(log.count, 1);
    assert_int_equal(log.lines[0].level, LOG_WARN);
    assert_true(log.lines[0].time_ms < get_job(f, anonymous.job_id).finished_ms);
    assert_true(get_job(f, anonymous.job_id).has_lost_log && !get_job(f, owner.job_id).has_lost_log);
    assert_int_equal(read_log(f, open.job_id, (struct log_query){0}).count, 5);
    assert_int_equal(read_log(f, owner.job_id, (struct log_query){0}).count, 5); /* acts of owners are kept */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(lines_come_back_as_they_were_written),
        store_test(times_grow_strictly_even_in_a_burst),
        store_test(lines_are_numbered_in_the_whole_log),
        store_test(lines_of_a_claim_and_of_a_lost_lease_are_numbered),
        store_test(a_log_that_an_earlier_release_began_goes_on),
        store_test(a_runner_whose_clock_is_ahead_does_not_write_into_the_future),
        store_test(a_line_that_is_sent_again_counts_once),
        store_test(secrets_and_broken_characters_are_blanked),
        store_test(a_level_is_a_minimum),
        store_test(a_log_is_paged_by_time_without_loss),
        store_test(near_the_memory_limit_the_oldest_finished_logs_go),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
