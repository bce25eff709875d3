/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/deadline.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

static void a_sentence_keeps_its_status_and_path(void **state) {
    (void)state;
    struct error err = {0};
    assert_int_equal(error_set_at(&err, STATUS_INVALID, "version", "\"%s\" is no version", "x"), STATUS_INVALID);
    assert_string_equal(err.message, "\"x\" is no version");
    assert_int_equal(error_under(&err, "payload"), STATUS_INVALID);
    assert_string_equal(err.path, "payload.version");
    assert_int_equal(error_prefix(&err, "job %d", 7), STATUS_INVALID);
    assert_string_equal(err.message, "job 7: \"x\" is no version");
    assert_string_equal(err.path, "payload.version");
    assert_int_equal(error_set(NULL, STATUS_BUSY, "nobody listens"), STATUS_BUSY);
}

static void a_message_may_be_built_from_itself(void **state) {
    (void)state;
    struct error err;
    error_set(&err, STATUS_REFUSED, "inner");
    error_set(&err, err.status, "outer: %s", err.message);
    assert_string_equal(err.message, "outer: inner");
}

static void a_long_message_is_cut_between_characters(void **state) {
    (void)state;
    struct arena arena = {0};
    char *text = arena_alloc(&arena, 3 * ERROR_MESSAGE_MAX);
    for (int i = 0; i + 3 < 3 * ERROR_MESSAGE_MAX; i += 3)
        memcpy(text + i, "\xE2\x82\xAC", 3);
    struct error err;
    for (int shift = 0; shift < 3; shift++) {
        error_set(&err, STATUS_INTERNAL, "%.*s%s", shift, "abc", text);
        assert_true(strlen(err.message) > ERROR_MESSAGE_MAX - 8);
        assert_true(text_is_utf8(err.message, strlen(err.message)));
    }
    arena_release(&arena);
}

static void bytes_that_are_not_utf8_become_a_question_mark(void **state) {
    (void)state;
    struct error err;
    error_set_at(&err, STATUS_REFUSED, "a.\xFF", "The name \"%.4s\" or \"%s\"", "abc\xE2\x82\xAC", "caf\xC3\xA9 \xED\xA0\x80");
    assert_string_equal(err.message, "The name \"abc?\" or \"caf\xC3\xA9 ???\"");
    assert_string_equal(err.path, "a.?");
    error_prefix(&err, "%.1s", "\xC3\xA9");
    assert_true(text_starts_with(err.message, "?: The name"));
}

static void a_long_path_is_cut_between_characters(void **state) {
    (void)state;
    char name[2 * ERROR_PATH_MAX + 1] = "";
    for (int i = 0; i < ERROR_PATH_MAX; i++)
        strcat(name, "\xC3\xA9");
    struct error err;
    for (int shift = 0; shift < 2; shift++) {
        error_set_at(&err, STATUS_INVALID, name + shift, "No such field");
        assert_true(text_is_utf8(err.path, strlen(err.path)));
        error_under(&err, "payload");
        assert_true(text_is_utf8(err.path, strlen(err.path)));
    }
}

static void troubles_for_operators_stay_marked(void **state) {
    (void)state;
    struct error err;
    error_set(&err, STATUS_INTERNAL, "Cannot write a: No space left on device.");
    assert_int_equal(err.trouble, TROUBLE_MACHINE);
    assert_int_equal(error_mark(&err, STATUS_INTERNAL, TROUBLE_STORAGE), STATUS_INTERNAL); /* it is known already */
    assert_int_equal(err.trouble, TROUBLE_MACHINE);
    error_set(&err, STATUS_UNAVAILABLE, "It is away.");
    assert_int_equal(err.trouble, TROUBLE_NONE); /* the cause of the trouble is unknown */
    error_mark(&err, STATUS_UNAVAILABLE, TROUBLE_REDIS);
    error_prefix(&err, "Looking");
    error_under(&err, "payload");
    assert_int_equal(err.trouble, TROUBLE_REDIS);
    assert_string_equal(trouble_text(err.trouble), "the server's job queue");
    error_set(&err, STATUS_REFUSED, "No.");
    error_mark(&err, STATUS_REFUSED, TROUBLE_REPOSITORY);
    assert_int_equal(err.trouble, TROUBLE_NONE);
    assert_int_equal(error_mark(NULL, STATUS_BUSY, TROUBLE_REDIS), STATUS_BUSY);
}

static void a_deadline_passes_or_is_cancelled_once(void **state) {
    (void)state;
    struct deadline deadline;
    struct error err;
    deadline_start(&deadline, 60000);
    assert_int_equal(deadline_check(&deadline, &err), STATUS_OK);
    assert_int_equal(deadline_left_ms(&deadline, 100), 100);
    deadline_cancel(&deadline, STATUS_STALE);
    deadline_cancel(&deadline, STATUS_CANCELLED);
    assert_int_equal(deadline_check(&deadline, &err), STATUS_STALE);
    assert_int_equal(deadline_left_ms(&deadline, 100), 0);
    deadline_start(&deadline, 0);
    assert_int_equal(deadline_check(&deadline, &err), STATUS_TIMEOUT);
    deadline_start(&deadline, INT64_MAX);
    assert_int_equal(deadline_check(&deadline, &err), STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_keeps_its_status_and_path),
        cmocka_unit_test(a_message_may_be_built_from_itself),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(bytes_that_are_not_utf8_become_a_question_mark),
        cmocka_unit_test(a_long_path_is_cut_between_characters),
        cmocka_unit_test(a_deadline_passes_or_is_cancelled_once),
        cmocka_unit_test(troubles_for_operators_stay_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
