/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A log over its limits keeps its head and its tail, and any part of a log can be read (lib/store/job/log_selection.h).
 */
#include "tests/store/fixture.h"

#include "lib/store/job/log_selection.h"

enum { LINES = 100, TAIL = 50, BYTES = 1 << 20, WRITTEN = 500, LEFT_OUT = WRITTEN - LINES };

static const char left_out[] = "400 lines are left out here: a log that becomes too long keeps its beginning and its end.";

static struct lease running_job(struct fixture *f) {
    static int packages;
    struct job_request request = publish_of(arena_format(&f->arena, "package-%d", ++packages));
    accept_job(f, &request);
    return claim_job(f, request.id);
}

/* Appends the lines `first` to `last`, whose texts are their numbers; every third is at WARN. */
static void write_lines(struct fixture *f, const struct lease *lease, int first, int last) {
    enum { BATCH = 37 };
    for (int from = first; from <= last; from += BATCH) {
        struct log_line lines[BATCH];
        int count = last - from + 1 < BATCH ? last - from + 1 : BATCH;
        for (int i = 0; i < count; i++)
            lines[i] = (struct log_line){.level = (from + i) % 3 ? LOG_INFO : LOG_WARN,
                                         .message = arena_format(&f->arena, "%d", from + i),
                                         .time_ms = clock_now_ms(),
                                         .attempt = 1,
                                         .number = from + i};
        assert_ok(log_stream_append(f->store, lease, lines, (size_t)count, LINES, BYTES, &f->err));
    }
}

static struct log_lines read_log(struct fixture *f, const char *id, struct log_query query) {
    struct log_lines log;
    if (query.limit == 0) query.limit = 10000;
    assert_ok(log_stream_read(f->store, id, &query, &f->arena, &log, &f->err));
    return log;
}

/* The texts, separated by blanks; `…` for the line that says how many are left out. */
static const char *texts_of(struct fixture *f, const struct log_lines *log) {
    struct text text = {0};
    for (size_t i = 0; i < log->count; i++)
        text_append_format(&text, "%s%s", i ? " " : "",
                           strstr(log->lines[i].message, "left out here") ? "\xE2\x80\xA6" : log->lines[i].message);
    const char *copy = arena_copy(&f->arena, text_view(&text));
    text_release(&text);
    return copy;
}

static struct lease long_log(struct fixture *f) {
    struct lease lease = running_job(f);
    write_lines(f, &lease, 1, WRITTEN);
    return lease;
}

static void the_head_and_the_tail_stay_and_the_middle_is_counted(void **state) {
    struct fixture *f = *state;
    struct lease lease = long_log(f);
    finish_job(f, &lease, false); /* the cut is not its failure, and does not change its end */
    struct log_lines log = read_log(f, lease.job_id, (struct log_query){0});
    assert_int_equal(log.count, LINES + 1);
    for (int i = 0; i < LINES + 1; i++) {
        const struct log_line *line = &log.lines[i];
        int number = i < TAIL ? i + 1 : i + LEFT_OUT;
        assert_string_equal(line->message, i == TAIL ? left_out : arena_format(&f->arena, "%d", number));
        assert_int_equal(line->ordinal, number);
        if (i > 0) assert_true(line->time_ms > log.lines[i - 1].time_ms);
    }
    assert_int_equal(log.lines[TAIL].level, LOG_WARN);
    assert_int_equal(log.lines[TAIL].time_ms, log.lines[TAIL + 1].time_ms - 1);
    assert_true(get_job(f, lease.job_id).finished_ms > log.lines[LINES].time_ms);
}

static void a_log_within_its_limits_is_whole(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f);
    write_lines(f, &lease, 1, LINES);
    struct log_lines log = read_log(f, lease.job_id, (struct log_query){0});
    assert_int_equal(log.count, LINES);
    write_lines(f, &lease, LINES + 1, LINES + 1);
    log = read_log(f, lease.job_id, (struct log_query){0});
    assert_string_equal(log.lines[TAIL].message,
                        "1 line is left out here: a log that becomes too long keeps its beginning and its end.");
    assert_string_equal(log.lines[LINES].message, "101");
}

