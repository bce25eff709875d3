/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Finished jobs leave Redis for the storage folder and are read as before (lib/store/README.md, Keeping).
 */
#include "tests/store/fixture.h"

#include "lib/base/text.h"
#include "lib/store/job/job_archive.h"
#include "lib/store/job/job_retention.h"
#include "lib/store/redis/events.h"
#include "lib/store/redis/lock.h"
#include "lib/tools/archive/gzip.h"
#include "tests/support/temporary_folder.h"

enum { HOUR_MS = 3600000, MANY = 100 };

static const struct job_end success = {.success = true, .documentation = "published"};
static const struct job_end failure = {.error = "It does not compile."};
/* Negative, because after a burst of lines a job's end is ahead of the clock. */
static const struct job_periods at_once = {-HOUR_MS, -HOUR_MS, -HOUR_MS};
static const struct job_periods much_later = {HOUR_MS, HOUR_MS, HOUR_MS};

static struct temporary_folder storage;

static size_t move(struct fixture *f, struct job_periods periods, size_t limit) {
    size_t moved;
    assert_ok(job_retention_move(f->store, storage.path, &periods, limit, &moved, &f->err));
    return moved;
}

static bool is_in_redis(struct fixture *f, const char *id) {
    struct job job;
    return job_store_get(f->store, id, &f->arena, &job, &f->err) == STATUS_OK;
}

static struct log_lines read_kept(struct fixture *f, const char *id, struct log_query query, struct job *job) {
    struct log_lines lines;
    if (query.limit == 0) query.limit = 1000;
    assert_ok(job_retention_read(f->store, storage.path, id, &query, &f->arena, job, &lines, &f->err));
    return lines;
}

static void say(struct fixture *f, const struct lease *lease, int number, enum log_level level, const char *message) {
    const struct log_line line = {level, message, clock_now_ms(), 1, number, 0};
    assert_ok(log_stream_append(f->store, lease, &line, 1, 1000, 1 << 20, &f->err));
}

/* A failed job with all fields that a job can have, and lines of all levels. */
static void run_full_job(struct fixture *f, struct job_request *request) {
    accept_job(f, request);
    struct lease lease = claim_job(f, request->id);
    assert_ok(job_store_keep_commit(f->store, &lease, "0123456789abcdef", &f->err));
    assert_ok(job_store_record(f->store, &lease, "{\"hash\": \"sha256-…\"}", &f->err));
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++)
        say(f, &lease, level + 1, (enum log_level)level, arena_format(&f->arena, "line\n\"%d\" of five \xE2\x82\xAC", level));
    const struct job_end end = {.error = "It \"failed\".",
                                .readonly = true,
                                .ending = JOB_ENDING_TIMEOUT,
                                .documentation = "skipped",
                                .verdict = "failed_to_compile",
                                .result = "{\"errors\": [{\"message\": \"a\\nb\"}]}"};
    assert_ok(job_store_finish(f->store, &lease, &end, &f->err));
}

static void assert_same_job(const struct job *a, const struct job *b) {
    const char *const texts[][2] = {
        {a->id, b->id},           {a->payload, b->payload}, {a->package, b->package},
        {a->version, b->version}, {a->actor, b->actor},     {a->compiler, b->compiler},
        {a->issue, b->issue},     {a->reason, b->reason},   {a->documentation, b->documentation},
        {a->error, b->error},     {a->commit, b->commit},   {a->record, b->record},
        {a->verdict, b->verdict}, {a->result, b->result},   {a->runner, b->runner},
        {a->ending, b->ending},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!a->id[0] || (texts[i][0] == NULL) != (texts[i][1] == NULL) || (texts[i][0] && strcmp(texts[i][0], texts[i][1])))
            fail_msg("text %zu: %s is not %s", i, texts[i][1] ? texts[i][1] : "NULL", texts[i][0] ? texts[i][0] : "NULL");
    assert_true(a->kind == b->kind && a->state == b->state && a->attempts == b->attempts && a->purpose == b->purpose);
    assert_true(a->is_readonly == b->is_readonly);
    assert_true(a->created_ms == b->created_ms && a->started_ms == b->started_ms && a->finished_ms == b->finished_ms);
}

