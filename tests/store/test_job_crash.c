/* SPDX-License-Identifier: BSD-3-Clause
 * Many threads at once, while Redis is killed: every answered job is kept, exactly once (lib/store/README.md, Accepted means
 * kept).
 */
#include "tests/store/fixture.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 8, PACKAGES = 12, JOBS_MAX = 20000 };

/* Shared by the threads. A thread counts faults instead of failing the test, which only the main thread may do. */
struct shared {
    const char *url;
    atomic_bool stop;
    atomic_int faults;
    atomic_int accepted_count;
    char accepted[JOBS_MAX][UUID_TEXT_MAX]; /* ids of accepted jobs */
    atomic_int running[PACKAGES];           /* claimed and not yet ended, by package */
    atomic_int finished_count;
    char finished[JOBS_MAX][UUID_TEXT_MAX]; /* ids of jobs whose end was confirmed */
};

static void note(struct shared *all, bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "fault: %s\n", what);
    all->faults++;
}

static void package_name(int number, char name[16]) {
    snprintf(name, 16, "package-%d", number);
}

/* Accepts jobs until told to stop; asks again with the same id while Redis is away, as the gateway does. */
static void *accept_jobs(void *context) {
    struct shared *all = context;
    struct job_store *store = NULL;
    struct error err;
    unsigned seed = (unsigned)(uintptr_t)&store;
    if (job_store_create(&store, all->url, TIMEOUT_MS, &err) != STATUS_OK) return NULL;
    while (!all->stop && all->accepted_count < JOBS_MAX - THREADS) {
        char package[16];
        package_name(rand_r(&seed) % PACKAGES, package);
        struct job_request request = publish_of(package);
        request.duplicate_key = request.id;
        struct job_accepted accepted;
        enum status status;
        while ((status = job_store_accept(store, &request, NULL, &accepted, &err)) == STATUS_UNAVAILABLE)
            wait_ms(2);
        note(all, status == STATUS_OK && accepted.created && strcmp(accepted.id, request.id) == 0, "an id came back changed");
        memcpy(all->accepted[all->accepted_count++], accepted.id, UUID_TEXT_MAX);
    }
    job_store_free(store);
    return NULL;
}

/* Ends the claimed job; repeats while Redis is away. */
static void end_job(struct shared *all, struct job_store *store, const struct lease *lease) {
    struct error err;
    const struct job_end end = {.success = true, .event = "{}"};
    enum status status;
    while ((status = job_store_finish(store, lease, &end, &err)) == STATUS_UNAVAILABLE)
        wait_ms(2);
    if (status == STATUS_OK) memcpy(all->finished[all->finished_count++], lease->job_id, UUID_TEXT_MAX);
    note(all, status == STATUS_OK || status == STATUS_STALE, "a finish was refused");
}

/* Claims and ends jobs until told to stop and none is left. */
static void *run_jobs(void *context) {
    struct shared *all = context;
    struct job_store *store = NULL;
    struct error err;
    struct arena arena = {0};
    if (job_store_create(&store, all->url, TIMEOUT_MS, &err) != STATUS_OK) return NULL;
    for (;;) {
        struct lease lease;
        struct job job;
        bool was_told = all->stop;
        enum status status = job_store_claim_next(store, ALL_KINDS, "runner", LEASE_MS, &arena, &lease, &job, &err);
        if (status == STATUS_OK) {
            atomic_int *running = &all->running[atoi(job.package + strlen("package-"))];
            note(all, (*running)++ == 0, "two jobs of one package ran at once");
            (*running)--;
            end_job(all, store, &lease);
        } else if (status == STATUS_NOT_FOUND && was_told)
            break;
        else
            wait_ms(2);
        arena_release(&arena);
    }
    job_store_free(store);
    return NULL;
}

static int compare_ids(const void *a, const void *b) {
    return strcmp(a, b);
}

static int count_different(char (*ids)[UUID_TEXT_MAX], int count) {
    qsort(ids, (size_t)count, sizeof *ids, compare_ids);
    int different = count > 0;
    for (int i = 1; i < count; i++)
        different += strcmp(ids[i], ids[i - 1]) != 0;
    return different;
}

static void start_threads(pthread_t *threads, int count, void *(*body)(void *), struct shared *all) {
    for (int i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, all), 0);
}

static void join_threads(pthread_t *threads, int count) {
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static int64_t count_of(struct fixture *f, const char *command, const char *key) {
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "%s %s", command, key));
    return reply->integer;
}

