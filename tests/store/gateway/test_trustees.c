/* SPDX-License-Identifier: BSD-3-Clause
 *
 * POST /api/v1/trustee (services/gateway/README.md, Trustee requests): the order of the checks, and the job that each action
 * makes. Look-ups of tokens: test_trustee_lookup.c.
 */
#include "tests/store/gateway/trustee_requests.h"

static void end_job(struct gateway_scene *s, const char *id) {
    struct fixture *f = &s->f;
    const struct lease lease = claim_job(f, id);
    finish_job(f, &lease, true);
}

/* ---- The token ---- */

static void without_a_token_configured_there_is_no_route(void **state) {
    struct gateway_scene *s = *state;
    serve_trustees(s);
    for (int i = 0; i < 7; i++) /* and is not counted */
        expect_error(s, ask_as(s, TOKEN, NULL, TRANSFER), 404, NULL, "not enabled");
}

static void only_the_configured_token_passes(void **state) {
    struct gateway_scene *s = *state;
    configure_token(s, TOKEN);
    serve_trustees(s);
    static const struct {
        const char *headers[3];
        const char *words;
    } rows[] = {
        {{NULL}, "needs a trustee's token"},
        {{"Authorization: Bearer", NULL}, "Bearer TOKEN"},
        {{"Authorization: Basic " TOKEN, NULL}, "Bearer TOKEN"},
        {{"Authorization: " TOKEN, NULL}, "Bearer TOKEN"},
        {{"Authorization: Bearer " TOKEN " x", NULL}, "characters that no token has"},
        {{"Authorization: Bearer " OTHER, NULL}, "not one of a trustee"},
        {{"Authorization: Bearer " TOKEN "x", NULL}, "not one of a trustee"},
        {{"Authorization: Bearer " TOKEN, "Authorization: Bearer " TOKEN, NULL}, "only one Authorization header"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *headers[4] = {arena_format(&s->f.arena, "X-Forwarded-For: 192.0.2.%zu", i)};
        for (size_t j = 0; rows[i].headers[j]; j++)
            headers[j + 1] = rows[i].headers[j];
        const struct answered answered = ask_with(s, NULL, "/api/v1/trustee", headers, "{");
        expect_error(s, answered, UNAUTHORIZED, NULL, rows[i].words);
        expect_header(s, &answered, "www-authenticate", "Bearer");
        expect_not_within(answered.body, "ghp_");
    }
    static const char *const good[] = {"Authorization: bearer  " TOKEN, NULL}; /* any case, more blanks */
    expect_status(ask_with(s, NULL, "/api/v1/trustee", good, TRANSFER), 200);
}

static void five_failures_a_minute_and_then_429(void **state) {
    struct gateway_scene *s = *state;
    configure_token(s, TOKEN);
    serve_trustees(s);
    for (int i = 0; i < TRUSTEE_FAILURES_PER_MINUTE; i++)
        expect_status(ask_as(s, i % 2 ? OTHER : NULL, ADDRESS_1, TRANSFER), UNAUTHORIZED);
    const struct answered answered = ask_as(s, OTHER, ADDRESS_1, TRANSFER);
    expect_error(s, answered, 429, NULL, "from " ADDRESS_1);
    assert_true(atoi(header_of(s, &answered, "retry-after")) >= 1);
    expect_header(s, &answered, "www-authenticate", NULL);
    expect_status(ask_as(s, OTHER, ADDRESS_2, TRANSFER), UNAUTHORIZED);
    expect_status(ask_as(s, TOKEN, ADDRESS_1, TRANSFER), 200); /* the right one is never limited */
    expect_status(ask_as(s, TOKEN, ADDRESS_1, "{"), 400);
}

/* The setting as SIGHUP changes it. */
static void a_new_digest_counts_at_once(void **state) {
    struct gateway_scene *s = *state;
    configure_token(s, TOKEN);
    serve_trustees(s);
    expect_status(ask_as(s, TOKEN, NULL, TRANSFER), 200);
    configure_token(s, OTHER);
    expect_status(ask_as(s, TOKEN, NULL, TRANSFER), UNAUTHORIZED);
    expect_status(ask_as(s, OTHER, NULL, TRANSFER), 200);
    s->settings.trustee_token_sha256 = secret_keep("nonsense");
    expect_status(ask_as(s, OTHER, NULL, TRANSFER), UNAUTHORIZED);
}

/* ---- The body ---- */

static void a_malformed_request_is_refused_with_its_field(void **state) {
    struct gateway_scene *s = *state;
#define WITH(rest) "{\"action\":\"transfer\",\"actor\":\"a\",\"issue\":7," rest "}"
    static const struct {
        const char *body, *path;
    } rows[] = {
        {"", NULL},
        {"[]", NULL},
        {"{}", "action"},
        {"{\"action\":\"rewrite\"}", "action"},
        {"{\"action\":7}", "action"},
        {"{\"action\":\"transfer\"}", "actor"},
        {"{\"action\":\"transfer\",\"actor\":\"a b\"}", "actor"},
        {"{\"action\":\"transfer\",\"actor\":\"abcdefghijklmnopqrstuvwxyz0123456789-ABC\"}", "actor"},
        {"{\"action\":\"transfer\",\"actor\":\"a\"}", "issue"},
        {"{\"action\":\"transfer\",\"actor\":\"a\",\"issue\":null}", "issue"},
        {"{\"action\":\"transfer\",\"actor\":\"a\",\"issue\":0}", "issue"},
        {"{\"action\":\"transfer\",\"actor\":\"a\",\"issue\":1000000001}", "issue"},
        {"{\"action\":\"transfer\",\"actor\":\"a\",\"issue\":7.0}", "issue"},
        {WITH("\"reason\":7"), "reason"},
        {WITH("\"reason\":\" \""), "reason"},
        {WITH("\"reason\":\"r\""), "payload"},
        {WITH("\"payload\":[]"), "payload"},
        {WITH("\"payload\":{\"name\":\"x\"}"), "payload.newLocation"},
        {BODY("publish", "{\"name\":\"x\",\"version\":\"1.0.0\"}"), "payload.ref"},
        {BODY("unpublish", "{\"name\":\"x\",\"version\":\"1\"}"), "payload.version"},
        {BODY("retry", "{}"), "payload.jobId"},
        {BODY("retry", "{\"jobId\":\"x\"}"), "payload.jobId"},
        {BODY("matrix", "{\"name\":\"x\",\"version\":\"1.0.0\"}"), "payload.compiler"},
        {BODY("revise", "{\"name\":\"x\"}"), "payload.version"},
        {BODY("package-set", "{\"packages\":{\"x\":\"1\"}}"), "payload.packages.x"},
        {BODY("package-set", "{\"packages\":{}}"), "payload.packages"}, /* it asks for nothing */
    };
    configure_token(s, TOKEN);
    serve_trustees(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_error(s, ask_as(s, TOKEN, NULL, rows[i].body), 400, rows[i].path, "");
    expect_json(get(s, "/api/v1/jobs"), 200, "[]");
}

/* "One printable line": no character that breaks the line, is invisible, or changes the order of others. */
static void a_reason_is_one_printable_line(void **state) {
    struct gateway_scene *s = *state;
    static const struct {
        const char *reason;
        bool is_good;
    } rows[] = {
        {"It is broken \\u2013 see the issue: \\u00e4\\u4e16\\ud83d\\ude00", true},
        {"\\u05d0 \\u0627", true}, /* letters from right to left */
        {"a\\nJob ID: b", false},
        {"a\\tb", false},
        {"a\\u007fb", false},
        {"a\\u0085b", false},
        {"a\\u009fb", false},
        {"a\\u00a0b", true},
        {"a\\u061cb", false},
        {"a\\u200eb", false},
        {"a\\u200fb", false},
        {"a\\u2028b", false},
        {"a\\u202eb", false},
        {"a\\u202fb", true},
        {"a\\u2066b", false},
        {"a\\u2069b", false},
    };
    configure_token(s, TOKEN);
    serve_trustees(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *body = arena_format(&s->f.arena, "{\"reason\":\"%s\",%s", rows[i].reason, TRANSFER + 1);
        const struct answered answered = ask_as(s, TOKEN, NULL, body);
        if (!rows[i].is_good && answered.status == 200) fail_msg("%s was taken", rows[i].reason);
        if (rows[i].is_good)
            expect_status(answered, 200);
        else
            expect_error(s, answered, 400, "reason", "one printable line");
    }
    char reason[302];
    memset(reason, 'x', sizeof reason);
    for (int length = 300; length <= 301; length++) {
        const char *body = arena_format(&s->f.arena, "{\"reason\":\"%.*s\",%s", length, reason, TRANSFER + 1);
        expect_status(ask_as(s, TOKEN, NULL, body), length <= 300 ? 200 : 400);
    }
}

static void an_issue_is_needed_unless_the_setting_says_otherwise(void **state) {
    struct gateway_scene *s = *state;
    static const char body[] = "{\"action\":\"transfer\",\"actor\":\"a-trustee\",\"payload\":{\"name\":\"aff\",\"newLocation\":"
                               "{\"githubOwner\":\"new\",\"githubRepo\":\"place\"}}}";
    configure_token(s, TOKEN);
    s->settings.trustee_requires_issue = false;
    serve_trustees(s);
    assert_null(trustee_job(s, body).issue);
    s->settings.trustee_requires_issue = true;
    expect_error(s, ask_as(s, TOKEN, NULL, body), 400, "issue", "requested in public");
}

/* ---- The jobs ---- */

static void each_action_becomes_its_job(void **state) {
    struct gateway_scene *s = *state;
    static const struct {
        const char *body;
        enum job_kind kind;
        const char *version, *payload;
    } rows[] = {
        {BODY("publish", "{\"ref\":\"v1.0.0\",\"name\":\"aff\",\"version\":\"1.0.0\",\"more\":1}"), JOB_KIND_PUBLISH, "1.0.0",
         "{\"name\":\"aff\",\"ref\":\"v1.0.0\",\"version\":\"1.0.0\"}"},
        {BODY("unpublish", "{\"name\":\"aff\",\"version\":\"1.0.0\",\"reason\":\"its own\"}"), JOB_KIND_UNPUBLISH, "1.0.0",
         "{\"payload\":\"{\\\"name\\\":\\\"aff\\\",\\\"version\\\":\\\"1.0.0\\\",\\\"reason\\\":\\\"its own\\\"}\","
         "\"signature\":\"\"}"},
        {TRANSFER, JOB_KIND_TRANSFER, NULL,
         "{\"payload\":\"{\\\"name\\\":\\\"aff\\\",\\\"newLocation\\\":{\\\"githubOwner\\\":\\\"new\\\",\\\"githubRepo\\\":"
         "\\\"place\\\"}}\",\"signature\":\"\"}"},
        {BODY("revise", "{\"name\":\"aff\",\"version\":\"1.0.0\",\"dependencies\":{\"prelude\":\">=6.0.0 <7.0.0\"}}"),
         JOB_KIND_REVISION, "1.0.0",
         "{\"name\":\"aff\",\"version\":\"1.0.0\",\"dependencies\":{\"prelude\":\">=6.0.0 <7.0.0\"}}"},
    };
    configure_token(s, TOKEN);
    serve_trustees(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct job job = trustee_job(s, rows[i].body);
        assert_int_equal(job.kind, rows[i].kind);
        assert_string_equal(job.package, "aff");
        assert_string_equal(job.version ? job.version : "-", rows[i].version ? rows[i].version : "-");
        assert_string_equal(job.payload, rows[i].payload);
        assert_string_equal(job.authority, JOB_AUTHORITY_TRUSTEE);
        assert_string_equal(job.actor, "a-trustee");
        assert_string_equal(job.credential, TRUSTEE_CREDENTIAL);
        assert_string_equal(job.issue, "7");
        assert_null(job.reason);
    }
}

/* Without pacchettibotti's signature, which everybody else needs for a compiler or a removal. */
static void a_package_set_is_the_trustees_whatever_it_changes(void **state) {
    struct gateway_scene *s = *state;
    static const char *const payloads[] = {"{\"packages\":{\"aff\":\"8.0.0\"}}", "{\"packages\":{\"aff\":null}}",
                                           "{\"compiler\":\"0.15.16\",\"packages\":{}}"};
    enum service service;
    configure_token(s, TOKEN);
    serve_trustees(s);
    for (int i = 0; i < 3; i++) {
        const struct job job = trustee_job(
            s, arena_format(&s->f.arena, "{\"action\":\"package-set\",\"actor\":\"a-trustee\",\"issue\":7,\"payload\":%s}",
                            payloads[i]));
        assert_int_equal(job.kind, JOB_KIND_PACKAGE_SET);
        assert_string_equal(job.payload, payloads[i]);
        assert_null(job.package);
        assert_string_equal(job.authority, JOB_AUTHORITY_TRUSTEE);
        assert_string_equal(job.actor, "a-trustee");
        assert_string_equal(job.credential, TRUSTEE_CREDENTIAL);
        assert_null(job.replay_key);
    }
    stub_services_await(s->services, MESSAGE_job_accepted, 3);
    stub_services_last(s->services, MESSAGE_job_accepted, &service);
    assert_int_equal(service, SERVICE_PACKAGE_SET);
}

static void an_unpublishing_takes_the_requests_reason_where_it_has_none(void **state) {
    struct gateway_scene *s = *state;
    static const char *const payloads[] = {"{\"name\":\"aff\",\"version\":\"1.0.0\"}",
                                           "{\"name\":\"aff\",\"version\":\"2.0.0\",\"reason\":null}"};
    configure_token(s, TOKEN);
    serve_trustees(s);
    for (int i = 0; i < 2; i++) {
        const struct job job = trustee_job(
            s, arena_format(&s->f.arena,
                            "{\"reason\":\"malware\",\"action\":\"unpublish\",\"actor\":\"a\",\"issue\":7,\"payload\":%s}",
                            payloads[i]));
        expect_within(job.payload, "\\\"reason\\\":\\\"malware\\\"");
        assert_string_equal(job.reason, "malware");
    }
}

static void the_same_action_by_the_same_trustee_is_one_job(void **state) {
    struct gateway_scene *s = *state;
    static const char by_other[] = "{\"action\":\"transfer\",\"actor\":\"another\",\"issue\":7,\"payload\":{\"name\":\"aff\","
                                   "\"newLocation\":{\"githubOwner\":\"new\",\"githubRepo\":\"place\"}}}";
    configure_token(s, TOKEN);
    serve_trustees(s);
    const struct answered first = ask_as(s, TOKEN, NULL, TRANSFER), again = ask_as(s, TOKEN, ADDRESS_2, TRANSFER);
    const char *id = job_of(s, first);
    expect_json(again, 200, arena_format(&s->f.arena, "{\"jobId\":\"%s\",\"created\":false}", id));
    assert_string_not_equal(job_of(s, ask_as(s, TOKEN, NULL, by_other)), id);
}

/* A package may be moved to a location, back, and there again; a version is unpublished once, so the same request gets the same
 * job. */
static void the_same_transfer_is_another_job_once_it_was_carried_out(void **state) {
    struct gateway_scene *s = *state;
    configure_token(s, TOKEN);
    serve_trustees(s);
    const char *id = job_of(s, ask_as(s, TOKEN, NULL, TRANSFER));
    end_job(s, id);
    assert_string_not_equal(job_of(s, ask_as(s, TOKEN, NULL, TRANSFER)), id);
    assert_int_equal(stub_services_count(s->services, MESSAGE_holds_query), 0);
}

static void the_same_unpublishing_is_its_job_while_it_holds(void **state) {
    struct gateway_scene *s = *state;
    configure_token(s, TOKEN);
    serve_trustees(s);
    const char *id = job_of(s, ask_as(s, TOKEN, NULL, UNPUBLISHING));
    end_job(s, id);
    expect_json(ask_as(s, TOKEN, NULL, UNPUBLISHING), 200,
                arena_format(&s->f.arena, "{\"jobId\":\"%s\",\"created\":false}", id));
    stub_services_fail(s->services, MESSAGE_holds_query, STATUS_REFUSED, NULL, "It is published.");
    const struct answered refused = ask_as(s, TOKEN, NULL, UNPUBLISHING);
    expect_error(s, refused, 400, "payload", id);
    expect_within(refused.body, "It is published. Nothing was done now.");
    expect_within(refused.body, "another reason in it is enough"); /* trustees sign nothing */
    static const char other[] = BODY("unpublish", "{\"name\":\"aff\",\"version\":\"1.0.0\",\"reason\":\"again\"}");
    assert_string_not_equal(job_of(s, ask_as(s, TOKEN, NULL, other)), id);
}

/* ---- Builds ---- */

#define BUILD BODY("matrix", "{\"name\":\"aff\",\"version\":\"7.1.0\",\"compiler\":\"0.15.15\"}")

static void a_build_has_the_plan_of_build_matrix(void **state) {
    struct gateway_scene *s = *state;
    configure_token(s, TOKEN);
    serve_trustees(s);
    stub_services_answer_json(s->services, MESSAGE_plan_query, "{\"prelude\":\"6.0.1\"}");
    const struct job job = trustee_job(s, BUILD);
    const struct message_plan_query *asked = &stub_services_last(s->services, MESSAGE_plan_query, NULL)->plan_query;
    assert_string_equal(asked->name, "aff");
    assert_string_equal(asked->version, "7.1.0");
    assert_string_equal(asked->compiler, "0.15.15");
    assert_int_equal(job.kind, JOB_KIND_MATRIX);
    assert_int_equal(job.purpose, MATRIX_PURPOSE_REQUEST);
    assert_string_equal(job.package, "aff");
    assert_string_equal(job.compiler, "0.15.15");
    assert_string_equal(job.payload, "{\"prelude\":\"6.0.1\"}");
    assert_string_equal(job.actor, "a-trustee");
}

static void a_build_without_a_plan_is_refused_or_unavailable(void **state) {
    struct gateway_scene *s = *state;
    static const struct {
        enum status status;
        const char *path;
        int answered;
        const char *answered_path, *words;
    } rows[] = {
        {STATUS_NOT_FOUND, "version", 400, "payload.version", "A sentence."},
        {STATUS_REFUSED, "compiler", 400, "payload.compiler", "A sentence."},
        {STATUS_REFUSED, NULL, 400, "payload", "A sentence."},
        {STATUS_UNAVAILABLE, NULL, 503, NULL, "cannot be planned at the moment"},
    };
    configure_token(s, TOKEN);
    serve_trustees(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stub_services_fail(s->services, MESSAGE_plan_query, rows[i].status, rows[i].path, "A sentence.");
        expect_error(s, ask_as(s, TOKEN, NULL, BUILD), rows[i].answered, rows[i].answered_path, rows[i].words);
    }
    expect_json(get(s, "/api/v1/jobs?kinds=all"), 200, "[]");
}

/* ---- Retries ---- */

static const char *retry_of(struct gateway_scene *s, const char *id) {
    return arena_format(&s->f.arena, BODY("retry", "{\"jobId\":\"%s\"}"), id);
}

static const char *fail_job(struct gateway_scene *s, const struct job_request *request) {
    const struct job_end end = {.error = "It does not compile."};
    return arena_copy(&s->f.arena, run_job(&s->f, request, &end).id);
}

static void a_failed_job_is_tried_again_as_the_trustees(void **state) {
    struct gateway_scene *s = *state;
    configure_token(s, TOKEN);
    serve_trustees(s);
    const struct job_request request = publish_of("aff");
    const char *id = fail_job(s, &request);
    const struct job job = trustee_job(s, retry_of(s, id));
    assert_int_equal(job.kind, JOB_KIND_PUBLISH);
    assert_string_equal(job.payload, request.payload);
    assert_string_equal(job.package, "aff");
    assert_string_equal(job.version, "1.0.0");
    assert_string_equal(job.retry_of, id);
    assert_string_equal(job.authority, JOB_AUTHORITY_TRUSTEE);
    assert_string_equal(job.actor, "a-trustee");
}

/* A trustee's retry does not authorise a request that an owner must sign. */
static void a_signed_request_that_failed_is_proved_again(void **state) {
    struct gateway_scene *s = *state;
    configure_token(s, TOKEN);
    serve_trustees(s);
    struct job_request request = unpublish_of("aff");
    request.payload = "{\"payload\":\"{\\\"name\\\":\\\"aff\\\"}\",\"signature\":\"abcd\"}";
    const struct job job = trustee_job(s, retry_of(s, fail_job(s, &request)));
    assert_int_equal(job.kind, JOB_KIND_UNPUBLISH);
    assert_string_equal(job.payload, request.payload);
    assert_null(job.authority);
    request.authority = JOB_AUTHORITY_TRUSTEE; /* a trustee's own needs no proof */
    request.package = "other";
    hash_random_uuid(request.id);
    assert_string_equal(trustee_job(s, retry_of(s, fail_job(s, &request))).authority, JOB_AUTHORITY_TRUSTEE);
}

/* The gateway has verified its signature already; the job has it no more. */
static void a_package_set_that_failed_is_tried_again_by_its_own_right(void **state) {
    struct gateway_scene *s = *state;
    struct job_request by_anybody = package_set(), by_bot = package_set(), by_trustee = package_set();
    by_bot.actor = "pacchettibotti";
    by_bot.credential = "ssh-ed25519 SHA256:x";
    by_bot.replay_key = "the-key-of-this-request";
    by_trustee.actor = "another-trustee";
    by_trustee.credential = "GitHub token of another-trustee";
    by_trustee.authority = JOB_AUTHORITY_TRUSTEE;
    configure_token(s, TOKEN);
    serve_trustees(s);

    const struct job anybodys = trustee_job(s, retry_of(s, fail_job(s, &by_anybody)));
    end_job(s, anybodys.id); /* they run one at a time */
    assert_int_equal(anybodys.kind, JOB_KIND_PACKAGE_SET);
    assert_string_equal(anybodys.payload, by_anybody.payload);
    assert_string_equal(anybodys.actor, "a-trustee");
    assert_null(anybodys.authority);
    assert_null(anybodys.replay_key);

    const struct job bots = trustee_job(s, retry_of(s, fail_job(s, &by_bot)));
    end_job(s, bots.id);
    assert_string_equal(bots.actor, "a-trustee");
    assert_null(bots.authority);
    assert_string_equal(bots.credential, by_bot.credential);
    assert_string_equal(bots.replay_key, by_bot.replay_key);

    const struct job trustees = trustee_job(s, retry_of(s, fail_job(s, &by_trustee)));
    assert_string_equal(trustees.authority, JOB_AUTHORITY_TRUSTEE);
    assert_string_equal(trustees.credential, TRUSTEE_CREDENTIAL);
}

static void a_build_that_failed_is_built_again_as_it_was_planned(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    configure_token(s, TOKEN);
    serve_trustees(s);
    const struct job_request request = matrix_of("aff", "0.15.15");
    const struct job_end end = {.error = "It does not compile.", .verdict = "failed_to_compile"};
    const struct job job = trustee_job(s, retry_of(s, run_job(f, &request, &end).id));
    assert_int_equal(job.kind, JOB_KIND_MATRIX);
    assert_int_equal(job.purpose, MATRIX_PURPOSE_REQUEST);
    assert_string_equal(job.payload, request.payload);
    assert_string_equal(job.compiler, "0.15.15");
    struct job_request trial = matrix_of("revised", "0.15.15"), member = matrix_of("member", "0.15.15");
    trial.purpose = MATRIX_PURPOSE_REVISION;
    expect_error(s, ask_as(s, TOKEN, NULL, retry_of(s, run_job(f, &trial, &end).id)), 400, "payload.jobId",
                 "was part of a revision");
    member.purpose = MATRIX_PURPOSE_SET;
    expect_error(s, ask_as(s, TOKEN, NULL, retry_of(s, run_job(f, &member, &end).id)), 400, "payload.jobId",
                 "was part of an update of the package set");
}

static void only_a_job_that_failed_is_tried_again(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    configure_token(s, TOKEN);
    serve_trustees(s);
    struct job_request request = publish_of("aff");
    const char *id = arena_copy(&f->arena, accept_job(f, &request).id);
    expect_error(s, ask_as(s, TOKEN, NULL, retry_of(s, id)), 400, "payload.jobId", "this one is pending");
    const struct lease lease = claim_job(f, id);
    finish_job(f, &lease, true);
    expect_error(s, ask_as(s, TOKEN, NULL, retry_of(s, id)), 400, "payload.jobId", "this one is succeeded");
    hash_random_uuid(request.id);
    expect_error(s, ask_as(s, TOKEN, NULL, retry_of(s, request.id)), 400, "payload.jobId", "There is no such job.");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        gateway_test(without_a_token_configured_there_is_no_route),
        gateway_test(only_the_configured_token_passes),
        gateway_test(five_failures_a_minute_and_then_429),
        gateway_test(a_new_digest_counts_at_once),
        gateway_test(a_malformed_request_is_refused_with_its_field),
        gateway_test(a_reason_is_one_printable_line),
        gateway_test(an_issue_is_needed_unless_the_setting_says_otherwise),
        gateway_test(each_action_becomes_its_job),
        gateway_test(a_package_set_is_the_trustees_whatever_it_changes),
        gateway_test(an_unpublishing_takes_the_requests_reason_where_it_has_none),
        gateway_test(the_same_action_by_the_same_trustee_is_one_job),
        gateway_test(the_same_transfer_is_another_job_once_it_was_carried_out),
        gateway_test(the_same_unpublishing_is_its_job_while_it_holds),
        gateway_test(a_build_has_the_plan_of_build_matrix),
        gateway_test(a_build_without_a_plan_is_refused_or_unavailable),
        gateway_test(a_failed_job_is_tried_again_as_the_trustees),
        gateway_test(a_signed_request_that_failed_is_proved_again),
        gateway_test(a_package_set_that_failed_is_tried_again_by_its_own_right),
        gateway_test(a_build_that_failed_is_built_again_as_it_was_planned),
        gateway_test(only_a_job_that_failed_is_tried_again),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