static int64_t memory_of(struct fixture *f, const char *id) {
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "MEMORY USAGE job:%s:log SAMPLES 0", id));
    return reply->integer;
}

static void a_log_that_goes_on_for_ever_takes_no_more_memory(void **state) {
    struct fixture *f = *state;
    struct lease lease = long_log(f), longer = running_job(f);
    write_lines(f, &longer, 1, 40 * WRITTEN);
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "XLEN job:%s:log", longer.job_id));
    assert_int_equal(reply->integer, LINES);
    assert_in_range(memory_of(f, longer.job_id), 1, 2 * memory_of(f, lease.job_id));
}

static void bytes_are_limited_in_the_same_way(void **state) {
    struct fixture *f = *state;
    enum { LIMIT = 10000, LENGTH = 200 };
    struct lease lease = running_job(f);
    char message[LENGTH];
    memset(message, 'x', LENGTH - 1);
    message[LENGTH - 1] = '\0';
    for (int number = 1; number <= 200; number++) {
        const struct log_line line = {.message = message, .attempt = 1, .number = number};
        assert_ok(log_stream_append(f->store, &lease, &line, 1, 1000000, LIMIT, &f->err));
    }
    struct log_lines log = read_log(f, lease.job_id, (struct log_query){0});
    size_t bytes = 0, head = 0;
    for (size_t i = 0; i < log.count; i++)
        bytes += strlen(log.lines[i].message);
    for (; log.lines[head].number; head++) {
    }
    assert_in_range(bytes, LIMIT / 2, LIMIT);
    assert_in_range(head, LIMIT / 2 / LENGTH, LIMIT * 3 / 4 / LENGTH);
    assert_int_equal(log.lines[log.count - 1].number, 200);
    assert_true(log.count - head > 10);
}

/* … between two characters. */
static void a_line_that_is_larger_than_the_tail_loses_its_end(void **state) {
    struct fixture *f = *state;
    enum { LIMIT = 10000, EUROS = 5000 };
    struct text euros = {0};
    struct lease lease = running_job(f);
    for (int i = 0; i < EUROS; i++)
        text_append(&euros, "\xE2\x82\xAC");
    for (int number = 1; number <= 2; number++) {
        const struct log_line line = {.message = euros.bytes, .attempt = 1, .number = number};
        assert_ok(log_stream_append(f->store, &lease, &line, 1, LINES, LIMIT, &f->err));
    }
    struct log_lines log = read_log(f, lease.job_id, (struct log_query){0});
    assert_int_equal(log.count, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(text_is_utf8(log.lines[i].message, strlen(log.lines[i].message)));
        assert_in_range(strlen(log.lines[i].message), LIMIT / 5, LIMIT / 4 + 60);
        assert_non_null(strstr(log.lines[i].message, "(the rest of this line is left out)"));
    }
    text_release(&euros);
}

/* The very first lines can be missing, too, if the head has no room for one. */
static void lines_missing_at_the_beginning_are_counted(void **state) {
    struct fixture *f = *state;
    enum { LIMIT = 10000 };
    struct lease lease = running_job(f);
    char large[LIMIT];
    memset(large, 'x', LIMIT - 1);
    large[LIMIT - 1] = '\0';
    for (int number = 1; number <= 5; number++) {
        const struct log_line line = {.message = large, .attempt = 1, .number = number};
        assert_ok(log_stream_append(f->store, &lease, &line, 1, LINES, LIMIT, &f->err));
    }
    struct log_lines log = read_log(f, lease.job_id, (struct log_query){0}),
                     last = read_log(f, lease.job_id, (struct log_query){.takes_last = true});
    assert_true(log.lines[0].number == 0 && log.lines[0].ordinal > 0 && log.lines[1].ordinal == log.lines[0].ordinal + 1);
    assert_string_equal(texts_of(f, &log), texts_of(f, &last));
}

