/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/error.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

/* Truncates an over-long UTF-8 text after its last whole character. Other bytes that are not UTF-8 (a file name, half a
 * character left by `%.200s`) become `?`, since errors are sent as JSON. */
static void cut_at_character(char *text, size_t capacity) {
    size_t length = strlen(text);
    if (length == capacity - 1) {
        while (length > 0 && ((unsigned char)text[length - 1] & 0xC0) == 0x80)
            length--;
        if (length > 0 && ((unsigned char)text[length - 1] & 0x80)) length--;
        text[length] = '\0';
    }
    text_mend_utf8(text, length);
}

__attribute__((format(printf, 4, 0))) static void set_message(struct error *err, enum status status, const char *path,
                                                              const char *format, va_list arguments) {
    if (!err) return;
    char message[ERROR_MESSAGE_MAX]; /* a buffer of its own: an argument may point into err->message */
    vsnprintf(message, sizeof message, format, arguments);
    cut_at_character(message, sizeof message);
    err->status = status;
    err->trouble = status == STATUS_INTERNAL ? TROUBLE_MACHINE : TROUBLE_NONE;
    snprintf(err->path, sizeof err->path, "%s", path);
    cut_at_character(err->path, sizeof err->path);
    memcpy(err->message, message, strlen(message) + 1);
}

enum status error_set(struct error *err, enum status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    set_message(err, status, "", format, arguments);
    va_end(arguments);
    return status;
}

enum status error_set_at(struct error *err, enum status status, const char *path, const char *format, ...) {
    char copy[ERROR_PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    va_list arguments;
    va_start(arguments, format);
    set_message(err, status, copy, format, arguments);
    va_end(arguments);
    return status;
}

enum status error_prefix(struct error *err, const char *format, ...) {
    assert(err);
    char prefix[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    cut_at_character(prefix, sizeof prefix);
    char path[ERROR_PATH_MAX];
    enum trouble trouble = err->trouble;
    memcpy(path, err->path, sizeof path);
    error_set_at(err, err->status, path, "%s: %s", prefix, err->message);
    err->trouble = trouble;
    return err->status;
}

enum status error_under(struct error *err, const char *parent) {
    assert(err);
    char path[ERROR_PATH_MAX];
    bool separate = err->path[0] != '\0' && err->path[0] != '[';
    snprintf(path, sizeof path, "%s%s%.100s", parent, separate ? "." : "", err->path);
    cut_at_character(path, sizeof path);
    memcpy(err->path, path, sizeof path);
    return err->status;
}

enum status error_mark(struct error *err, enum status status, enum trouble trouble) {
    if (err && status_is_temporary(status) && err->trouble == TROUBLE_NONE) err->trouble = trouble;
    return status;
}

const char *trouble_text(enum trouble trouble) {
    static const char *const texts[] = {
#define TROUBLE(name, text) [TROUBLE_##name] = text,
        TROUBLE_TABLE(TROUBLE)
#undef TROUBLE
    };
    return texts[trouble];
}

int status_http(enum status status) {
    static const int codes[] = {
#define STATUS(name, http, code) [STATUS_##name] = http,
        STATUS_TABLE(STATUS)
#undef STATUS
    };
    return codes[status];
}

const char *status_code(enum status status) {
    static const char *const names[] = {
#define STATUS(name, http, code) [STATUS_##name] = code,
        STATUS_TABLE(STATUS)
#undef STATUS
    };
    return names[status];
}

bool status_is_temporary(enum status status) {
    return status == STATUS_BUSY || status == STATUS_CONFLICT || status == STATUS_UNAVAILABLE || status == STATUS_TIMEOUT;
}
