/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The handlers of build workers' messages: malformed messages, late ones, and the ends of builds. Over a connection:
 * tests/flow/matrix/test_messages.c.
 */
#include "services/build-matrix/dispatch/worker_messages.h"
#include "tests/store/build-matrix/matrix_fixture.h"

static struct message answer;

static enum status say(struct matrix_fixture *m, const struct message *message) {
    struct fixture *f = &m->f;
    static const struct {
        enum message_tag tag;
        enum status (*take)(void *context, const struct message *request, struct arena *arena, struct message *answer,
                            struct error *err);
    } rows[] = {{MESSAGE_worker_join, take_worker_join},     {MESSAGE_worker_leave, take_worker_leave},
                {MESSAGE_leases_renew, take_leases_renew},   {MESSAGE_build_log, take_build_log},
                {MESSAGE_build_outcome, take_build_outcome}, {MESSAGE_build_return, take_build_return}};
    answer = (struct message){.tag = MESSAGE_done};
    f->err = (struct error){0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].tag == message->tag) return rows[i].take(&m->service, message, &f->arena, &answer, &f->err);
    fail_msg("%s", message_name(message->tag));
    return STATUS_INTERNAL;
}

static void expect_invalid(struct matrix_fixture *m, const struct message *message, const char *field, const char *words) {
    struct fixture *f = &m->f;
    assert_status(STATUS_INVALID, say(m, message));
    assert_string_equal(f->err.path, field);
    if (!strstr(f->err.message, words)) fail_msg("%s", f->err.message);
}

#define SELF .worker = m->worker.name, .secret = m->worker.secret

static struct message join_of(struct matrix_fixture *m) {
    return (struct message){.tag = MESSAGE_worker_join,
                            .worker_join = {SELF, .host = "a-test", .program = "1", .compilers = NEW, .slots = 4}};
}

static struct message renew_of(struct matrix_fixture *m, const struct record_lease *leases, size_t count) {
    return (struct message){.tag = MESSAGE_leases_renew, .leases_renew = {SELF, .leases = {leases, count}, .busy_slots = 1}};
}

static struct message lines_of(struct matrix_fixture *m, const struct build_job *job, const struct record_log_line *lines,
                               size_t count) {
    return (struct message){.tag = MESSAGE_build_log,
                            .build_log = {SELF, .job_id = job->job_id, .fence = job->fence, .lines = {lines, count}}};
}

static struct message end_of(struct matrix_fixture *m, const struct build_job *job, const char *verdict) {
    return (struct message){
        .tag = MESSAGE_build_outcome,
        .build_outcome = {SELF, .job_id = job->job_id, .fence = job->fence, .verdict = verdict, .reason = "Because."}};
}

static struct message return_of(struct matrix_fixture *m, const struct build_job *job) {
    return (struct message){.tag = MESSAGE_build_return, .build_return = {SELF, .job_id = job->job_id, .fence = job->fence}};
}

static struct build_job begin(struct matrix_fixture *m, const char *package, enum matrix_purpose purpose) {
    accept_build(m, package, NULL, purpose);
    return take_build(m);
}

/* ---- Workers ---- */

static struct worker_entry *list_workers(struct matrix_fixture *m, size_t *count) {
    struct fixture *f = &m->f;
    struct worker_entry *workers;
    assert_ok(worker_list_read(f->store, &f->arena, &workers, count, &f->err));
    return workers;
}

static void a_worker_comes_and_goes(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    size_t count;
    struct message join = join_of(m), renew = renew_of(m, NULL, 0),
                   leave = {.tag = MESSAGE_worker_leave, .worker_leave = {SELF, .busy_slots = 1}};
    assert_status(STATUS_NOT_FOUND, say(m, &renew));
    assert_ok(say(m, &join));
    assert_int_equal(answer.tag, MESSAGE_worker_welcome);
    assert_int_equal(answer.worker_welcome.lease_ms, m->service.settings.lease_ms);
    assert_ok(say(m, &renew));
    assert_int_equal(answer.leases_renewed.lost.count, 0);
    struct worker_entry *workers = list_workers(m, &count);
    assert_int_equal(count, 1);
    assert_string_equal(workers[0].id, m->worker.name);
    assert_int_equal(workers[0].slots, 4);
    assert_int_equal(workers[0].busy_slots, 1);
    assert_ok(say(m, &leave));
    assert_int_equal(list_workers(m, &count)[0].slots, 0);
    leave.worker_leave.busy_slots = 0;
    assert_ok(say(m, &leave));
    list_workers(m, &count);
    assert_int_equal(count, 0);
}