/* As spago does: from the last line's time plus a millisecond. */
static void a_client_that_pages_by_time_sees_the_gap_once(void **state) {
    struct fixture *f = *state;
    struct lease lease = long_log(f);
    struct log_lines whole = read_log(f, lease.job_id, (struct log_query){0});
    static const size_t limits[] = {1, 2, 7, TAIL - 1, TAIL, TAIL + 1, 1000};
    for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
        struct log_lines log = {.cut = true};
        size_t seen = 0;
        for (int64_t since_ms = 0; log.cut; since_ms = log.lines[log.count - 1].time_ms + 1) {
            log = read_log(f, lease.job_id, (struct log_query){.since_ms = since_ms, .limit = limits[l]});
            for (size_t i = 0; i < log.count; i++)
                assert_string_equal(log.lines[i].message, whole.lines[seen++].message);
        }
        assert_int_equal(seen, whole.count);
    }
}

static struct log_cursor cursor_of(const struct log_line *line) {
    return (struct log_cursor){line->time_ms, line->ordinal};
}

/* Reads `query`, and compares it with `count` of these lines. */
static void expect_window(struct fixture *f, const char *id, struct log_query query, const struct log_line *lines,
                          size_t count) {
    struct log_lines log = read_log(f, id, query);
    const struct log_lines expected = {(struct log_line *)lines, count, false};
    assert_string_equal(texts_of(f, &log), texts_of(f, &expected));
    for (size_t i = 0; i < count; i++)
        assert_true(log.lines[i].ordinal == lines[i].ordinal && log.lines[i].time_ms == lines[i].time_ms);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* From each line in both directions, by cursor and by time. */
static void expect_all_windows(struct fixture *f, const char *id, enum log_level level) {
    static const size_t limits[] = {1, 3, 60, 1000};
    struct log_lines whole = read_log(f, id, (struct log_query){.level = level});
    for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
        for (size_t i = 0; i < whole.count; i++) {
            size_t limit = limits[l], after = least(limit, whole.count - i - 1), before = least(limit, i);
            const struct log_line *line = &whole.lines[i];
            struct log_query query = {.level = level, .limit = limit, .after = cursor_of(line)};
            expect_window(f, id, query, line + 1, after);
            query.after.ordinal = 0; /* the place is the time */
            expect_window(f, id, query, line + 1, after);
            query = (struct log_query){.level = level, .limit = limit, .since_ms = line->time_ms + 1};
            expect_window(f, id, query, line + 1, after);
            query = (struct log_query){.level = level, .limit = limit, .before = cursor_of(line), .takes_last = true};
            expect_window(f, id, query, line - before, before);
            query = (struct log_query){.level = level, .limit = limit, .until_ms = line->time_ms};
            expect_window(f, id, query, whole.lines, before);
        }
        size_t last = least(limits[l], whole.count);
        expect_window(f, id, (struct log_query){.level = level, .limit = limits[l], .takes_last = true},
                      whole.lines + whole.count - last, last);
    }
}

static void any_part_of_a_log_can_be_read(void **state) {
    struct fixture *f = *state;
    struct lease lease = long_log(f);
    expect_all_windows(f, lease.job_id, LOG_DEBUG);
    finish_job(f, &lease, true);
    expect_all_windows(f, lease.job_id, LOG_DEBUG);
    expect_all_windows(f, lease.job_id, LOG_WARN);
    expect_window(f, lease.job_id, (struct log_query){.level = LOG_ERROR}, NULL, 0);
}

static void the_newest_lines_can_come_first(void **state) {
    struct fixture *f = *state;
    struct lease lease = long_log(f);
    struct log_lines whole = read_log(f, lease.job_id, (struct log_query){0});
    for (size_t since = 0; since < whole.count; since++) {
        struct log_query query = {.since_ms = whole.lines[since].time_ms, .descending = true};
        struct log_lines log = read_log(f, lease.job_id, query);
        assert_int_equal(log.count, whole.count - since);
        for (size_t i = 0; i < log.count; i++)
            assert_string_equal(log.lines[i].message, whole.lines[whole.count - 1 - i].message);
    }
}

