/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The operators' log: any value can be read back as the value of its field, from its own line. The lines are parsed by a logfmt
 * reader that is independent of the writer.
 */
#include "tests/support/cmocka_all.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/secret.h"
#include "lib/base/text.h"

enum { FIELDS_MAX = 16, HEAD_FIELDS = 4, RANDOM_VALUES = 20000, RANDOM_BYTES_MAX = 40 };

/* ---- Output on stderr ---- */

static int log_file, stderr_before;

static int begin(void **state) {
    (void)state;
    char path[] = "/tmp/test-log-XXXXXX";
    log_file = mkostemp(path, O_CLOEXEC | O_APPEND);
    stderr_before = dup(STDERR_FILENO);
    log_configure("tester", LOG_INFO);
    return log_file < 0 || unlink(path);
}

static int end(void **state) {
    (void)state;
    close(stderr_before);
    close(log_file);
    return 0;
}

static void redirect(void) {
    assert_int_equal(ftruncate(log_file, 0), 0);
    assert_true(dup2(log_file, STDERR_FILENO) >= 0);
}

/* The output since redirect(), which must be one line; the caller frees it. */
static char *written_line(void) {
    dup2(stderr_before, STDERR_FILENO);
    off_t length = lseek(log_file, 0, SEEK_END);
    char *line = calloc((size_t)length + 1, 1);
    assert_int_equal(pread(log_file, line, (size_t)length, 0), length);
    assert_true(length > 0 && strlen(line) == (size_t)length);
    assert_ptr_equal(strchr(line, '\n'), line + length - 1);
    line[length - 1] = '\0';
    assert_true(text_is_utf8(line, strlen(line)));
    for (const char *at = line; *at; at++)
        assert_true((unsigned char)*at >= 0x20 && *at != 0x7F);
    return line;
}

#define WRITTEN_LINE(...) (redirect(), log_line(__VA_ARGS__), written_line())

/* ---- Reading a line ---- */

struct read_field {
    char key[64];
    struct text value;
};

struct read_line {
    struct read_field fields[FIELDS_MAX];
    size_t count;
};

static void append_code_point(struct text *out, unsigned code) {
    assert_true(code >= 0x80 && code <= 0xFFFF);
    if (code >= 0x800) text_append_character(out, (char)(0xE0 | (code >> 12)));
    text_append_character(out, (char)(code >= 0x800 ? 0x80 | ((code >> 6) & 0x3F) : 0xC0 | (code >> 6)));
    text_append_character(out, (char)(0x80 | (code & 0x3F)));
}

static const char *read_escape(struct text *out, const char *at) {
    char hex[5] = "";
    switch (*at) {
    case 'n': text_append_character(out, '\n'); return at + 1;
    case 'r': text_append_character(out, '\r'); return at + 1;
    case 't': text_append_character(out, '\t'); return at + 1;
    case '"':
    case '\\': text_append_character(out, *at); return at + 1;
    case 'x':
        memcpy(hex, at + 1, 2);
        text_append_character(out, (char)strtol(hex, NULL, 16));
        return at + 3;
    case 'u':
        memcpy(hex, at + 1, 4);
        append_code_point(out, (unsigned)strtol(hex, NULL, 16));
        return at + 5;
    default: fail_msg("an escape that there is not: \\%s", at); return NULL;
    }
}

static const char *read_value(struct text *out, const char *at) {
    if (*at != '"') {
        size_t length = strcspn(at, " ");
        text_append_bytes(out, at, length);
        return at + length;
    }
    for (at++; *at != '"';) {
        assert_int_not_equal(*at, '\0');
        if (*at == '\\') {
            at = read_escape(out, at + 1);
        } else {
            text_append_character(out, *at++);
        }
    }
    return at + 1;
}

static void read_fields(struct read_line *out, const char *at) {
    *out = (struct read_line){0};
    for (;;) {
        assert_true(out->count < FIELDS_MAX);
        struct read_field *field = &out->fields[out->count++];
        size_t length = strcspn(at, "= \"");
        assert_true(length > 0 && length < sizeof field->key && at[length] == '=');
        memcpy(field->key, at, length);
        at = read_value(&field->value, at + length + 1);
        if (*at == '\0') return;
        assert_int_equal(*at++, ' ');
    }
}

static void release_fields(struct read_line *line) {
    for (size_t i = 0; i < line->count; i++)
        text_release(&line->fields[i].value);
}

static void expect_field(const struct read_line *line, size_t at, const char *key, const char *value) {
    assert_string_equal(line->fields[at].key, key);
    assert_string_equal(text_view(&line->fields[at].value), value);
}

/* The line of an event with `value` and other fields has exactly these fields. */
static void expect_read_back(const char *value) {
    char *line =
        WRITTEN_LINE(LOG_WARN, "job_ended", log_field("job", "an-id"), log_field("error", value), log_field("took_ms", 12));
    struct read_line read;
    read_fields(&read, line);
    assert_int_equal(read.count, HEAD_FIELDS + 3);
    expect_field(&read, 1, "level", "WARN");
    expect_field(&read, 2, "program", "tester");
    expect_field(&read, 3, "event", "job_ended");
    expect_field(&read, 4, "job", "an-id");
    expect_field(&read, 5, "error", value);
    expect_field(&read, 6, "took_ms", "12");
    release_fields(&read);
    free(line);
}

