/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A revision of bounds by the job runner, with this test as the build worker: refusals, builds, writes, and restarts after a
 * concurrent change. Killed services: tests/flow/matrix/test_revise_faults.c.
 */
#include "lib/service/job/job_runner.h"
#include "lib/store/redis/events.h"
#include "lib/store/redis/lock.h"
#include "services/build-matrix/dispatch/worker_messages.h"
#include "services/build-matrix/revision/revision.h"
#include "services/build-matrix/revision/revision_record.h"
#include "tests/store/build-matrix/matrix_fixture.h"

#define NARROW ">=6.0.0 <7.0.0"
#define WIDE ">=6.0.0 <8.0.0"
#define TIGHT ">=7.0.0 <8.0.0"

static const char *const rows[] = {
    "arrays 1.0.0 [0.15.15] prelude >=6.0.0 <7.0.0",
    "lists 1.0.0 [0.15.15] arrays >=1.0.0 <2.0.0, prelude >=6.0.0 <7.0.0",
    "old 1.0.0 [0.15.13] prelude >=6.0.0 <7.0.0",
    "prelude 6.0.0 [0.15.14 0.15.15]",
    "prelude 7.0.0 [0.15.14 0.15.15]",
    "prelude 9.0.0 []",
};
enum { ROWS = sizeof rows / sizeof *rows };

static struct job_runner *runner;

static int open_registry(void **state) {
    open_service(state);
    struct matrix_fixture *m = *state;
    write_registry(m, rows, ROWS);
    m->service.settings.pending_scan_ms = 20;
    return 0;
}

static int close_runner(void **state) {
    job_runner_free(runner, 0);
    runner = NULL;
    return close_service(state);
}

#define revision_test(name) cmocka_unit_test_setup_teardown(name, open_registry, close_runner)

static void start_runner(struct matrix_fixture *m) {
    struct fixture *f = &m->f;
    static const struct job_handler handlers[] = {{JOB_KIND_REVISION, revision_job_run}, {0}};
    assert_ok(job_runner_create(&runner, &m->service.settings, "build-matrix", 1, handlers, &m->service, &f->err));
}

static void stop_runner(void) {
    job_runner_free(runner, PATIENCE_MS);
    runner = NULL;
}

/* ---- Asking ---- */

static struct job_request revision_of(struct matrix_fixture *m, const char *package, const char *version, const char *ranges) {
    struct job_request request = {
        .kind = JOB_KIND_REVISION,
        .payload =
            arena_format(&m->f.arena, "{\"name\":\"%s\",\"version\":\"%s\",\"dependencies\":{%s}}", package, version, ranges),
        .package = package,
        .version = version,
        .actor = "a-trustee",
        .issue = "7",
        .reason = "It builds.",
        .authority = JOB_AUTHORITY_TRUSTEE};
    hash_random_uuid(request.id);
    return request;
}

static const char *ask(struct matrix_fixture *m, const char *range) {
    const struct job_request request =
        revision_of(m, "arrays", "1.0.0", arena_format(&m->f.arena, "\"prelude\":\"%s\"", range));
    return arena_copy(&m->f.arena, accept_job(&m->f, &request).id);
}

/* ---- The build worker ---- */

static struct build_job await_build(struct matrix_fixture *m) {
    struct work_order work;
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; (work = take_work(m, 1)).job_count == 0; wait_ms(5))
        if (clock_monotonic_ms() > until_ms) fail_msg("There is no build.");
    return work.jobs[0];
}

static void end_build(struct matrix_fixture *m, const struct build_job *build, const char *verdict) {
    struct fixture *f = &m->f;
    struct message answer;
    static const struct record_compiler_error error = {.message = "No type.", .code = "TypesDoNotUnify"};
    static const struct record_build_result result = {.compiled_modules = 3,
                                                      .reused_modules = 1,
                                                      .own_modules = 3,
                                                      .compiler_ms = 9,
                                                      .own_ms = 1,
                                                      .batch_jobs = 1,
                                                      .errors = {&error, 1}};
    const struct message end = {.tag = MESSAGE_build_outcome,
                                .build_outcome = {.worker = m->worker.name,
                                                  .secret = m->worker.secret,
                                                  .job_id = build->job_id,
                                                  .fence = build->fence,
                                                  .verdict = verdict,
                                                  .reason = "Because.",
                                                  .result = &result}};
    assert_ok(take_build_outcome(&m->service, &end, &f->arena, &answer, &f->err));
}

