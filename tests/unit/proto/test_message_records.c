/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lists and records that do not match their rows in proto/messages.def are refused when a message is unpacked, with their path.
 */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "proto/message.h"
#include "proto/wire.h"

static enum status unpack(enum message_tag tag, const struct text *bytes, struct message *out, struct error *err) {
    struct arena arena = {0};
    enum status status = message_unpack(tag, bytes->bytes, bytes->length, &arena, out, err);
    arena_release(&arena); /* callers use numbers and flags only */
    return status;
}

/* The beginning of `readiness`, up to its list. */
static void begin_readiness(struct text *out) {
    text_clear(out);
    wire_write_array(out, 4);
    wire_write_flag(out, true);
    wire_write_text(out, "publish");
}

static void end_readiness(struct text *out) {
    wire_write_number(out, 0);
}

static void write_check(struct text *out, const char *message) {
    wire_write_array(out, 4);
    wire_write_text(out, "a");
    wire_write_flag(out, true);
    wire_write_text(out, message);
    wire_write_text(out, NULL);
}

static void expect_refused(const struct text *bytes, enum status status, const char *path, const char *words) {
    struct message got;
    struct error err = {0};
    assert_int_equal(unpack(MESSAGE_readiness, bytes, &got, &err), status);
    assert_string_equal(err.path, path);
    if (!strstr(err.message, words)) fail_msg("%s", err.message);
}

static void a_list_that_is_none_is_refused(void **state) {
    (void)state;
    struct text bytes = {0};
    begin_readiness(&bytes);
    wire_write_text(&bytes, "[]");
    end_readiness(&bytes);
    expect_refused(&bytes, STATUS_INVALID, "checks", "is not a list, or cut off.");
    begin_readiness(&bytes);
    wire_write_text(&bytes, NULL);
    end_readiness(&bytes);
    expect_refused(&bytes, STATUS_INVALID, "checks", "is not a list, or cut off.");
    begin_readiness(&bytes);
    text_append_bytes(&bytes, "\xDC\0\0", 3); /* a longer head than necessary */
    end_readiness(&bytes);
    expect_refused(&bytes, STATUS_INVALID, "checks", "is not a list, or cut off.");
    text_release(&bytes);
}

static void a_record_that_is_none_is_refused_by_its_place(void **state) {
    (void)state;
    struct text bytes = {0};
    begin_readiness(&bytes);
    wire_write_array(&bytes, 2);
    write_check(&bytes, "x");
    wire_write_array(&bytes, 3);
    wire_write_text(&bytes, NULL);
    wire_write_flag(&bytes, true);
    wire_write_text(&bytes, NULL);
    end_readiness(&bytes);
    expect_refused(&bytes, STATUS_INVALID, "checks", "has an item 1 that is not a record of 4 fields.");
    begin_readiness(&bytes);
    wire_write_array(&bytes, 1);
    wire_write_text(&bytes, "a record, and more");
    end_readiness(&bytes);
    expect_refused(&bytes, STATUS_INVALID, "checks", "has an item 0 that is not a record of 4 fields.");
    begin_readiness(&bytes);
    wire_write_array(&bytes, 1);
    wire_write_array(&bytes, 4);
    for (int i = 0; i < 4; i++)
        wire_write_text(&bytes, NULL);
    end_readiness(&bytes);
    expect_refused(&bytes, STATUS_INVALID, "checks[0].is_fine", "is not a boolean, or cut off.");
    text_release(&bytes);
}

/* The fields of `build_outcome` around its result. */
static void begin_outcome(struct text *out) {
    text_clear(out);
    wire_write_array(out, 8);
    for (int i = 0; i < 3; i++)
        wire_write_text(out, NULL);
    wire_write_number(out, 7);
    wire_write_text(out, NULL);
    wire_write_text(out, NULL);
}

static void expect_outcome_refused(struct text *bytes, const char *path, const char *words) {
    struct message got;
    struct error err = {0};
    wire_write_array(bytes, 0);
    assert_int_equal(unpack(MESSAGE_build_outcome, bytes, &got, &err), STATUS_INVALID);
    assert_string_equal(err.path, path);
    if (!strstr(err.message, words)) fail_msg("%s", err.message);
}

static void an_optional_record_that_is_none_is_refused(void **state) {
    (void)state;
    struct text bytes = {0};
    begin_outcome(&bytes);
    wire_write_flag(&bytes, false);
    expect_outcome_refused(&bytes, "result", "is not a record of 8 fields.");
    begin_outcome(&bytes);
    wire_write_array(&bytes, 7);
    expect_outcome_refused(&bytes, "result", "is not a record of 8 fields.");
    begin_outcome(&bytes);
    wire_write_array(&bytes, 8);
    wire_write_real(&bytes, 1);
    expect_outcome_refused(&bytes, "result.compiled_modules", "is not an integer, or cut off.");
    begin_outcome(&bytes);
    wire_write_array(&bytes, 8);
    for (int i = 0; i < 6; i++)
        wire_write_number(&bytes, i);
    wire_write_array(&bytes, 1);
    wire_write_array(&bytes, 6);
    for (int i = 0; i < 5; i++)
        wire_write_text(&bytes, "x");
    wire_write_array(&bytes, 4);
    wire_write_text(&bytes, "x");
    expect_outcome_refused(&bytes, "result.errors[0].position.start_line", "is not an integer, or cut off.");
    text_release(&bytes);
}

static void a_list_over_its_limits_is_refused(void **state) {
    (void)state;
    char text[16384 + 2] = {0};
    struct text bytes = {0};
    begin_readiness(&bytes);
    wire_write_array(&bytes, 65);
    for (int i = 0; i < 65; i++)
        write_check(&bytes, NULL);
    end_readiness(&bytes);
    expect_refused(&bytes, STATUS_TOO_LARGE, "checks", "has 65 items, more than the 64 that it may have.");
    begin_readiness(&bytes);
    wire_write_array(&bytes, 4);
    memset(text, 'x', 16384);
    for (int i = 0; i < 4; i++)
        write_check(&bytes, text);
    end_readiness(&bytes);
    expect_refused(&bytes, STATUS_TOO_LARGE, "checks", "has more than the 65536 bytes that it may have.");
    begin_readiness(&bytes);
    wire_write_array(&bytes, 1);
    text[16384] = 'x';
    write_check(&bytes, text);
    end_readiness(&bytes);
    expect_refused(&bytes, STATUS_TOO_LARGE, "checks[0].message", "has 16385 bytes, more than the 16384 that it may have.");
    text_release(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_that_is_none_is_refused),
        cmocka_unit_test(a_record_that_is_none_is_refused_by_its_place),
        cmocka_unit_test(an_optional_record_that_is_none_is_refused),
        cmocka_unit_test(a_list_over_its_limits_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
