/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Common setup of the tests of the Redis part of lib/store: one redis-server for all tests of a program, emptied before each, a
 * job store, and short functions for making and claiming jobs.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/store/job/job_store.h"
#include "lib/store/job/log_stream.h"
#include "lib/store/redis/redis.h"
#include "tests/support/server/redis_server.h"

#include <poll.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 60000, LEASE_MS = 60000, SHORT_LEASE_MS = 200 };
enum { ALL_KINDS = ((1 << JOB_KIND_COUNT) - 1) & ~(1 << JOB_KIND_MATRIX) }; /* kinds that runners claim by themselves */

struct fixture {
    struct redis_server *server;
    struct redis *redis; /* to see Redis without the store */
    struct job_store *store;
    struct arena arena;
    struct error err;
};

/* Fails the test, with the error's message, if the status is not the expected one. */
#define assert_status(expected, call)                                                                                          \
    do {                                                                                                                       \
        f->err.message[0] = '\0';                                                                                              \
        enum status got_ = (call);                                                                                             \
        if (got_ != (expected)) fail_msg("%s: %s: %s", #call, status_code(got_), f->err.message);                              \
    } while (0)
#define assert_ok(call) assert_status(STATUS_OK, call)

static inline void connect_fixture(struct fixture *f) {
    assert_ok(redis_create(&f->redis, redis_server_url(f->server), TIMEOUT_MS, &f->err));
    assert_ok(job_store_create(&f->store, redis_server_url(f->server), TIMEOUT_MS, &f->err));
}

static inline int start_fixture(void **state) {
    struct fixture *f = memory_alloc(sizeof *f);
    f->server = redis_server_start();
    connect_fixture(f);
    *state = f;
    return 0;
}

static inline int stop_fixture(void **state) {
    struct fixture *f = *state;
    redis_free(f->redis);
    job_store_free(f->store);
    redis_server_stop(f->server);
    arena_release(&f->arena);
    free(f);
    return 0;
}

/* Before each test. */
static inline int empty_fixture(void **state) {
    struct fixture *f = *state;
    struct redis_reply *reply;
    arena_release(&f->arena);
    assert_ok(redis_call(f->redis, &reply, &f->err, "FLUSHALL"));
    return 0;
}

#define store_test(name) cmocka_unit_test_setup(name, empty_fixture)

/* A publish job of version 1.0.0 with a new id. Tests change the fields that matter to them. */
static inline struct job_request publish_of(const char *package) {
    struct job_request request = {.kind = JOB_KIND_PUBLISH,
                                  .payload = "{\"ref\":\"v1.0.0\"}",
                                  .package = package,
                                  .version = "1.0.0",
                                  .actor = "anonymous"};
    hash_random_uuid(request.id);
    return request;
}

static inline struct job_request unpublish_of(const char *package) {
    struct job_request request = publish_of(package);
    request.kind = JOB_KIND_UNPUBLISH;
    request.payload = "{\"payload\":\"{}\",\"signature\":\"ab\"}";
    request.actor = "key-1";
    return request;
}

static inline struct job_request matrix_of(const char *package, const char *compiler) {
    struct job_request request = publish_of(package);
    request.kind = JOB_KIND_MATRIX;
    request.payload = "{\"prelude\":\"6.0.0\"}";
    request.compiler = compiler;
    request.purpose = MATRIX_PURPOSE_WAVE;
    return request;
}

static inline struct job_request package_set(void) {
    struct job_request request = {.kind = JOB_KIND_PACKAGE_SET, .payload = "{\"packages\":{}}", .actor = "anonymous"};
    hash_random_uuid(request.id);
    return request;
}

static inline struct job_accepted accept_job(struct fixture *f, const struct job_request *request) {
    struct job_accepted accepted;
    assert_ok(job_store_accept(f->store, request, NULL, &accepted, &f->err));
    return accepted;
}

static inline struct lease claim_job(struct fixture *f, const char *id) {
    struct lease lease;
    struct job job;
    assert_ok(job_store_claim(f->store, id, "runner", LEASE_MS, &f->arena, &lease, &job, &f->err));
    assert_string_equal(lease.job_id, id);
    return lease;
}

static inline struct lease claim_next(struct fixture *f, unsigned kinds) {
    struct lease lease;
    struct job job;
    assert_ok(job_store_claim_next(f->store, kinds, "runner", LEASE_MS, &f->arena, &lease, &job, &f->err));
    assert_string_equal(lease.job_id, job.id);
    return lease;
}

static inline void assert_not_claimable(struct fixture *f, const char *id) {
    struct lease lease;
    struct job job;
    assert_status(STATUS_BUSY, job_store_claim(f->store, id, "runner", LEASE_MS, &f->arena, &lease, &job, &f->err));
}

static inline struct job get_job(struct fixture *f, const char *id) {
    struct job job;
    assert_ok(job_store_get(f->store, id, &f->arena, &job, &f->err));
    return job;
}

/* Ends a job as build-matrix does. */
static inline void finish_build(struct fixture *f, const struct lease *lease, const char *verdict) {
    bool success = strcmp(verdict, "succeeded") == 0;
    struct job_end end = {.success = success, .error = success ? NULL : "It does not compile.", .verdict = verdict};
    assert_ok(job_store_finish(f->store, lease, &end, &f->err));
}

static inline void finish_job(struct fixture *f, const struct lease *lease, bool success) {
    struct job_end end = {.success = success, .error = success ? NULL : "It does not compile."};
    assert_ok(job_store_finish(f->store, lease, &end, &f->err));
}

/* Accepts, claims and finishes. */
static inline struct job_accepted run_job(struct fixture *f, const struct job_request *request, const struct job_end *end) {
    struct job_accepted accepted = accept_job(f, request);
    struct lease lease = claim_job(f, accepted.id);
    assert_ok(job_store_finish(f->store, &lease, end, &f->err));
    return accepted;
}

static inline void wait_ms(int duration_ms) {
    poll(NULL, 0, duration_ms);
}

/* The messages of the job's log, each on its own line; with `have_levels`, after its level. */
static inline const char *print_log(struct fixture *f, const char *id, bool have_levels) {
    const struct log_query query = {.level = LOG_DEBUG, .limit = 1000};
    struct log_lines lines;
    struct text text = {0};
    assert_ok(log_stream_read(f->store, id, &query, &f->arena, &lines, &f->err));
    for (size_t i = 0; i < lines.count; i++)
        text_append_format(&text, "%s%s%s%s", i ? "\n" : "", have_levels ? log_level_name(lines.lines[i].level) : "",
                           have_levels ? " " : "", lines.lines[i].message);
    const char *copy = arena_copy(&f->arena, text_view(&text));
    text_release(&text);
    return copy;
}

/* Waits for the end of a job that another thread runs. */
static inline struct job await_end(struct fixture *f, const char *id) {
    struct job job;
    for (int64_t until_ms = clock_monotonic_ms() + TIMEOUT_MS; !job_state_is_finished((job = get_job(f, id)).state); wait_ms(5))
        if (clock_monotonic_ms() > until_ms) fail_msg("The job %s does not end:\n%s", id, print_log(f, id, true));
    return job;
}

#endif