static void build(struct matrix_fixture *m, const char *verdict) {
    const struct build_job job = await_build(m);
    end_build(m, &job, verdict);
}

/* ---- The state outside ---- */

static void expect_range(struct matrix_fixture *m, const char *range) {
    const char *file = git_output(&m->git, "git -C registry-index.git cat-file blob HEAD:ar/ra/arrays");
    if (!strstr(file, arena_format(&m->f.arena, "\"prelude\":\"%s\"", range))) fail_msg("%s", file);
}

static void expect_number(struct matrix_fixture *m, int number) {
    const char *file = git_output(&m->git, "git -C registry.git cat-file blob HEAD:metadata/arrays.json");
    const char *field = strstr(file, "\"revision\": ");
    assert_int_equal(field ? atoi(field + strlen("\"revision\": ")) : 0, number);
}

static void expect_line(struct matrix_fixture *m, const char *id, const char *words) {
    const char *log = log_of(m, id);
    if (!strstr(log, words)) fail_msg("There is no \"%s\" in\n%s", words, log);
}

/* The job must fail with these words, and nothing may have been written. */
static void expect_refused(struct matrix_fixture *m, const char *id, const char *words) {
    int registry = count_commits(m, "registry"), index = count_commits(m, "registry-index");
    await_end(&m->f, id);
    expect_state(m, id, JOB_STATE_FAILED);
    const struct job job = get_job(&m->f, id);
    if (!strstr(job.error, words)) fail_msg("%s", job.error);
    assert_int_equal(count_commits(m, "registry"), registry);
    assert_int_equal(count_commits(m, "registry-index"), index);
}

static void expect_revised(struct matrix_fixture *m, const char *id, const char *range, int number) {
    await_end(&m->f, id);
    expect_state(m, id, JOB_STATE_SUCCEEDED);
    expect_range(m, range);
    expect_number(m, number);
}

/* ---- Accepted requests ---- */

static void a_revision_is_built_and_then_written(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    struct event *events;
    size_t count;
    start_runner(m);
    const char *id = ask(m, WIDE);
    const struct build_job job = await_build(m);
    assert_string_equal(get_job(f, job.job_id).payload, "{\"prelude\":\"7.0.0\"}");
    assert_int_equal(get_job(f, job.job_id).purpose, MATRIX_PURPOSE_REVISION);
    expect_range(m, NARROW);
    end_build(m, &job, "succeeded");
    expect_revised(m, id, WIDE, 1);
    expect_line(m, id, "Requested by the trustee a-trustee, issue 7: It builds.");
    expect_line(m, id, "Revising the bounds of arrays@1.0.0:\n  prelude " WIDE " (was " NARROW ")");
    expect_line(m, id, "The package builds with compiler " NEW ".");
    expect_line(m, id, "This is revision 1 of arrays@1.0.0.");
    expect_line(m, id, "Revised the bounds of arrays@1.0.0.");
    const char *registry = git_output(&m->git, "git -C registry.git rev-parse HEAD"),
               *index = git_output(&m->git, "git -C registry-index.git rev-parse HEAD");
    assert_string_equal(get_job(f, id).commits, arena_format(&f->arena, "registry=%s index=%s", registry, index));
    assert_ok(
        events_read(f->store, &(struct event_consumer){"test", "test", LEASE_MS}, 0, 100, &f->arena, &events, &count, &f->err));
    assert_int_equal(count, 1); /* none of its build */
    assert_string_equal(events[0].payload, arena_format(&f->arena,
                                                        "{\"event\":\"revised\",\"name\":\"arrays\",\"version\":\"1.0.0\","
                                                        "\"registryCommit\":\"%s\",\"indexCommit\":\"%s\"}",
                                                        registry, index));
}

static void a_read_only_service_builds_and_writes_nothing(void **state) {
    struct matrix_fixture *m = *state;
    m->service.settings.readonly = true;
    start_runner(m);
    const char *id = ask(m, WIDE);
    build(m, "succeeded");
    await_end(&m->f, id);
    expect_state(m, id, JOB_STATE_SUCCEEDED);
    assert_true(get_job(&m->f, id).is_readonly);
    expect_range(m, NARROW);
    expect_number(m, 0);
}

