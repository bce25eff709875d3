/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/web/ansi.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"
#include "services/gateway/web/html.h"

enum {
    PARAMETERS_MAX = 16, /* of a sequence; one with more is shown as it is */
    VALUE_MAX = 9999,
    NO_COLOUR = -1,
    BRIGHT = 8, /* what the number of a bright colour is above that of its dark one */
};

struct rendition {
    int foreground, background; /* NO_COLOUR, or 0 to 15 */
    bool is_bold, is_faint, is_italic, is_underlined, is_inverse;
};

static const struct rendition plain = {.foreground = NO_COLOUR, .background = NO_COLOUR};

static bool is_digit(char character) {
    return character >= '0' && character <= '9';
}

/* Reads `ESC [ 1 ; 31 m` at the beginning; an omitted parameter is 0. Its length, or 0 if the text does not begin with such a
 * sequence. */
static size_t read_sequence(const char *bytes, size_t length, int *parameters, size_t *count) {
    size_t at = 2;
    if (length < 3 || bytes[0] != '\x1b' || bytes[1] != '[') return 0;
    *count = 0;
    for (;; at++) {
        int value = 0;
        for (; at < length && is_digit(bytes[at]); at++)
            value = value > VALUE_MAX ? value : value * 10 + (bytes[at] - '0');
        if (at == length || *count == PARAMETERS_MAX) return 0;
        parameters[(*count)++] = value;
        if (bytes[at] == 'm') return at + 1;
        if (bytes[at] != ';' && bytes[at] != ':') return 0;
    }
}

/* The terminal's colour that is nearest to one of red, green and blue, 0 to 255 each: a bit for each that is strong. */
static int nearest_colour(int red, int green, int blue) {
    int most = red > green ? red : green, half;
    if (blue > most) most = blue;
    if (most < 64) return 0;
    half = most / 2;
    int bits = (red > half ? 1 : 0) | (green > half ? 2 : 0) | (blue > half ? 4 : 0);
    if (bits == 7 && most < 160) return BRIGHT; /* dark grey */
    return bits + (most > 200 ? BRIGHT : 0);
}

/* A colour of the palette of 256: the sixteen, a cube of 6 x 6 x 6, and 24 greys. */
static int palette_colour(int number) {
    if (number < 16) return number;
    if (number >= 232) return nearest_colour(8 + (number - 232) * 10, 8 + (number - 232) * 10, 8 + (number - 232) * 10);
    int red = (number - 16) / 36, green = (number - 16) / 6 % 6, blue = (number - 16) % 6;
    return nearest_colour(red * 51, green * 51, blue * 51);
}

static int limited(int value) {
    return value > 255 ? 255 : value;
}

/* Reads `5 ; N` or `2 ; R ; G ; B` after a 38 or 48. The number of parameters taken. */
static size_t read_colour(const int *parameters, size_t count, int *colour) {
    if (count >= 2 && parameters[0] == 5) {
        *colour = palette_colour(limited(parameters[1]));
        return 2;
    }
    if (count >= 4 && parameters[0] == 2) {
        *colour = nearest_colour(limited(parameters[1]), limited(parameters[2]), limited(parameters[3]));
        return 4;
    }
    return count; /* malformed: what follows cannot be told apart */
}

static void apply_one(struct rendition *rendition, int value) {
    switch (value) {
    case 0: *rendition = plain; return;
    case 1: rendition->is_bold = true; return;
    case 2: rendition->is_faint = true; return;
    case 3: rendition->is_italic = true; return;
    case 4: rendition->is_underlined = true; return;
    case 7: rendition->is_inverse = true; return;
    case 22: rendition->is_bold = rendition->is_faint = false; return;
    case 23: rendition->is_italic = false; return;
    case 24: rendition->is_underlined = false; return;
    case 27: rendition->is_inverse = false; return;
    case 39: rendition->foreground = NO_COLOUR; return;
    case 49: rendition->background = NO_COLOUR; return;
    default: break;
    }
    if (value >= 30 && value <= 37) rendition->foreground = value - 30;
    if (value >= 40 && value <= 47) rendition->background = value - 40;
    if (value >= 90 && value <= 97) rendition->foreground = value - 90 + BRIGHT;
    if (value >= 100 && value <= 107) rendition->background = value - 100 + BRIGHT;
}

static void apply(struct rendition *rendition, const int *parameters, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (parameters[i] == 38 || parameters[i] == 48) {
            int *colour = parameters[i] == 38 ? &rendition->foreground : &rendition->background;
            i += read_colour(parameters + i + 1, count - i - 1, colour);
        } else {
            apply_one(rendition, parameters[i]);
        }
    }
}

static void list_classes(struct text *out, const struct rendition *rendition) {
    int foreground = rendition->is_inverse ? rendition->background : rendition->foreground;
    int background = rendition->is_inverse ? rendition->foreground : rendition->background;
    if (foreground != NO_COLOUR) text_append_format(out, "fg-%d", foreground);
    if (background != NO_COLOUR) text_append_format(out, "%sbg-%d", out->length ? " " : "", background);
    const struct {
        bool is_on;
        const char *name;
    } others[] = {
        {rendition->is_inverse && foreground == NO_COLOUR && background == NO_COLOUR, "inverse"},
        {rendition->is_bold, "bold"},
        {rendition->is_faint, "faint"},
        {rendition->is_italic, "italic"},
        {rendition->is_underlined, "underline"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i].is_on) text_append_format(out, "%s%s", out->length ? " " : "", others[i].name);
}

static void write_part(struct html *html, const struct rendition *rendition, const char *bytes, size_t length) {
    struct text classes = {0};
    if (length == 0) return;
    list_classes(&classes, rendition);
    if (classes.length) {
        html_begin(html, "span");
        html_attribute(html, "class", classes.bytes);
    }
    html_bytes(html, bytes, length);
    if (classes.length) html_end(html);
    text_release(&classes);
}

void ansi_write(struct html *html, const char *bytes, size_t length) {
    struct rendition rendition = plain;
    size_t begin = 0;
    for (size_t at = 0; at < length;) {
        int parameters[PARAMETERS_MAX];
        size_t count, sequence = read_sequence(bytes + at, length - at, parameters, &count);
        if (sequence == 0) {
            const char *next = memchr(bytes + at + 1, '\x1b', length - at - 1);
            at = next ? (size_t)(next - bytes) : length;
            continue;
        }
        write_part(html, &rendition, bytes + begin, at - begin);
        apply(&rendition, parameters, count);
        begin = at += sequence;
    }
    write_part(html, &rendition, bytes + begin, length - begin);
}
