/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Writes HTML. Every text and every value of an attribute goes through here and is escaped; names of elements and attributes are
 * literals of ours.
 *
 *   html_begin(&html, "a");
 *   html_attribute(&html, "href", url);
 *   html_text(&html, name);
 *   html_end(&html);
 */
#ifndef SERVICES_GATEWAY_WEB_HTML_H
#define SERVICES_GATEWAY_WEB_HTML_H

#include <stdbool.h>
#include <stddef.h>

struct text;

enum { HTML_DEPTH_MAX = 32 };

struct html {
    struct text *out;
    const char *elements[HTML_DEPTH_MAX]; /* that are open, literals */
    size_t depth;
    bool is_in_tag; /* attributes of the last element can still be added */
};

void html_begin(struct html *html, const char *element);
/* Of the element that was begun last, before its content. A value of NULL writes nothing. */
void html_attribute(struct html *html, const char *name, const char *value);
/* Content. Characters that could be taken for another text than they are (controls but line feed and tab, those that change
 * the direction of writing, and U+FFFE and U+FFFF) are written as in [U+202E]; bytes that are no UTF-8 as U+FFFD. NULL writes
 * nothing. */
void html_text(struct html *html, const char *text);
void html_bytes(struct html *html, const char *bytes, size_t length);
void html_format(struct html *html, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends the element that was begun last and is still open. */
void html_end(struct html *html);
/* An element without content, as `input`; attributes can be added. */
void html_void(struct html *html, const char *element);

/* An element with a text and, unless it is NULL, a class. */
void html_element(struct html *html, const char *element, const char *class, const char *text);
void html_link(struct html *html, const char *address, const char *text);

#endif
