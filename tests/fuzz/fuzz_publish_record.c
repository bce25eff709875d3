/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as the record of a publication, which must be the same after it is printed and read again.
 */
#include <stdlib.h>

#include "lib/base/arena.h"
#include "services/publish/publish_record.h"
#include "tests/fuzz/fuzz.h"

static void print_and_read_again(const struct publish_record *record, struct arena *arena) {
    struct text once = {0}, twice = {0};
    struct publish_record again = {0};
    publish_record_append_json(&once, record);
    enum status status = publish_record_parse(&again, text_view(&once), arena, NULL);
    assert(status == STATUS_OK && manifest_equal(&record->manifest, &again.manifest));
    publish_record_append_json(&twice, &again);
    fuzz_must_be_same(&once, &twice);
    text_release(&once);
    text_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct publish_record record = {0};
    char *text = fuzz_copy_text(bytes, length);
    if (!publish_record_parse(&record, text, &arena, NULL)) print_and_read_again(&record, &arena);
    free(text);
    arena_release(&arena);
    return 0;
}
