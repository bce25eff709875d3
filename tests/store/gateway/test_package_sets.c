/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests for package sets (services/gateway/README.md, Accepting a request): which of them need pacchettibotti's signature,
 * the job's fields, duplicates and replays, and what is refused.
 */
#include "tests/store/gateway/gateway_scene.h"

#include "lib/base/hash.h"
#include "tests/support/owner_key.h"

#define ROUTE "/api/v1/package-sets"
#define ADDITION "{\"packages\":{\"prelude\":\"6.0.2\",\"aff\":\"8.0.0\"}}"
#define REMOVAL "{\"packages\":{\"aff\":null}}"
#define COMPILER "{\"compiler\":\"0.15.15\",\"packages\":{}}"

static struct arena keys_arena;
static struct temporary_folder keys_folder;
static struct owner_key_pair bot, other;

static int make_keys(void **state) {
    temporary_folder_make(&keys_folder);
    bot = owner_key_make(&keys_arena, keys_folder.path, "bot", "-t ed25519", "pacchettibotti@purescript.org");
    other = owner_key_make(&keys_arena, keys_folder.path, "other", "-t ed25519", "pacchettibotti@purescript.org");
    return start_scene(state);
}

static int forget_keys(void **state) {
    arena_release(&keys_arena);
    temporary_folder_remove(&keys_folder);
    return stop_scene(state);
}

static void serve_with_key(struct gateway_scene *s) {
    set_text(&s->settings.pacchettibotti_public_key, hash_base64_encode(&s->f.arena, bot.line, strlen(bot.line)));
    serve(s);
}

/* `signature` NULL: the request has none. */
static const char *body_of(struct gateway_scene *s, const char *payload, const char *signature) {
    if (signature) return signed_request_body(&s->f.arena, payload, signature);
    struct text body = {0};
    text_append(&body, "{\"payload\":");
    json_append(&body, payload);
    text_append(&body, "}");
    const char *copy = arena_copy(&s->f.arena, body.bytes);
    text_release(&body);
    return copy;
}

static struct answered ask_unsigned(struct gateway_scene *s, const char *payload) {
    return post(s, ROUTE, body_of(s, payload, NULL));
}

static struct answered ask_signed(struct gateway_scene *s, const char *payload, const struct owner_key_pair *key) {
    return post(s, ROUTE, body_of(s, payload, owner_key_sign(&s->f.arena, key, payload)));
}

static void end_job(struct gateway_scene *s, const char *id, bool success) {
    const struct lease lease = claim_job(&s->f, id);
    finish_job(&s->f, &lease, success);
}

/* ---- The job ---- */

static void expect_anonymous(const struct job *job) {
    assert_string_equal(job->actor, "anonymous");
    assert_null(job->credential);
    assert_null(job->authority);
    assert_null(job->replay_key);
}

static void an_addition_is_anybodys_job(void **state) {
    struct gateway_scene *s = *state;
    enum service service;
    serve(s); /* no key is needed for it */
    const struct answered answered = ask_unsigned(s, "{\"packages\": {\"prelude\":\"6.0.2\",\"aff\":\"8.0.0\"}, \"more\":1}");
    const char *id = job_of(s, answered);
    expect_json(answered, 200, arena_format(&s->f.arena, "{\"jobId\":\"%s\",\"created\":true}", id));
    const struct job job = get_job(&s->f, id);
    assert_int_equal(job.kind, JOB_KIND_PACKAGE_SET);
    assert_string_equal(job.payload, "{\"packages\":{\"aff\":\"8.0.0\",\"prelude\":\"6.0.2\"}}");
    assert_null(job.package);
    expect_anonymous(&job);
    stub_services_await(s->services, MESSAGE_job_accepted, 1);
    const struct message_job_accepted *told = &stub_services_last(s->services, MESSAGE_job_accepted, &service)->job_accepted;
    assert_int_equal(service, SERVICE_PACKAGE_SET);
    assert_string_equal(told->job_id, id);
    assert_string_equal(told->kind, "packageset");
    assert_string_equal(told->payload, job.payload);
}

/* A compiler, even the current one, or a removal. */
static void a_restricted_request_is_a_job_of_its_signer(void **state) {
    struct gateway_scene *s = *state;
    static const char *const rows[][2] = {
        {REMOVAL, REMOVAL},
        {COMPILER, COMPILER},
        {" {\"packages\": {\"b\": null, \"a\": \"1.0.0\"}, \"compiler\": \"0.15.16\", \"requestId\": \"x\"} ",
         "{\"compiler\":\"0.15.16\",\"packages\":{\"a\":\"1.0.0\",\"b\":null}}"},
    };
    serve_with_key(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *id = job_of(s, ask_signed(s, rows[i][0], &bot));
        const struct job job = get_job(&s->f, id);
        assert_string_equal(job.payload, rows[i][1]);
        assert_string_equal(job.actor, "pacchettibotti");
        assert_string_equal(job.credential, arena_format(&s->f.arena, "ssh-ed25519 %s", bot.fingerprint));
        assert_null(job.authority);
        assert_non_null(job.replay_key);
        const struct answered shown = get(s, arena_format(&s->f.arena, "/api/v1/jobs/%s", id));
        expect_within(shown.body, arena_format(&s->f.arena, "\"payload\":%s}", rows[i][1]));
        expect_within(shown.body, "\"actor\":\"pacchettibotti\"");
    }
    stub_services_await(s->services, MESSAGE_job_accepted, sizeof rows / sizeof *rows);
}

