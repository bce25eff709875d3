/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What build workers say, as the handlers of these messages take it: what is wrong with a message, what comes too late, and
 * how builds end. Over a connection: tests/flow/matrix/test_messages.c.
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
    } rows[] = {{MESSAGE_worker_join, take_worker_join}, {MESSAGE_worker_leave, take_worker_leave},
                {MESSAGE_build_renew, take_build_renew}, {MESSAGE_build_lines, take_build_lines},
                {MESSAGE_build_end, take_build_end},     {MESSAGE_build_return, take_build_return}};
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

static struct message renew_of(struct matrix_fixture *m, const char *leases) {
    return (struct message){.tag = MESSAGE_build_renew, .build_renew = {SELF, .leases = leases, .busy_slots = 1}};
}

static struct message lines_of(struct matrix_fixture *m, const struct build_job *job, const char *lines) {
    return (struct message){.tag = MESSAGE_build_lines,
                            .build_lines = {SELF, .job_id = job->job_id, .fence = job->fence, .lines = lines}};
}

static struct message end_of(struct matrix_fixture *m, const struct build_job *job, const char *verdict) {
    return (struct message){
        .tag = MESSAGE_build_end,
        .build_end = {SELF, .job_id = job->job_id, .fence = job->fence, .verdict = verdict, .reason = "Because."}};
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
    struct message join = join_of(m), renew = renew_of(m, NULL),
                   leave = {.tag = MESSAGE_worker_leave, .worker_leave = {SELF, .busy_slots = 1}};
    assert_status(STATUS_NOT_FOUND, say(m, &renew));
    assert_ok(say(m, &join));
    assert_int_equal(answer.tag, MESSAGE_worker_welcome);
    assert_int_equal(answer.worker_welcome.lease_ms, m->service.settings.lease_ms);
    assert_ok(say(m, &renew));
    assert_string_equal(answer.work_renewed.lost, "[]");
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

static void who_does_not_prove_its_name_is_refused(void **state) {
    struct matrix_fixture *m = *state;
    struct worker_identity another;
    worker_identity_make(&another, "a-test");
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    struct message messages[] = {join_of(m),
                                 {.tag = MESSAGE_worker_leave, .worker_leave = {SELF}},
                                 renew_of(m, "[]"),
                                 lines_of(m, &build, "[]"),
                                 end_of(m, &build, "timed_out"),
                                 return_of(m, &build)};
    messages[0].worker_join.secret = another.secret;
    messages[1].worker_leave.secret = another.secret;
    messages[2].build_renew.secret = another.secret;
    messages[3].build_lines.secret = another.secret;
    messages[4].build_end.secret = another.secret;
    messages[5].build_return.secret = another.secret;
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        expect_invalid(m, &messages[i], "secret", "");
    expect_state(m, build.job_id, JOB_STATE_RUNNING);
}

/* ---- Leases ---- */

static void what_is_no_longer_the_workers_is_named(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    const struct message join = join_of(m);
    const struct lease lease = lease_of(&build);
    char lost[UUID_TEXT_MAX];
    int64_t left_ms;
    hash_random_uuid(lost);
    const struct message renew =
        renew_of(m, arena_format(&f->arena, "[[\"%s\",%lld],[\"%s\",1]]", build.job_id, (long long)build.fence, lost));
    assert_ok(say(m, &join));
    assert_ok(say(m, &renew));
    assert_string_equal(answer.work_renewed.lost, arena_format(&f->arena, "[\"%s\"]", lost));
    assert_ok(job_store_lease_left(f->store, &lease, &left_ms, &f->err));
    assert_true(left_ms > 5000); /* than at first: hand_out.c */
}

static void leases_that_are_none_are_refused(void **state) {
    struct matrix_fixture *m = *state;
    static const struct {
        const char *leases, *words;
    } rows[] = {{"{", "leases"},
                {"{}", "array"},
                {"[1]", "[JOB ID, FENCE]"},
                {"[[\"11111111-1111-4111-8111-111111111111\",\"1\"]]", "[JOB ID, FENCE]"},
                {"[[\"*\",1]]", "no job"},
                {"[[7,1]]", "no job"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct message renew = renew_of(m, rows[i].leases);
        expect_invalid(m, &renew, "leases", rows[i].words);
    }
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
    const struct message first = lines_of(m, &build, "[[1,1784992272686,\"INFO\",\"one\"],[2,1784992272687,\"WARN\",\"two\"]]"),
                         none = lines_of(m, &build, NULL);
    assert_ok(say(m, &first));
    assert_ok(say(m, &first));
    assert_ok(say(m, &none));
    const char *log = strchr(log_of(m, build.job_id), '\n');
    assert_string_equal(log, "\none\ntwo");
    struct message late = first;
    late.build_lines.fence = build.fence - 1;
    assert_status(STATUS_STALE, say(m, &late));
    assert_int_equal(atomic_load(&m->service.late[LATE_LINES]), 1);
}

static void lines_that_are_none_are_refused(void **state) {
    struct matrix_fixture *m = *state;
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    static const char *const rows[] = {"{",
                                       "{}",
                                       "[1]",
                                       "[[\"1\",1,\"INFO\",\"text\"]]",
                                       "[[1,\"1\",\"INFO\",\"text\"]]",
                                       "[[1,1,\"LOUD\",\"text\"]]",
                                       "[[1,1,\"INFO\",1]]",
                                       "[[0,1,\"INFO\",\"text\"]]",
                                       "[[1000000001,1,\"INFO\",\"text\"]]"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct message lines = lines_of(m, &build, rows[i]), end = end_of(m, &build, "timed_out");
        expect_invalid(m, &lines, "lines", "");
        end.build_end.lines = rows[i];
        expect_invalid(m, &end, "lines", "");
    }
    expect_state(m, build.job_id, JOB_STATE_RUNNING);
    struct message no_job = lines_of(m, &build, "[]");
    no_job.build_lines.job_id = "";
    expect_invalid(m, &no_job, "job_id", "no job");
    no_job.build_lines.job_id = NULL;
    expect_invalid(m, &no_job, "job_id", "no job");
}

/* ---- Results ---- */

#define RESULT                                                                                                                 \
    "{\"compiled\":3,\"reused\":1,\"own\":3,\"compilerMs\":9,\"ownMs\":1,\"batch\":1,\"errors\":[{\"message\":\"No.\","        \
    "\"errorCode\":\"TypesDoNotUnify\"}]}"

static void a_build_that_failed_ends_with_its_verdict(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    struct message end = end_of(m, &build, "failed_to_compile");
    end.build_end.result = RESULT;
    end.build_end.lines = "[[1,1784992272686,\"ERROR\",\"the last one\"]]";
    assert_ok(say(m, &end));
    expect_failed(m, build.job_id, "failed_to_compile", "Because.");
    assert_non_null(strstr(get_job(f, build.job_id).result, "TypesDoNotUnify"));
    assert_non_null(strstr(log_of(m, build.job_id), "the last one\nBecause."));
    assert_int_equal(matrix_service_count_alarms(&m->service), 0);
    assert_ok(say(m, &end)); /* its answer was lost */
    end.build_end.verdict = "succeeded";
    assert_status(STATUS_STALE, say(m, &end));
    assert_int_equal(atomic_load(&m->service.late[LATE_RESULT]), 1);
}

static void a_build_without_a_reason_says_what_its_verdict_means(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    struct message end = end_of(m, &build, "timed_out");
    end.build_end.reason = NULL;
    assert_ok(say(m, &end));
    expect_failed(m, build.job_id, "timed_out", verdict_meaning(VERDICT_TIMED_OUT));
}

static void a_build_that_succeeded_is_committed(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    start_committer(m);
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    struct message end = end_of(m, &build, "succeeded");
    end.build_end.result = RESULT;
    assert_ok(say(m, &end));
    await_end(m, build.job_id);
    expect_state(m, build.job_id, JOB_STATE_SUCCEEDED);
    const struct job job = get_job(f, build.job_id);
    assert_string_equal(job.verdict, "succeeded");
    assert_non_null(strstr(job.result, "\"compiled\":3"));
    assert_string_equal(compilers_of(m, "arrays"), OLD " " NEW);
    assert_ok(say(m, &end));
}

/* Builds to compare, and those of a revision. */
static void a_trial_that_succeeded_changes_nothing(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    static const enum matrix_purpose purposes[] = {MATRIX_PURPOSE_VERIFY, MATRIX_PURPOSE_REVISION};
    for (size_t i = 0; i < 2; i++) {
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
    end.build_end.verdict = NULL;
    expect_invalid(m, &end, "verdict", "\"\"");
    end = end_of(m, &build, "timed_out");
    end.build_end.result = "{\"compiled\":\"many\"}";
    expect_invalid(m, &end, "result.compiled", "");
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
static void of_too_many_errors_some_are_kept(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    enum { ERRORS = 64, BYTES = 8000 };
    const struct build_job build = begin(m, "arrays", MATRIX_PURPOSE_WAVE);
    struct message end = end_of(m, &build, "failed_to_compile");
    struct text text = {0};
    text_append(&text, "{\"compiled\":3,\"reused\":1,\"own\":3,\"compilerMs\":9,\"ownMs\":1,\"batch\":1,\"errors\":[");
    for (int i = 0; i < ERRORS; i++)
        text_append_format(&text, "%s{\"message\":\"%0*d\",\"errorCode\":\"E\"}", i ? "," : "", BYTES, i);
    text_append(&text, "]}");
    end.build_end.result = text_view(&text);
    assert_ok(say(m, &end));
    text_release(&text);
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
        matrix_test(who_does_not_prove_its_name_is_refused),
        matrix_test(what_is_no_longer_the_workers_is_named),
        matrix_test(leases_that_are_none_are_refused),
        matrix_test(a_job_that_is_given_back_is_handed_out_again),
        matrix_test(lines_count_once_by_their_numbers),
        matrix_test(lines_that_are_none_are_refused),
        matrix_test(a_build_that_failed_ends_with_its_verdict),
        matrix_test(a_build_without_a_reason_says_what_its_verdict_means),
        matrix_test(a_build_that_succeeded_is_committed),
        matrix_test(a_trial_that_succeeded_changes_nothing),
        matrix_test(a_result_that_is_none_is_refused),
        matrix_test(a_job_that_is_no_build_is_out_of_a_workers_reach),
        matrix_test(of_too_many_errors_some_are_kept),
        matrix_test(some_verdicts_are_an_alarm),
    };
    return cmocka_run_group_tests(tests, start_matrix, stop_matrix);
}
