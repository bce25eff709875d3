/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/web/prose.h"

#include <string.h>

#include "lib/base/text.h"

/* An element around what is between two marks. Returns the first byte after it; NULL: there is no second mark. */
static const char *write_marked(struct html *html, const char *at, const char *mark, const char *element) {
    const char *start = at + strlen(mark), *end = strstr(start, mark);
    if (!end) return NULL;
    html_begin(html, element);
    html_bytes(html, start, (size_t)(end - start));
    html_end(html);
    return end + strlen(mark);
}

/* [text](address). Returns as above. */
static const char *write_link(struct html *html, const char *at) {
    const char *middle = strstr(at, "]("), *end = middle ? strchr(middle, ')') : NULL;
    struct text address = {0};
    if (!end) return NULL;
    text_append_bytes(&address, middle + 2, (size_t)(end - middle - 2));
    html_begin(html, "a");
    html_attribute(html, "href", text_view(&address));
    html_bytes(html, at + 1, (size_t)(middle - at - 1));
    html_end(html);
    text_release(&address);
    return end + 1;
}

static const char *write_mark(struct html *html, const char *at) {
    if (*at == '`') return write_marked(html, at, "`", "code");
    if (text_starts_with(at, "**")) return write_marked(html, at, "**", "strong");
    return *at == '[' ? write_link(html, at) : NULL;
}

void prose_write(struct html *html, const char *text) {
    for (const char *at = text; *at;) {
        size_t plain = strcspn(at, "`*[");
        html_bytes(html, at, plain);
        at += plain;
        const char *after = *at ? write_mark(html, at) : at;
        if (!after) {
            html_bytes(html, at, 1);
            after = at + 1;
        }
        at = after;
    }
}
