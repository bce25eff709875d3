/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Writes the input as a text of a page, and as the value of an attribute. Nothing in it is markup, and it is UTF-8 without
 * controls; text that needs no replacement is found again when the escapes are read.
 */
#include <stdlib.h>

#include "services/gateway/web/html.h"
#include "tests/fuzz/fuzz.h"

static const struct {
    const char *escape;
    char character;
} escapes[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};

/* Every `&` begins one of the escapes. */
static void read_escapes(struct text *out, const char *at) {
    while (*at) {
        size_t i = 0, count = sizeof escapes / sizeof *escapes;
        while (i < count && !text_starts_with(at, escapes[i].escape))
            i++;
        assert(i < count || *at != '&');
        text_append_character(out, i < count ? escapes[i].character : *at);
        at += i < count ? strlen(escapes[i].escape) : 1;
    }
}

static bool needs_no_replacement(const uint8_t *bytes, size_t length) {
    if (!text_is_utf8((const char *)bytes, length)) return false;
    for (size_t i = 0; i < length; i++)
        if ((bytes[i] < 0x20 && bytes[i] != '\n' && bytes[i] != '\t') || bytes[i] == 0x7f || bytes[i] == 0xc2 ||
            bytes[i] == 0xd8 || bytes[i] == 0xe2 || bytes[i] == 0xef)
            return false; /* with all characters that begin like those among them that are written by their numbers */
    return true;
}

static void check(const struct text *written, const uint8_t *bytes, size_t length) {
    const char *text = text_view(written);
    struct text read = {0};
    assert(text_is_utf8(text, written->length));
    assert(!strpbrk(text, "<>\"'\x1b\x7f\r"));
    read_escapes(&read, text);
    if (needs_no_replacement(bytes, length)) assert(read.length == length && memcmp(text_view(&read), bytes, length) == 0);
    text_release(&read);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct text out = {0}, value = {0};
    struct html html = {.out = &out};
    html_bytes(&html, (const char *)bytes, length);
    check(&out, bytes, length);
    char *copy = fuzz_copy_text(bytes, length);
    text_clear(&out);
    html_begin(&html, "p");
    html_attribute(&html, "title", copy);
    html_end(&html);
    assert(text_starts_with(out.bytes, "<p title=\"") && text_ends_with(out.bytes, "\"></p>"));
    text_append_bytes(&value, out.bytes + strlen("<p title=\""), out.length - strlen("<p title=\"\"></p>"));
    check(&value, bytes, strlen(copy));
    free(copy);
    text_release(&value);
    text_release(&out);
    return 0;
}
