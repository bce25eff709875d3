/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-worker/held_lines.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/clock.h"
#include "lib/base/inside.h"
#include "lib/base/text.h"

enum {
    LINE_HEAD_BYTES = 32,  /* of a line in a message, besides its text */
    LINES_AT_ONCE = 10000, /* below the limits of the lists in proto/messages.def */
};

static const char cut_mark[] = "…";

/* Shortens the text to `most` bytes, at the end of a character. */
static void cut(struct text *text, size_t most) {
    if (text->length <= most) return;
    size_t end = most - strlen(cut_mark);
    while (end > 0 && ((unsigned char)text->bytes[end] & 0xC0) == 0x80)
        end--;
    text->length = end;
    text->bytes[end] = '\0';
    text_append(text, cut_mark);
}

char *clean_text(const char *text, size_t most) {
    struct text clean = {0};
    if (!text) return NULL;
    text_append(&clean, text);
    if (clean.length > 0) text_mend_utf8(clean.bytes, clean.length);
    inside_blank(&clean);
    cut(&clean, most);
    text_append(&clean, ""); /* allocates an empty one, too */
    return clean.bytes;
}

static size_t line_bytes(const struct record_log_line *line) {
    return LINE_HEAD_BYTES + strlen(line->text);
}

static void add(struct held_lines *lines, struct record_log_line line) {
    *array_add(lines) = line;
    lines->bytes += line_bytes(&line);
}

void held_lines_add(struct held_lines *lines, int64_t number, enum log_level level, char *text) {
    add(lines,
        (struct record_log_line){.number = number, .time_ms = clock_now_ms(), .level = log_level_name(level), .text = text});
}

size_t held_lines_fit(const struct held_lines *lines, size_t most_bytes) {
    size_t count = 0, bytes = 0;
    while (count < lines->count && count < LINES_AT_ONCE) {
        bytes += line_bytes(&lines->items[count]);
        if (count > 0 && bytes > most_bytes) break;
        count++;
    }
    return count;
}

void held_lines_drop(struct held_lines *lines, size_t count) {
    for (size_t i = 0; i < count; i++) {
        lines->bytes -= line_bytes(&lines->items[i]);
        free((char *)lines->items[i].text);
    }
    lines->count -= count;
    if (lines->count > 0) memmove(lines->items, lines->items + count, lines->count * sizeof *lines->items);
}

void held_lines_put_before(struct held_lines *lines, struct held_lines *earlier) {
    for (size_t i = 0; i < lines->count; i++)
        add(earlier, lines->items[i]);
    free(lines->items);
    *lines = *earlier;
    *earlier = (struct held_lines){0};
}

void held_lines_release(struct held_lines *lines) {
    held_lines_drop(lines, lines->count);
    free(lines->items);
    *lines = (struct held_lines){0};
}
