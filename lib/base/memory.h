/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Allocation that does not fail: out of memory aborts the process with a line on stderr. (Sizes from outside are checked
 * against a limit before they get here.) The memory is released with free().
 */
#ifndef LIB_BASE_MEMORY_H
#define LIB_BASE_MEMORY_H

#include <stddef.h>

void *memory_alloc(size_t size_bytes) __attribute__((malloc, returns_nonnull)); /* zeroed */
void *memory_resize(void *block, size_t count, size_t item_bytes) __attribute__((returns_nonnull));
char *memory_copy_text(const char *text) __attribute__((malloc, returns_nonnull));

#endif