static void assert_same_lines(const struct log_lines *a, const struct log_lines *b) {
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->cut, b->cut);
    for (size_t i = 0; i < a->count; i++) {
        assert_string_equal(a->lines[i].message, b->lines[i].message);
        assert_true(a->lines[i].time_ms == b->lines[i].time_ms && a->lines[i].level == b->lines[i].level);
        assert_true(a->lines[i].attempt == b->lines[i].attempt && a->lines[i].number == b->lines[i].number);
    }
}

static void a_moved_job_is_read_as_before(void **state) {
    struct fixture *f = *state;
    struct job_request request = matrix_of("prelude", "0.15.15");
    request.issue = "7", request.reason = "it \"was\" time";
    run_full_job(f, &request);
    struct job before, after;
    struct log_lines all = read_kept(f, request.id, (struct log_query){.level = LOG_DEBUG}, &before);
    assert_int_equal(all.count, 5);
    assert_true(before.is_readonly);
    const struct log_query queries[] = {
        {.level = LOG_DEBUG},
        {.level = LOG_WARN},
        {.level = LOG_DEBUG, .descending = true},
        {.level = LOG_DEBUG, .limit = 2},
        {.level = LOG_DEBUG, .limit = 2, .descending = true},
        {.level = LOG_INFO, .limit = 4},
        {.level = LOG_DEBUG, .since_ms = all.lines[1].time_ms, .until_ms = all.lines[3].time_ms},
        {.level = LOG_DEBUG, .since_ms = all.lines[4].time_ms + 1},
    };
    enum { QUERIES = sizeof queries / sizeof queries[0] };
    struct log_lines expected[QUERIES];
    for (size_t i = 0; i < QUERIES; i++)
        expected[i] = read_kept(f, request.id, queries[i], &before);
    assert_int_equal(move(f, at_once, MANY), 1);
    assert_false(is_in_redis(f, request.id));
    for (size_t i = 0; i < QUERIES; i++) {
        struct log_lines lines = read_kept(f, request.id, queries[i], &after);
        assert_same_lines(&expected[i], &lines);
        assert_same_job(&before, &after);
    }
    assert_ok(job_retention_read(f->store, storage.path, request.id, NULL, &f->arena, &after, NULL, &f->err));
    assert_same_job(&before, &after);
}

static void a_moved_job_leaves_nothing_in_redis_but_what_must_outlive_it(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("prelude"), failed = publish_of("arrays");
    run_job(f, &request, &success);
    run_job(f, &failed, &failure);
    struct redis_reply *keys, *reply;
    assert_int_equal(move(f, at_once, MANY), 2);
    assert_ok(redis_call(f->redis, &keys, &f->err, "KEYS *"));
    for (size_t i = 0; i < keys->count; i++) {
        const char *key = keys->items[i].text;
        if (strstr(key, request.id) || strncmp(key, "job", 3) == 0 || strstr(key, "finished")) fail_msg("%s is left", key);
    }
    const struct job_filter filter = {.include_finished = true, .limit = 10};
    struct job_list list;
    assert_ok(job_store_list(f->store, &filter, &f->arena, &list, &f->err));
    assert_int_equal(list.count, 0);
    assert_ok(redis_call(f->redis, &reply, &f->err, "FLUSHALL")); /* Redis is not needed to read them */
    struct job job;
    read_kept(f, failed.id, (struct log_query){0}, &job);
    assert_string_equal(job.error, failure.error);
}

static void young_and_unfinished_jobs_stay(void **state) {
    struct fixture *f = *state;
    struct job_request done = publish_of("a"), running = publish_of("b"), pending = publish_of("c");
    run_job(f, &done, &success);
    accept_job(f, &running), accept_job(f, &pending);
    claim_job(f, running.id);
    assert_int_equal(move(f, much_later, MANY), 0);
    assert_true(is_in_redis(f, done.id));
    assert_int_equal(move(f, at_once, MANY), 1);
    assert_true(!is_in_redis(f, done.id) && is_in_redis(f, running.id) && is_in_redis(f, pending.id));
    assert_status(STATUS_CONFLICT, job_store_forget(f->store, running.id, &f->err));
    assert_true(is_in_redis(f, running.id));
}

