/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as text in any encoding. Accepted text is converted to UTF-8 without NUL characters, at most twice as long.
 */
#include "lib/base/text.h"
#include "lib/source/text_encoding.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct text out = {0};
    bool is_text = text_append_decoded(&out, (const char *)bytes, length);
    if (is_text) {
        assert(!out.length || !memchr(out.bytes, 0, out.length));
        assert(out.length <= 2 * length);
        assert(text_is_utf8(text_view(&out), out.length));
    }
    text_release(&out);
    return 0;
}
