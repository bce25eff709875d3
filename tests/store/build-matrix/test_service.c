/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The service with its threads: requests for work that wait, a build from its event to its commit, and the service's readiness
 * and metrics.
 */
#include <pthread.h>

#include "lib/service/message/message_client.h"
#include "tests/store/build-matrix/matrix_fixture.h"

static struct message_client *client;

/* Starts all threads, without sweeps. */
static void start_service(struct matrix_fixture *m) {
    struct fixture *f = &m->f;
    m->service.settings.matrix_sweep_jobs = 0;
    m->service.settings.pending_scan_ms = 0; /* no scans: jobs are found by notification only */
    assert_ok(matrix_service_start(&m->service, &f->err));
    const struct message_client_options options = {.address = m->service.settings.build_worker_address, .peers = PEERS_WORKERS};
    assert_ok(message_client_create(&client, &options, &f->err));
}

static int close_all(void **state) {
    message_client_free(client);
    client = NULL;
    return close_service(state);
}

#define service_test(name) cmocka_unit_test_setup_teardown(name, open_service, close_all)

/* ---- Messages ---- */

#define SELF .worker = m->worker.name, .secret = m->worker.secret

static enum status say(struct matrix_fixture *m, const struct message *message, struct message *answer) {
    return message_client_call(client, message, PATIENCE_MS, &m->f.arena, answer, &m->f.err);
}

static void join(struct matrix_fixture *m) {
    struct fixture *f = &m->f;
    struct message answer;
    const struct message message = {.tag = MESSAGE_worker_join,
                                    .worker_join = {SELF, .host = "a-test", .compilers = OLD " " NEW, .slots = 1}};
    assert_ok(say(m, &message, &answer));
}

static struct message ask_of(struct matrix_fixture *m, int64_t wait_ms_) {
    return (struct message){.tag = MESSAGE_build_ask, .build_ask = {SELF, .compilers = OLD " " NEW, .wait_ms = wait_ms_}};
}

/* A request for work, in a separate thread. */
struct ask {
    pthread_t thread;
    struct message message, answer;
    struct arena arena;
    struct error err;
    enum status status;
};

static void *wait_for_answer(void *context) {
    struct ask *ask = context;
    ask->status = message_client_call(client, &ask->message, PATIENCE_MS, &ask->arena, &ask->answer, &ask->err);
    return NULL;
}

static void await_metric(struct matrix_fixture *m, const char *sample, double value) {
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    for (double is; (is = metric_of(m, sample)) != value; wait_ms(5))
        if (clock_monotonic_ms() > until_ms) fail_msg("%s is %g", sample, is);
}

#define WAITING "registry_matrix_asks_waiting"

static void begin_ask(struct matrix_fixture *m, struct ask *ask) {
    *ask = (struct ask){.message = ask_of(m, PATIENCE_MS)};
    assert_int_equal(pthread_create(&ask->thread, NULL, wait_for_answer, ask), 0);
    await_metric(m, WAITING, 1);
}

static void end_ask(struct ask *ask, enum message_tag tag) {
    pthread_join(ask->thread, NULL);
    if (ask->status) fail_msg("%s", ask->err.message);
    assert_int_equal(ask->answer.tag, tag);
}

static struct build_job read_build(struct matrix_fixture *m, const struct message *message) {
    const struct work_order work = read_work(m, message);
    assert_int_equal(work.job_count, 1);
    return work.jobs[0];
}

/* ---- Requests for work ---- */

static void a_request_waits_until_there_is_a_job(void **state) {
    struct matrix_fixture *m = *state;
    struct ask ask;
    start_service(m);
    join(m);
    begin_ask(m, &ask);
    const char *id = accept_wave_build(m, "arrays");
    matrix_service_announce(&m->service, NULL);
    end_ask(&ask, MESSAGE_work_order);
    assert_string_equal(read_build(m, &ask.answer).job_id, id);
    arena_release(&ask.arena);
    await_metric(m, WAITING, 0);
    await_metric(m, "registry_matrix_batches_total", 1);
    await_metric(m, "registry_matrix_handed_out_total", 1);
    await_metric(m, "registry_build_workers", 1);
}

static void a_request_whose_time_is_over_is_answered(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    struct message answer, ask;
    start_service(m);
    join(m);
    static const int64_t waits_ms[] = {1, 0, -7};
    for (size_t i = 0; i < 3; i++) {
        ask = ask_of(m, waits_ms[i]);
        assert_ok(say(m, &ask, &answer));
        assert_int_equal(answer.tag, MESSAGE_done);
    }
}