static void matrix_jobs_have_a_time_of_their_own(void **state) {
    struct fixture *f = *state;
    struct job_request publish = publish_of("a"), matrix = matrix_of("a", "0.15.15"), set = package_set();
    run_job(f, &publish, &success), run_job(f, &matrix, &success), run_job(f, &set, &success);
    assert_int_equal(move(f, (struct job_periods){.matrix_ms = -HOUR_MS, .other_ms = HOUR_MS}, MANY), 1);
    assert_true(is_in_redis(f, publish.id) && !is_in_redis(f, matrix.id) && is_in_redis(f, set.id));
    assert_int_equal(move(f, (struct job_periods){.matrix_ms = HOUR_MS, .other_ms = -HOUR_MS}, MANY), 2);
    assert_true(!is_in_redis(f, publish.id) && !is_in_redis(f, set.id));
}

static void acts_of_owners_and_trustees_are_kept(void **state) {
    struct fixture *f = *state;
    struct job_request requests[] = {unpublish_of("a"), unpublish_of("b"), publish_of("c"), publish_of("d"),
                                     matrix_of("e", "0.15.15")};
    enum { REQUESTS = sizeof requests / sizeof requests[0] };
    requests[1].kind = JOB_KIND_TRANSFER;
    requests[2].kind = JOB_KIND_REVISION;
    requests[3].actor = "a-trustee", requests[4].actor = "a-trustee";
    for (int i = 0; i < REQUESTS; i++)
        run_job(f, &requests[i], &success);
    assert_int_equal(move(f, at_once, MANY), 0);
    for (int i = 0; i < REQUESTS; i++) {
        assert_status(STATUS_CONFLICT, job_store_forget(f->store, requests[i].id, &f->err));
        assert_true(is_in_redis(f, requests[i].id));
    }
}

static void a_call_moves_no_more_than_it_was_told_and_the_oldest_first(void **state) {
    struct fixture *f = *state;
    struct job_request requests[5];
    for (int i = 0; i < 5; i++) {
        requests[i] = publish_of("a");
        run_job(f, &requests[i], &success);
        for (int64_t end_ms = get_job(f, requests[i].id).finished_ms; clock_now_ms() <= end_ms;)
            wait_ms(1);
    }
    assert_int_equal(move(f, at_once, 2), 2);
    for (int i = 0; i < 5; i++)
        assert_int_equal(is_in_redis(f, requests[i].id), i >= 2);
    assert_int_equal(move(f, at_once, 2), 2);
    assert_int_equal(move(f, at_once, 2), 1);
    assert_int_equal(move(f, at_once, 2), 0);
}

static void a_repeated_publication_still_finds_the_moved_job(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("prelude"), again = request, removal = unpublish_of("prelude");
    request.duplicate_key = again.duplicate_key = "d1";
    run_job(f, &request, &success);
    move(f, at_once, MANY);
    hash_random_uuid(again.id);
    struct job_accepted accepted = accept_job(f, &again);
    assert_false(accepted.created);
    assert_string_equal(accepted.id, request.id);
    run_job(f, &removal, &success); /* it is unpublished: the same request must fail for that reason, as a new job */
    assert_true(accept_job(f, &again).created);
}

static void a_failed_publication_that_moved_can_be_tried_again(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("prelude"), again = request;
    request.duplicate_key = again.duplicate_key = "d1";
    run_job(f, &request, &failure);
    move(f, at_once, MANY);
    hash_random_uuid(again.id);
    assert_true(accept_job(f, &again).created);
}

