/* SPDX-License-Identifier: BSD-3-Clause
 * What the daily look at GitHub leaves in Redis (lib/store/README.md, Daily look at GitHub). */
#include "lib/store/redis/github_store.h"

#include "tests/store/fixture.h"

#define COMMIT "2b1c1d6e2b1c1d6e2b1c1d6e2b1c1d6e2b1c1d6e"

enum { KEPT_S = 90 * 24 * 3600 };

static void looks_are_noted_for_each_work_and_package(void **state) {
    struct fixture *f = *state;
    struct look_note note = {1, 1}, first = {1800000000000, 1800000000005}, second = {1800086400000, 1800086400007};
    assert_ok(look_note_read(f->store, "new-tags", "aff", &note, &f->err));
    assert_int_equal(note.round_ms, 0);
    assert_int_equal(note.begun_ms, 0);
    assert_ok(look_note_write(f->store, "new-tags", "aff", &first, &f->err));
    assert_ok(look_note_write(f->store, "new-tags", "aff", &second, &f->err));
    assert_ok(look_note_read(f->store, "new-tags", "aff", &note, &f->err));
    assert_int_equal(note.round_ms, second.round_ms);
    assert_int_equal(note.begun_ms, second.begun_ms);
    assert_ok(look_note_read(f->store, "new-tags", "affjax", &note, &f->err));
    assert_int_equal(note.begun_ms, 0);
    assert_ok(look_note_read(f->store, "moved-repositories", "aff", &note, &f->err));
    assert_int_equal(note.begun_ms, 0);
}

static void an_etag_is_read_as_it_was_written(void **state) {
    struct fixture *f = *state;
    struct kept_etag read, written = {.etag = "W/\"a b%s\"", .has_next = true};
    assert_ok(kept_etag_read(f->store, "a: tags of b/c, 1", &read, &f->err));
    assert_string_equal(read.etag, "");
    assert_ok(kept_etag_write(f->store, "a: tags of b/c, 1", &written, &f->err));
    assert_ok(kept_etag_read(f->store, "a: tags of b/c, 1", &read, &f->err));
    assert_string_equal(read.etag, written.etag);
    assert_true(read.has_next);
    assert_ok(kept_etag_read(f->store, "a: tags of b/c, 2", &read, &f->err));
    assert_string_equal(read.etag, "");
    /* The longest that can be kept. */
    memset(written.etag, 'x', GITHUB_ETAG_MAX - 1);
    written.has_next = false;
    assert_ok(kept_etag_write(f->store, "a: tags of b/c, 1", &written, &f->err));
    assert_ok(kept_etag_read(f->store, "a: tags of b/c, 1", &read, &f->err));
    assert_string_equal(read.etag, written.etag);
    assert_false(read.has_next);
}

static void a_commits_time_is_read_as_it_was_written(void **state) {
    struct fixture *f = *state;
    int64_t time_ms = 1;
    assert_ok(kept_commit_time_read(f->store, COMMIT, &time_ms, &f->err));
    assert_int_equal(time_ms, 0);
    assert_ok(kept_commit_time_write(f->store, COMMIT, 1800000000000, &f->err));
    assert_ok(kept_commit_time_read(f->store, COMMIT, &time_ms, &f->err));
    assert_int_equal(time_ms, 1800000000000);
}

static void expect_kept(struct fixture *f, const char *pattern) {
    struct redis_reply *reply;
    char key[200];
    assert_ok(redis_call(f->redis, &reply, &f->err, "KEYS %s", pattern));
    assert_int_equal(reply->count, 1);
    snprintf(key, sizeof key, "%s", reply->items[0].text);
    assert_ok(redis_call(f->redis, &reply, &f->err, "TTL %s", key));
    assert_in_range(reply->integer, KEPT_S - 60, KEPT_S);
    assert_ok(redis_call(f->redis, &reply, &f->err, "EXPIRE %s 10", key));
}

/* What still matters is looked up every day, so it is never forgotten. */
static void etags_and_times_are_kept_from_their_last_use(void **state) {
    struct fixture *f = *state;
    struct kept_etag etag = {.etag = "\"e\""};
    int64_t time_ms;
    assert_ok(kept_etag_write(f->store, "question", &etag, &f->err));
    assert_ok(kept_commit_time_write(f->store, COMMIT, 5, &f->err));
    expect_kept(f, "github:etag:*");
    expect_kept(f, "github:commit:*");
    assert_ok(kept_etag_read(f->store, "question", &etag, &f->err));
    assert_ok(kept_commit_time_read(f->store, COMMIT, &time_ms, &f->err));
    expect_kept(f, "github:etag:*");
    expect_kept(f, "github:commit:*");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(looks_are_noted_for_each_work_and_package),
        store_test(an_etag_is_read_as_it_was_written),
        store_test(a_commits_time_is_read_as_it_was_written),
        store_test(etags_and_times_are_kept_from_their_last_use),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
