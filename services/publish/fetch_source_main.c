/* SPDX-License-Identifier: BSD-3-Clause
 *
 * registry-fetch-source: fetches the source of one package. Reads the request from stdin and writes the result to stdout, one
 * JSON object each (lib/source/source_child.h). The publish service starts a process per source (lib/source/source_fetch.h),
 * because the content is untrusted; users do not call it. No cleanup is needed, so a signal may kill it at any time.
 */
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/program.h"
#include "lib/base/text.h"
#include "lib/source/source_child.h"

enum {
    INPUT_LIMIT_BYTES = 64 * 1024,
    CHUNK_BYTES = 4096,
};

int main(int count, char **arguments) {
    program_read_options("fetch-source", count, arguments, NULL);
    struct text input = {0}, output = {0};
    ssize_t received = 1;
    while (received > 0 && input.length < INPUT_LIMIT_BYTES) {
        received = read(STDIN_FILENO, text_reserve(&input, CHUNK_BYTES), CHUNK_BYTES);
        if (received > 0) input.length += (size_t)received;
    }
    source_order_carry_out(&output, text_view(&input), input.length);
    bool written = puts(text_view(&output)) >= 0 && fflush(stdout) == 0;
    text_release(&input);
    text_release(&output);
    return written ? 0 : 1;
}
