/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A map from texts to pointers: a wrapper of uthash. Keys are copied; values are the caller's, and never NULL (in a set,
 * whose values do not matter, the map itself). Finding, putting and removing take constant time. The hash is keyed with random
 * bytes of the process, so that strangers cannot choose keys that collide. The map locks nothing: its owner's mutex guards it.
 *
 *   struct map map = {0};                          empty
 *   map_put(&map, "name", value);
 *   for (struct map_entry *at = map_first(&map); at; at = map_next(at)) … map_key(at), map_value(at)
 *   map_release(&map, free);
 */
#ifndef LIB_BASE_MAP_H
#define LIB_BASE_MAP_H

#include <stddef.h>

struct map {
    struct map_entry *entries; /* NULL: empty */
};

/* NULL: the map has no such key. */
void *map_find(const struct map *map, const char *key);

/* Returns the value that the key had and has no longer; NULL: the key is new. */
void *map_put(struct map *map, const char *key, void *value);

/* Removes the key and returns its value; NULL: the map had no such key. */
void *map_remove(struct map *map, const char *key);

size_t map_count(const struct map *map);

/* The entries, in the order in which their keys came. map_next() of an entry must be called before that entry is removed. */
struct map_entry *map_first(const struct map *map);
struct map_entry *map_next(const struct map_entry *entry);
const char *map_key(const struct map_entry *entry); /* borrowed, until the entry is removed */
void *map_value(const struct map_entry *entry);

/* Empties the map; `free_value` is called with each value unless it is NULL. */
void map_release(struct map *map, void (*free_value)(void *value));

#endif
