/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shows the input as a line of a log. The only markup in it are spans with classes, each of which ends, and what is left without
 * them is what html_bytes() makes of the input without its sequences of colours: no control gets through.
 */
#include <stdlib.h>

#include "services/gateway/web/ansi.h"
#include "services/gateway/web/html.h"
#include "tests/fuzz/fuzz.h"

#define BEGIN "<span class=\""
#define END "</span>"

/* Copies what is outside of tags. */
static void strip(struct text *out, const char *at) {
    size_t open = 0;
    while (*at) {
        if (text_starts_with(at, BEGIN)) {
            const char *end = strchr(at + strlen(BEGIN), '"');
            assert(end && text_starts_with(end, "\">"));
            assert(strspn(at + strlen(BEGIN), "abcdefghijklmnopqrstuvwxyz0123456789- ") == (size_t)(end - at) - strlen(BEGIN));
            at = end + 2;
            assert(++open == 1); /* never one in another */
        } else if (text_starts_with(at, END)) {
            at += strlen(END);
            assert(open-- == 1);
        } else {
            assert(*at != '<' && *at != '>' && *at != '\x1b');
            text_append_character(out, *at++);
        }
    }
    assert(open == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct text shown = {0}, stripped = {0}, plain = {0};
    struct html html = {.out = &shown}, other = {.out = &plain};
    ansi_write(&html, (const char *)bytes, length);
    assert(html.depth == 0 && text_is_utf8(text_view(&shown), shown.length));
    strip(&stripped, text_view(&shown));
    if (!memchr(bytes, '\x1b', length)) {
        html_bytes(&other, (const char *)bytes, length);
        assert(strcmp(text_view(&stripped), text_view(&plain)) == 0);
        assert(strcmp(text_view(&shown), text_view(&plain)) == 0);
    }
    text_release(&shown);
    text_release(&stripped);
    text_release(&plain);
    return 0;
}
