/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as the record of a revision of bounds, which must be the same after it is printed and read again.
 */
#include <stdlib.h>

#include "lib/base/arena.h"
#include "services/build-matrix/revision/revision_record.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct text once = {0}, twice = {0};
    struct revision_record record, again;
    char *text = fuzz_copy_text(bytes, length);
    if (revision_record_parse(&record, text, &arena, NULL) == STATUS_OK) {
        revision_record_append_json(&once, &record);
        enum status status = revision_record_parse(&again, text_view(&once), &arena, NULL);
        assert(status == STATUS_OK && again.number == record.number);
        revision_record_append_json(&twice, &again);
        fuzz_must_be_same(&once, &twice);
    }
    free(text);
    text_release(&once);
    text_release(&twice);
    arena_release(&arena);
    return 0;
}