static void a_signature_that_is_not_needed_counts_only_if_it_is_the_bots(void **state) {
    struct gateway_scene *s = *state;
    serve_with_key(s);
    const struct job of_bot = get_job(&s->f, job_of(s, ask_signed(s, "{\"packages\":{\"a\":\"1.0.0\"}}", &bot)));
    assert_string_equal(of_bot.actor, "pacchettibotti");
    const struct job of_other = get_job(&s->f, job_of(s, ask_signed(s, "{\"packages\":{\"b\":\"1.0.0\"}}", &other)));
    expect_anonymous(&of_other);
    const char *empty = body_of(s, "{\"packages\":{\"c\":\"1.0.0\"}}", "");
    const struct job unsigned_job = get_job(&s->f, job_of(s, post(s, ROUTE, empty)));
    expect_anonymous(&unsigned_job);
}

/* ---- Refusals ---- */

static void a_restricted_request_needs_exactly_that_signature(void **state) {
    struct gateway_scene *s = *state;
    serve_with_key(s);
    static const char *const payloads[] = {REMOVAL, COMPILER};
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        const char *payload = payloads[i], *spaced = arena_format(&s->f.arena, " %s", payload);
        const struct {
            struct answered answered;
            const char *words;
        } rows[] = {
            {ask_unsigned(s, payload), "sign the bytes of the payload"},
            {post(s, ROUTE, body_of(s, payload, "")), "sign the bytes of the payload"},
            {ask_signed(s, payload, &other), "not by its key"},
            {post(s, ROUTE, body_of(s, spaced, owner_key_sign(&s->f.arena, &bot, payload))), "over exactly this payload"},
        };
        for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
            expect_error(s, rows[n].answered, 400, "signature", rows[n].words);
            expect_within(rows[n].answered.body, bot.fingerprint);
            expect_within(rows[n].answered.body, "POST /api/v1/trustee");
        }
    }
    expect_json(get(s, "/api/v1/jobs?kinds=all&include_completed=true"), 200, "[]");
}

static void without_the_bots_key_only_trustees_can_ask_for_it(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    const struct answered answered = ask_signed(s, REMOVAL, &bot);
    expect_error(s, answered, 400, "signature", "PACCHETTIBOTTI_ED25519_PUB is not set");
    expect_within(answered.body, "POST /api/v1/trustee");
    const struct job job = get_job(&s->f, job_of(s, ask_signed(s, ADDITION, &bot)));
    expect_anonymous(&job); /* nobody can tell */
}