static void it_waits_for_another_job_of_the_package(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    struct lock lock;
    assert_ok(lock_take(f->store, "package:arrays", LEASE_MS, 0, &lock, &f->err));
    start_runner(m);
    const char *id = ask(m, WIDE);
    build(m, "succeeded");
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
         !strstr(log_of(m, id), "Waiting for another job of arrays to end."); wait_ms(5))
        if (clock_monotonic_ms() > until_ms) fail_msg("It does not wait.");
    expect_range(m, NARROW);
    assert_ok(lock_release(f->store, &lock, &f->err));
    expect_revised(m, id, WIDE, 1);
}

/* ---- Refusals ---- */

static void impossible_revisions_are_refused(void **state) {
    struct matrix_fixture *m = *state;
    static const struct {
        const char *package, *version, *ranges, *words;
    } cases[] = {
        {"gone", "1.0.0", "\"prelude\":\"" WIDE "\"", "There is no package named gone in the registry."},
        {"arrays", "2.0.0", "\"prelude\":\"" WIDE "\"", "There is no version 2.0.0 of arrays in the registry."},
        {"arrays", "1.0.0", "\"prelude\":\"" NARROW "\"", ""},
        {"arrays", "1.0.0", "\"lists\":\"" NARROW "\"", "lists"},
        {"arrays", "one", "\"prelude\":\"" WIDE "\"", ""},
        {"old", "1.0.0", "\"prelude\":\"" WIDE "\"",
         "old@1.0.0 is known to build with compiler 0.15.13, which this server does not have"},
        {"arrays", "1.0.0", "\"prelude\":\">=8.0.0 <9.0.0\"",
         "With these bounds arrays@1.0.0 cannot be built with compiler " NEW},
        {"arrays", "1.0.0", "\"prelude\":\"" TIGHT "\"", "\n  lists@1.0.0 (compiler " NEW ")"},
    };
    start_runner(m);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct job_request request = revision_of(m, cases[i].package, cases[i].version, cases[i].ranges);
        accept_job(&m->f, &request);
        expect_refused(m, request.id, cases[i].words);
    }
    struct job_request stranger = revision_of(m, "arrays", "1.0.0", "\"prelude\":\"" WIDE "\"");
    stranger.authority = NULL;
    accept_job(&m->f, &stranger);
    expect_refused(m, stranger.id, "Only the registry's trustees can change the bounds of a published version.");
}

static void a_version_that_does_not_build_so_is_not_revised(void **state) {
    struct matrix_fixture *m = *state;
    start_runner(m);
    const char *id = ask(m, WIDE);
    const struct build_job job = await_build(m);
    end_build(m, &job, "failed_to_compile");
    expect_refused(m, id, arena_format(&m->f.arena, "(job %s): Because.", job.job_id));
    expect_line(m, id, "No type.");
}

/* ---- Concurrent changes, after which it starts over ---- */

static void a_build_that_says_nothing_is_made_again(void **state) {
    struct matrix_fixture *m = *state;
    start_runner(m);
    const char *id = ask(m, WIDE);
    const struct build_job first = await_build(m);
    end_build(m, &first, "spurious");
    const struct build_job second = await_build(m);
    assert_string_not_equal(second.job_id, first.job_id);
    end_build(m, &second, "succeeded");
    expect_revised(m, id, WIDE, 1);
    expect_line(m, id, "gave no result for these bounds and is repeated: Because.");
}

static const char *const with_one_more_compiler[] = {
    "arrays 1.0.0 [0.15.14 0.15.15] prelude >=6.0.0 <7.0.0",
    "prelude 6.0.0 [0.15.14 0.15.15]",
    "prelude 7.0.0 [0.15.14 0.15.15]",
};

static void a_compiler_that_comes_meanwhile_starts_it_over(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    start_runner(m);
    const char *id = ask(m, WIDE);
    const struct build_job job = await_build(m);
    write_registry(m, with_one_more_compiler, 3);
    end_build(m, &job, "succeeded");
    const char *old[] = {OLD};
    const struct hand_out_request request = {.worker = m->worker.name, .compilers = old, .compiler_count = 1, .slots = 1};
    struct message message = {.tag = MESSAGE_done};
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; message.tag == MESSAGE_done; wait_ms(5)) {
        assert_ok(hand_out(&message, &m->service, f->store, &request, &f->arena, &f->err));
        if (clock_monotonic_ms() > until_ms) fail_msg("It does not start over.");
    }
    const struct work_order work = read_work(m, &message);
    end_build(m, &work.jobs[0], "succeeded");
    expect_revised(m, id, WIDE, 1); /* the first build is not made again */
    expect_line(m, id, "Meanwhile, arrays@1.0.0 was found to build with another compiler. Starting over.");
    assert_int_equal(take_work(m, 1).job_count, 0);
}

