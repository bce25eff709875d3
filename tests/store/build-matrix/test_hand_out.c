/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One batch of work for one worker: its jobs, their leases, and the end of jobs that cannot be built any more. The choice of
 * jobs for a batch: tests/unit/build-matrix/test_batch.c.
 */
#include "tests/store/build-matrix/matrix_fixture.h"

/* ---- Jobs that are handed out ---- */

static void jobs_that_agree_are_one_piece_of_work(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const char *first = accept_wave_build(m, "arrays"), *second = accept_wave_build(m, "effect");
    const struct work_order work = take_work(m, 1);
    assert_int_equal(work.job_count, 2);
    assert_string_equal(work.jobs[0].job_id, first);
    assert_string_equal(work.jobs[1].job_id, second);
    assert_string_equal(work.packages[work.jobs[1].package].name, "effect");
    assert_int_equal(work.package_count, 3);
    assert_true(version_equal(work.compiler, (struct version){0, 15, 15}));
    assert_int_equal(work.time_limit_ms, m->service.settings.matrix_timeout_ms);
    assert_int_equal(work.lease_ms, m->service.settings.lease_ms);
    assert_int_equal(work.other_count, 1); /* maybe is the only one outside the batch */
    assert_string_equal(work.others[0].name, "maybe");
    for (size_t i = 0; i < 2; i++) {
        const struct job job = get_job(f, work.jobs[i].job_id);
        assert_int_equal(job.state, JOB_STATE_RUNNING);
        assert_string_equal(job.runner, m->worker.name);
        assert_non_null(strstr(log_of(m, job.id), ", in a batch of up to 2."));
    }
    assert_int_equal(take_work(m, 1).job_count, 0);
}

static void until_the_worker_says_something_its_lease_is_short(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    accept_wave_build(m, "arrays");
    const struct build_job build = take_build(m);
    const struct lease lease = lease_of(&build);
    int64_t left_ms;
    assert_ok(job_store_lease_left(f->store, &lease, &left_ms, &f->err));
    assert_true(left_ms <= 5000);
    assert_string_equal(log_of(m, build.job_id), arena_format(&f->arena, "Assigned to the build worker %s.", m->worker.name));
}

