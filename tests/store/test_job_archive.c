/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Documents of archived jobs with long logs: any part of a log is read without the rest (lib/store/job/job_archive.h). That jobs
 * move there is tested in tests/store/test_job_retention.c.
 */
#include "lib/store/job/job_archive.h"

#include "tests/support/cmocka_all.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/store/job/archive_pool.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

enum { LINES = 9000, BEGIN_MS = 1000000, LEFT_OUT_AT = 6000, LEFT_OUT = 500 };

static char id[] = "3f2c0d4e-1111-4222-8333-444455556666";

struct scene {
    struct temporary_folder storage;
    struct arena arena;
    struct error err;
    const char *path;
    struct log_lines lines; /* as they were written */
};

#define assert_ok(call)                                                                                                        \
    do {                                                                                                                       \
        if ((call) != STATUS_OK) fail_msg("%s: %s", #call, s->err.message);                                                    \
    } while (0)

/* Lines of different lengths and levels, of which some have escapes; after LEFT_OUT_AT lines some are left out. */
static void make_lines(struct scene *s) {
    s->lines.lines = arena_alloc(&s->arena, LINES * sizeof *s->lines.lines);
    s->lines.count = LINES;
    for (int i = 0; i < LINES; i++) {
        const char *text = i % 7 == 0   ? "\"quoted\"\n\ttwo lines \\ \b\f\r/ \xE2\x82\xAC"
                           : i % 7 == 1 ? "\x01 \x1F"
                           : i % 7 == 2 ? ""
                                        : "a line of ordinary length, as the compiler writes it, without any escape";
        s->lines.lines[i] = (struct log_line){.level = (enum log_level)(i % 5),
                                              .message = arena_format(&s->arena, "%s %*d", text, i % 300, i),
                                              .time_ms = BEGIN_MS + 10 * i,
                                              .attempt = 1 + i / 1000,
                                              .number = 1 + i % 1000,
                                              .ordinal = i + 1 + (i >= LEFT_OUT_AT ? LEFT_OUT : 0)};
    }
}

static void write_lines(struct scene *s, size_t count) {
    const struct job job = {.kind = JOB_KIND_PUBLISH, .state = JOB_STATE_SUCCEEDED, .created_ms = 1, .finished_ms = 2};
    struct job named = job;
    snprintf(named.id, sizeof named.id, "%s", id);
    named.package = "aff", named.payload = "{\"ref\": \"v1\"}";
    struct archive_writer writer;
    assert_ok(job_archive_begin(&writer, s->storage.path, &named, &s->err));
    for (size_t at = 0; at < count; at += 100) {
        const struct log_lines part = {s->lines.lines + at, count - at < 100 ? count - at : 100, false};
        assert_ok(job_archive_add(&writer, &part, &s->err));
    }
    assert_ok(archive_writer_end(&writer, &s->err));
    archive_writer_release(&writer);
}

static int open_scene(void **state) {
    static struct scene scene;
    scene = (struct scene){0};
    temporary_folder_make(&scene.storage);
    scene.path = arena_format(&scene.arena, "%s/_jobs/3f/%s.json.gz", scene.storage.path, id);
    make_lines(&scene);
    *state = &scene;
    return 0;
}

static int close_scene(void **state) {
    struct scene *s = *state;
    temporary_folder_remove(&s->storage);
    arena_release(&s->arena);
    return 0;
}

static struct log_lines read_lines(struct scene *s, struct log_query query, struct arena *arena) {
    struct job job;
    struct log_lines lines;
    if (query.limit == 0) query.limit = 100000;
    assert_ok(job_archive_read(s->storage.path, id, &query, arena, &job, &lines, &s->err));
    assert_string_equal(job.package, "aff");
    assert_string_equal(job.id, id);
    return lines;
}

static void expect_same(const struct log_line *is, const struct log_line *expected) {
    assert_string_equal(is->message, expected->message);
    assert_true(is->time_ms == expected->time_ms && is->ordinal == expected->ordinal && is->level == expected->level);
    assert_true(is->attempt == expected->attempt && is->number == expected->number);
}

static void expect_lines(struct scene *s, struct log_query query, size_t first, size_t count) {
    struct arena arena = {0};
    struct log_lines lines = read_lines(s, query, &arena);
    assert_int_equal(lines.count, count);
    for (size_t i = 0; i < count; i++)
        expect_same(&lines.lines[i], &s->lines.lines[first + i]);
    arena_release(&arena);
}

static void a_log_of_many_blocks_comes_back(void **state) {
    struct scene *s = *state;
    static const size_t counts[] = {0, 1, 2, 999, LINES};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        write_lines(s, counts[i]);
        expect_lines(s, (struct log_query){.only_stored = true}, 0, counts[i]);
        expect_lines(s, (struct log_query){.only_stored = true, .takes_last = true}, 0, counts[i]);
        struct job job;
        assert_ok(job_archive_read(s->storage.path, id, NULL, &s->arena, &job, NULL, &s->err));
        assert_int_equal(job.finished_ms, 2);
    }
    struct archive_blocks blocks;
    assert_ok(archive_blocks_open(&blocks, s->path, &s->err));
    assert_true(blocks.count >= 4); /* otherwise these tests would not test much */
    archive_blocks_close(&blocks);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static void expect_windows_at(struct scene *s, size_t i) {
    const struct log_line *line = &s->lines.lines[i];
    const struct log_cursor cursor = {line->time_ms, line->ordinal};
    size_t after = least(2, LINES - i - 1), before = least(2, i);
    struct log_query query = {.limit = 2, .only_stored = true, .after = cursor};
    expect_lines(s, query, i + 1, after);
    query = (struct log_query){.limit = 2, .only_stored = true, .since_ms = line->time_ms - 5};
    expect_lines(s, query, i, least(2, LINES - i));
    query = (struct log_query){.limit = 2, .only_stored = true, .before = cursor, .takes_last = true};
    expect_lines(s, query, i - before, before);
    query = (struct log_query){.since_ms = line->time_ms - 9, .until_ms = line->time_ms, .only_stored = true};
    expect_lines(s, query, i, 0);
}

static void any_part_is_read(void **state) {
    struct scene *s = *state;
    struct archive_blocks blocks;
    write_lines(s, LINES);
    for (size_t i = 0; i < LINES; i += 997)
        expect_windows_at(s, i);
    assert_ok(archive_blocks_open(&blocks, s->path, &s->err));
    for (size_t block = 1; block < blocks.count; block++) {
        size_t first = (size_t)(blocks.blocks[block].time_ms - BEGIN_MS) / 10;
        for (size_t i = first - 2; i <= first + 2; i++)
            expect_windows_at(s, i);
    }
    archive_blocks_close(&blocks);
    expect_windows_at(s, LINES - 1);
}

/* Sets the number that the job's id ends with. */
static void choose_job(int number) {
    id[sizeof id - 2] = (char)('0' + number);
}

/* More files than are kept open, which are written again meanwhile. */
static void each_of_many_jobs_is_read_as_it_is_now(void **state) {
    enum { JOBS = 2 * ARCHIVE_POOL_FILES };
    struct scene *s = *state;
    for (int round = 0; round < 4; round++)
        for (int i = 0; i < JOBS; i++) {
            size_t count = 2000 + 100 * (size_t)(i + round / 2);
            choose_job(i);
            if (round % 2 == 0) write_lines(s, count);
            expect_lines(s, (struct log_query){.limit = 1, .only_stored = true, .takes_last = true}, count - 1, 1);
            expect_lines(s, (struct log_query){.limit = 5, .only_stored = true}, 0, 5);
        }
    choose_job(6);
}

struct reading {
    struct scene *scene;
    pthread_t thread;
    size_t count; /* of the lines that were right, one after another */
};

static void *read_in_parts(void *argument) {
    struct reading *reading = argument;
    const struct log_line *expected = reading->scene->lines.lines;
    struct log_query query = {.limit = 50, .only_stored = true};
    for (bool goes_on = true; goes_on;) {
        struct arena arena = {0};
        struct job job;
        struct log_lines lines = {0};
        goes_on =
            job_archive_read(reading->scene->storage.path, id, &query, &arena, &job, &lines, NULL) == STATUS_OK && lines.cut;
        for (size_t i = 0; i < lines.count && lines.lines[i].time_ms == expected[reading->count].time_ms &&
                           strcmp(lines.lines[i].message, expected[reading->count].message) == 0;
             i++)
            query.after.time_ms = expected[reading->count++].time_ms;
        arena_release(&arena);
    }
    return NULL;
}

static void several_threads_read_one_job(void **state) {
    enum { THREADS = ARCHIVE_POOL_FILES + 2 };
    struct reading readings[THREADS];
    write_lines(*state, LINES);
    for (size_t i = 0; i < THREADS; i++) {
        readings[i] = (struct reading){.scene = *state};
        assert_int_equal(pthread_create(&readings[i].thread, NULL, read_in_parts, &readings[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(readings[i].thread, NULL);
        assert_int_equal(readings[i].count, LINES);
    }
}

/* The line that says it is in every window that has its place, and the same as in Redis. */
static void lines_that_are_left_out_are_counted(void **state) {
    struct scene *s = *state;
    write_lines(s, LINES);
    const struct log_line *next = &s->lines.lines[LEFT_OUT_AT];
    const struct log_query queries[] = {
        {.since_ms = next->time_ms - 1, .limit = 1},
        {.since_ms = next->time_ms - 9, .until_ms = next->time_ms},
        {.after = {next[-1].time_ms, next[-1].ordinal}, .limit = 1},
        {.after = {next[-1].time_ms, 0}, .limit = 1},
        {.before = {next->time_ms, next->ordinal}, .limit = 1, .takes_last = true},
        {.since_ms = next->time_ms - 1, .until_ms = next->time_ms, .descending = true},
    };
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        struct log_lines lines = read_lines(s, queries[i], &s->arena);
        assert_int_equal(lines.count, 1);
        assert_string_equal(lines.lines[0].message,
                            "500 lines are left out here: a log that becomes too long keeps its beginning and its end.");
        assert_int_equal(lines.lines[0].ordinal, next->ordinal - 1);
    }
    assert_int_equal(read_lines(s, (struct log_query){0}, &s->arena).count, LINES + 1);
    struct log_query after = {.after = {next->time_ms - 1, next->ordinal - 1}, .limit = 1};
    expect_lines(s, after, LEFT_OUT_AT, 1);
}

/* `zcat` prints one JSON document. */
static void any_tool_can_unpack_the_file(void **state) {
    struct scene *s = *state;
    write_lines(s, LINES);
    struct text document = {0};
    json_error_t problem;
    const char *unpacked = arena_format(&s->arena, "%s/unpacked", s->storage.path);
    shell_run("zcat %s > %s", s->path, unpacked);
    assert_ok(file_read(unpacked, SIZE_MAX / 2, &document, &s->err));
    json_t *json = json_loadb(document.bytes, document.length, 0, &problem);
    if (!json) fail_msg("line %d: %s", problem.line, problem.text);
    const json_t *log = json_object_get(json, "log");
    assert_int_equal(json_array_size(log), LINES);
    assert_string_equal(json_string_value(json_object_get(json_array_get(log, LINES - 1), "message")),
                        s->lines.lines[LINES - 1].message);
    json_decref(json);
    text_release(&document);
}

static enum status read_all(struct scene *s) {
    struct arena arena = {0};
    struct job job;
    struct log_lines lines;
    const struct log_query query = {.limit = 100000, .only_stored = true};
    enum status status = job_archive_read(s->storage.path, id, &query, &arena, &job, &lines, &s->err);
    if (!status) assert_int_equal(lines.count, LINES);
    arena_release(&arena);
    return status;
}

/* Never other lines, and nothing read beyond the file. */
static void a_damaged_file_is_named(void **state) {
    struct scene *s = *state;
    write_lines(s, LINES);
    struct text good = {0};
    size_t refused = 0, tried = 0;
    assert_ok(file_read(s->path, SIZE_MAX / 2, &good, &s->err));
    for (size_t at = 0; at<good.length; at += at + 64> good.length || at < 20 ? 3 : 9001, tried++) {
        good.bytes[at] ^= 0x10;
        assert_ok(file_write(s->path, good.bytes, good.length, &s->err));
        good.bytes[at] ^= 0x10;
        if (read_all(s) == STATUS_OK) continue; /* a field of a header that means nothing */
        refused++;
        assert_non_null(strstr(s->err.message, s->path));
    }
    assert_true(refused * 4 > tried * 3);
    for (size_t length = good.length - 1; length > 7; length -= length > 40 ? length / 3 : 7) {
        assert_ok(file_write(s->path, good.bytes, length, &s->err));
        assert_int_equal(read_all(s), STATUS_INTERNAL);
    }
    text_release(&good);
}

static void a_document_that_was_not_ended_changes_nothing(void **state) {
    struct scene *s = *state;
    write_lines(s, 10);
    struct archive_writer writer;
    struct job job = {.kind = JOB_KIND_PUBLISH, .state = JOB_STATE_FAILED};
    snprintf(job.id, sizeof job.id, "%s", id);
    assert_ok(job_archive_begin(&writer, s->storage.path, &job, &s->err));
    assert_ok(job_archive_add(&writer, &s->lines, &s->err));
    expect_lines(s, (struct log_query){0}, 0, 10);
    archive_writer_release(&writer);
    expect_lines(s, (struct log_query){0}, 0, 10);
    assert_int_not_equal(access(arena_format(&s->arena, "%s.new", s->path), F_OK), 0);
}

#define archive_test(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void) {
    const struct CMUnitTest tests[] = {
        archive_test(a_log_of_many_blocks_comes_back),
        archive_test(any_part_is_read),
        archive_test(each_of_many_jobs_is_read_as_it_is_now),
        archive_test(several_threads_read_one_job),
        archive_test(lines_that_are_left_out_are_counted),
        archive_test(any_tool_can_unpack_the_file),
        archive_test(a_damaged_file_is_named),
        archive_test(a_document_that_was_not_ended_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
