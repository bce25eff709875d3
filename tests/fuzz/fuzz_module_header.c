/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as a PureScript file. The reported positions of the header's parts are in order, and a comment before the
 * header changes nothing but line numbers.
 */
#include "lib/base/arena.h"
#include "lib/source/module_header.h"
#include "tests/fuzz/fuzz.h"

static bool is_before(struct source_position a, struct source_position b) {
    return a.line < b.line || (a.line == b.line && a.column < b.column);
}

static void check_positions(const struct module_header *header) {
    struct source_position last = header->end;
    assert(header->name[0] && header->start.line >= 1 && header->start.column >= 1 && is_before(header->start, header->end));
    for (size_t i = 0; i < header->import_count; i++) {
        const struct module_import *import = &header->imports[i];
        assert(import->module[0] && is_before(last, import->start) && is_before(import->start, import->end));
        last = import->end;
    }
}

static void read_with_comment(const struct module_header *header, const uint8_t *bytes, size_t length, struct arena *arena) {
    static const char comment[] = "{- {- module -}\n-- | import X\n";
    struct text text = {0};
    struct module_header again;
    if (length >= 2 && memcmp(bytes, "#!", 2) == 0) return; /* that must be the file's first line */
    text_append(&text, comment);
    text_append_bytes(&text, bytes, length);
    enum status status = module_header_parse(&again, arena, text.bytes, text.length, NULL);
    assert(status == STATUS_OK && text_equal(again.name, header->name) && again.import_count == header->import_count);
    assert(again.start.line == header->start.line + 2 && again.start.column == header->start.column);
    text_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct module_header header;
    enum status status = module_header_parse(&header, &arena, (const char *)bytes, length, NULL);
    assert(status == STATUS_OK || status == STATUS_REFUSED);
    if (status) {
        assert(header.problem.line >= 1 && header.problem.column >= 1);
    } else {
        check_positions(&header);
        read_with_comment(&header, bytes, length, &arena);
    }
    arena_release(&arena);
    return 0;
}
