/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/map.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"

/* FNV-1a, begun at the process's random key. */
static unsigned keyed_hash(const void *bytes, size_t length);

#define HASH_FUNCTION(bytes, length, out) (out) = keyed_hash((bytes), (length))
#define uthash_malloc(size) memory_alloc(size)
#include <uthash.h>

struct map_entry {
    void *value;
    UT_hash_handle hh;
    char key[];
};

static uint64_t hash_key;

static void choose_hash_key(void) {
    hash_random_bytes(&hash_key, sizeof hash_key);
}

static unsigned keyed_hash(const void *bytes, size_t length) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose_hash_key);
    uint64_t hash = hash_key;
    for (const unsigned char *at = bytes; length > 0; at++, length--)
        hash = (hash ^ *at) * 0x100000001B3u;
    return (unsigned)(hash ^ hash >> 32);
}

static struct map_entry *find(const struct map *map, const char *key) {
    struct map_entry *entry = NULL;
    HASH_FIND_STR(map->entries, key, entry);
    return entry;
}

void *map_find(const struct map *map, const char *key) {
    const struct map_entry *entry = find(map, key);
    return entry ? entry->value : NULL;
}

void *map_put(struct map *map, const char *key, void *value) {
    assert(value);
    struct map_entry *entry = find(map, key);
    if (entry) {
        void *before = entry->value;
        entry->value = value;
        return before;
    }
    size_t length = strlen(key);
    entry = memory_alloc(sizeof *entry + length + 1);
    memcpy(entry->key, key, length + 1);
    entry->value = value;
    HASH_ADD_STR(map->entries, key, entry);
    return NULL;
}

void *map_remove(struct map *map, const char *key) {
    struct map_entry *entry = find(map, key);
    if (!entry) return NULL;
    void *value = entry->value;
    HASH_DEL(map->entries, entry);
    free(entry);
    return value;
}

size_t map_count(const struct map *map) {
    return HASH_COUNT(map->entries);
}

struct map_entry *map_first(const struct map *map) {
    return map->entries;
}

struct map_entry *map_next(const struct map_entry *entry) {
    return entry->hh.next;
}

const char *map_key(const struct map_entry *entry) {
    return entry->key;
}

void *map_value(const struct map_entry *entry) {
    return entry->value;
}

void map_release(struct map *map, void (*free_value)(void *value)) {
    struct map_entry *entry, *next;
    HASH_ITER(hh, map->entries, entry, next) {
        HASH_DEL(map->entries, entry);
        if (free_value) free_value(entry->value);
        free(entry);
    }
}
