/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as the head of an HTTP/1 request, as far as the gateway reads it itself: the parts found lie within the
 * input, and bytes after a complete head change nothing.
 */
#include "services/gateway/http/request_form.h"
#include "tests/fuzz/fuzz.h"

static void check_within(const h2o_iovec_t *part, const char *bytes, size_t length) {
    if (part->len) assert(part->base >= bytes && part->base + part->len <= bytes + length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct request_head head, again;
    const char *text = (const char *)bytes;
    request_head_read(&head, text, length);
    check_within(&head.method, text, length);
    check_within(&head.target, text, length);
    assert(!head.has_two_lengths || head.lengths > 1);
    for (size_t cut = 0; cut <= length && head.is_complete; cut++) {
        request_head_read(&again, text, cut);
        if (!again.is_complete) continue;
        assert(again.hosts == head.hosts && again.lengths == head.lengths && again.has_two_lengths == head.has_two_lengths);
        break;
    }
    return 0;
}
