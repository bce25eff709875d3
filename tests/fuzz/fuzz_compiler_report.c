/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as the output of a compiler: stdout up to the first NUL, then stderr.
 */
#include "lib/base/arena.h"
#include "lib/tools/purs/compiler.h"
#include "lib/tools/purs/compiler_report.h"
#include "tests/fuzz/fuzz.h"

static void localize(struct compiler_report *report, struct arena *arena) {
    struct text shown = {0};
    size_t warnings = 0;
    compiler_report_own_warnings(report, arena, "a-1.0.0", &warnings);
    assert(warnings <= report->warning_count);
    compiler_report_localize(report, arena, "a-1.0.0");
    for (size_t i = 0; i < report->error_count; i++)
        text_append(&shown, compiler_message_whole(arena, &report->errors[i]));
    assert(text_is_utf8(text_view(&shown), shown.length));
    text_release(&shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct text output = {0}, errors = {0}, printed = {0}, first = {0};
    struct compiler_report report;
    const uint8_t *nul = length ? memchr(bytes, 0, length) : NULL;
    size_t output_length = nul ? (size_t)(nul - bytes) : length;
    text_append_bytes(&output, bytes, output_length);
    if (nul) text_append_bytes(&errors, nul + 1, length - output_length - 1);
    if (compiler_report_read(&report, &arena, &output, &errors)) {
        compiler_report_print_errors(&printed, &report, report.error_count);
        compiler_report_print_errors(&first, &report, 1);
        assert((printed.length > 0) == (report.error_count > 0) && (first.length > 0) == (report.error_count > 0));
        assert(text_is_utf8(text_view(&printed), printed.length));
        localize(&report, &arena);
    }
    text_release(&output);
    text_release(&errors);
    text_release(&printed);
    text_release(&first);
    arena_release(&arena);
    return 0;
}
