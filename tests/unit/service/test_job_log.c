/* SPDX-License-Identifier: BSD-3-Clause
 * The lines of a run that are not in Redis yet, while the run writes more than a log may have. */
#include "lib/service/job/job_log.h"

#include "tests/store/fixture.h"

enum { LINES = 100, BYTES = 10000 };

static struct lease running_job(struct fixture *f) {
    struct job_request request = publish_of("a");
    accept_job(f, &request);
    return claim_job(f, request.id);
}

static void add_lines(struct job_log *log, int first, int last, size_t length) {
    for (int number = first; number <= last; number++) {
        char *message = memory_alloc(length + 1);
        memset(message, ' ', length);
        message[snprintf(message, length, "line %d", number)] = ' ';
        job_log_add(log, LOG_INFO, message);
    }
}

/* How many lines were ever sent to Redis for the job. */
static int64_t count_written(struct fixture *f, const char *id) {
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "XINFO STREAM job:%s:log", id));
    for (size_t i = 0; i + 1 < reply->count; i += 2)
        if (strcmp(reply->items[i].text, "entries-added") == 0) return reply->items[i + 1].integer;
    fail_msg("there are no entries-added");
    return 0;
}

static void the_first_and_the_last_lines_are_written_and_few_others(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f);
    struct job_log *log = job_log_create(1, LINES, BYTES);
    add_lines(log, 1, 10, 20);
    assert_ok(job_log_write(log, f->store, &lease, &f->err));
    add_lines(log, 11, 10000, 20); /* Redis is away, or slow */
    assert_ok(job_log_write(log, f->store, &lease, &f->err));
    assert_in_range(count_written(f, lease.job_id), LINES, 2 * LINES);
    const struct log_query query = {.level = LOG_DEBUG, .limit = 1000};
    struct log_lines lines;
    assert_ok(log_stream_read(f->store, lease.job_id, &query, &f->arena, &lines, &f->err));
    assert_int_equal(lines.count, LINES + 1);
    assert_int_equal(lines.lines[LINES / 2 - 1].number, LINES / 2);
    assert_int_equal(lines.lines[LINES].number, 10000);
    assert_int_equal(lines.lines[LINES].ordinal, 10000);
    assert_non_null(strstr(lines.lines[LINES / 2].message, "9900 lines are left out"));
    job_log_free(log);
}

static void bytes_bound_the_lines_that_wait_too(void **state) {
    struct fixture *f = *state;
    struct lease lease = running_job(f);
    struct job_log *log = job_log_create(1, 1000000, BYTES);
    add_lines(log, 1, 2000, 100);
    assert_ok(job_log_write(log, f->store, &lease, &f->err));
    assert_in_range(count_written(f, lease.job_id), BYTES / 100, 2 * BYTES / 100);
    job_log_free(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(the_first_and_the_last_lines_are_written_and_few_others),
        store_test(bytes_bound_the_lines_that_wait_too),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
