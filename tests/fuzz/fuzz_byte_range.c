/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as a `Range` header, for files of several sizes: the range always lies within the file.
 */
#include <stdlib.h>

#include "services/gateway/http/byte_range.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static const int64_t sizes[] = {0, 1, 100, 2000000, INT64_MAX};
    char *header = fuzz_copy_text(bytes, length);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int64_t offset = -1, part = -1;
        if (byte_range_parse(header, sizes[i], &offset, &part) == BYTE_RANGE_PART)
            assert(offset >= 0 && part > 0 && offset < sizes[i] && part <= sizes[i] - offset);
    }
    free(header);
    return 0;
}