static void verdicts_and_replays_outlive_their_jobs(void **state) {
    struct fixture *f = *state;
    struct job_request matrix = matrix_of("prelude", "0.15.15"), set = package_set();
    struct job_request matrix_again = matrix, set_again = set;
    set.replay_key = set_again.replay_key = "r1";
    const struct job_end not_built = {.error = "It does not compile.", .verdict = "failed_to_compile"};
    run_job(f, &matrix, &not_built), run_job(f, &set, &success);
    assert_int_equal(move(f, at_once, MANY), 2);
    hash_random_uuid(matrix_again.id), hash_random_uuid(set_again.id);
    assert_string_equal(accept_job(f, &matrix_again).id, matrix.id);
    assert_string_equal(accept_job(f, &set_again).id, set.id);
}

static void moving_goes_on_where_it_was_killed(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("prelude");
    run_full_job(f, &request);
    struct job before, after;
    const struct log_query everything = {.level = LOG_DEBUG};
    struct log_lines lines = read_kept(f, request.id, everything, &before);
    struct archive_writer writer;
    assert_ok(job_archive_begin(&writer, storage.path, &before, &f->err));
    assert_ok(job_archive_add(&writer, &lines, &f->err));
    assert_ok(archive_writer_end(&writer, &f->err)); /* written, and not yet removed from Redis */
    archive_writer_release(&writer);
    assert_true(is_in_redis(f, request.id));
    assert_int_equal(move(f, at_once, MANY), 1);
    assert_ok(job_store_forget(f->store, request.id, &f->err)); /* removed from Redis, and the reply was lost */
    struct log_lines moved = read_kept(f, request.id, everything, &after);
    assert_same_lines(&lines, &moved);
    assert_same_job(&before, &after);
}

static void a_job_stays_in_redis_while_storage_cannot_be_written(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("prelude");
    run_job(f, &request, &success);
    temporary_folder_write(&storage, "blocked", "a file");
    const char *blocked = arena_format(&f->arena, "%s/blocked", storage.path);
    size_t moved;
    assert_status(STATUS_INTERNAL, job_retention_move(f->store, blocked, &at_once, MANY, &moved, &f->err));
    assert_int_equal(moved, 0);
    assert_non_null(strstr(f->err.message, blocked));
    assert_true(is_in_redis(f, request.id));
    assert_int_equal(move(f, at_once, MANY), 1);
}

static void a_job_that_cannot_be_kept_does_not_hold_up_the_others(void **state) {
    struct fixture *f = *state;
    struct job_request broken = publish_of("a"), good = publish_of("b");
    broken.payload = "{\"not UTF-8\": \"\xFF\"}"; /* would make a document that cannot be read back */
    run_job(f, &broken, &success), run_job(f, &good, &success);
    size_t moved;
    assert_status(STATUS_INTERNAL, job_retention_move(f->store, storage.path, &at_once, MANY, &moved, &f->err));
    assert_int_equal(moved, 1);
    assert_true(is_in_redis(f, broken.id) && !is_in_redis(f, good.id));
}

static void one_process_moves_jobs_at_a_time(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("prelude");
    run_job(f, &request, &success);
    struct lock lock;
    size_t moved;
    assert_ok(lock_take(f->store, "keeping", HOUR_MS, 0, &lock, &f->err));
    assert_status(STATUS_BUSY, job_retention_move(f->store, storage.path, &at_once, MANY, &moved, &f->err));
    assert_ok(lock_release(f->store, &lock, &f->err));
    assert_int_equal(move(f, at_once, MANY), 1);
    assert_int_equal(move(f, at_once, MANY), 0); /* it gave the lock back */
}

static void near_the_memory_limit_jobs_move_before_their_time(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("prelude"), owner = unpublish_of("arrays");
    run_job(f, &request, &success), run_job(f, &owner, &success);
    struct redis_reply *reply;
    const struct job_periods periods = {HOUR_MS, HOUR_MS, .least_ms = -HOUR_MS};
    assert_int_equal(move(f, periods, MANY), 0);
    assert_ok(redis_call(f->redis, &reply, &f->err, "INFO memory"));
    double used = strtod(strstr(reply->text, "used_memory:") + strlen("used_memory:"), NULL);
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET maxmemory %lld", (long long)(used / 0.75)));
    assert_int_equal(move(f, much_later, MANY), 0);
    assert_int_equal(move(f, periods, MANY), 1);
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET maxmemory 256mb"));
    assert_true(!is_in_redis(f, request.id) && is_in_redis(f, owner.id));
}

