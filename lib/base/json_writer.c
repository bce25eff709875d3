/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/json_writer.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/text.h"

static void break_line(struct json_writer *writer) {
    if (writer->indent == 0) return;
    text_append_format(writer->out, "\n%*s", writer->indent * writer->depth, "");
}

void json_writer_open(struct json_writer *writer, char bracket) {
    assert(bracket == '{' || bracket == '[');
    text_append_character(writer->out, bracket);
    writer->depth++;
    writer->has_items = false;
}

void json_writer_close(struct json_writer *writer, char bracket) {
    assert(writer->depth > 0 && (bracket == '}' || bracket == ']'));
    writer->depth--;
    if (writer->has_items) break_line(writer);
    text_append_character(writer->out, bracket);
    writer->has_items = true; /* the enclosing object or array has this one */
}

void json_writer_item(struct json_writer *writer) {
    if (writer->has_items) text_append_character(writer->out, ',');
    writer->has_items = true;
    break_line(writer);
}

void json_writer_key(struct json_writer *writer, const char *key) {
    json_writer_item(writer);
    json_append(writer->out, key);
    text_append_character(writer->out, ':');
    if (writer->indent) text_append_character(writer->out, ' ');
}

void json_writer_text(struct json_writer *writer, const char *value) {
    json_append(writer->out, value);
}

void json_writer_bytes(struct json_writer *writer, const char *value, size_t length) {
    json_append_text(writer->out, value, length);
}

void json_writer_integer(struct json_writer *writer, int64_t value) {
    text_append_format(writer->out, "%" PRId64, value);
}

void json_writer_boolean(struct json_writer *writer, bool value) {
    text_append(writer->out, value ? "true" : "false");
}

void json_writer_null(struct json_writer *writer) {
    text_append(writer->out, "null");
}

void json_writer_value(struct json_writer *writer, const json_t *value) {
    struct text printed = {0};
    if (writer->indent == 0 || writer->depth == 0) {
        json_append_value(writer->out, value, writer->indent);
        return;
    }
    json_append_value(&printed, value, writer->indent);
    json_writer_raw(writer, text_view(&printed));
    text_release(&printed);
}

void json_writer_raw(struct json_writer *writer, const char *json) {
    while (*json) {
        size_t length = strcspn(json, "\n");
        text_append_bytes(writer->out, json, length);
        json += length;
        if (*json == '\0') return;
        break_line(writer);
        json++;
    }
}

void json_writer_text_field(struct json_writer *writer, const char *key, const char *value) {
    if (!value) return;
    json_writer_key(writer, key);
    json_writer_text(writer, value);
}

void json_writer_integer_field(struct json_writer *writer, const char *key, int64_t value) {
    json_writer_key(writer, key);
    json_writer_integer(writer, value);
}

void json_writer_boolean_field(struct json_writer *writer, const char *key, bool value) {
    json_writer_key(writer, key);
    json_writer_boolean(writer, value);
}

void json_writer_value_field(struct json_writer *writer, const char *key, const json_t *value) {
    json_writer_key(writer, key);
    json_writer_value(writer, value);
}

void json_writer_raw_field(struct json_writer *writer, const char *key, const char *json) {
    if (!json) return;
    json_writer_key(writer, key);
    json_writer_raw(writer, json);
}

void json_writer_time_field(struct json_writer *writer, const char *key, int64_t time_ms) {
    char text[TIME_TEXT_MAX];
    if (time_ms == 0) return;
    time_print(time_ms, text);
    json_writer_text_field(writer, key, text);
}
