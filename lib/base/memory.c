/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *block) {
    if (block) return block;
    fputs("out of memory\n", stderr);
    abort();
}

void *memory_alloc(size_t size_bytes) {
    return check(calloc(1, size_bytes ? size_bytes : 1));
}

void *memory_resize(void *block, size_t count, size_t item_bytes) {
    return check(reallocarray(block, count ? count : 1, item_bytes));
}

char *memory_copy_text(const char *text) {
    return check(strdup(text));
}