static void a_malformed_job_id_leads_to_no_file(void **state) {
    struct fixture *f = *state;
    static const char *const ids[] = {"", "x", "../../../../../../../etc/passwd", "00000000-0000-0000-0000-00000000000/",
                                      "00000000-0000-0000-0000-000000000000"};
    struct job job;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        assert_status(STATUS_NOT_FOUND,
                      job_retention_read(f->store, storage.path, ids[i], NULL, &f->arena, &job, NULL, &f->err));
}

static void a_damaged_document_is_named(void **state) {
    struct fixture *f = *state;
    static const char id[] = "00000000-0000-4000-8000-000000000000";
#define HEAD(id) "{\"id\":\"" id "\",\"kind\":\"publish\",\"state\":\"failed\",\"log\":["
#define LINE "\n{\"time\":1,\"level\":\"INFO\",\"attempt\":1,\"number\":1,\"message\":\"x\"}"
#define GOOD_HEAD HEAD("00000000-0000-4000-8000-000000000000")
    static const struct {
        enum status status;
        const char *text;
        size_t length; /* 0: the text's length */
    } rows[] = {
        {STATUS_OK, GOOD_HEAD LINE "\n]}", 0},
        {STATUS_OK, GOOD_HEAD LINE "," LINE "\n]}", 0},
        {STATUS_OK, GOOD_HEAD "\n]}", 0},
        {STATUS_INTERNAL, "", 0},
        {STATUS_INTERNAL, "\n]}", 0},
        {STATUS_INTERNAL, "{}", 0},
        {STATUS_INTERNAL, "\n]}\0x", 5},
        {STATUS_INTERNAL, GOOD_HEAD "\n]}\0more", sizeof GOOD_HEAD + 7},
        {STATUS_INTERNAL, GOOD_HEAD LINE, 0},
        {STATUS_INTERNAL, GOOD_HEAD LINE "\nno line\n]}", 0},
        {STATUS_INTERNAL, GOOD_HEAD "\n\n]}", 0},
        {STATUS_INTERNAL, GOOD_HEAD "\n{\"time\":1}\n]}", 0},
        {STATUS_INTERNAL, HEAD("11111111-0000-4000-8000-000000000000") "\n]}", 0},
        {STATUS_INTERNAL, "{\"id\":\"00000000-0000-4000-8000-000000000000\",\"log\":[\n]}", 0},
    };
#undef HEAD
#undef LINE
#undef GOOD_HEAD
    const struct log_query everything = {.limit = 10};
    const char *name = arena_format(&f->arena, "_jobs/00/%s.json.gz", id);
    struct job job;
    struct log_lines lines;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text packed = {0};
        gzip_pack(&packed, rows[i].text, rows[i].length ? rows[i].length : strlen(rows[i].text));
        temporary_folder_write_bytes(&storage, name, packed.bytes, packed.length);
        text_release(&packed);
        enum status status = job_archive_read(storage.path, id, &everything, &f->arena, &job, &lines, &f->err);
        if (status != rows[i].status) fail_msg("row %zu: %s", i, status_code(status));
        if (status) assert_non_null(strstr(f->err.message, name));
    }
    temporary_folder_write(&storage, name, "no gzip");
    assert_status(STATUS_INTERNAL, job_archive_read(storage.path, id, NULL, &f->arena, &job, NULL, &f->err));
    assert_non_null(strstr(f->err.message, name));
}

/* ---- Events ---- */

static struct event *take_events(struct fixture *f, const char *group, size_t limit, size_t expected) {
    struct event *events;
    size_t count;
    assert_ok(
        events_read(f->store, &(struct event_consumer){group, "one", HOUR_MS}, 0, limit, &f->arena, &events, &count, &f->err));
    assert_int_equal(count, expected);
    return events;
}

static int64_t count_events(struct fixture *f) {
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "XLEN events"));
    return reply->integer;
}

