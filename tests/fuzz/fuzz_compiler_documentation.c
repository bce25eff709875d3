/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as the output of `purs publish` in the folder /build. The documentation that is taken from it is one line of
 * JSON without paths in that folder, and can be taken again from itself.
 */
#include <jansson.h>

#include "lib/tools/purs/compiler_documentation.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct text printed = {0}, once = {0}, twice = {0};
    struct error err = {0};
    text_append_bytes(&printed, bytes, length);
    enum status status = compiler_documentation_take(&once, &printed, "/build", &err);
    if (status) {
        assert(status == STATUS_INTERNAL && err.message[0] && once.length == 0);
    } else {
        assert(!memchr(once.bytes, '\n', once.length));
        assert(compiler_documentation_take(&twice, &once, "/build", &err) == STATUS_OK && twice.length <= once.length);
    }
    text_release(&printed);
    text_release(&once);
    text_release(&twice);
    return 0;
}