/* Checks that the indexes of jobs agree with the jobs; returns the first disagreement. */
static const char consistency_script[] =
    "local call, listed = redis.call, {}\n"
    "for _, id in ipairs(call('ZRANGE', 'jobs', 0, -1)) do\n"
    "  local state, kind, lane = unpack(call('HMGET', 'job:' .. id, 'state', 'kind', 'lane'))\n"
    "  local is_head = call('LINDEX', 'lane:' .. lane, 0) == id\n"
    "  local function is_in(set) return call('ZSCORE', set, id) and true or false end\n"
    "  if is_in('pending:' .. kind) ~= (state == 'pending') then return id .. ' pending' end\n"
    "  if is_in('running:' .. kind) ~= (state == 'running') then return id .. ' running' end\n"
    "  if is_in('leases') ~= (state == 'running') then return id .. ' leases' end\n"
    "  if is_in('jobs:unfinished') ~= (state == 'pending' or state == 'running') then return id .. ' unfinished' end\n"
    "  if is_in('ready:' .. kind) ~= (state == 'pending' and is_head) then return id .. ' ready' end\n"
    "  if state == 'running' and not is_head then return id .. ' runs out of turn' end\n"
    "end\n"
    "return ''";

static void assert_consistent(struct fixture *f) {
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "EVAL %s 0", consistency_script));
    assert_string_equal(reply->text, "");
}

static void no_job_goes_to_two_and_no_package_has_two(void **state) {
    struct fixture *f = *state;
    struct shared *all = memory_alloc(sizeof *all);
    all->url = redis_server_url(f->server);
    for (int i = 0; i < 500; i++) {
        char package[16];
        package_name(i % PACKAGES, package);
        struct job_request request = publish_of(package);
        accept_job(f, &request);
    }
    all->stop = true; /* when none is left */
    pthread_t threads[THREADS];
    start_threads(threads, THREADS, run_jobs, all);
    join_threads(threads, THREADS);
    /* Threads have ended that saw "none can run" while others held the last packages: the rest is run here. */
    run_jobs(all);
    assert_int_equal(all->faults, 0);
    assert_int_equal(all->finished_count, 500);
    assert_int_equal(count_different(all->finished, all->finished_count), 500);
    assert_consistent(f);
    free(all);
}

static void a_package_keeps_its_order_among_many_runners(void **state) {
    struct fixture *f = *state;
    struct shared *all = memory_alloc(sizeof *all);
    all->url = redis_server_url(f->server);
    enum { COUNT = 60 };
    char ids[COUNT][UUID_TEXT_MAX];
    for (int i = 0; i < COUNT; i++) {
        struct job_request request = publish_of("package-0");
        memcpy(ids[i], accept_job(f, &request).id, UUID_TEXT_MAX);
    }
    pthread_t threads[4];
    start_threads(threads, 4, run_jobs, all);
    int64_t until_ms = clock_monotonic_ms() + 60000;
    while (all->finished_count < COUNT && clock_monotonic_ms() < until_ms)
        wait_ms(5);
    all->stop = true;
    join_threads(threads, 4);
    assert_int_equal(all->faults, 0);
    for (int i = 1; i < COUNT; i++)
        assert_true(get_job(f, ids[i]).started_ms >= get_job(f, ids[i - 1]).started_ms);
    assert_int_equal(all->finished_count, COUNT);
    free(all);
}

static void answered_jobs_survive_the_death_of_redis(void **state) {
    struct fixture *f = *state;
    struct shared *all = memory_alloc(sizeof *all);
    all->url = redis_server_url(f->server);
    pthread_t accepting[4], running[4];
    start_threads(accepting, 4, accept_jobs, all);
    start_threads(running, 4, run_jobs, all);
    for (int kill = 0; kill < 10; kill++) {
        int goal = all->accepted_count + 100;
        int64_t until_ms = clock_monotonic_ms() + 20000;
        while (all->accepted_count < goal && clock_monotonic_ms() < until_ms)
            wait_ms(1);
        redis_server_kill(f->server);
        redis_server_restart(f->server);
    }
    all->stop = true;
    join_threads(accepting, 4);
    join_threads(running, 4);
    assert_int_equal(all->faults, 0);

    int accepted = all->accepted_count;
    assert_int_equal(count_different(all->accepted, accepted), accepted);
    int ended = 0;
    for (int i = 0; i < accepted; i++) {
        struct job job = get_job(f, all->accepted[i]);
        ended += job.state == JOB_STATE_SUCCEEDED;
    }
    assert_int_equal(count_different(all->finished, all->finished_count), all->finished_count);
    for (int i = 0; i < all->finished_count; i++)
        assert_int_equal(get_job(f, all->finished[i]).state, JOB_STATE_SUCCEEDED);
    assert_true(ended >= all->finished_count);
    /* No job was made twice, and each end has exactly one event. */
    assert_int_equal(count_of(f, "ZCARD", "jobs"), accepted);
    assert_int_equal(count_of(f, "XLEN", "events"), ended);
    assert_int_equal(count_of(f, "ZCARD", "jobs:unfinished"), accepted - ended);
    assert_consistent(f);
    free(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(no_job_goes_to_two_and_no_package_has_two),
        store_test(a_package_keeps_its_order_among_many_runners),
        store_test(answered_jobs_survive_the_death_of_redis),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