static size_t trim(struct fixture *f) {
    size_t removed;
    assert_ok(events_trim(f->store, &removed, &f->err));
    return removed;
}

static void add_events(struct fixture *f, int count) {
    for (int i = 0; i < count; i++) {
        struct job_request request = publish_of("prelude");
        run_job(f, &request, &(struct job_end){.success = true, .event = "{}"});
    }
}

static void an_event_goes_when_every_group_has_acknowledged_it(void **state) {
    struct fixture *f = *state;
    struct redis_reply *reply;
    assert_int_equal(trim(f), 0); /* no stream yet */
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET stream-node-max-entries 1"));
    add_events(f, 5);
    assert_int_equal(trim(f), 0); /* without a group nothing is trimmed */
    struct event *first = take_events(f, "first", 4, 4), *second = take_events(f, "second", 2, 2);
    assert_int_equal(trim(f), 0);
    assert_ok(events_acknowledge(f->store, "first", &first[0].id, 1, &f->err));
    assert_int_equal(trim(f), 0); /* not acknowledged by the second */
    assert_ok(events_acknowledge(f->store, "second", &second[0].id, 1, &f->err));
    assert_int_equal(trim(f), 1);
    assert_ok(events_acknowledge(f->store, "second", &second[1].id, 1, &f->err));
    assert_ok(events_acknowledge(f->store, "first", &first[2].id, 1, &f->err)); /* the one before it is not */
    assert_int_equal(trim(f), 0);
    assert_ok(events_acknowledge(f->store, "first", &first[1].id, 1, &f->err));
    assert_ok(events_acknowledge(f->store, "first", &first[3].id, 1, &f->err));
    assert_int_equal(trim(f), 1); /* the second group has read two */
    second = take_events(f, "second", 10, 3);
    for (int i = 0; i < 3; i++)
        assert_ok(events_acknowledge(f->store, "second", &second[i].id, 1, &f->err));
    assert_int_equal(trim(f), 2);
    assert_int_equal(count_events(f), 1); /* not read by the first */
    assert_string_equal(take_events(f, "first", 10, 1)[0].id, second[2].id);
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET stream-node-max-entries 100"));
}

static void a_long_stream_of_acknowledged_events_becomes_short(void **state) {
    struct fixture *f = *state;
    add_events(f, 250);
    struct event *events = take_events(f, "first", 250, 250);
    for (int i = 0; i < 249; i++)
        assert_ok(events_acknowledge(f->store, "first", &events[i].id, 1, &f->err));
    assert_true(trim(f) >= 100);
    assert_true(count_events(f) <= 150);
    assert_string_equal(take_events(f, "second", 250, (size_t)count_events(f))[count_events(f) - 1].id, events[249].id);
}

static int start(void **state) {
    temporary_folder_make(&storage);
    return start_fixture(state);
}

static int stop(void **state) {
    temporary_folder_remove(&storage);
    return stop_fixture(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(a_moved_job_is_read_as_before),
        store_test(a_moved_job_leaves_nothing_in_redis_but_what_must_outlive_it),
        store_test(young_and_unfinished_jobs_stay),
        store_test(matrix_jobs_have_a_time_of_their_own),
        store_test(acts_of_owners_and_trustees_are_kept),
        store_test(a_call_moves_no_more_than_it_was_told_and_the_oldest_first),
        store_test(a_repeated_publication_still_finds_the_moved_job),
        store_test(a_failed_publication_that_moved_can_be_tried_again),
        store_test(verdicts_and_replays_outlive_their_jobs),
        store_test(moving_goes_on_where_it_was_killed),
        store_test(a_job_stays_in_redis_while_storage_cannot_be_written),
        store_test(a_job_that_cannot_be_kept_does_not_hold_up_the_others),
        store_test(one_process_moves_jobs_at_a_time),
        store_test(near_the_memory_limit_jobs_move_before_their_time),
        store_test(a_malformed_job_id_leads_to_no_file),
        store_test(a_damaged_document_is_named),
        store_test(an_event_goes_when_every_group_has_acknowledged_it),
        store_test(a_long_stream_of_acknowledged_events_becomes_short),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
