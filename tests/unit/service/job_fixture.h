/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Common setup of the job runner's tests: that of the job store's tests (a redis-server, a store), and a runner with one
 * handler, which obeys the word in the job's payload:
 *
 *   "return"              does nothing
 *   "say N"               logs N lines, "line 1" to "line N"
 *   "refuse"              fails with a sentence
 *   "wait"                logs "waiting", then waits until the gate is open or the deadline is cancelled
 *   "wait and say N"      logs N lines, waits, logs them again
 *   "full disk"           fails with a full disk until the gate is open
 *   "host away"           fails with an unreachable host of the requester
 *   "rival"               fails three times after its record, each time with a conflict
 *   "record"              fails temporarily after its record the first time, and succeeds when it finds the record
 */
#ifndef TESTS_UNIT_SERVICE_JOB_FIXTURE_H
#define TESTS_UNIT_SERVICE_JOB_FIXTURE_H

#include "tests/store/fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "lib/service/job/job_runner.h"
#include "lib/store/job/log_stream.h"

enum { PATIENCE_MS = 60000, RUNS_MAX = 2048 };

struct job_fixture {
    struct fixture f; /* first: tests/store/fixture.h casts */
    struct settings settings;
    struct job_runner *runner;
    atomic_bool gate_is_open;
    atomic_int begun; /* all runs, and those at this moment */
    atomic_int running;
    atomic_int most_running;
    atomic_int last_status; /* of the last handler that waited */
    pthread_mutex_t mutex;
    char order[RUNS_MAX][UUID_TEXT_MAX]; /* ids in the order of their begin */
};

static inline void say_lines(struct job_run *run, int count) {
    for (int i = 1; i <= count; i++)
        job_run_log(run, LOG_INFO, "line %d", i);
}

static inline enum status wait_at_gate(struct job_fixture *j, struct job_run *run, struct error *err) {
    enum status status = STATUS_OK;
    while (!atomic_load(&j->gate_is_open) && !(status = deadline_check(&run->deadline, err)))
        usleep(1000);
    atomic_store(&j->last_status, status);
    return status;
}

static inline enum status record_once(struct job_run *run, struct error *err) {
    if (run->has_record) return STATUS_OK;
    enum status status = job_run_record(run, "{\"commit\":\"1\"}", err);
    return status ? status : error_set(err, STATUS_UNAVAILABLE, "The storage is away.");
}

static inline enum status obey(struct job_fixture *j, struct job_run *run, struct error *err) {
    const char *order = run->job.payload;
    int count = 0;
    if (sscanf(order, "say %d", &count) == 1) say_lines(run, count);
    if (strcmp(order, "say a text") == 0) job_run_log(run, LOG_INFO, "above\n\nbelow\n\n");
    if (strcmp(order, "refuse") == 0) return error_set(err, STATUS_REFUSED, "There is no license.");
    if (strcmp(order, "full disk") == 0 && !atomic_load(&j->gate_is_open))
        return error_set(err, STATUS_INTERNAL, "cannot write /var/work/1: No space left on device");
    if (strcmp(order, "host away") == 0) return error_set(err, STATUS_UNAVAILABLE, "git.example is away.");
    if (strcmp(order, "rival") == 0) {
        enum status status = job_run_record(run, "{\"commit\":\"1\"}", err);
        return status || atomic_load(&j->begun) > 3 ? status : error_set(err, STATUS_CONFLICT, "Somebody else was faster.");
    }
    if (strcmp(order, "record") == 0) return record_once(run, err);
    if (strcmp(order, "wait") == 0) {
        job_run_log(run, LOG_INFO, "waiting");
        return wait_at_gate(j, run, err);
    }
    if (sscanf(order, "wait and say %d", &count) == 1) {
        say_lines(run, count);
        enum status status = wait_at_gate(j, run, err);
        say_lines(run, count);
        return status;
    }
    return STATUS_OK;
}

static inline enum status handle_job(void *context, struct job_run *run, struct error *err) {
    struct job_fixture *j = context;
    int running = atomic_fetch_add(&j->running, 1) + 1;
    for (int most = atomic_load(&j->most_running);
         most < running && !atomic_compare_exchange_weak(&j->most_running, &most, running);) {
    }
    pthread_mutex_lock(&j->mutex);
    int number = atomic_load(&j->begun);
    memcpy(j->order[number % RUNS_MAX], run->job.id, UUID_TEXT_MAX);
    atomic_store(&j->begun, number + 1);
    pthread_mutex_unlock(&j->mutex);
    enum status status = obey(j, run, err);
    atomic_fetch_sub(&j->running, 1);
    return status;
}