static void a_worker_that_does_not_prove_its_name_is_refused(void **state) {
    struct matrix_fixture *m = *state;
    struct worker_identity another;
    worker_identity_make(&another, "a-test");
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    struct message messages[] = {join_of(m),
                                 {.tag = MESSAGE_worker_leave, .worker_leave = {SELF}},
                                 renew_of(m, NULL, 0),
                                 lines_of(m, &build, NULL, 0),
                                 end_of(m, &build, "timed_out"),
                                 return_of(m, &build)};
    messages[0].worker_join.secret = another.secret;
    messages[1].worker_leave.secret = another.secret;
    messages[2].leases_renew.secret = another.secret;
    messages[3].build_log.secret = another.secret;
    messages[4].build_outcome.secret = another.secret;
    messages[5].build_return.secret = another.secret;
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        expect_invalid(m, &messages[i], "secret", "");
    expect_state(m, build.job_id, JOB_STATE_RUNNING);
}

/* ---- Leases ---- */

static void lost_leases_are_named(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    const struct message join = join_of(m);
    const struct lease lease = lease_of(&build);
    char lost[UUID_TEXT_MAX];
    int64_t left_ms;
    hash_random_uuid(lost);
    const struct record_lease leases[] = {{build.job_id, build.fence}, {lost, 1}, {build.job_id, build.fence - 1}};
    const struct message renew = renew_of(m, leases, 3);
    assert_ok(say(m, &join));
    assert_ok(say(m, &renew));
    assert_int_equal(answer.leases_renewed.lost.count, 2);
    assert_string_equal(answer.leases_renewed.lost.items[0].job_id, lost);
    assert_string_equal(answer.leases_renewed.lost.items[1].job_id, build.job_id);
    assert_int_equal(answer.leases_renewed.lost.items[1].fence, build.fence - 1);
    assert_ok(job_store_lease_left(f->store, &lease, &left_ms, &f->err));
    assert_true(left_ms > 5000); /* longer than the first lease (services/build-matrix/dispatch/hand_out.c) */
}

static void leases_that_are_none_are_refused(void **state) {
    struct matrix_fixture *m = *state;
    static const char *const ids[] = {"*", "", NULL};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const struct record_lease leases[] = {{"11111111-1111-4111-8111-111111111111", 1}, {ids[i], 1}};
        const struct message renew = renew_of(m, leases, 2);
        expect_invalid(m, &renew, "leases[1].job_id", "must be the id of a job");
    }
}

/* ---- Metrics ---- */

static void the_metrics_of_a_worker_are_kept(void **state) {
    struct matrix_fixture *m = *state;
    size_t count;
    static const struct record_metric_label labels[] = {{"setting", "BUILD_DIR"}};
    static const struct record_metric samples[] = {
        {.name = BUILD_METRIC_DISK_FULL, .help = "Full.", .labels = {labels, 1}, .value = 1},
        {.name = "registry_x_total", .is_counter = true, .help = "X.", .value = 2.5}};
    const struct message join = join_of(m);
    struct message renew = renew_of(m, NULL, 0);
    renew.leases_renew.metrics = (struct record_metric_list){samples, 2};
    struct fixture *f = &m->f;
    assert_ok(say(m, &join));
    assert_ok(say(m, &renew));
    assert_string_equal(list_workers(m, &count)[0].metrics,
                        "[{\"name\":\"registry_build_disk_full\",\"kind\":\"gauge\",\"help\":\"Full.\",\"labels\":{"
                        "\"setting\":\"BUILD_DIR\"},\"value\":1},{\"name\":\"registry_x_total\",\"kind\":\"counter\","
                        "\"help\":\"X.\",\"labels\":{},\"value\":2.5}]");
}

