/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers about finished jobs are made once and never change (services/gateway/README.md, Jobs).
 */
#include "tests/store/gateway/gateway_scene.h"

#include "lib/store/job/job_retention.h"
#include "lib/tools/archive/gzip.h"

enum { LINES = 30, HOUR_MS = 3600000 };

static const char *const forms[] = {"/api/v1/jobs/%s", "/api/v1/jobs/%s/logs", "/logs/%s"};
enum { FORMS = sizeof forms / sizeof forms[0] };

static const char *path_of(struct gateway_scene *s, size_t form, const char *id) {
    struct text path = {0};
    const char *at = strstr(forms[form], "%s");
    text_append_bytes(&path, forms[form], (size_t)(at - forms[form]));
    text_append(&path, id);
    text_append(&path, at + 2);
    const char *copy = arena_copy(&s->f.arena, path.bytes);
    text_release(&path);
    return copy;
}

static struct lease start_job(struct gateway_scene *s) {
    struct job_request request = publish_of("aff");
    accept_job(&s->f, &request);
    const struct lease lease = claim_job(&s->f, request.id);
    for (int number = 1; number <= LINES; number++)
        add_line(s, &lease, number, LOG_INFO, "a line of ordinary length, as a service writes it");
    return lease;
}

static const char *finished_job(struct gateway_scene *s) {
    const struct lease lease = start_job(s);
    finish_job(&s->f, &lease, true);
    return arena_copy(&s->f.arena, lease.job_id);
}

static struct answered get_with(struct gateway_scene *s, const char *path, const char *header) {
    const char *const headers[] = {header, NULL};
    return ask_with(s, NULL, path, headers, NULL);
}

static const char *tag_of(struct gateway_scene *s, const struct answered *answered) {
    const char *tag = header_of(s, answered, "etag");
    assert_non_null(tag);
    return tag;
}

static struct answered get_if_other(struct gateway_scene *s, const char *path, const char *tag) {
    return get_with(s, path, arena_format(&s->f.arena, "If-None-Match: \"x\", %s", tag));
}

static void remove_from_redis(struct gateway_scene *s, const char *format, const char *id) {
    struct fixture *f = &s->f;
    struct redis_reply *reply;
    const char *const arguments[] = {"DEL", arena_format(&f->arena, "job:%s%s", id, format)};
    redis_add_list(f->redis, arguments, 2);
    assert_ok(redis_run(f->redis, 0, &reply, &f->err));
    assert_int_equal(reply->integer, 1);
}

static void an_unfinished_job_has_no_tag(void **state) {
    struct gateway_scene *s = *state;
    const struct lease lease = start_job(s);
    serve(s);
    for (size_t form = 0; form < FORMS; form++) {
        const char *path = path_of(s, form, lease.job_id);
        const struct answered before = get(s, path);
        expect_header(s, &before, "etag", NULL);
        expect_status(get_with(s, path, "If-None-Match: *"), 200);
        const struct answered gzipped = get_with(s, path, "Accept-Encoding: gzip");
        expect_header(s, &gzipped, "content-encoding", NULL);
    }
    finish_job(&s->f, &lease, true);
    for (size_t form = 0; form < FORMS; form++) {
        const struct answered after = get(s, path_of(s, form, lease.job_id));
        tag_of(s, &after);
        expect_header(s, &after, "cache-control", "no-store");
        expect_within(header_of(s, &after, "vary"), "Accept-Encoding");
    }
    expect_within(get(s, path_of(s, 0, lease.job_id)).body, "finishedAt"); /* no answer from before */
}

/* Even by another gateway, which has not read the log: it is not there. */
static void a_client_that_has_the_answer_gets_304_without_a_look_at_the_log(void **state) {
    struct gateway_scene *s = *state;
    const char *id = finished_job(s), *tags[FORMS];
    serve(s);
    for (size_t form = 0; form < FORMS; form++) {
        const struct answered answered = get(s, path_of(s, form, id));
        tags[form] = tag_of(s, &answered);
        const struct answered again = get_if_other(s, path_of(s, form, id), tags[form]);
        expect_json(again, 304, "");
        expect_header(s, &again, "etag", tags[form]);
    }
    stop_serving(s);
    remove_from_redis(s, ":log", id);
    serve(s);
    for (size_t form = 0; form < FORMS; form++) {
        const struct answered answered = get_if_other(s, path_of(s, form, id), tags[form]);
        expect_json(answered, 304, "");
        expect_header(s, &answered, "etag", tags[form]);
        expect_status(get_if_other(s, path_of(s, form, id), "\"1-2-json\""), 200);
    }
}

