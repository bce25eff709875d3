/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/array.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/memory.h"

enum { FIRST_BYTES = 1024, FIRST_ITEMS_MIN = 8 };

static size_t first_capacity(size_t item_bytes) {
    size_t fitting = FIRST_BYTES / item_bytes;
    return fitting > FIRST_ITEMS_MIN ? fitting : FIRST_ITEMS_MIN;
}

static size_t next_capacity(size_t capacity, size_t item_bytes) {
    assert(capacity <= SIZE_MAX / 2 / item_bytes);
    return capacity ? 2 * capacity : first_capacity(item_bytes);
}

void *array_enlarge(void *items, size_t *capacity, size_t item_bytes) {
    *capacity = next_capacity(*capacity, item_bytes);
    return memory_resize(items, *capacity, item_bytes);
}

void *array_grow_in(struct arena *arena, void *items, size_t count, size_t *capacity, size_t item_bytes) {
    if (count < *capacity) return items;
    *capacity = next_capacity(*capacity, item_bytes);
    void *more = arena_alloc(arena, *capacity * item_bytes);
    if (count > 0) memcpy(more, items, count * item_bytes);
    return more;
}

void array_move_up(void *items, size_t count, size_t position, size_t item_bytes) {
    assert(position <= count);
    char *from = (char *)items + position * item_bytes;
    memmove(from + item_bytes, from, (count - position) * item_bytes);
}