static void a_malformed_request_is_refused_with_its_field(void **state) {
    struct gateway_scene *s = *state;
    const struct {
        const char *body, *path;
    } rows[] = {
        {"", NULL},
        {"[]", NULL},
        {"{}", "payload"},
        {"{\"payload\":{\"packages\":{}}}", "payload"},
        {body_of(s, ADDITION, "AB"), "signature"},
        {body_of(s, "{", NULL), "payload"},
        {body_of(s, "[]", NULL), "payload"},
        {body_of(s, "{}", NULL), "payload.packages"},
        {body_of(s, "{\"packages\":{}}", NULL), "payload.packages"}, /* it asks for nothing */
        {body_of(s, "{\"packages\":[]}", NULL), "payload.packages"},
        {body_of(s, "{\"packages\":{\"a\":\"1.0\"}}", NULL), "payload.packages.a"},
        {body_of(s, "{\"packages\":{\"A\":\"1.0.0\"}}", NULL), "payload.packages"},
        {body_of(s, "{\"packages\":{\"a\":\"1.0.0\",\"a\":\"2.0.0\"}}", NULL), "payload"},
        {body_of(s, "{\"packages\":{\"a\":\"1.0.0\"},\"compiler\":\"0.15\"}", NULL), "payload.compiler"},
        {body_of(s, "{\"packages\":{\"a\":\"1.0.0\"},\"compiler\":null}", NULL), "payload.compiler"},
    };
    serve_with_key(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_error(s, post(s, ROUTE, rows[i].body), 400, rows[i].path, "");
    expect_json(get(s, "/api/v1/jobs"), 200, "[]");
}

/* ---- The same request again ---- */

static void the_same_changes_are_one_job_until_it_ends(void **state) {
    struct gateway_scene *s = *state;
    static const char reordered[] = "{\"packages\":{\"aff\":\"8.0.0\", \"prelude\":\"6.0.2\"}}";
    serve(s);
    const char *id = job_of(s, ask_unsigned(s, ADDITION));
    expect_json(ask_unsigned(s, reordered), 200, arena_format(&s->f.arena, "{\"jobId\":\"%s\",\"created\":false}", id));
    for (int success = 0; success < 2; success++) {
        end_job(s, id, success);
        const char *next = job_of(s, ask_unsigned(s, ADDITION));
        assert_string_not_equal(next, id);
        id = next;
    }
    assert_string_not_equal(job_of(s, ask_unsigned(s, "{\"packages\":{\"aff\":\"8.0.0\"}}")), id);
}

static void a_signed_and_completed_request_returns_its_job(void **state) {
    struct gateway_scene *s = *state;
    serve_with_key(s);
    const char *failed = job_of(s, ask_signed(s, REMOVAL, &bot));
    end_job(s, failed, false);
    const char *id = job_of(s, ask_signed(s, REMOVAL, &bot));
    assert_string_not_equal(id, failed);
    end_job(s, id, true);
    expect_json(ask_signed(s, REMOVAL, &bot), 200, arena_format(&s->f.arena, "{\"jobId\":\"%s\",\"created\":false}", id));
    assert_string_not_equal(job_of(s, ask_signed(s, REMOVAL " ", &bot)), id);
}

/* ---- Limits ---- */

/* A request for packages whose payload has `length` bytes, or some less. */
static void append_large_body(struct text *body, size_t length) {
    struct text payload = {0};
    text_append(&payload, "{\"packages\":{\"a\":\"1.0.0\"");
    for (int i = 0; payload.length < length - 40; i++)
        text_append_format(&payload, ",\"package-number-%d\":\"1.0.0\"", i);
    text_append(&payload, "}}");
    text_append(body, "{\"payload\":");
    json_append(body, payload.bytes);
    text_append(body, "}");
    text_release(&payload);
}

/* Almost that is accepted, and its message reaches the service. */
static void a_request_is_kept_in_a_quarter_of_a_megabyte(void **state) {
    struct gateway_scene *s = *state;
    enum { LIMIT = 256 * 1024 };
    struct text body = {0}, large = {0};
    serve(s);
    append_large_body(&body, LIMIT);
    append_large_body(&large, LIMIT + 100);
    expect_error(s, post(s, ROUTE, large.bytes), 413, "payload.packages", "without blanks; it must have at most 262144 bytes.");
    expect_json(get(s, "/api/v1/jobs"), 200, "[]");
    const char *id = job_of(s, post(s, ROUTE, body.bytes));
    const struct job job = get_job(&s->f, id);
    assert_in_range(strlen(job.payload), LIMIT - 100, LIMIT);
    stub_services_await(s->services, MESSAGE_job_accepted, 1);
    assert_string_equal(stub_services_last(s->services, MESSAGE_job_accepted, NULL)->job_accepted.payload, job.payload);
    text_release(&large);
    text_release(&body);
}

/* Of blanks, say; a byte more is refused. */
static void a_body_has_a_megabyte_at_most(void **state) {
    struct gateway_scene *s = *state;
    enum { LIMIT = 1048576 };
    struct text body = {0};
    serve(s);
    append_large_body(&body, 1000);
    while (body.length < LIMIT)
        text_append_character(&body, ' ');
    assert_true(strlen(get_job(&s->f, job_of(s, post(s, ROUTE, body.bytes))).payload) <= 1000);
    text_append_character(&body, ' ');
    expect_error(s, post(s, ROUTE, body.bytes), 413, NULL, "larger than 1048576 bytes");
    text_release(&body);
}

static void jobs_that_redis_does_not_keep_are_not_accepted(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    struct redis_reply *reply;
    serve(s);
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET appendfsync everysec"));
    const struct answered good = ask_unsigned(s, ADDITION), bad = ask_unsigned(s, "{}");
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET appendfsync always"));
    expect_error(s, good, 503, NULL, "Nothing is lost: try again in a few seconds.");
    expect_header(s, &good, "retry-after", "2");
    expect_error(s, bad, 400, "payload.packages", "");
    expect_json(get(s, "/api/v1/jobs"), 200, "[]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        gateway_test(an_addition_is_anybodys_job),
        gateway_test(a_restricted_request_is_a_job_of_its_signer),
        gateway_test(a_signature_that_is_not_needed_counts_only_if_it_is_the_bots),
        gateway_test(a_restricted_request_needs_exactly_that_signature),
        gateway_test(without_the_bots_key_only_trustees_can_ask_for_it),
        gateway_test(a_malformed_request_is_refused_with_its_field),
        gateway_test(the_same_changes_are_one_job_until_it_ends),
        gateway_test(a_signed_and_completed_request_returns_its_job),
        gateway_test(a_request_is_kept_in_a_quarter_of_a_megabyte),
        gateway_test(a_body_has_a_megabyte_at_most),
        gateway_test(jobs_that_redis_does_not_keep_are_not_accepted),
    };
    return cmocka_run_group_tests(tests, make_keys, forget_keys);
}
