/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as the answer of the process that fetches sources. That process reads strangers' data, so an accepted answer
 * must be well-formed, whatever it says.
 */
#include "lib/source/source_child.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    char commit[GIT_COMMIT_MAX] = "";
    int64_t committed_ms = 0;
    struct error err = {0};
    enum status status = source_answer_read(commit, &committed_ms, (const char *)bytes, length, &err);
    if (status)
        assert(status == err.status && text_is_utf8(err.message, strlen(err.message)) &&
               text_is_utf8(err.path, strlen(err.path)));
    else
        assert(strlen(commit) == GIT_COMMIT_MAX - 1 && strspn(commit, "0123456789abcdef") == GIT_COMMIT_MAX - 1);
    return 0;
}
