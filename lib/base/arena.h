/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Arena allocator: the memory of one request or one job, freed at once. A zeroed struct is an empty arena. Not thread-safe.
 * Returned pointers are borrowed until arena_release(). Out of memory aborts (lib/base/memory.h).
 */
#ifndef LIB_BASE_ARENA_H
#define LIB_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
};

void *arena_alloc(struct arena *arena, size_t size_bytes) __attribute__((returns_nonnull)); /* zeroed, aligned for any type */
char *arena_copy(struct arena *arena, const char *text) __attribute__((returns_nonnull));
char *arena_copy_bytes(struct arena *arena, const void *bytes, size_t length) __attribute__((returns_nonnull)); /* adds a NUL */
char *arena_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3), returns_nonnull));
char *arena_format_list(struct arena *arena, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0), returns_nonnull));

/* Frees everything; the arena is empty and can be used again. */
void arena_release(struct arena *arena);

#endif