static void ready_jobs_are_shared_among_all_slots(void **state) {
    struct matrix_fixture *m = *state;
    static const struct {
        size_t slots;
        int64_t batch;
        size_t expected;
    } rows[] = {{2, 16, 1}, {8, 16, 1}, {0, 2, 2}, {1, 1, 1}, {1, 16, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture *f = &m->f;
        struct redis_reply *reply;
        assert_ok(redis_call(f->redis, &reply, &f->err, "FLUSHALL"));
        accept_wave_build(m, "arrays");
        accept_wave_build(m, "effect");
        accept_wave_build(m, "maybe");
        m->service.settings.matrix_batch = rows[i].batch;
        assert_int_equal(take_work(m, rows[i].slots).job_count, rows[i].expected);
    }
}

/* Even with many jobs of a sweep after them. */
static void the_most_urgent_jobs_are_shared_separately(void **state) {
    struct matrix_fixture *m = *state;
    enum { SWEPT = 80 };
    const char *sets[] = {accept_build(m, "arrays", NULL, MATRIX_PURPOSE_SET),
                          accept_build(m, "effect", NULL, MATRIX_PURPOSE_SET)};
    for (int i = 0; i < SWEPT; i++)
        accept_build(m, arena_format(&m->f.arena, "swept-%d", i), NULL, MATRIX_PURPOSE_SWEEP);
    for (int i = 0; i < 2; i++) {
        const struct work_order work = take_work(m, 2);
        assert_int_equal(work.job_count, 1);
        assert_string_equal(work.jobs[0].job_id, sets[i]);
    }
}

static void a_worker_gets_builds_with_its_own_compilers(void **state) {
    struct matrix_fixture *m = *state;
    struct job_request other = matrix_of("arrays", "0.15.16");
    accept_job(&m->f, &other);
    assert_int_equal(take_work(m, 1).job_count, 0);
}

static void the_purpose_says_how_it_is_built(void **state) {
    struct matrix_fixture *m = *state;
    static const struct {
        enum matrix_purpose purpose;
        enum build_how how;
    } rows[] = {{MATRIX_PURPOSE_REQUEST, BUILD_HOW_AGAIN},  {MATRIX_PURPOSE_VERIFY, BUILD_HOW_VERIFY},
                {MATRIX_PURPOSE_REVISION, BUILD_HOW_REUSE}, {MATRIX_PURPOSE_PUBLICATION, BUILD_HOW_REUSE},
                {MATRIX_PURPOSE_SET, BUILD_HOW_REUSE},      {MATRIX_PURPOSE_SWEEP, BUILD_HOW_REUSE}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture *f = &m->f;
        struct redis_reply *reply;
        assert_ok(redis_call(f->redis, &reply, &f->err, "FLUSHALL"));
        accept_build(m, "arrays", NULL, rows[i].purpose);
        assert_int_equal(take_build(m).how, rows[i].how);
    }
}

static void a_package_set_is_built_as_a_whole(void **state) {
    struct matrix_fixture *m = *state;
    accept_build(m, "effect", NULL, MATRIX_PURPOSE_SET);
    const char *id =
        accept_build(m, "arrays", "{\"effect\":\"1.0.0\",\"maybe\":\"1.0.0\",\"prelude\":\"6.0.0\"}", MATRIX_PURPOSE_SET);
    const struct work_order alone = take_work(m, 1), whole = take_work(m, 1);
    assert_int_equal(alone.jobs[0].how, BUILD_HOW_REUSE);
    assert_int_equal(alone.job_count, 1);
    assert_int_equal(whole.job_count, 1);
    assert_string_equal(whole.jobs[0].job_id, id);
    assert_int_equal(whole.jobs[0].how, BUILD_HOW_WHOLE);
    assert_int_equal(whole.package_count, 4);
    assert_string_equal(whole.packages[whole.jobs[0].package].name, "arrays");
}

static void tarballs_come_from_the_address_that_is_set(void **state) {
    struct matrix_fixture *m = *state;
    struct settings *settings = &m->service.settings;
    char storage[] = "https://packages.example.org", mirror[] = "https://mirror.example.org//";
    struct arena *arena = &m->f.arena;
    assert_string_equal(hand_out_downloads(&m->service, arena), "http://127.0.0.1:9000");
    settings->s3_api_url = storage;
    assert_string_equal(hand_out_downloads(&m->service, arena), "https://packages.example.org");
    settings->build_download_url = mirror;
    assert_string_equal(hand_out_downloads(&m->service, arena), "https://mirror.example.org");
    settings->s3_api_url = settings->build_download_url = NULL;
}

/* ---- Jobs that need no worker ---- */

/* As if the service had been killed before it committed the result. */
static void a_build_with_a_record_is_committed_without_a_worker(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    start_committer(m);
    const char *id = accept_wave_build(m, "arrays");
    const struct build_job build = take_build(m);
    const struct lease lease = lease_of(&build);
    assert_ok(job_store_record(f->store, &lease, "{\"verdict\":\"succeeded\"}", &f->err));
    assert_ok(job_store_release(f->store, &lease, &f->err));
    assert_int_equal(take_work(m, 1).job_count, 0);
    await_end(&m->f, id);
    expect_state(m, id, JOB_STATE_SUCCEEDED);
    assert_string_equal(compilers_of(m, "arrays"), OLD " " NEW);
}

static const char *const without_effect[] = {
    "arrays 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0",
    "maybe 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0",
    "prelude 6.0.0 [0.15.14 0.15.15]",
};

static void a_build_of_a_version_that_was_unpublished_ends_without_a_verdict(void **state) {
    struct matrix_fixture *m = *state;
    const char *gone = accept_wave_build(m, "effect"), *other = accept_wave_build(m, "arrays");
    write_registry(m, without_effect, 3);
    refresh(m);
    const struct build_job build = take_build(m);
    assert_string_equal(build.job_id, other);
    expect_failed(m, gone, NULL, "effect@1.0.0 is no longer published.");
}

static void a_build_whose_plan_is_gone_ends(void **state) {
    struct matrix_fixture *m = *state;
    const char *id = accept_build(m, "arrays", "{\"effect\":\"1.0.0\",\"prelude\":\"6.0.0\"}", MATRIX_PURPOSE_WAVE);
    write_registry(m, without_effect, 3);
    refresh(m);
    assert_int_equal(take_work(m, 1).job_count, 0);
    expect_failed(m, id, "dependency_missing", "effect@1.0.0, which the build needs, is no longer published.");
}

/* The registry in memory is older than a commit of another instance, which added the version. */
static void nothing_is_refused_by_what_is_older_than_the_question(void **state) {
    struct matrix_fixture *m = *state;
    static const char *const rows[] = {"arrays 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0",
                                       "late 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0", "prelude 6.0.0 [0.15.14 0.15.15]"};
    write_registry(m, rows, 3);
    const char *id = accept_wave_build(m, "late");
    assert_string_equal(take_build(m).job_id, id);
}

static void where_the_repositories_cannot_be_read_nothing_is_refused(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const char *gone = accept_wave_build(m, "late"), *compilers[] = {NEW};
    const struct hand_out_request request = {.worker = m->worker.name, .compilers = compilers, .compiler_count = 1, .slots = 1};
    struct message message;
    git_script(&m->git, "mv registry-index.git away.git");
    assert_int_not_equal(hand_out(&message, &m->service, f->store, &request, &f->arena, &f->err), STATUS_OK);
    expect_state(m, gone, JOB_STATE_PENDING);
    const char *good = accept_wave_build(m, "arrays");
    assert_string_equal(take_build(m).job_id, good);
    expect_state(m, gone, JOB_STATE_PENDING);
    git_script(&m->git, "mv away.git registry-index.git");
    assert_int_equal(take_work(m, 1).job_count, 0);
    expect_failed(m, gone, NULL, "late@1.0.0 is no longer published.");
}

/* The manifest has dependencies that the plan lacks, which is noticed when the work order is written, after the jobs were
 * claimed. */
static void one_job_that_cannot_be_written_takes_no_other_with_it(void **state) {
    struct matrix_fixture *m = *state;
    static const char *const rows[] = {"arrays 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0", "prelude 6.0.0 [0.15.14]",
                                       "unit 1.0.0 [0.15.14]"};
    write_registry(m, rows, 3);
    refresh(m);
    const char *bad = accept_build(m, "arrays", "{}", MATRIX_PURPOSE_WAVE),
               *good = accept_build(m, "unit", "{}", MATRIX_PURPOSE_WAVE);
    const struct build_job build = take_build(m);
    assert_string_equal(build.job_id, good);
    assert_int_equal(build.attempt, 1);
    expect_failed(m, bad, "dependency_missing", "The plan does not have prelude, on which arrays depends.");
}

/* A package set ignores ranges, so its plan may have a circle. It fails for good: another try would meet the same. */
static void a_circle_of_packages_cannot_be_built(void **state) {
    struct matrix_fixture *m = *state;
    static const char *const rows[] = {"chicken 1.0.0 [0.15.14] egg >=1.0.0 <2.0.0",
                                       "egg 1.0.0 [0.15.14] chicken >=2.0.0 <3.0.0", "unit 1.0.0 [0.15.14]"};
    write_registry(m, rows, 3);
    refresh(m);
    const char *circle = accept_build(m, "egg", "{\"chicken\":\"1.0.0\"}", MATRIX_PURPOSE_SET),
               *good = accept_build(m, "unit", "{}", MATRIX_PURPOSE_SET);
    assert_string_equal(take_build(m).job_id, good);
    expect_failed(m, circle, "no_plan", "With these versions egg depends on itself, through others, so it cannot be built.");
    assert_true(verdict_stands(VERDICT_NO_PLAN));
}

/* ---- Too large ---- */

/* Adds the packages of these rows to the registry in memory only. */
static void add_in_memory(struct matrix_fixture *m, const char *const *rows, size_t count) {
    struct fixture *f = &m->f;
    struct manifest_index *more = small_registry_create(rows, count);
    struct manifest_index *index = (struct manifest_index *)registry_view_lock(m->service.repositories.view);
    struct text text = {0};
    for (uint32_t id = 0; id < manifest_index_package_count(more); id++) {
        const struct indexed_package *package = manifest_index_package(more, id);
        if (package->version_count == 0 || !package->metadata) continue; /* only named in a dependency */
        text_clear(&text);
        manifest_append_line(&text, package->versions[0].manifest);
        assert_ok(manifest_index_set_manifests(index, package->name, text_view(&text), text.length, &f->err));
        text_clear(&text);
        metadata_append_file(&text, package->metadata);
        assert_ok(manifest_index_set_metadata(index, package->name, text_view(&text), text.length, &f->err));
    }
    registry_view_unlock(m->service.repositories.view);
    text_release(&text);
    manifest_index_free(more);
}

/* Its work order would be refused as a message each time. */
static void a_build_that_does_not_fit_into_a_message_ends(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    enum { NEEDS = WORK_ORDER_PACKAGES_MAX };
    const char *rows[NEEDS + 1];
    struct text row = {0}, plan = {0};
    text_append(&row, "big 1.0.0 [0.15.14] ");
    for (int i = 0; i < NEEDS; i++) {
        rows[i] = arena_format(&f->arena, "p%d 1.0.0 [0.15.14]", i);
        text_append_format(&row, "%sp%d >=1.0.0 <2.0.0", i ? ", " : "", i);
        text_append_format(&plan, "%c\"p%d\":\"1.0.0\"", i ? ',' : '{', i);
    }
    text_append_character(&plan, '}');
    rows[NEEDS] = text_view(&row);
    add_in_memory(m, rows, NEEDS + 1);
    const char *big = accept_build(m, "big", text_view(&plan), MATRIX_PURPOSE_WAVE), *other = accept_wave_build(m, "arrays");
    assert_string_equal(take_build(m).job_id, other);
    expect_failed(m, big, "limit_exceeded", "The build needs 4097 packages; a build may have at most 4096.");
    text_release(&row);
    text_release(&plan);
}

/* The cause is a wrong setting, so the job waits until that is corrected. */
static void a_build_is_given_back_where_its_plan_is_not_what_is_too_large(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const char *id = accept_wave_build(m, "arrays"), *compilers[] = {NEW};
    const struct hand_out_request request = {.worker = m->worker.name, .compilers = compilers, .compiler_count = 1, .slots = 1};
    struct message message;
    char url[MESSAGE_LIMIT(message_work_order, downloads) + 2], *set = m->service.settings.build_download_url;
    memset(url, 'x', sizeof url - 1);
    url[sizeof url - 1] = '\0';
    m->service.settings.build_download_url = url;
    assert_status(STATUS_TOO_LARGE, hand_out(&message, &m->service, f->store, &request, &f->arena, &f->err));
    assert_string_equal(f->err.path, "downloads");
    m->service.settings.build_download_url = set;
    expect_state(m, id, JOB_STATE_PENDING);
    assert_string_equal(take_build(m).job_id, id);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        matrix_test(jobs_that_agree_are_one_piece_of_work),
        matrix_test(until_the_worker_says_something_its_lease_is_short),
        matrix_test(ready_jobs_are_shared_among_all_slots),
        matrix_test(the_most_urgent_jobs_are_shared_separately),
        matrix_test(a_worker_gets_builds_with_its_own_compilers),
        matrix_test(the_purpose_says_how_it_is_built),
        matrix_test(a_package_set_is_built_as_a_whole),
        matrix_test(tarballs_come_from_the_address_that_is_set),
        matrix_test(a_build_with_a_record_is_committed_without_a_worker),
        matrix_test(a_build_of_a_version_that_was_unpublished_ends_without_a_verdict),
        matrix_test(a_build_whose_plan_is_gone_ends),
        matrix_test(nothing_is_refused_by_what_is_older_than_the_question),
        matrix_test(where_the_repositories_cannot_be_read_nothing_is_refused),
        matrix_test(one_job_that_cannot_be_written_takes_no_other_with_it),
        matrix_test(a_circle_of_packages_cannot_be_built),
        matrix_test(a_build_that_does_not_fit_into_a_message_ends),
        matrix_test(a_build_is_given_back_where_its_plan_is_not_what_is_too_large),
    };
    return cmocka_run_group_tests(tests, start_matrix, stop_matrix);
}
