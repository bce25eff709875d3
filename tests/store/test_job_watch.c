/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Following many jobs at once (lib/store/job/job_watch.h).
 */
#include "lib/store/job/job_watch.h"
#include "tests/store/fixture.h"

static struct job_changes wait_for_changes(struct fixture *f, struct job_watch *watch) {
    struct job_changes changes;
    assert_ok(job_watch_wait(f->store, watch, 1, &f->arena, &changes, &f->err));
    return changes;
}

/* How many of the changes are of the job: of its log, or of its state. */
static size_t count_changes(const struct job_changes *changes, const char *id, bool is_of_state) {
    size_t count = 0;
    for (size_t i = 0; i < changes->count; i++)
        count += changes->items[i].is_of_state == is_of_state && strcmp(changes->items[i].job_id, id) == 0;
    return count;
}

static void write_lines(struct fixture *f, const struct lease *lease, int from, int to) {
    for (int i = from; i <= to; i++) {
        const struct log_line line = {.level = LOG_INFO,
                                      .message = arena_format(&f->arena, "line %d", i),
                                      .time_ms = clock_now_ms(),
                                      .attempt = 1,
                                      .number = i};
        assert_ok(log_stream_append(f->store, lease, &line, 1, 100000, 1 << 20, &f->err));
    }
}

static void every_change_is_announced(void **state) {
    struct fixture *f = *state;
    struct job_watch watch;
    assert_ok(job_watch_begin(f->store, &watch, &f->err));
    assert_int_equal(wait_for_changes(f, &watch).count, 0);

    struct job_request request = publish_of("a");
    accept_job(f, &request);
    struct job_changes changes = wait_for_changes(f, &watch);
    assert_int_equal(count_changes(&changes, request.id, true), 1);
    struct lease lease = claim_job(f, request.id);
    write_lines(f, &lease, 1, 2);
    changes = wait_for_changes(f, &watch);
    assert_int_equal(count_changes(&changes, request.id, true), 1);
    assert_int_equal(count_changes(&changes, request.id, false), 2);
    assert_ok(job_store_release(f->store, &lease, &f->err));
    changes = wait_for_changes(f, &watch);
    assert_int_equal(count_changes(&changes, request.id, true), 1);
    lease = claim_job(f, request.id);
    finish_job(f, &lease, true);
    changes = wait_for_changes(f, &watch);
    assert_int_equal(count_changes(&changes, request.id, true), 2);
    assert_int_equal(wait_for_changes(f, &watch).count, 0);
    assert_ok(job_watch_announce(f->store, request.id, &f->err));
    changes = wait_for_changes(f, &watch);
    assert_int_equal(count_changes(&changes, request.id, false), 1);
}

static void news_of_many_jobs_come_at_once(void **state) {
    struct fixture *f = *state;
    struct job_request requests[] = {publish_of("a"), publish_of("b")};
    struct lease leases[2];
    for (int i = 0; i < 2; i++) {
        accept_job(f, &requests[i]);
        leases[i] = claim_job(f, requests[i].id);
    }
    write_lines(f, &leases[0], 1, 3);
    struct job_news news[] = {{.job_id = requests[0].id, .wants_job = true},
                              {.job_id = requests[1].id},
                              {.job_id = "3f2c0d4e-0000-4000-8000-000000000000", .wants_job = true}};
    assert_ok(job_watch_read(f->store, news, 3, &f->arena, &f->err));
    assert_int_equal(news[0].log.count, 3);
    assert_string_equal(news[0].log.lines[2].message, "line 3");
    assert_int_equal(news[0].log.lines[2].ordinal, 3);
    assert_true(news[0].has_job && news[0].job.state == JOB_STATE_RUNNING);
    assert_int_equal(news[0].ended_ms, 0);
    assert_int_equal(news[1].log.count, 0);
    assert_false(news[1].has_job);
    assert_false(news[2].has_job);

    write_lines(f, &leases[0], 4, 4);
    finish_job(f, &leases[0], true);
    struct job_news later = {.job_id = requests[0].id, .after = {news[0].log.lines[2].time_ms, 3}, .wants_job = true};
    assert_ok(job_watch_read(f->store, &later, 1, &f->arena, &f->err));
    assert_int_equal(later.log.count, 1);
    assert_string_equal(later.log.lines[0].message, "line 4");
    assert_int_equal(later.ended_ms, later.job.finished_ms);
    assert_int_equal(later.job.log_lines, 4);
}