static void a_version_that_is_gone_meanwhile_is_not_revised(void **state) {
    struct matrix_fixture *m = *state;
    start_runner(m);
    const char *id = ask(m, WIDE);
    const struct build_job job = await_build(m);
    write_registry(m, with_one_more_compiler + 1, 2);
    end_build(m, &job, "succeeded");
    expect_refused(m, id, "There is no package named arrays in the registry.");
    expect_line(m, id, "Starting over.");
}

/* ---- Resuming an earlier run ---- */

/* The revision in the state in which a service leaves it that is killed right after the record. */
static const char *leave_record(struct matrix_fixture *m, int64_t number) {
    struct fixture *f = &m->f;
    stop_runner(); /* otherwise it would claim the job */
    struct text record = {0};
    const char *id = ask(m, WIDE);
    const struct lease lease = claim_job(f, id);
    revision_record_append_json(
        &record, &(struct revision_record){.before = small_registry_manifest("arrays", "1.0.0", "prelude " NARROW, &f->arena),
                                           .after = small_registry_manifest("arrays", "1.0.0", "prelude " WIDE, &f->arena),
                                           .number = number});
    assert_ok(job_store_record(f->store, &lease, text_view(&record), &f->err));
    assert_ok(job_store_release(f->store, &lease, &f->err));
    text_release(&record);
    return id;
}

static void a_revision_with_a_record_is_written_without_a_build(void **state) {
    struct matrix_fixture *m = *state;
    const char *id = leave_record(m, 1);
    start_runner(m);
    expect_revised(m, id, WIDE, 1);
    expect_line(m, id, "Resuming after an interruption: revision 1 of arrays@1.0.0.");
    assert_int_equal(take_work(m, 1).job_count, 0);
}

static void earlier_writes_are_not_repeated(void **state) {
    struct matrix_fixture *m = *state;
    const char *first = leave_record(m, 1);
    start_runner(m);
    expect_revised(m, first, WIDE, 1);
    int registry = count_commits(m, "registry"), index = count_commits(m, "registry-index");
    const char *second = leave_record(m, 1);
    start_runner(m);
    expect_revised(m, second, WIDE, 1);
    expect_line(m, second, "The metadata was already up to date");
    expect_line(m, second, "The index already has the manifest");
    assert_int_equal(count_commits(m, "registry"), registry);
    assert_int_equal(count_commits(m, "registry-index"), index);
}

static void a_later_revision_is_not_undone(void **state) {
    struct matrix_fixture *m = *state;
    const char *later = leave_record(m, 2);
    start_runner(m);
    expect_revised(m, later, WIDE, 2);
    const char *id = leave_record(m, 1);
    start_runner(m);
    expect_refused(m, id, "was revised again, or unpublished, before this revision could be completed.");
    expect_number(m, 2);
}

static void a_manifest_that_others_have_changed_is_not_overwritten(void **state) {
    struct matrix_fixture *m = *state;
    static const char *const other[] = {"arrays 1.0.0 [0.15.15] prelude >=5.0.0 <7.0.0", "prelude 6.0.0 [0.15.14 0.15.15]"};
    const char *id = leave_record(m, 1);
    write_registry(m, other, 2);
    start_runner(m);
    await_end(&m->f, id);
    expect_failed(m, id, NULL, "The manifest of arrays@1.0.0 in the index was meanwhile changed by another commit.");
    expect_range(m, ">=5.0.0 <7.0.0");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        revision_test(a_revision_is_built_and_then_written),
        revision_test(a_read_only_service_builds_and_writes_nothing),
        revision_test(it_waits_for_another_job_of_the_package),
        revision_test(impossible_revisions_are_refused),
        revision_test(a_version_that_does_not_build_so_is_not_revised),
        revision_test(a_build_that_says_nothing_is_made_again),
        revision_test(a_compiler_that_comes_meanwhile_starts_it_over),
        revision_test(a_version_that_is_gone_meanwhile_is_not_revised),
        revision_test(a_revision_with_a_record_is_written_without_a_build),
        revision_test(earlier_writes_are_not_repeated),
        revision_test(a_later_revision_is_not_undone),
        revision_test(a_manifest_that_others_have_changed_is_not_overwritten),
    };
    return cmocka_run_group_tests(tests, start_matrix, stop_matrix);
}