static void requests_of_a_worker_that_leaves_are_answered(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    struct ask ask;
    struct message answer;
    start_service(m);
    join(m);
    begin_ask(m, &ask);
    dispatcher_forget(m->service.dispatcher, "another");
    await_metric(m, WAITING, 1); /* the dispatcher may have taken it for a moment */
    const struct message leave = {.tag = MESSAGE_worker_leave, .worker_leave = {SELF}};
    int64_t leaves_ms = clock_monotonic_ms();
    assert_ok(say(m, &leave, &answer));
    end_ask(&ask, MESSAGE_done);
    assert_true(clock_monotonic_ms() < leaves_ms + PATIENCE_MS / 2); /* and not only after its time limit */
    assert_true(metric_of(m, WAITING) == 0);
    arena_release(&ask.arena);
}

static void requests_that_wait_are_answered_when_the_service_stops(void **state) {
    struct matrix_fixture *m = *state;
    struct ask ask;
    start_service(m);
    join(m);
    begin_ask(m, &ask);
    matrix_service_stop(&m->service);
    end_ask(&ask, MESSAGE_done);
    arena_release(&ask.arena);
}

/* What a request for work gets that waits for a moment: a job's id, or "". */
static const char *job_after(struct matrix_fixture *m, int64_t wait_ms_) {
    struct fixture *f = &m->f;
    struct message answer, ask = ask_of(m, wait_ms_);
    assert_ok(say(m, &ask, &answer));
    return answer.tag == MESSAGE_done ? "" : arena_copy(&f->arena, read_build(m, &answer).job_id);
}

enum { SHORT_WAIT_MS = 100 };

static void builds_that_nobody_waits_for_are_held_back_during_a_publication(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct job_request publication = publish_of("maybe");
    struct ask ask;
    m->service.settings.background_hold_ms = 600000;
    start_service(m);
    join(m);
    accept_job(f, &publication);
    struct lease lease = claim_job(f, publication.id);
    const char *wave = accept_wave_build(m, "arrays");
    begin_ask(m, &ask);
    await_metric(m, "registry_matrix_background_held", 1);
    const char *urgent = accept_build(m, "effect", NULL, MATRIX_PURPOSE_PUBLICATION);
    end_ask(&ask, MESSAGE_work_order);
    const struct build_job build = read_build(m, &ask.answer);
    const struct lease lease_of_build = lease_of(&build);
    assert_string_equal(build.job_id, urgent);
    arena_release(&ask.arena);
    assert_ok(job_store_finish(f->store, &lease, &(struct job_end){.success = true}, &f->err));
    assert_string_equal(job_after(m, SHORT_WAIT_MS), ""); /* the build of the publication still runs */
    assert_int_equal(get_job(f, urgent).state, JOB_STATE_RUNNING);
    assert_ok(job_store_finish(f->store, &lease_of_build, &(struct job_end){.success = true, .verdict = "succeeded"}, &f->err));
    assert_string_equal(job_after(m, PATIENCE_MS), wave); /* found without an announcement */
    await_metric(m, "registry_matrix_background_held", 0);
}

static void they_are_held_back_for_a_limited_time(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct job_request publication = publish_of("maybe");
    static const int64_t limits_ms[] = {SHORT_WAIT_MS, 0};
    static const char *const packages[] = {"arrays", "effect"};
    accept_job(f, &publication);
    claim_job(f, publication.id);
    start_service(m);
    join(m);
    for (size_t i = 0; i < 2; i++) {
        m->service.settings.background_hold_ms = limits_ms[i];
        const char *wave = accept_wave_build(m, packages[i]);
        assert_string_equal(job_after(m, PATIENCE_MS), wave);
    }
}

static void a_stranger_gets_no_work(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    struct message answer, ask = ask_of(m, 1);
    start_service(m);
    assert_status(STATUS_NOT_FOUND, say(m, &ask, &answer)); /* it must join first */
    join(m);
    ask.build_ask.secret = "another";
    assert_status(STATUS_INVALID, say(m, &ask, &answer));
}

/* ---- From an event to a commit ---- */

