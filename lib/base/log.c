/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/log.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/secret.h"
#include "lib/base/text.h"

static const char *program_name = "registry";
static enum log_level minimum_level = LOG_INFO;

static const char *const level_names[] = {
#define LEVEL(name) #name,
    LOG_LEVEL_TABLE(LEVEL)
#undef LEVEL
};

const char *log_level_name(enum log_level level) {
    return level_names[level];
}

bool log_level_parse(const char *text, enum log_level *level) {
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(text, level_names[i]) != 0) continue;
        *level = (enum log_level)i;
        return true;
    }
    return false;
}

void log_configure(const char *program, enum log_level minimum) {
    program_name = program;
    minimum_level = minimum;
}

/* ---- Fields ---- */

struct log_field log_text_field(const char *key, const char *value) {
    return (struct log_field){.key = key, .text = value ? value : ""};
}

struct log_field log_flag_field(const char *key, bool value) {
    return log_text_field(key, value ? "yes" : "no");
}

struct log_field log_count_field(const char *key, size_t value) {
    return log_number_field(key, (int64_t)value);
}

struct log_field log_number_field(const char *key, int64_t value) {
    return (struct log_field){.key = key, .number = value};
}

/* ---- Values ---- */

static bool is_plain(const char *value) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:/+@,";
    return *value && value[strspn(value, plain)] == '\0' && strlen(value) <= LOG_VALUE_MAX_BYTES;
}

/* Characters that a terminal does not show: C1 controls, line and paragraph separators, zero-width and bidirectional marks. */
static bool is_hidden(uint32_t character) {
    return (character >= 0x80 && character < 0xA0) || (character >= 0x200B && character <= 0x200F) ||
           (character >= 0x2028 && character <= 0x202E) || (character >= 0x2060 && character <= 0x206F) || character == 0xFEFF;
}

/* The code point at `at`, `length` bytes of well-formed UTF-8. */
static uint32_t decode(const unsigned char *at, size_t length) {
    if (length == 1) return at[0];
    uint32_t character = at[0] & (0x7FU >> length);
    for (size_t i = 1; i < length; i++)
        character = character << 6 | (at[i] & 0x3FU);
    return character;
}

static void append_character(struct text *out, const char *at, size_t length) {
    static const char escapes[][2] = {{'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}, {'"', '"'}, {'\\', '\\'}};
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        if (*at != escapes[i][0]) continue;
        text_append_character(out, '\\');
        text_append_character(out, escapes[i][1]);
        return;
    }
    uint32_t character = length > 0 ? decode((const unsigned char *)at, length) : 0;
    if (length == 0 || character < 0x20 || character == 0x7F)
        text_append_format(out, "\\x%02x", (unsigned char)*at);
    else if (is_hidden(character))
        text_append_format(out, "\\u%04x", (unsigned)character);
    else
        text_append_bytes(out, at, length);
}

void log_append_value(struct text *out, const char *value) {
    if (is_plain(value)) {
        text_append(out, value);
        return;
    }
    text_append_character(out, '"');
    size_t begin = out->length, left = strlen(value);
    while (left > 0) {
        if (out->length - begin >= LOG_VALUE_MAX_BYTES) {
            text_append(out, "…");
            break;
        }
        size_t length = text_character_length(value, left);
        append_character(out, value, length);
        value += length > 0 ? length : 1;
        left -= length > 0 ? length : 1;
    }
    text_append_character(out, '"');
}

/* ---- Lines ---- */

/* An event and a key have only `a-z` and `_`. */
static bool is_token(const char *text) {
    return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz_")] == '\0';
}

/* A key is none of the fixed keys at the start of each line. */
static bool is_key(const char *key) {
    static const char *const taken[] = {"time", "level", "program", "event"};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strcmp(key, taken[i]) == 0) return false;
    return is_token(key);
}

static void append_field(struct text *line, const struct log_field *field) {
    assert(is_key(field->key));
    text_append_format(line, " %s=", field->key);
    if (!field->text) {
        text_append_format(line, "%lld", (long long)field->number);
        return;
    }
    struct text value = {0};
    text_append(&value, field->text);
    secret_blank(&value); /* before escaping, which could alter a secret */
    log_append_value(line, text_view(&value));
    text_release(&value);
}

void log_write_line(enum log_level level, const char *event, const struct log_field *fields) {
    assert(is_token(event));
    if (level < minimum_level) return;
    struct text line = {0};
    char time[TIME_TEXT_MAX];
    time_print(clock_now_ms(), time);
    text_append_format(&line, "time=%s level=%s program=%s event=%s", time, log_level_name(level), program_name, event);
    for (; fields->key; fields++)
        append_field(&line, fields);
    text_append_character(&line, '\n');
    ssize_t written = write(STDERR_FILENO, line.bytes, line.length); /* a single write keeps lines of several threads apart */
    (void)written;
    text_release(&line);
}