static void an_answer_is_made_once(void **state) {
    struct gateway_scene *s = *state;
    const char *id = finished_job(s), *bodies[FORMS];
    serve(s);
    for (size_t form = 0; form < FORMS; form++)
        bodies[form] = get(s, path_of(s, form, id)).body;
    remove_from_redis(s, ":log", id);
    remove_from_redis(s, "", id);
    for (size_t form = 0; form < FORMS; form++) {
        const struct answered again = get(s, path_of(s, form, id));
        expect_json(again, 200, bodies[form]);
        expect_header(s, &again, "content-type", "application/json");
    }
    expect_status(get(s, arena_format(&s->f.arena, "%s?level=DEBUG", path_of(s, 0, id))), 404); /* another question */
    expect_status(get_with(s, path_of(s, 2, id), "Accept: text/plain"), 404);
}

static struct text unpacked(struct gateway_scene *s, const char *path, const char **tag) {
    struct fixture *f = &s->f;
    static const char *const headers[] = {"Accept-Encoding: br, gzip;q=0.5", NULL};
    struct http_response response = http_ask(NULL, s->url, path, headers, NULL);
    struct text out = {0}, value = {0};
    assert_int_equal(response.status, 200);
    assert_true(http_response_header(&response, "content-encoding", &value));
    assert_string_equal(text_view(&value), "gzip");
    text_clear(&value);
    assert_true(http_response_header(&response, "etag", &value));
    *tag = arena_copy(&f->arena, text_view(&value));
    assert_ok(gzip_unpack(&out, response.body.bytes, response.body.length, 1 << 20, &f->err));
    assert_true(response.body.length * 3 < out.length);
    text_release(&value);
    http_response_release(&response);
    return out;
}

static void whoever_takes_gzip_gets_it(void **state) {
    struct gateway_scene *s = *state;
    const char *id = finished_job(s);
    serve(s);
    for (size_t form = 0; form < FORMS; form++) {
        const char *path = path_of(s, form, id), *tag;
        for (int i = 0; i < 2; i++) { /* made, and kept */
            struct text text = unpacked(s, path, &tag);
            const struct answered plain = get_with(s, path, "Accept-Encoding: gzip;q=0, identity");
            expect_json(plain, 200, text_view(&text));
            expect_header(s, &plain, "content-encoding", NULL);
            assert_string_not_equal(tag_of(s, &plain), tag);
            text_release(&text);
        }
    }
}

static void the_tag_stays_when_the_job_moves_to_storage(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    const char *id = finished_job(s);
    struct answered before[FORMS];
    serve(s);
    for (size_t form = 0; form < FORMS; form++)
        before[form] = get(s, path_of(s, form, id));
    stop_serving(s);
    const struct job_periods at_once = {-HOUR_MS, -HOUR_MS, -HOUR_MS};
    size_t moved;
    assert_ok(job_retention_move(f->store, s->settings.storage_dir, &at_once, 10, &moved, &f->err));
    assert_int_equal(moved, 1);
    serve(s);
    for (size_t form = 0; form < FORMS; form++) {
        const char *tag = tag_of(s, &before[form]);
        expect_status(get_if_other(s, path_of(s, form, id), tag), 304);
        const struct answered after = get(s, path_of(s, form, id));
        expect_json(after, 200, before[form].body);
        expect_header(s, &after, "etag", tag);
    }
}

/* … because memory was short: the one change after a job's end. */
static void the_tag_changes_when_the_log_is_removed(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    struct redis_reply *reply;
    const char *id = finished_job(s);
    serve(s);
    const struct answered before = get(s, path_of(s, 0, id));
    stop_serving(s);
    struct job_reaped reaped;
    assert_ok(redis_call(f->redis, &reply, &f->err, "INFO memory"));
    double used = strtod(strstr(reply->text, "used_memory:") + strlen("used_memory:"), NULL);
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET maxmemory %lld", (long long)(used / 0.85)));
    assert_ok(job_store_reap(f->store, LEASE_MS, &reaped, &f->err));
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET maxmemory 256mb"));
    assert_int_equal(reaped.logs_removed, 1);
    serve(s);
    const struct answered after = get_if_other(s, path_of(s, 0, id), tag_of(s, &before));
    expect_status(after, 200);
    expect_within(after.body, "was removed");
    assert_string_not_equal(tag_of(s, &after), tag_of(s, &before));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        gateway_test(an_unfinished_job_has_no_tag),
        gateway_test(a_client_that_has_the_answer_gets_304_without_a_look_at_the_log),
        gateway_test(an_answer_is_made_once),
        gateway_test(whoever_takes_gzip_gets_it),
        gateway_test(the_tag_stays_when_the_job_moves_to_storage),
        gateway_test(the_tag_changes_when_the_log_is_removed),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
