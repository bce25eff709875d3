/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The function of a fuzz target, which takes one input and aborts if something is wrong, and the helpers that targets share.
 * The head of each target says how it reads its input, and which properties it checks besides "nothing crashes".
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* The bytes up to the first NUL as a text, in memory of just that size, so that a sanitizer reports reads beyond its end. The
 * caller frees it. */
static inline char *fuzz_copy_text(const uint8_t *bytes, size_t length) {
    const uint8_t *nul = length ? memchr(bytes, 0, length) : NULL;
    if (nul) length = (size_t)(nul - bytes);
    char *text = memory_alloc(length + 1);
    if (length) memcpy(text, bytes, length);
    return text;
}

/* Cuts the first line off the input (without its line break; the caller frees it). */
static inline char *fuzz_take_line(const uint8_t **bytes, size_t *length) {
    const uint8_t *newline = *length ? memchr(*bytes, '\n', *length) : NULL;
    size_t line = newline ? (size_t)(newline - *bytes) : *length, taken = newline ? line + 1 : line;
    char *text = fuzz_copy_text(*bytes, line);
    *bytes += taken;
    *length -= taken;
    return text;
}

static inline void fuzz_must_be_same(const struct text *a, const struct text *b) {
    assert(a->length == b->length);
    assert(a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

#endif
