/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { IS_WATCHED = 1 }; /* by AddressSanitizer */
#else
enum { IS_WATCHED = 0 };
#endif

/* Each block is twice as large as the one before it, since the registry in memory has thousands of small arenas. */
enum {
    FIRST_BLOCK_BYTES = 1024,
    BLOCK_BYTES_MAX = 16 * 1024, /* a larger allocation gets a block of its own size */
};

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t capacity;
    alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *add_block(struct arena *arena, size_t capacity) {
    struct arena_block *block = memory_alloc(sizeof *block + capacity);
    block->capacity = capacity;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size_bytes) {
    assert(size_bytes < SIZE_MAX / 2);
    if (IS_WATCHED) return add_block(arena, size_bytes)->bytes; /* one block each, so that overruns are detected */
    size_t size = (size_bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct arena_block *block = arena->blocks;
    if (!block || block->capacity - block->used < size) {
        size_t usual = !block ? FIRST_BLOCK_BYTES : 2 * block->capacity;
        if (usual > BLOCK_BYTES_MAX) usual = BLOCK_BYTES_MAX;
        block = add_block(arena, size > usual ? size : usual);
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    return memory;
}

char *arena_copy_bytes(struct arena *arena, const void *bytes, size_t length) {
    char *copy = arena_alloc(arena, length + 1);
    if (length) memcpy(copy, bytes, length);
    return copy;
}

char *arena_copy(struct arena *arena, const char *text) {
    return arena_copy_bytes(arena, text, strlen(text));
}

char *arena_format_list(struct arena *arena, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    assert(length >= 0);
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

char *arena_format(struct arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_format_list(arena, format, arguments);
    va_end(arguments);
    return text;
}

void arena_release(struct arena *arena) {
    while (arena->blocks) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
}
