/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/percent.h"

#include <string.h>

#include "lib/base/text.h"

#define KEPT "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"

static const char *const kept[] = {
    [PERCENT_VALUE] = KEPT,
    [PERCENT_PATH] = KEPT "/",
};

bool percent_is_plain(const char *text, enum percent_class class) {
    return text[strspn(text, kept[class])] == '\0';
}

void percent_encode(struct text *out, const char *text, enum percent_class class) {
    for (;;) {
        size_t plain = strspn(text, kept[class]);
        text_append_bytes(out, text, plain);
        text += plain;
        if (*text == '\0') return;
        text_append_format(out, "%%%02X", (unsigned char)*text++);
    }
}

static int hex_digit(char character) {
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = character ? strchr(digits, character) : NULL;
    return at ? (int)((at - digits) % 16) : -1;
}

bool percent_decode(char *text, enum percent_form form) {
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from == '%') {
            int high = hex_digit(from[1]), low = high < 0 ? -1 : hex_digit(from[2]);
            if (low < 0 || (high == 0 && low == 0)) return false;
            *to++ = (char)(high * 16 + low);
            from += 2;
        } else {
            *to++ = form == PERCENT_IN_QUERY && *from == '+' ? ' ' : *from;
        }
    }
    *to = '\0';
    return true;
}
