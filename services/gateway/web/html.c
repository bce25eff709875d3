/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/web/html.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/text.h"

static void end_tag(struct html *html) {
    if (html->is_in_tag) text_append(html->out, ">");
    html->is_in_tag = false;
}

/* The code point of a well-formed character of `length` bytes. */
static uint32_t code_point(const char *bytes, size_t length) {
    static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (unsigned char)bytes[0] & first_bits[length];
    for (size_t i = 1; i < length; i++)
        code = code << 6 | ((unsigned char)bytes[i] & 0x3f);
    return code;
}

/* Controls of the terminal, those of Unicode's bidirectional algorithm (UAX 9, table 4), and what XML forbids besides. */
static bool is_control(uint32_t code) {
    if (code < 0x20) return code != '\n' && code != '\t';
    return (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfffe || code == 0xffff;
}

static const char *escape_of(char character) {
    switch (character) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

static bool is_plain(char character) {
    return character >= ' ' && character < 0x7f && !escape_of(character);
}

static void append_escaped(struct text *out, const char *bytes, size_t length) {
    for (size_t at = 0, plain; at < length;) {
        for (plain = at; plain < length && is_plain(bytes[plain]);)
            plain++;
        text_append_bytes(out, bytes + at, plain - at);
        if ((at = plain) == length) break;
        size_t size = text_character_length(bytes + at, length - at);
        const char *escape = escape_of(bytes[at]);
        if (escape)
            text_append(out, escape);
        else if (size == 0 && bytes[at] != '\0')
            text_append(out, "\xef\xbf\xbd");
        else if (size == 0 || is_control(code_point(bytes + at, size)))
            text_append_format(out, "[U+%04X]", (unsigned)(size ? code_point(bytes + at, size) : 0));
        else
            text_append_bytes(out, bytes + at, size);
        at += size ? size : 1;
    }
}

static void begin(struct html *html, const char *element) {
    end_tag(html);
    text_append(html->out, "<");
    text_append(html->out, element);
    html->is_in_tag = true;
}

void html_begin(struct html *html, const char *element) {
    assert(html->depth < HTML_DEPTH_MAX);
    begin(html, element);
    html->elements[html->depth++] = element;
}

void html_void(struct html *html, const char *element) {
    begin(html, element);
}

void html_attribute(struct html *html, const char *name, const char *value) {
    assert(html->is_in_tag);
    if (!value) return;
    text_append_format(html->out, " %s=\"", name);
    append_escaped(html->out, value, strlen(value));
    text_append(html->out, "\"");
}

void html_bytes(struct html *html, const char *bytes, size_t length) {
    end_tag(html);
    append_escaped(html->out, bytes, length);
}

void html_text(struct html *html, const char *text) {
    if (text) html_bytes(html, text, strlen(text));
}

void html_format(struct html *html, const char *format, ...) {
    struct text text = {0};
    va_list arguments;
    va_start(arguments, format);
    text_append_format_list(&text, format, arguments);
    va_end(arguments);
    html_bytes(html, text_view(&text), text.length);
    text_release(&text);
}

void html_end(struct html *html) {
    assert(html->depth > 0);
    end_tag(html);
    text_append(html->out, "</");
    text_append(html->out, html->elements[--html->depth]);
    text_append(html->out, ">");
}

void html_element(struct html *html, const char *element, const char *class, const char *text) {
    html_begin(html, element);
    html_attribute(html, "class", class);
    html_text(html, text);
    html_end(html);
}

void html_link(struct html *html, const char *address, const char *text) {
    html_begin(html, "a");
    html_attribute(html, "href", address);
    html_text(html, text);
    html_end(html);
}
