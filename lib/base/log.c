/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/log.h"

#include <stdarg.h>
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

static void append_escaped(struct text *line, const char *value) {
    for (; *value; value++) {
        unsigned char character = (unsigned char)*value;
        if (character == '\n')
            text_append(line, "\\n");
        else if (character < 0x20 || character == 0x7F)
            text_append_format(line, "\\x%02x", character);
        else
            text_append_character(line, *value);
    }
}

void log_line(enum log_level level, const char *event, const char *format, ...) {
    if (level < minimum_level) return;
    struct text pairs = {0}, line = {0};
    va_list arguments;
    va_start(arguments, format);
    text_append_format_list(&pairs, format, arguments);
    va_end(arguments);
    secret_blank(&pairs);

    char time[TIME_TEXT_MAX];
    time_print(clock_now_ms(), time);
    text_append_format(&line, "time=%s level=%s program=%s event=\"%s\" ", time, log_level_name(level), program_name, event);
    append_escaped(&line, text_view(&pairs));
    text_append_character(&line, '\n');
    ssize_t written = write(STDERR_FILENO, line.bytes, line.length); /* one write: lines of several threads stay whole */
    (void)written;
    text_release(&pairs);
    text_release(&line);
}