static const struct job_handler test_handlers[] = {
    {JOB_KIND_PUBLISH, handle_job},
    {0},
};

static inline int start_job_fixture(void **state) {
    struct job_fixture *j = memory_alloc(sizeof *j);
    struct fixture *f = &j->f;
    f->server = redis_server_start();
    connect_fixture(f);
    pthread_mutex_init(&j->mutex, NULL);
    *state = j;
    return 0;
}

/* Before each test: no scan looks for jobs. */
static inline int empty_job_fixture(void **state) {
    struct job_fixture *j = *state;
    empty_fixture(state);
    j->settings = (struct settings){
        .redis_url = (char *)redis_server_url(j->f.server),
        .lease_ms = LEASE_MS,
        .publish_timeout_ms = PATIENCE_MS,
        .pending_scan_ms = 0,
        .log_limit_lines = 100000,
        .log_limit_bytes = 1 << 24,
    };
    atomic_store(&j->gate_is_open, false);
    atomic_store(&j->begun, 0);
    atomic_store(&j->most_running, 0);
    atomic_store(&j->last_status, -1);
    return 0;
}

static inline int stop_job_fixture(void **state) {
    struct job_fixture *j = *state;
    pthread_mutex_destroy(&j->mutex);
    return stop_fixture(state);
}

#define job_test(name) cmocka_unit_test_setup(name, empty_job_fixture)

static inline void start_runner_with(struct job_fixture *j, int slots, const struct job_handler *handlers) {
    struct fixture *f = &j->f;
    assert_ok(job_runner_create(&j->runner, &j->settings, "test", slots, handlers, j, &f->err));
}

static inline void start_runner(struct job_fixture *j, int slots) {
    start_runner_with(j, slots, test_handlers);
}

static inline void stop_runner(struct job_fixture *j) {
    atomic_store(&j->gate_is_open, true);
    job_runner_free(j->runner, PATIENCE_MS);
    j->runner = NULL;
}

/* A publish job with the payload `order`. */
static inline struct job_accepted accept_order(struct job_fixture *j, const char *package, const char *order) {
    struct job_request request = publish_of(package);
    request.payload = order;
    return accept_job(&j->f, &request);
}

static inline struct job_accepted announce_order(struct job_fixture *j, const char *package, const char *order) {
    struct job_accepted accepted = accept_order(j, package, order);
    job_runner_announce(j->runner, accepted.id);
    return accepted;
}

/* Polls `condition`, which may use `j`, until it holds. */
#define await(condition)                                                                                                       \
    do {                                                                                                                       \
        int64_t await_until_ms_ = clock_monotonic_ms() + PATIENCE_MS;                                                          \
        while (!(condition)) {                                                                                                 \
            if (clock_monotonic_ms() > await_until_ms_) fail_msg("in vain: %s", #condition);                                   \
            usleep(1000);                                                                                                      \
        }                                                                                                                      \
    } while (0)

static inline enum job_state state_of(struct job_fixture *j, const char *id) {
    return get_job(&j->f, id).state;
}

static inline struct log_lines read_log(struct job_fixture *j, const char *id) {
    struct fixture *f = &j->f;
    struct log_query query = {.level = LOG_DEBUG, .limit = 100000};
    struct log_lines lines;
    assert_ok(log_stream_read(f->store, id, &query, &f->arena, &lines, &f->err));
    return lines;
}

/* Makes the job's lease expire now, and requeues the job. */
static inline void expire_lease(struct job_fixture *j, const char *id) {
    struct fixture *f = &j->f;
    struct redis_reply *reply;
    struct job_reaped reaped = {0};
    await(({
        assert_ok(redis_call(f->redis, &reply, &f->err, "ZADD leases XX 1 %s", id));
        assert_ok(job_store_reap(f->store, 100, &reaped, &f->err));
        reaped.returned + reaped.failed + reaped.alarming > 0;
    }));
}

#endif
