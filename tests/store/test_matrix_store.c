/* SPDX-License-Identifier: BSD-3-Clause
 * The data of the build matrix in Redis, besides its jobs. */
#include "lib/store/redis/events.h"
#include "lib/store/redis/matrix_store.h"
#include "tests/store/fixture.h"

static struct version version_of(const char *text) {
    struct version version;
    enum status status = version_parse(&version, text, NULL);
    assert_int_equal(status, STATUS_OK);
    return version;
}

static const char *print(struct fixture *f, struct version version) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    return arena_copy(&f->arena, text);
}

/* ---- Compilers ---- */

static void the_list_of_compilers_is_as_it_was_written_last(void **state) {
    struct fixture *f = *state;
    struct version *read;
    size_t count = 7;
    assert_ok(compiler_list_read(f->store, &f->arena, &read, &count, &f->err));
    assert_int_equal(count, 0);
    const struct version three[] = {version_of("0.15.10"), version_of("0.15.9"), version_of("0.14.0")};
    for (size_t written = 3; written-- > 0;) {
        assert_ok(compiler_list_write(f->store, three, written, &f->err));
        assert_ok(compiler_list_read(f->store, &f->arena, &read, &count, &f->err));
        assert_int_equal(count, written);
    }
    assert_ok(compiler_list_write(f->store, three, 3, &f->err));
    assert_ok(compiler_list_read(f->store, &f->arena, &read, &count, &f->err));
    assert_int_equal(count, 3);
    static const char *const ascending[] = {"0.14.0", "0.15.9", "0.15.10"};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(print(f, read[i]), ascending[i]);
}

static void a_list_that_is_none_says_so(void **state) {
    struct fixture *f = *state;
    struct redis_reply *reply;
    struct version *read;
    size_t count;
    assert_ok(redis_call(f->redis, &reply, &f->err, "SET compilers %s", "0.15.10 newest"));
    assert_status(STATUS_INVALID, compiler_list_read(f->store, &f->arena, &read, &count, &f->err));
    assert_non_null(strstr(f->err.message, "newest"));
}

/* ---- Workers ---- */

enum { KEEP_MS = 60000, KEEP_SHORT_MS = 1500 };

static struct worker_entry worker_of(const char *id) {
    return (struct worker_entry){.id = id,
                                 .host = "build-1",
                                 .program = "0.1.0",
                                 .compilers = "0.15.14 0.15.15",
                                 .slots = 4,
                                 .busy_slots = 1,
                                 .memory_bytes = 1LL << 34,
                                 .disk_bytes = 1LL << 40};
}

static size_t list_workers(struct fixture *f, struct worker_entry **workers) {
    size_t count;
    assert_ok(worker_list_read(f->store, &f->arena, workers, &count, &f->err));
    return count;
}

static void workers_are_listed_by_id_with_what_they_said(void **state) {
    struct fixture *f = *state;
    struct worker_entry b = worker_of("b, with blanks\nand lines"), a = worker_of("a"), *workers;
    assert_int_equal(list_workers(f, &workers), 0);
    b.compilers = "";
    int64_t before_ms = clock_now_ms();
    assert_ok(worker_list_add(f->store, &b, KEEP_MS, &f->err));
    assert_ok(worker_list_add(f->store, &a, KEEP_MS, &f->err));
    assert_int_equal(list_workers(f, &workers), 2);
    assert_string_equal(workers[0].id, "a");
    assert_string_equal(workers[1].id, b.id);
    assert_string_equal(workers[0].host, a.host);
    assert_string_equal(workers[0].program, a.program);
    assert_string_equal(workers[0].compilers, a.compilers);
    assert_string_equal(workers[1].compilers, "");
    assert_int_equal(workers[0].slots, 4);
    assert_int_equal(workers[0].busy_slots, 1);
    assert_true(workers[0].memory_bytes == a.memory_bytes && workers[0].disk_bytes == a.disk_bytes);
    assert_null(workers[0].metrics);
    assert_in_range(workers[0].hello_ms, before_ms - 100, clock_now_ms() + 100);
    assert_int_equal(workers[0].seen_ms, workers[0].hello_ms);
}