static void metrics_that_are_none_are_refused(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    static const struct record_metric_label unnamed[] = {{NULL, "x"}}, good[] = {{"x", NULL}};
    static const struct {
        struct record_metric sample;
        const char *field;
    } rows[] = {{{.help = "X."}, "metrics.name"},
                {{.name = "x y", .help = "X."}, "metrics.name"},
                {{.name = "x"}, "metrics.help"},
                {{.name = "x", .help = "X.", .labels = {unnamed, 1}}, "metrics.labels"}};
    struct message renew = renew_of(m, NULL, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        renew.leases_renew.metrics = (struct record_metric_list){&rows[i].sample, 1};
        expect_invalid(m, &renew, rows[i].field, "");
    }
    struct record_metric many[200];
    for (size_t i = 0; i < 200; i++)
        many[i] = (struct record_metric){.name = "a_name_of_fifty_bytes_which_is_long_but_not_too_lon", .help = "X."};
    many[7].labels = (struct record_metric_label_list){good, 1};
    renew.leases_renew.metrics = (struct record_metric_list){many, 200};
    assert_status(STATUS_TOO_LARGE, say(m, &renew));
    assert_string_equal(f->err.path, "metrics");
}

static void a_job_that_is_given_back_is_handed_out_again(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    const struct message give_back = return_of(m, &build);
    assert_ok(say(m, &give_back));
    expect_state(m, build.job_id, JOB_STATE_PENDING);
    const struct build_job again = take_build(m);
    assert_string_equal(again.job_id, build.job_id);
    assert_int_equal(again.attempt, 1);
    assert_ok(say(m, &give_back)); /* its answer was lost */
    struct message late = give_back;
    late.build_return.fence--;
    assert_status(STATUS_STALE, say(m, &late));
    assert_int_equal(atomic_load(&m->service.late[LATE_RETURN]), 1);
    expect_state(m, build.job_id, JOB_STATE_RUNNING);
}

/* ---- Lines ---- */

static void lines_count_once_by_their_numbers(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    static const struct record_log_line lines[] = {{1, 1784992272686, "INFO", "one"}, {2, 1784992272687, "WARN", "two"}};
    const struct message first = lines_of(m, &build, lines, 2), none = lines_of(m, &build, NULL, 0);
    assert_ok(say(m, &first));
    assert_ok(say(m, &first));
    assert_ok(say(m, &none));
    const char *log = strchr(log_of(m, build.job_id), '\n');
    assert_string_equal(log, "\none\ntwo");
    struct message late = first;
    late.build_log.fence = build.fence - 1;
    assert_status(STATUS_STALE, say(m, &late));
    assert_int_equal(atomic_load(&m->service.late[LATE_LINES]), 1);
}

