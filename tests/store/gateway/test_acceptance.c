/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests that become jobs (services/gateway/README.md, Accepting a request): the job, the message to its service, duplicates,
 * an owner's signed request that is sent again, and immediate refusals.
 */
#include "tests/store/gateway/gateway_scene.h"

#define PUBLICATION "{\"name\":\"aff\",\"version\":\"7.1.0\",\"ref\":\"v7.1.0\",\"unknown\":1}"

static char signature[129]; /* not valid: only its form is checked here */

/* `{payload, signature}` with the payload, a text of JSON, as a string. */
static const char *signed_by(struct gateway_scene *s, const char *payload) {
    struct text body = {0};
    memset(signature, 'a', sizeof signature - 1);
    text_append(&body, "{\"payload\":");
    json_append(&body, payload);
    text_append_format(&body, ",\"signature\":\"%s\"}", signature);
    const char *copy = arena_copy(&s->f.arena, body.bytes);
    text_release(&body);
    return copy;
}

#define UNPUBLISHING "{\"name\":\"aff\",\"version\":\"7.1.0\",\"reason\":\"broken\"}"
#define TRANSFER(repository) "{\"name\":\"aff\",\"newLocation\":{\"githubOwner\":\"new\",\"githubRepo\":\"" repository "\"}}"

static void end_job(struct gateway_scene *s, const char *id, bool success) {
    struct fixture *f = &s->f;
    const struct lease lease = claim_job(f, id);
    finish_job(f, &lease, success);
}

/* ---- Publications ---- */

static void a_publication_is_a_job_and_its_service_is_told(void **state) {
    struct gateway_scene *s = *state;
    enum service service;
    serve(s);
    const struct answered answered = post(s, "/api/v1/publish", PUBLICATION);
    const char *id = job_of(s, answered);
    expect_json(answered, 200,
                arena_format(&s->f.arena, "{\"jobId\":\"%s\",\"created\":true,\"disposition\":\"created\"}", id));
    const struct job job = get_job(&s->f, id);
    assert_int_equal(job.kind, JOB_KIND_PUBLISH);
    assert_int_equal(job.state, JOB_STATE_PENDING);
    assert_string_equal(job.package, "aff");
    assert_string_equal(job.version, "7.1.0");
    assert_string_equal(job.actor, "anonymous");
    assert_string_equal(job.payload, "{\"name\":\"aff\",\"ref\":\"v7.1.0\",\"version\":\"7.1.0\"}");
    assert_null(job.authority);
    stub_services_await(s->services, MESSAGE_job_accepted, 1);
    const struct message_job_accepted *told = &stub_services_last(s->services, MESSAGE_job_accepted, &service)->job_accepted;
    assert_int_equal(service, SERVICE_PUBLISH);
    assert_string_equal(told->job_id, id);
    assert_string_equal(told->kind, "publish");
    assert_string_equal(told->package, "aff");
    assert_string_equal(told->version, "7.1.0");
    assert_string_equal(told->payload, job.payload);
}

static void the_same_publication_is_one_job_until_it_fails(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const char *id = job_of(s, post(s, "/api/v1/publish", PUBLICATION));
    static const char *const dispositions[] = {"duplicate-active", "already-published"};
    for (int i = 0; i < 2; i++) {
        if (i == 1) end_job(s, id, true);
        const struct answered again = post(s, "/api/v1/publish", PUBLICATION);
        expect_json(
            again, 200,
            arena_format(&s->f.arena, "{\"jobId\":\"%s\",\"created\":false,\"disposition\":\"%s\"}", id, dispositions[i]));
    }
    static const char other[] = "{\"name\":\"aff\",\"version\":\"7.1.0\",\"ref\":\"main\"}";
    const char *failed = job_of(s, post(s, "/api/v1/publish", other));
    end_job(s, failed, false);
    assert_string_not_equal(job_of(s, post(s, "/api/v1/publish", other)), failed);
    stub_services_await(s->services, MESSAGE_job_accepted, 3);
    assert_int_equal(stub_services_count(s->services, MESSAGE_job_accepted), 3); /* services are not notified of duplicates */
}