static void a_worker_that_is_seen_keeps_the_fields_that_are_not_sent(void **state) {
    struct fixture *f = *state;
    struct worker_entry a = worker_of("a"), *workers;
    assert_ok(worker_list_add(f->store, &a, KEEP_MS, &f->err));
    int64_t said_hello_ms = clock_now_ms();
    while (clock_now_ms() <= said_hello_ms) {
    }
    assert_ok(worker_list_see(f->store, "a", 3, "{\"hits\":1}", KEEP_MS, &f->err));
    assert_ok(worker_list_see(f->store, "a", -1, NULL, KEEP_MS, &f->err));
    assert_int_equal(list_workers(f, &workers), 1);
    assert_int_equal(workers[0].busy_slots, 3);
    assert_string_equal(workers[0].metrics, "{\"hits\":1}");
    assert_true(workers[0].seen_ms > workers[0].hello_ms);

    assert_ok(worker_list_add(f->store, &a, KEEP_MS, &f->err)); /* it joins again after a restart */
    assert_int_equal(list_workers(f, &workers), 1);
    assert_int_equal(workers[0].busy_slots, 1);
    assert_null(workers[0].metrics);
}

static void a_worker_that_is_not_heard_of_is_gone(void **state) {
    struct fixture *f = *state;
    struct worker_entry a = worker_of("a"), b = worker_of("b"), *workers;
    assert_status(STATUS_NOT_FOUND, worker_list_see(f->store, "a", 0, NULL, KEEP_MS, &f->err));
    assert_ok(worker_list_add(f->store, &a, KEEP_SHORT_MS, &f->err));
    assert_ok(worker_list_add(f->store, &b, KEEP_SHORT_MS, &f->err));
    assert_ok(worker_list_see(f->store, "b", 0, NULL, KEEP_MS, &f->err));
    int64_t until_ms = clock_monotonic_ms() + TIMEOUT_MS;
    while (list_workers(f, &workers) == 2)
        assert_true(clock_monotonic_ms() < until_ms);
    assert_int_equal(list_workers(f, &workers), 1);
    assert_string_equal(workers[0].id, "b");
    assert_status(STATUS_NOT_FOUND, worker_list_see(f->store, "a", 0, NULL, KEEP_MS, &f->err));
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "SCARD workers"));
    assert_int_equal(reply->integer, 1);
}

/* ---- Verdicts ---- */

static const char *build(struct fixture *f, const char *compiler, const char *plan, const char *verdict) {
    struct job_request request = matrix_of("a", compiler);
    request.payload = plan;
    request.again = true;
    struct lease lease = claim_job(f, accept_job(f, &request).id);
    finish_build(f, &lease, verdict);
    return arena_copy(&f->arena, request.id);
}

static void the_last_verdict_of_each_compiler_is_kept(void **state) {
    struct fixture *f = *state;
    struct matrix_verdict *verdicts;
    size_t count;
    assert_ok(verdicts_read(f->store, "a", "1.0.0", &f->arena, &verdicts, &count, &f->err));
    assert_int_equal(count, 0);
    build(f, "0.15.10", "{}", "failed_to_compile");
    build(f, "0.15.10", "{\"b\":\"1.0.0\"}", "succeeded");
    const char *last = build(f, "0.15.10", "{}", "worker_lost");
    const char *other = build(f, "0.15.9", "{\"b\":\"1.0.0\"}", "timed_out");
    assert_ok(verdicts_read(f->store, "a", "1.0.0", &f->arena, &verdicts, &count, &f->err));
    assert_int_equal(count, 2);
    assert_string_equal(print(f, verdicts[0].compiler), "0.15.9");
    assert_int_equal(verdicts[0].verdict, VERDICT_TIMED_OUT);
    assert_string_equal(verdicts[0].job_id, other);
    assert_int_equal(verdicts[0].time_ms, get_job(f, other).finished_ms);
    assert_string_equal(print(f, verdicts[1].compiler), "0.15.10");
    assert_int_equal(verdicts[1].verdict, VERDICT_WORKER_LOST);
    assert_string_equal(verdicts[1].job_id, last);
    assert_string_equal(verdicts[1].plan, "bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f"); /* SHA-1 of {} */
    assert_string_not_equal(verdicts[0].plan, verdicts[1].plan);
    /* The same for many versions and one compiler. */
    struct version_verdict items[] = {{.package = "a", .version = {1, 0, 1}, .is_known = true},
                                      {.package = "a", .version = {1, 0, 0}},
                                      {.package = "b", .version = {1, 0, 0}}};
    assert_ok(verdicts_read_for_compiler(f->store, (struct version){0, 15, 9}, items, 3, &f->arena, &f->err));
    assert_false(items[0].is_known);
    assert_true(items[1].is_known);
    assert_int_equal(items[1].verdict.verdict, VERDICT_TIMED_OUT);
    assert_string_equal(items[1].verdict.job_id, other);
    assert_int_equal(items[1].verdict.time_ms, verdicts[0].time_ms);
    assert_string_equal(print(f, items[1].verdict.compiler), "0.15.9");
    assert_false(items[2].is_known);
    assert_ok(verdicts_read_for_compiler(f->store, (struct version){0, 15, 9}, NULL, 0, &f->arena, &f->err));
    assert_ok(verdicts_read(f->store, "a", "1.0.1", &f->arena, &verdicts, &count, &f->err));
    assert_int_equal(count, 0);
}

