/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Growing arrays: any struct with the fields `items`, `count` and `capacity`, all zero at the beginning. The items are released
 * with free(items). Their addresses change when the array grows, so a pointer to an item is good until the next is added.
 *
 *   struct names {
 *       const char **items;
 *       size_t count, capacity;
 *   } names = {0};
 *   *array_add(&names) = "a";
 *
 * The doubling makes adding n items cost O(n). Sizes are checked for overflow, and allocation does not fail (memory.h). An
 * array whose length is known beforehand needs none of this. (uthash's utarray has untyped items and unchecked 32-bit sizes.)
 */
#ifndef LIB_BASE_ARRAY_H
#define LIB_BASE_ARRAY_H

#include <stddef.h>

#include "lib/base/arena.h"

/* Makes room for another item and returns its address, for the caller to set; counts it. */
#define array_add(array)                                                                                                       \
    ((array)->items = array_grow((array)->items, (array)->count, &(array)->capacity, sizeof *(array)->items),                  \
     &(array)->items[(array)->count++])

/* The same with the items in an arena, which keeps outgrown memory until it is released. */
#define array_add_in(arena, array)                                                                                             \
    ((array)->items = array_grow_in((arena), (array)->items, (array)->count, &(array)->capacity, sizeof *(array)->items),      \
     &(array)->items[(array)->count++])

/* array_add() with the rest moved up: the address of a new item at `position`, which is at most the count. */
#define array_insert(array, position)                                                                                          \
    ((array)->items = array_grow((array)->items, (array)->count, &(array)->capacity, sizeof *(array)->items),                  \
     array_move_up((array)->items, (array)->count++, (position), sizeof *(array)->items), &(array)->items[position])

void *array_enlarge(void *items, size_t *capacity, size_t item_bytes) __attribute__((returns_nonnull));

/* Behind the macros; also for arrays whose fields have other names. Returns `items`, moved if there was no room for one more
 * than `count`; *capacity is the number of items for which there is room. */
static inline void *array_grow(void *items, size_t count, size_t *capacity, size_t item_bytes) {
    return count < *capacity ? items : array_enlarge(items, capacity, item_bytes);
}

/* The same in an arena. */
void *array_grow_in(struct arena *arena, void *items, size_t count, size_t *capacity, size_t item_bytes)
    __attribute__((returns_nonnull));

void array_move_up(void *items, size_t count, size_t position, size_t item_bytes);

#endif