static void lines_that_are_none_are_refused(void **state) {
    struct matrix_fixture *m = *state;
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    static const struct {
        struct record_log_line line;
        const char *field;
    } rows[] = {{{1, 1, "LOUD", "text"}, "lines[1].level"},   {{1, 1, NULL, "text"}, "lines[1].level"},
                {{1, 1, "INFO", NULL}, "lines[1].text"},      {{0, 1, "INFO", "text"}, "lines[1].number"},
                {{-1, 1, "INFO", "text"}, "lines[1].number"}, {{1000000001, 1, "INFO", "text"}, "lines[1].number"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct record_log_line list[] = {{1, 1, "INFO", "text"}, rows[i].line};
        struct message lines = lines_of(m, &build, list, 2), end = end_of(m, &build, "timed_out");
        expect_invalid(m, &lines, rows[i].field, "");
        end.build_outcome.lines = (struct record_log_line_list){list, 2};
        expect_invalid(m, &end, rows[i].field, "");
    }
    expect_state(m, build.job_id, JOB_STATE_RUNNING);
    struct message no_job = lines_of(m, &build, NULL, 0);
    no_job.build_log.job_id = "";
    expect_invalid(m, &no_job, "job_id", "must be the id of a job");
    no_job.build_log.job_id = NULL;
    expect_invalid(m, &no_job, "job_id", "must be the id of a job");
}

/* ---- Results ---- */

static const struct record_compiler_error compiler_errors[] = {{.message = "No.", .code = "TypesDoNotUnify"}};
static const struct record_build_result build_result = {.compiled_modules = 3,
                                                        .reused_modules = 1,
                                                        .own_modules = 3,
                                                        .compiler_ms = 9,
                                                        .own_ms = 1,
                                                        .batch_jobs = 1,
                                                        .errors = {compiler_errors, 1}};

static void a_build_that_failed_ends_with_its_verdict(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    struct message end = end_of(m, &build, "failed_to_compile");
    end.build_outcome.result = &build_result;
    static const struct record_log_line line = {1, 1784992272686, "ERROR", "the last one"};
    end.build_outcome.lines = (struct record_log_line_list){&line, 1};
    assert_ok(say(m, &end));
    expect_failed(m, build.job_id, "failed_to_compile", "Because.");
    assert_non_null(strstr(get_job(f, build.job_id).result, "TypesDoNotUnify"));
    assert_non_null(strstr(log_of(m, build.job_id), "the last one\nBecause."));
    assert_int_equal(matrix_service_count_alarms(&m->service), 0);
    assert_ok(say(m, &end)); /* its answer was lost */
    end.build_outcome.verdict = "succeeded";
    assert_status(STATUS_STALE, say(m, &end));
    assert_int_equal(atomic_load(&m->service.late[LATE_RESULT]), 1);
}

static void a_build_without_a_reason_says_what_its_verdict_means(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    struct message end = end_of(m, &build, "timed_out");
    end.build_outcome.reason = NULL;
    assert_ok(say(m, &end));
    expect_failed(m, build.job_id, "timed_out", verdict_meaning(VERDICT_TIMED_OUT));
}

static void a_build_that_succeeded_is_committed(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    start_committer(m);
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    struct message end = end_of(m, &build, "succeeded");
    end.build_outcome.result = &build_result;
    assert_ok(say(m, &end));
    await_end(&m->f, build.job_id);
    expect_state(m, build.job_id, JOB_STATE_SUCCEEDED);
    const struct job job = get_job(f, build.job_id);
    assert_string_equal(job.verdict, "succeeded");
    assert_non_null(strstr(job.result, "\"compiled\":3"));
    assert_string_equal(compilers_of(m, "arrays"), OLD " " NEW);
    assert_ok(say(m, &end));
}

/* Trials are builds to compare, and those of a revision or a package set. */
static void a_trial_that_succeeded_changes_nothing(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    static const enum matrix_purpose purposes[] = {MATRIX_PURPOSE_VERIFY, MATRIX_PURPOSE_REVISION, MATRIX_PURPOSE_SET};
    for (size_t i = 0; i < 3; i++) {
        const struct build_job build = begin(m, "arrays", purposes[i]);
        const struct message end = end_of(m, &build, "succeeded");
        assert_ok(say(m, &end));
        expect_state(m, build.job_id, JOB_STATE_SUCCEEDED);
    }
    assert_int_equal(count_commits(m, "registry"), 1);
}

static void a_result_that_is_none_is_refused(void **state) {
    struct matrix_fixture *m = *state;
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    struct message end = end_of(m, &build, "perhaps");
    expect_invalid(m, &end, "verdict", "\"perhaps\"");
    end.build_outcome.verdict = NULL;
    expect_invalid(m, &end, "verdict", "\"\"");
    end = end_of(m, &build, "timed_out");
    struct record_build_result wrong = build_result;
    wrong.compiled_modules = -1;
    end.build_outcome.result = &wrong;
    expect_invalid(m, &end, "result.compiled_modules", "");
    wrong = build_result;
    wrong.errors.items = &(struct record_compiler_error){.message = "No."};
    expect_invalid(m, &end, "result.errors[0].code", "");
    expect_state(m, build.job_id, JOB_STATE_RUNNING);
}

static void a_job_that_is_no_build_is_out_of_a_workers_reach(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct job_request publish = publish_of("arrays");
    accept_job(f, &publish);
    const struct lease lease = claim_job(f, publish.id);
    struct build_job build = {.fence = lease.fence};
    memcpy(build.job_id, lease.job_id, sizeof build.job_id);
    const struct message end = end_of(m, &build, "timed_out");
    assert_int_not_equal(say(m, &end), STATUS_OK);
    expect_state(m, publish.id, JOB_STATE_RUNNING);
}

/* Half of the errors are left out, until the rest fits. */
static void too_many_errors_are_cut(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    enum { ERRORS = 64, BYTES = 8000 };
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    struct message end = end_of(m, &build, "failed_to_compile");
    struct record_compiler_error errors[ERRORS];
    struct record_build_result large = build_result;
    for (int i = 0; i < ERRORS; i++)
        errors[i] = (struct record_compiler_error){.message = arena_format(&f->arena, "%0*d", BYTES, i), .code = "E"};
    large.errors = (struct record_compiler_error_list){errors, ERRORS};
    end.build_outcome.result = &large;
    assert_ok(say(m, &end));
    struct build_result result;
    const struct job job = get_job(f, build.job_id);
    assert_true(strlen(job.result) <= JOB_RESULT_MAX_BYTES);
    assert_ok(build_result_parse(&result, job.result, strlen(job.result), &f->arena, &f->err));
    assert_int_equal(result.error_count, ERRORS / 2);
    assert_int_equal(result.errors_left_out, ERRORS / 2);
}

/* ---- Alarms ---- */

static void some_verdicts_are_an_alarm(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    static const struct {
        const char *package, *compiler, *verdict;
        enum matrix_purpose purpose;
        bool is_alarm;
    } rows[] = {
        {"arrays", NEW, "failed_to_compile", MATRIX_PURPOSE_REQUEST, false},
        {"arrays", OLD, "spurious", MATRIX_PURPOSE_REQUEST, false},
        {"arrays", OLD, "failed_to_compile", MATRIX_PURPOSE_REQUEST, true}, /* the metadata has OLD */
        {"arrays", OLD, "failed_to_compile", MATRIX_PURPOSE_PUBLICATION, false},
        {"nothing", OLD, "failed_to_compile", MATRIX_PURPOSE_REQUEST, false},
        {"arrays", OLD, "differs", MATRIX_PURPOSE_VERIFY, true},
        {"arrays", NEW, "dependency_missing", MATRIX_PURPOSE_WAVE, true},
        {"arrays", NEW, "out_of_memory", MATRIX_PURPOSE_WAVE, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct redis_reply *reply;
        struct job job;
        struct lease lease;
        size_t claimed;
        assert_ok(redis_call(f->redis, &reply, &f->err, "FLUSHALL"));
        atomic_store(&m->service.alarms, 0);
        struct job_request request = matrix_of(rows[i].package, rows[i].compiler);
        request.purpose = rows[i].purpose;
        const char *id = accept_job(f, &request).id;
        assert_ok(job_store_claim_some(
            f->store, &(struct job_claim){.ids = &id, .count = 1, .runner = m->worker.name, .lease_ms = LEASE_MS}, &f->arena,
            &lease, &job, &claimed, &f->err));
        struct build_job build = {.fence = lease.fence};
        memcpy(build.job_id, lease.job_id, sizeof build.job_id);
        const struct message end = end_of(m, &build, rows[i].verdict);
        assert_ok(say(m, &end));
        if (matrix_service_count_alarms(&m->service) != rows[i].is_alarm) fail_msg("row %zu", i);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        matrix_test(a_worker_comes_and_goes),
        matrix_test(a_worker_that_does_not_prove_its_name_is_refused),
        matrix_test(lost_leases_are_named),
        matrix_test(leases_that_are_none_are_refused),
        matrix_test(the_metrics_of_a_worker_are_kept),
        matrix_test(metrics_that_are_none_are_refused),
        matrix_test(a_job_that_is_given_back_is_handed_out_again),
        matrix_test(lines_count_once_by_their_numbers),
        matrix_test(lines_that_are_none_are_refused),
        matrix_test(a_build_that_failed_ends_with_its_verdict),
        matrix_test(a_build_without_a_reason_says_what_its_verdict_means),
        matrix_test(a_build_that_succeeded_is_committed),
        matrix_test(a_trial_that_succeeded_changes_nothing),
        matrix_test(a_result_that_is_none_is_refused),
        matrix_test(a_job_that_is_no_build_is_out_of_a_workers_reach),
        matrix_test(too_many_errors_are_cut),
        matrix_test(some_verdicts_are_an_alarm),
    };
    return cmocka_run_group_tests(tests, start_matrix, stop_matrix);
}