static void a_long_log_is_read_in_parts_or_from_its_end(void **state) {
    struct fixture *f = *state;
    enum { LINES = JOB_NEWS_LINES_MAX + 50 };
    struct job_request request = publish_of("a");
    accept_job(f, &request);
    struct lease lease = claim_job(f, request.id);
    write_lines(f, &lease, 1, LINES);
    finish_job(f, &lease, true);
    struct job_news news = {.job_id = request.id};
    assert_ok(job_watch_read(f->store, &news, 1, &f->arena, &f->err));
    assert_int_equal(news.log.count, JOB_NEWS_LINES_MAX);
    assert_int_equal(news.log.lines[0].ordinal, 1);
    assert_true(news.has_more);
    assert_int_equal(news.ended_ms, 0); /* its last line was not read */
    news = (struct job_news){.job_id = request.id, .after = {news.log.lines[news.log.count - 1].time_ms, JOB_NEWS_LINES_MAX}};
    assert_ok(job_watch_read(f->store, &news, 1, &f->arena, &f->err));
    assert_int_equal(news.log.count, 50);
    assert_int_equal(news.log.lines[0].ordinal, JOB_NEWS_LINES_MAX + 1);
    assert_false(news.has_more);
    assert_true(news.ended_ms > 0);

    struct job_news newest = {.job_id = request.id, .from_end = true};
    assert_ok(job_watch_read(f->store, &newest, 1, &f->arena, &f->err));
    assert_true(newest.has_more && newest.ended_ms > 0);
    assert_int_equal(newest.log.lines[newest.log.count - 1].ordinal, LINES);
    struct job_news before = {.job_id = request.id, .after = {newest.before_ms, 0}};
    assert_ok(job_watch_read(f->store, &before, 1, &f->arena, &f->err));
    assert_int_equal(before.log.lines[0].ordinal, newest.log.lines[0].ordinal); /* `before_ms` is that of the line before */
}

static void a_pending_job_knows_its_place(void **state) {
    struct fixture *f = *state;
    struct job_request requests[] = {publish_of("a"), publish_of("b"), publish_of("c")};
    struct job_queue_place place;
    for (int i = 0; i < 3; i++)
        accept_job(f, &requests[i]);
    struct job job = get_job(f, requests[2].id);
    assert_ok(job_watch_queue_place(f->store, &job, &f->arena, &place, &f->err));
    assert_int_equal(place.ahead, 2);
    assert_null(place.waits_for);
    assert_int_equal(place.usual_ms, 0); /* no such job has ended */
    assert_int_equal(place.starts_in_ms, -1);

    struct lease lease = claim_job(f, requests[0].id);
    wait_ms(20);
    finish_job(f, &lease, true);
    assert_ok(job_watch_queue_place(f->store, &job, &f->arena, &place, &f->err));
    assert_int_equal(place.ahead, 1);
    assert_true(place.usual_ms >= 20);
    assert_int_equal(place.starts_in_ms, place.usual_ms);
    lease = claim_job(f, requests[2].id);
    assert_status(STATUS_NOT_FOUND, job_watch_queue_place(f->store, &job, &f->arena, &place, &f->err));
}

static void missed_changes_are_noticed(void **state) {
    struct fixture *f = *state;
    struct redis_reply *reply;
    struct job_watch watch;
    struct job_changes changes;
    struct job_request requests[] = {publish_of("a"), publish_of("b"), publish_of("c")};
    accept_job(f, &requests[0]);
    assert_ok(job_watch_begin(f->store, &watch, &f->err));
    accept_job(f, &requests[1]);
    accept_job(f, &requests[2]);
    assert_ok(job_watch_list(f->store, watch.states, 10, &f->arena, &changes, &f->err));
    assert_int_equal(changes.count, 2);
    assert_string_equal(changes.items[1].job_id, requests[2].id);
    assert_ok(job_watch_list(f->store, changes.items[1].position, 10, &f->arena, &changes, &f->err));
    assert_int_equal(changes.count, 0);
    assert_ok(redis_call(f->redis, &reply, &f->err, "XTRIM changes:states MAXLEN 1"));
    assert_status(STATUS_STALE, job_watch_list(f->store, watch.states, 10, &f->arena, &changes, &f->err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(every_change_is_announced),
        store_test(news_of_many_jobs_come_at_once),
        store_test(a_long_log_is_read_in_parts_or_from_its_end),
        store_test(a_pending_job_knows_its_place),
        store_test(missed_changes_are_noticed),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
