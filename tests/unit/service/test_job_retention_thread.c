/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A job runner with a storage folder keeps Redis small (tests/store/test_job_retention.c tests which jobs move, and when).
 */
#include "tests/unit/service/job_fixture.h"

#include "lib/store/job/job_archive.h"
#include "lib/store/redis/events.h"
#include "tests/support/temporary_folder.h"

static const struct job_end success = {.success = true, .event = "{}"};

static bool is_in_redis(struct job_fixture *j, const char *id) {
    struct fixture *f = &j->f;
    struct job job;
    enum status status = job_store_get(f->store, id, &f->arena, &job, &f->err);
    if (status && status != STATUS_NOT_FOUND) fail_msg("%s", f->err.message);
    return status == STATUS_OK;
}

static void a_runner_moves_jobs_whose_days_are_over(void **state) {
    struct job_fixture *j = *state;
    struct fixture *f = &j->f;
    struct temporary_folder storage;
    struct job_request matrix = matrix_of("prelude", "0.15.15"), publish = publish_of("arrays");
    temporary_folder_make(&storage);
    run_job(f, &matrix, &success), run_job(f, &publish, &success);
    j->settings.storage_dir = storage.path;
    j->settings.retention_days = 1;
    j->settings.matrix_retention_days = -1; /* its days were over yesterday */
    start_runner(j, 1);
    await(!is_in_redis(j, matrix.id));
    stop_runner(j);
    assert_true(is_in_redis(j, publish.id));
    struct job job;
    assert_ok(job_archive_read(storage.path, matrix.id, NULL, &f->arena, &job, NULL, &f->err));
    assert_int_equal(job.state, JOB_STATE_SUCCEEDED);
    temporary_folder_remove(&storage);
}

static int64_t count_events(struct fixture *f) {
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "XLEN events"));
    return reply->integer;
}

static void a_runner_trims_acknowledged_events(void **state) {
    enum { EVENTS = 120 }; /* more than one node of a stream holds */
    struct job_fixture *j = *state;
    struct fixture *f = &j->f;
    struct temporary_folder storage;
    struct event *events;
    size_t count;
    for (int i = 0; i < EVENTS; i++) {
        struct job_request request = publish_of("prelude");
        run_job(f, &request, &success);
    }
    assert_ok(events_read(f->store, &(struct event_consumer){"group", "one", PATIENCE_MS}, 0, EVENTS, &f->arena, &events,
                          &count, &f->err));
    for (size_t i = 0; i < count; i++)
        assert_ok(events_acknowledge(f->store, "group", &events[i].id, 1, &f->err));
    temporary_folder_make(&storage);
    j->settings.storage_dir = storage.path;
    j->settings.retention_days = j->settings.matrix_retention_days = 1;
    start_runner(j, 1);
    await(count_events(f) < EVENTS);
    stop_runner(j);
    temporary_folder_remove(&storage);
}

static void without_a_storage_folder_everything_stays(void **state) {
    struct job_fixture *j = *state;
    struct job_request publish = publish_of("arrays");
    run_job(&j->f, &publish, &success);
    j->settings.retention_days = -1;
    start_runner(j, 1);
    struct job_accepted other = announce_order(j, "prelude", "return");
    await(state_of(j, other.id) == JOB_STATE_SUCCEEDED);
    stop_runner(j);
    assert_true(is_in_redis(j, publish.id) && is_in_redis(j, other.id));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        job_test(a_runner_moves_jobs_whose_days_are_over),
        job_test(a_runner_trims_acknowledged_events),
        job_test(without_a_storage_folder_everything_stays),
    };
    log_configure("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, start_job_fixture, stop_job_fixture);
}
