/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as licensee's output.
 */
#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/tools/licensee.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct licensee_findings findings;
    enum status status = licensee_read_answer(&findings, (const char *)bytes, length, &arena, NULL);
    assert(!status || findings.count == 0);
    for (size_t i = 0; i < findings.count; i++)
        assert(findings.items[i].file && findings.items[i].identifier &&
               !text_equal(findings.items[i].identifier, "NOASSERTION"));
    arena_release(&arena);
    return 0;
}