static void a_malformed_publication_is_refused_with_its_field(void **state) {
    struct gateway_scene *s = *state;
    static const struct {
        const char *body, *path;
    } rows[] = {
        {"", NULL},
        {"{", NULL},
        {"7", NULL},
        {"{\"version\":\"1.0.0\",\"ref\":\"a\"}", "name"},
        {"{\"name\":\"-\",\"version\":\"1.0.0\",\"ref\":\"a\"}", "name"},
        {"{\"name\":\"a\",\"version\":\"1.0\",\"ref\":\"a\"}", "version"},
        {"{\"name\":\"a\",\"version\":\"1.0.0\"}", "ref"},
        {"{\"name\":\"a\",\"version\":\"1.0.0\",\"ref\":\"a\",\"compiler\":\"x\"}", "compiler"},
    };
    serve(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_error(s, post(s, "/api/v1/publish", rows[i].body), 400, rows[i].path, "");
    expect_json(get(s, "/api/v1/jobs"), 200, "[]");
}

/* ---- Signed payloads ---- */

static void signed_payloads_are_kept_unchanged(void **state) {
    struct gateway_scene *s = *state;
    enum service service;
    serve(s);
    const char *body = signed_by(s, "{\"name\": \"aff\",\"version\":\"7.1.0\",\"reason\":\"broken\",\"more\":[1]}");
    const struct answered answered = post(s, "/api/v1/unpublish", body);
    const char *id = job_of(s, answered);
    expect_json(answered, 200, arena_format(&s->f.arena, "{\"jobId\":\"%s\",\"created\":true}", id));
    const struct job job = get_job(&s->f, id);
    assert_int_equal(job.kind, JOB_KIND_UNPUBLISH);
    assert_string_equal(job.package, "aff");
    assert_string_equal(job.version, "7.1.0");
    assert_string_equal(job.payload, body);
    assert_null(job.authority);
    stub_services_await(s->services, MESSAGE_job_accepted, 1);
    stub_services_last(s->services, MESSAGE_job_accepted, &service);
    assert_int_equal(service, SERVICE_PUBLISH);

    const char *transfer = signed_by(s, TRANSFER("aff"));
    const struct job moved = get_job(&s->f, job_of(s, post(s, "/api/v1/transfer", transfer)));
    assert_int_equal(moved.kind, JOB_KIND_TRANSFER);
    assert_string_equal(moved.package, "aff");
    assert_null(moved.version);
    assert_string_equal(moved.payload, transfer);
    stub_services_await(s->services, MESSAGE_job_accepted, 2);
    stub_services_last(s->services, MESSAGE_job_accepted, &service);
    assert_int_equal(service, SERVICE_TRANSFER);
}

static void a_malformed_signed_request_is_refused_with_its_field(void **state) {
    struct gateway_scene *s = *state;
    const struct {
        const char *path, *body, *field;
    } rows[] = {
        {"/api/v1/unpublish", "{}", "payload"},
        {"/api/v1/unpublish", "{\"payload\":{},\"signature\":\"ab\"}", "payload"},
        {"/api/v1/unpublish", "{\"payload\":\"{}\"}", "signature"},
        {"/api/v1/unpublish", "{\"payload\":\"{}\",\"signature\":\"AB\"}", "signature"},
        {"/api/v1/unpublish", signed_by(s, "{\"name\":\"aff\",\"reason\":\"r\"}"), "payload.version"},
        {"/api/v1/unpublish", signed_by(s, "{\"name\":\"aff\",\"version\":\"7.1.0\",\"reason\":\"r\",\"a\":[{\"b\":null}]}"),
         "payload.a.0.b"},
        {"/api/v1/unpublish", signed_by(s, "{\"name\":\"aff\",\"version\":\"7.1.0\",\"reason\":\"r\",\"newLocation\":{}}"),
         "payload.newLocation"},
        {"/api/v1/transfer", signed_by(s, UNPUBLISHING), "payload.version"},
        {"/api/v1/transfer", signed_by(s, "{\"name\":\"aff\"}"), "payload.newLocation"},
    };
    serve(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_error(s, post(s, rows[i].path, rows[i].body), 400, rows[i].field, "");
    expect_json(get(s, "/api/v1/jobs"), 200, "[]");
}

static void a_request_whose_effect_holds_returns_its_job(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const char *body = signed_by(s, UNPUBLISHING);
    const char *id = job_of(s, post(s, "/api/v1/unpublish", body));
    post(s, "/api/v1/unpublish", body); /* the first one waits, so build-matrix is not asked */
    end_job(s, id, true);
    assert_int_equal(stub_services_count(s->services, MESSAGE_holds_query), 0);
    const struct answered again = post(s, "/api/v1/unpublish", body);
    expect_json(again, 200, arena_format(&s->f.arena, "{\"jobId\":\"%s\",\"created\":false}", id));
    const struct message_holds_query *asked = &stub_services_last(s->services, MESSAGE_holds_query, NULL)->holds_query;
    assert_string_equal(asked->kind, "unpublish");
    assert_string_equal(asked->payload, UNPUBLISHING);
}

static void a_request_whose_effect_was_undone_is_refused_with_its_job(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const char *body = signed_by(s, TRANSFER("aff"));
    const char *id = job_of(s, post(s, "/api/v1/transfer", body));
    end_job(s, id, true);
    stub_services_fail(s->services, MESSAGE_holds_query, STATUS_REFUSED, NULL, "It is at old/place.");
    const struct answered again = post(s, "/api/v1/transfer", body);
    expect_error(s, again, 400, "payload", id);
    expect_within(again.body, "It is at old/place.");
    expect_within(again.body, "an extra space is enough");
}

/* If build-matrix cannot answer, this server's own later jobs decide. */
static void without_build_matrix_later_jobs_say_whether_it_holds(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const char *first = signed_by(s, TRANSFER("aff")), *second = signed_by(s, TRANSFER("other"));
    const char *same = signed_by(s, " " TRANSFER("other"));
    const char *ids[3], *bodies[] = {first, second, same};
    for (int i = 0; i < 3; i++) {
        ids[i] = job_of(s, post(s, "/api/v1/transfer", bodies[i]));
        end_job(s, ids[i], true);
    }
    stub_services_close(s->services, SERVICE_BUILD_MATRIX);
    const struct answered again = post(s, "/api/v1/transfer", first);
    expect_error(s, again, 400, "payload", ids[0]);
    expect_within(again.body, arena_format(&s->f.arena, "The job %s has since moved aff elsewhere.", ids[2]));
    /* the last one moved it to the same location as this one */
    expect_json(post(s, "/api/v1/transfer", second), 200,
                arena_format(&s->f.arena, "{\"jobId\":\"%s\",\"created\":false}", ids[1]));
}

/* ---- Limits ---- */

static void jobs_that_redis_does_not_keep_are_not_accepted(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    struct redis_reply *reply;
    serve(s);
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET appendfsync everysec"));
    const struct answered answered = post(s, "/api/v1/publish", PUBLICATION);
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET appendfsync always"));
    expect_error(s, answered, 503, NULL, "Nothing is lost: try again in a few seconds.");
    expect_header(s, &answered, "retry-after", "2");
    expect_not_within(answered.body, "appendfsync"); /* only operators may see that */
    expect_json(get(s, "/api/v1/jobs"), 200, "[]");
    expect_status(post(s, "/api/v1/publish", PUBLICATION), 200);
}

static void pending_jobs_are_bounded_by_address_and_in_all(void **state) {
    struct gateway_scene *s = *state;
    s->settings.pending_limit_per_address = 2;
    s->settings.pending_limit = 3;
    set_text(&s->settings.trusted_proxies, "127.0.0.1");
    serve(s);
    static const struct {
        const char *name, *address;
        int status;
        const char *message;
    } rows[] = {{"a", "192.0.2.1", 200, NULL},
                {"b", "192.0.2.1", 200, NULL},
                {"c", "192.0.2.1", 429, "There are 2 pending jobs from your address already"},
                {"b", "192.0.2.1", 200, NULL},
                {"c", "192.0.2.2", 200, NULL},
                {"d", "192.0.2.3", 503, "There are 3 pending jobs already"},
                {"d", "192.0.2.2", 503, "There are 3 pending jobs already"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const headers[] = {arena_format(&s->f.arena, "X-Forwarded-For: %s", rows[i].address), NULL};
        const char *body = arena_format(&s->f.arena, "{\"name\":\"%s\",\"version\":\"1.0.0\",\"ref\":\"x\"}", rows[i].name);
        const struct answered answered = ask_with(s, NULL, "/api/v1/publish", headers, body);
        expect_status(answered, rows[i].status);
        if (rows[i].status == 200) continue;
        expect_error(s, answered, rows[i].status, NULL, rows[i].message);
        assert_non_null(header_of(s, &answered, "retry-after"));
    }
}

static void a_body_over_the_limit_is_413(void **state) {
    struct gateway_scene *s = *state;
    enum { LIMIT = 65536 };
    serve(s);
    char *body = memory_alloc(LIMIT + 2);
    memset(body, ' ', LIMIT + 1);
    expect_error(s, post(s, "/api/v1/publish", body), 413, NULL, "larger than 65536 bytes");
    body[LIMIT] = '\0';
    expect_error(s, post(s, "/api/v1/publish", body), 400, NULL, "");
    free(body);
}

static void an_encoded_body_is_415(void **state) {
    struct gateway_scene *s = *state;
    static const char *const gzip[] = {"Content-Encoding: gzip", NULL}, *const plain[] = {"Content-Encoding: identity", NULL};
    serve(s);
    const struct answered answered = ask_with(s, NULL, "/api/v1/publish", gzip, PUBLICATION);
    expect_error(s, answered, 415, NULL, "Content-Encoding: gzip");
    expect_header(s, &answered, "accept-encoding", "identity");
    expect_status(ask_with(s, NULL, "/api/v1/publish", plain, PUBLICATION), 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        gateway_test(a_publication_is_a_job_and_its_service_is_told),
        gateway_test(the_same_publication_is_one_job_until_it_fails),
        gateway_test(a_malformed_publication_is_refused_with_its_field),
        gateway_test(signed_payloads_are_kept_unchanged),
        gateway_test(a_malformed_signed_request_is_refused_with_its_field),
        gateway_test(a_request_whose_effect_holds_returns_its_job),
        gateway_test(a_request_whose_effect_was_undone_is_refused_with_its_job),
        gateway_test(without_build_matrix_later_jobs_say_whether_it_holds),
        gateway_test(jobs_that_redis_does_not_keep_are_not_accepted),
        gateway_test(pending_jobs_are_bounded_by_address_and_in_all),
        gateway_test(a_body_over_the_limit_is_413),
        gateway_test(an_encoded_body_is_415),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