static void a_version_that_was_published_gets_its_other_compiler(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    struct ask ask;
    struct message answer;
    start_service(m);
    join(m);
    begin_ask(m, &ask);
    const struct job_request request = publish_of("arrays");
    run_job(f, &request,
            &(struct job_end){.success = true, .event = "{\"event\":\"published\",\"name\":\"arrays\",\"version\":\"1.0.0\"}"});
    end_ask(&ask, MESSAGE_work_order);
    const struct build_job build = read_build(m, &ask.answer);
    const struct message end = {.tag = MESSAGE_build_outcome,
                                .build_outcome = {SELF, .job_id = build.job_id, .fence = build.fence, .verdict = "succeeded"}};
    assert_ok(say(m, &end, &answer));
    await_end(&m->f, build.job_id);
    expect_state(m, build.job_id, JOB_STATE_SUCCEEDED);
    assert_string_equal(compilers_of(m, "arrays"), OLD " " NEW);
    arena_release(&ask.arena);
    await_metric(m, "registry_matrix_commits_total", 1);
    await_metric(m, "registry_matrix_jobs_total{verdict=\"succeeded\"}", 1);
    await_metric(m, "registry_matrix_jobs{compiler=\"" NEW "\",state=\"pending\"}", 0);
    await_metric(m, "registry_matrix_stale_total{message=\"lines\"}", 0);
}

/* ---- Readiness and metrics ---- */

/* The message of the check of build workers. */
static const char *check(struct matrix_fixture *m, bool *is_fine) {
    struct deadline deadline;
    struct job_service_checks checks = {.arena = &m->f.arena, .are_fine = true};
    deadline_start(&deadline, PATIENCE_MS);
    matrix_service_check(&m->service, &checks, &deadline);
    *is_fine = checks.are_fine;
    const struct record_check *workers = &checks.items[checks.count - 1];
    assert_string_equal(workers->name, "build workers");
    return workers->message ? workers->message : "";
}

static void add_worker(struct matrix_fixture *m, const char *id, const char *metrics) {
    struct fixture *f = &m->f;
    const struct worker_entry worker = {.id = id, .host = "a-test", .program = "1", .compilers = NEW, .slots = 1};
    assert_ok(worker_list_add(f->store, &worker, LEASE_MS, &f->err));
    assert_ok(worker_list_see(f->store, id, 0, metrics, LEASE_MS, &f->err));
}

#define FULL(setting) "[{\"name\":\"registry_build_disk_full\",\"labels\":{\"setting\":\"" setting "\"},\"value\":1}]"

static void workers_with_full_disks_are_an_alarm_once(void **state) {
    struct matrix_fixture *m = *state;
    bool is_fine;
    assert_non_null(strstr(check(m, &is_fine), "No build worker is registered"));
    assert_true(is_fine);
    add_worker(m, "one", "[{\"name\":\"registry_build_disk_full\",\"labels\":{\"setting\":\"BUILD_DIR\"},\"value\":0}]");
    assert_null(strstr(check(m, &is_fine), "full"));
    assert_true(is_fine);
    assert_int_equal(matrix_service_count_alarms(&m->service), 0);

    add_worker(m, "one", FULL("BUILD_STORE_DIR")); /* it can build although its store is full */
    assert_non_null(strstr(check(m, &is_fine), "The disks of build workers are full: one (BUILD_STORE_DIR)."));
    assert_true(is_fine);
    add_worker(m, "one", FULL("BUILD_DIR"));
    assert_non_null(strstr(check(m, &is_fine), "one (BUILD_DIR)."));
    assert_false(is_fine);
    add_worker(m, "two", "no metrics");
    assert_non_null(strstr(check(m, &is_fine), "one (BUILD_DIR)."));
    assert_true(is_fine);
    assert_int_equal(matrix_service_count_alarms(&m->service), 1);

    add_worker(m, "one", "[]");
    check(m, &is_fine);
    add_worker(m, "one", FULL("BUILD_DIR"));
    check(m, &is_fine);
    assert_int_equal(matrix_service_count_alarms(&m->service), 2);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        service_test(a_request_waits_until_there_is_a_job),
        service_test(a_request_whose_time_is_over_is_answered),
        service_test(requests_of_a_worker_that_leaves_are_answered),
        service_test(requests_that_wait_are_answered_when_the_service_stops),
        service_test(builds_that_nobody_waits_for_are_held_back_during_a_publication),
        service_test(they_are_held_back_for_a_limited_time),
        service_test(a_stranger_gets_no_work),
        service_test(a_version_that_was_published_gets_its_other_compiler),
        matrix_test(workers_with_full_disks_are_an_alarm_once),
    };
    return cmocka_run_group_tests(tests, start_matrix, stop_matrix);
}