static void a_reader_whose_place_was_removed_is_told_what_it_missed(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f);
    write_lines(f, &lease, 1, LINES);
    struct log_lines log = read_log(f, lease.job_id, (struct log_query){0});
    struct log_cursor read = cursor_of(&log.lines[LINES - 1]);
    write_lines(f, &lease, LINES + 1, WRITTEN);
    log = read_log(f, lease.job_id, (struct log_query){.after = read});
    assert_int_equal(log.count, TAIL + 1);
    assert_non_null(strstr(log.lines[0].message, "350 lines are left out")); /* 101 to 450 */
    assert_string_equal(log.lines[1].message, "451");
}

static void a_cursor_beyond_the_end_gets_what_comes_later(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f);
    write_lines(f, &lease, 1, 3);
    struct log_lines log = read_log(f, lease.job_id, (struct log_query){0});
    const struct log_query after_all = {.after = {log.lines[2].time_ms + 3600000, 100}};
    assert_int_equal(read_log(f, lease.job_id, after_all).count, 0);
    const struct log_query after_last = {.after = cursor_of(&log.lines[2])};
    assert_int_equal(read_log(f, lease.job_id, after_last).count, 0);
    write_lines(f, &lease, 4, 4);
    assert_int_equal(read_log(f, lease.job_id, after_all).count, 0);
    assert_int_equal(read_log(f, lease.job_id, after_last).count, 1);
}

static void lines_that_the_runner_left_out_are_counted(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f);
    write_lines(f, &lease, 1, 2);
    write_lines(f, &lease, 6, 7);
    struct log_lines log = read_log(f, lease.job_id, (struct log_query){0});
    assert_string_equal(texts_of(f, &log), "1 2 \xE2\x80\xA6 6 7");
    assert_non_null(strstr(log.lines[2].message, "3 lines are"));
    assert_int_equal(log.lines[4].ordinal, 7);
    expect_all_windows(f, lease.job_id, LOG_DEBUG);
}

/* An earlier release cut it: its last line said so, and nothing was written after it. */
static void a_log_that_was_cut_by_the_old_rule_is_read_and_goes_on(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f);
    struct redis_reply *reply;
    int64_t time_ms = get_job(f, lease.job_id).started_ms;
    for (int i = 1; i <= LINES + 1; i++)
        assert_ok(redis_call(f->redis, &reply, &f->err, "XADD job:%s:log %lld-0 line %s", lease.job_id, (long long)time_ms + i,
                             i <= LINES ? "INFO 1 1 x" : "WARN 0 0 The log is cut here: …"));
    assert_ok(redis_call(f->redis, &reply, &f->err,
                         "HSET job:%s logTime %lld logFence %lld logNumber 300 logLines 101 logBytes 1200 logIsCut 1",
                         lease.job_id, (long long)time_ms + LINES + 1, (long long)lease.fence));
    struct log_lines log = read_log(f, lease.job_id, (struct log_query){0});
    assert_int_equal(log.count, LINES + 1);
    write_lines(f, &lease, 301, 302);
    finish_job(f, &lease, false);
    log = read_log(f, lease.job_id, (struct log_query){.after = cursor_of(&log.lines[LINES - 1])});
    assert_string_equal(texts_of(f, &log), "The log is cut here: \xE2\x80\xA6 302"); /* 301 made room for 302 */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(the_head_and_the_tail_stay_and_the_middle_is_counted),
        store_test(a_log_within_its_limits_is_whole),
        store_test(a_log_that_goes_on_for_ever_takes_no_more_memory),
        store_test(bytes_are_limited_in_the_same_way),
        store_test(a_line_that_is_larger_than_the_tail_loses_its_end),
        store_test(lines_missing_at_the_beginning_are_counted),
        store_test(a_client_that_pages_by_time_sees_the_gap_once),
        store_test(any_part_of_a_log_can_be_read),
        store_test(the_newest_lines_can_come_first),
        store_test(a_reader_whose_place_was_removed_is_told_what_it_missed),
        store_test(a_cursor_beyond_the_end_gets_what_comes_later),
        store_test(lines_that_the_runner_left_out_are_counted),
        store_test(a_log_that_was_cut_by_the_old_rule_is_read_and_goes_on),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
