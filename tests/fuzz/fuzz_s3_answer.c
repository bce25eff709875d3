/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as a response of an S3 server: an error, and a page of a list. Names, the token of the next page and the
 * texts of an error are valid UTF-8; the texts are also bounded and of one line.
 */
#include <ctype.h>

#include "lib/base/arena.h"
#include "lib/tools/http/s3_answer.h"
#include "tests/fuzz/fuzz.h"

static void check_line(const char *line, size_t most) {
    assert(strlen(line) < most && text_is_utf8(line, strlen(line)));
    for (; *line; line++)
        assert(!iscntrl((unsigned char)*line));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct s3_error said;
    s3_answer_read_error(&said, (const char *)bytes, length);
    check_line(said.code, S3_CODE_MAX);
    check_line(said.message, S3_MESSAGE_MAX);

    struct arena arena = {0};
    struct s3_page page;
    struct error err = {0};
    enum status status = s3_answer_read_page(&page, (const char *)bytes, length, &arena, &err);
    assert(!status || (status == STATUS_UNAVAILABLE && err.message[0]));
    for (size_t i = 0; !status && i < page.count; i++)
        assert(text_is_utf8(page.names[i], strlen(page.names[i])));
    assert(status || !page.continuation || text_is_utf8(page.continuation, strlen(page.continuation)));
    arena_release(&arena);
    return 0;
}
