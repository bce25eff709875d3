/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as Pursuit's list of a package's versions.
 */
#include "lib/tools/http/pursuit.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    bool is_there = true;
    enum status status = pursuit_find_version(&is_there, (const char *)bytes, length, "7.1.0", NULL);
    assert(!status || !is_there);
    return 0;
}