/* ---- Tests ---- */

static void a_value_adds_no_fields_to_its_line(void **state) {
    (void)state;
    static const char *const values[] = {
        "MIT\" outcome=\"succeeded\" error=\"\" x=\"",
        "\\",
        "\\\" outcome=succeeded",
        "a=b",
        "a b",
        "",
        "\"",
        "x\ntime=2026-01-01T00:00:00.000Z level=ERROR program=publish event=stopped",
        "\r\x1b[2K\x1b[1A\x7f",
        "\xC2\x9B"
        "2K C1 control",
        "line\xE2\x80\xA8separator, \xE2\x80\xAEright to left, \xEF\xBB\xBF mark",
        "\xFF\xC3 no UTF-8 \xED\xA0\x80",
        "%s %n %d",
        "gr\xC3\xBC\xC3\x9F"
        "e \xF0\x9F\x98\x80",
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        expect_read_back(values[i]);
}

static void any_bytes_are_read_back(void **state) {
    (void)state;
    srand(20261129);
    static const char likely[] = "\"\\= \n\r\tnxu0a\x1b\xC2\x85\xE2\x80\xA8";
    for (int i = 0; i < RANDOM_VALUES; i++) {
        char value[RANDOM_BYTES_MAX + 1] = {0};
        for (int length = rand() % RANDOM_BYTES_MAX, at = 0; at < length; at++)
            value[at] = (char)(rand() % 2 ? rand() % 255 + 1 : likely[(size_t)rand() % (sizeof likely - 1)]);
        expect_read_back(value);
    }
}

static void fields_are_written_by_their_types(void **state) {
    (void)state;
    const char name[] = "array";
    const bool is_so = true;
    char *line = WRITTEN_LINE(LOG_INFO, "typed", log_field("text", name), log_field("none", (const char *)NULL),
                              log_field("yes", is_so), log_field("least", INT64_MIN), log_field("size", (size_t)7),
                              log_field("negative", -1), log_field("of_enum", LOG_WARN));
    assert_non_null(strstr(line, " event=typed text=array none=\"\" yes=yes least=-9223372036854775808 size=7 negative=-1 "
                                 "of_enum=2"));
    free(line);
    line = WRITTEN_LINE(LOG_INFO, "bare");
    assert_true(text_ends_with(line, " program=tester event=bare"));
    free(line);
    redirect();
    log_line(LOG_DEBUG, "below_level");
    dup2(stderr_before, STDERR_FILENO);
    assert_int_equal(lseek(log_file, 0, SEEK_END), 0);
}

/* In a terminal they would hide words of the line, or show them in another order. */
static void characters_that_do_not_show_are_escaped(void **state) {
    (void)state;
    char *line = WRITTEN_LINE(LOG_INFO, "shown", log_field("marks", "\xE2\x80\xAE\xE2\x80\x8B\xE2\x81\xA6\xEF\xBB\xBF"),
                              log_field("ends", "\xE2\x80\xA8\xC2\x85"), log_field("umlaut", "\xC3\xA4"));
    assert_true(text_ends_with(line, " marks=\"\\u202e\\u200b\\u2066\\ufeff\" ends=\"\\u2028\\u0085\" umlaut=\"\xC3\xA4\""));
    free(line);
}

/* A line that a pipe accepts in one piece is not mixed with the lines of other threads. */
static void a_long_value_is_cut_at_a_character(void **state) {
    (void)state;
    struct text value = {0};
    for (int i = 0; i < 100000; i++)
        text_append(&value, i % 3 ? "\xE2\x82\xAC" : "\x01");
    char *line = WRITTEN_LINE(LOG_INFO, "long", log_field("error", text_view(&value)), log_field("plain", "b"));
    assert_true(strlen(line) < PIPE_BUF);
    assert_true(text_ends_with(line, "\xE2\x80\xA6\" plain=b"));
    free(line);
    text_clear(&value);
    for (int i = 0; i < LOG_VALUE_MAX_BYTES; i++)
        text_append_character(&value, 'a');
    expect_read_back(text_view(&value));
    text_release(&value);
}

static void secrets_are_blanked_before_they_are_escaped(void **state) {
    (void)state;
    secret_keep("a \"quoted\" secret");
    secret_keep("plain-secret");
    char *line = WRITTEN_LINE(LOG_INFO, "asked", log_field("a", "x a \"quoted\" secret y"), log_field("b", "plain-secret"));
    assert_non_null(strstr(line, " a=\"x [secret] y\" b=\"[secret]\""));
    assert_null(strstr(line, "quoted"));
    free(line);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_adds_no_fields_to_its_line),
        cmocka_unit_test(any_bytes_are_read_back),
        cmocka_unit_test(fields_are_written_by_their_types),
        cmocka_unit_test(a_long_value_is_cut_at_a_character),
        cmocka_unit_test(secrets_are_blanked_before_they_are_escaped),
        cmocka_unit_test(characters_that_do_not_show_are_escaped),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