static void a_verdict_that_is_none_says_so(void **state) {
    struct fixture *f = *state;
    struct redis_reply *reply;
    struct matrix_verdict *verdicts;
    size_t count;
    assert_ok(redis_call(f->redis, &reply, &f->err, "HSET verdicts:a@1.0.0 0.15.9 %s", "fine id 1 plan"));
    assert_status(STATUS_INTERNAL, verdicts_read(f->store, "a", "1.0.0", &f->arena, &verdicts, &count, &f->err));
    struct version_verdict item = {.package = "a", .version = {1, 0, 0}};
    assert_status(STATUS_INTERNAL,
                  verdicts_read_for_compiler(f->store, (struct version){0, 15, 9}, &item, 1, &f->arena, &f->err));
    assert_non_null(strstr(f->err.message, "fine id 1 plan"));
}

/* ---- Progress ---- */

static struct matrix_progress progress_of(struct fixture *f, const char *compiler) {
    struct matrix_progress progress;
    assert_ok(matrix_progress_read(f->store, compiler, "build-matrix", &progress, &f->err));
    return progress;
}

static void the_progress_of_a_compiler_follows_its_jobs(void **state) {
    struct fixture *f = *state;
    struct job_request requests[] = {matrix_of("a", "0.15.9"), matrix_of("b", "0.15.9"), matrix_of("c", "0.15.9"),
                                     matrix_of("a", "0.15.10")};
    struct matrix_progress progress = progress_of(f, "0.15.9");
    assert_int_equal(progress.pending + progress.running + progress.first_ms + progress.last_ms, 0);
    for (int i = 0; i < 4; i++)
        accept_job(f, &requests[i]);
    progress = progress_of(f, "0.15.9");
    assert_int_equal(progress.pending, 3);
    assert_int_equal(progress.first_ms, get_job(f, requests[0].id).created_ms);
    assert_int_equal(progress.last_ms, 0);

    struct lease first = claim_job(f, requests[0].id), second = claim_job(f, requests[1].id);
    progress = progress_of(f, "0.15.9");
    assert_int_equal(progress.pending, 1);
    assert_int_equal(progress.running, 2);
    assert_ok(job_store_release(f->store, &second, &f->err));
    finish_build(f, &first, "timed_out");
    finish_build(f, &first, "timed_out"); /* counts once */
    progress = progress_of(f, "0.15.9");
    assert_int_equal(progress.pending, 2);
    assert_int_equal(progress.running, 0);
    assert_int_equal(progress.ended[VERDICT_TIMED_OUT], 1);
    assert_int_equal(progress.ended_since_first, 1);
    assert_int_equal(progress.last_ms, get_job(f, requests[0].id).finished_ms);
    assert_int_equal(progress_of(f, "0.15.10").pending, 1);
    assert_int_equal(progress_of(f, "0.15.10").ended_since_first, 0);
}

static void an_estimate_starts_over_after_there_were_no_jobs(void **state) {
    struct fixture *f = *state;
    build(f, "0.15.9", "{}", "timed_out");
    struct matrix_progress before = progress_of(f, "0.15.9");
    while (clock_now_ms() <= before.first_ms + 1) {
    }
    build(f, "0.15.9", "{}", "timed_out");
    struct matrix_progress after = progress_of(f, "0.15.9");
    assert_true(after.first_ms > before.first_ms);
    assert_int_equal(after.ended_since_first, 1);
    assert_int_equal(after.ended[VERDICT_TIMED_OUT], 2);
}

