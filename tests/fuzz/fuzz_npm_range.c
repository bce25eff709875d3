/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as an npm range. The result must be a valid range, and its text must be read as the same range when it is
 * taken for an npm range.
 */
#include <stdlib.h>

#include "lib/source/npm_range.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    char *text = fuzz_copy_text(bytes, length);
    struct range range, again;
    enum status status = npm_range_parse(&range, text, NULL);
    assert(status == STATUS_OK || status == STATUS_INVALID);
    if (!status) {
        char printed[RANGE_TEXT_MAX];
        assert(range_is_valid(range));
        range_print(range, printed);
        status = npm_range_parse(&again, printed, NULL);
        assert(status == STATUS_OK && range_equal(range, again));
    }
    free(text);
    return 0;
}
