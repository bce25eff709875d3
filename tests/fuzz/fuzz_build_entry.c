/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as an entry.json of the build store. An accepted entry must be the same after it is written and read again,
 * with a correct checksum, and no name in it leads out of its folder.
 */
#include "lib/base/arena.h"
#include "lib/tools/purs/build_entry.h"
#include "tests/fuzz/fuzz.h"

static void expect_good_names(const struct entry_record *record) {
    for (size_t i = 0; i < record->entry.module_count; i++) {
        assert(build_entry_name_is_good(record->entry.modules[i].name));
        assert(i == 0 || strcmp(record->entry.modules[i - 1].name, record->entry.modules[i].name) < 0);
        for (size_t j = 0; j < record->modules[i].file_count; j++)
            assert(build_entry_name_is_good(record->modules[i].files[j].name));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct text once = {0}, twice = {0};
    struct entry_record record, again;
    build_entry_sum_is_right((const char *)bytes, length);
    enum status status = build_entry_parse(&record, (const char *)bytes, length, &arena, NULL);
    if (status == STATUS_OK) {
        expect_good_names(&record);
        build_entry_append(&once, &record);
        assert(build_entry_sum_is_right(once.bytes, once.length));
        status = build_entry_parse(&again, once.bytes, once.length, &arena, NULL);
        assert(status == STATUS_OK);
        build_entry_append(&twice, &again);
        fuzz_must_be_same(&once, &twice);
        once.bytes[once.length / 2] ^= 1;
        assert(!build_entry_sum_is_right(once.bytes, once.length));
    }
    text_release(&once);
    text_release(&twice);
    arena_release(&arena);
    return 0;
}