/* An event counts from its job's end until it is acknowledged; for a group that has never read, all events count. */
static void a_compiler_is_being_planned_while_there_are_events(void **state) {
    struct fixture *f = *state;
    struct event *events;
    size_t count;
    struct job_request request = matrix_of("a", "0.15.9");
    const struct job_end end = {.success = true, .verdict = "succeeded", .event = "{}"};
    accept_job(f, &request);
    struct lease lease = claim_job(f, request.id);
    assert_false(progress_of(f, "0.15.9").is_being_planned);
    assert_ok(job_store_finish(f->store, &lease, &end, &f->err));
    assert_true(progress_of(f, "0.15.9").is_being_planned); /* there is no group yet */
    assert_ok(events_read(f->store, &(struct event_consumer){"build-matrix", "one", KEEP_MS}, 0, 10, &f->arena, &events, &count,
                          &f->err));
    assert_int_equal(count, 1);
    assert_true(progress_of(f, "0.15.9").is_being_planned);
    assert_ok(events_acknowledge(f->store, "build-matrix", &events[0].id, 1, &f->err));
    assert_false(progress_of(f, "0.15.9").is_being_planned);
    build(f, "0.15.10", "{}", "timed_out"); /* nothing follows from it */
    assert_false(progress_of(f, "0.15.9").is_being_planned);
}

/* ---- Waves and sweeps ---- */

static bool claim_wave(struct fixture *f, const char *compiler, int64_t claim_ms) {
    bool is_ours = false;
    assert_ok(matrix_wave_claim(f->store, compiler, claim_ms, &is_ours, &f->err));
    return is_ours;
}

static void one_begins_the_wave_of_a_compiler(void **state) {
    struct fixture *f = *state;
    assert_true(claim_wave(f, "0.15.9", KEEP_SHORT_MS));
    int64_t until_ms = clock_monotonic_ms() + TIMEOUT_MS;
    while (!claim_wave(f, "0.15.9", KEEP_MS)) /* the first one was not completed */
        assert_true(clock_monotonic_ms() < until_ms);
    assert_false(claim_wave(f, "0.15.9", KEEP_MS));
    assert_true(claim_wave(f, "0.15.10", KEEP_MS));
    assert_ok(matrix_wave_begun(f->store, "0.15.9", &f->err));
    assert_false(claim_wave(f, "0.15.9", 1));
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "PTTL wave:0.15.9"));
    assert_int_equal(reply->integer, -1); /* for good */
}

static void one_sweeps_in_an_interval(void **state) {
    struct fixture *f = *state;
    bool is_ours = false;
    assert_ok(matrix_sweep_claim(f->store, KEEP_MS, &is_ours, &f->err));
    assert_true(is_ours);
    assert_ok(matrix_sweep_claim(f->store, KEEP_MS, &is_ours, &f->err));
    assert_false(is_ours);
    int64_t until_ms = clock_monotonic_ms() + TIMEOUT_MS;
    while (!is_ours) { /* also with a shorter interval */
        assert_true(clock_monotonic_ms() < until_ms);
        assert_ok(matrix_sweep_claim(f->store, KEEP_SHORT_MS, &is_ours, &f->err));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(the_list_of_compilers_is_as_it_was_written_last),
        store_test(a_list_that_is_none_says_so),
        store_test(workers_are_listed_by_id_with_what_they_said),
        store_test(a_worker_that_is_seen_keeps_the_fields_that_are_not_sent),
        store_test(a_worker_that_is_not_heard_of_is_gone),
        store_test(the_last_verdict_of_each_compiler_is_kept),
        store_test(a_verdict_that_is_none_says_so),
        store_test(the_progress_of_a_compiler_follows_its_jobs),
        store_test(an_estimate_starts_over_after_there_were_no_jobs),
        store_test(a_compiler_is_being_planned_while_there_are_events),
        store_test(one_begins_the_wave_of_a_compiler),
        store_test(one_sweeps_in_an_interval),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
