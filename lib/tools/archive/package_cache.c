/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/archive/package_cache.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/array.h"
#include "lib/base/folder.h"
#include "lib/base/map.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/archive/archive.h"

struct cached_package {
    char *key;    /* of make_key() */
    char *place;  /* FOLDER/NUMBER */
    char *folder; /* FOLDER/NUMBER/NAME-VERSION */
    int64_t bytes;
    int64_t used; /* cache->uses at the last use */
    int holds;
};

struct package_cache {
    char *folder;
    int64_t limit_bytes;
    pthread_mutex_t mutex; /* guards the fields below */
    struct map packages;   /* struct cached_package, by key */
    int64_t last_number, uses;
    struct package_cache_counts counts;
};

static void free_package(struct cached_package *package) {
    free(package->key);
    free(package->place);
    free(package->folder);
    free(package);
}

/* The same content may be wanted below folders of several names. The caller frees it. */
static char *make_key(const char *hash, const char *top) {
    struct text key = {0};
    text_append_format(&key, "%s/%s", hash, top);
    return key.bytes;
}

/* ---- With the mutex held ---- */

static const char *hold_package(struct package_cache *cache, struct package_cache_hold *hold, struct cached_package *package) {
    *array_add(hold) = package;
    package->holds++;
    package->used = ++cache->uses;
    return package->folder;
}

static void insert(struct package_cache *cache, struct cached_package *package) {
    map_put(&cache->packages, package->key, package);
    cache->counts.added++;
    cache->counts.bytes += package->bytes;
}

/* Takes the least recently used package out of the list if the cache is over its limit; NULL: it is not, or all are held. */
static struct cached_package *take_surplus(struct package_cache *cache) {
    struct cached_package *oldest = NULL;
    if (cache->counts.bytes <= cache->limit_bytes) return NULL;
    for (const struct map_entry *at = map_first(&cache->packages); at; at = map_next(at)) {
        struct cached_package *package = map_value(at);
        if (package->holds == 0 && (!oldest || package->used < oldest->used)) oldest = package;
    }
    if (!oldest) return NULL;
    map_remove(&cache->packages, oldest->key);
    cache->counts.removed++;
    cache->counts.bytes -= oldest->bytes;
    return oldest;
}

/* ---- Without the mutex ---- */

static void remove_surplus(struct package_cache *cache) {
    struct cached_package *package;
    do {
        pthread_mutex_lock(&cache->mutex);
        package = take_surplus(cache);
        pthread_mutex_unlock(&cache->mutex);
        if (package) {
            folder_remove(package->place);
            free_package(package);
        }
    } while (package);
}

enum status package_cache_create(struct package_cache **out, const char *folder, int64_t limit_bytes, struct error *err) {
    folder_remove(folder);
    if (mkdir(folder, 0755) != 0)
        return error_set(err, STATUS_INTERNAL, "Cannot create the folder %s: %s.", folder, strerror(errno));
    folder_spread(folder);
    char *absolute = realpath(folder, NULL);
    if (!absolute) return error_set(err, STATUS_INTERNAL, "Cannot find the folder %s: %s.", folder, strerror(errno));
    struct package_cache *cache = memory_alloc(sizeof *cache);
    cache->folder = absolute;
    cache->limit_bytes = limit_bytes;
    pthread_mutex_init(&cache->mutex, NULL);
    *out = cache;
    return STATUS_OK;
}

static void free_unheld(void *package) {
    assert(((const struct cached_package *)package)->holds == 0);
    free_package(package);
}

void package_cache_free(struct package_cache *cache) {
    if (!cache) return;
    map_release(&cache->packages, free_unheld);
    folder_remove(cache->folder);
    pthread_mutex_destroy(&cache->mutex);
    free(cache->folder);
    free(cache);
}

const char *package_cache_folder(const struct package_cache *cache) {
    return cache->folder;
}

const char *package_cache_find(struct package_cache *cache, const char *hash, const char *top,
                               struct package_cache_hold *hold) {
    const char *folder = NULL;
    char *key = make_key(hash, top);
    pthread_mutex_lock(&cache->mutex);
    struct cached_package *package = map_find(&cache->packages, key);
    if (package) {
        folder = hold_package(cache, hold, package);
        cache->counts.found++;
    }
    pthread_mutex_unlock(&cache->mutex);
    free(key);
    return folder;
}

static struct cached_package *make_package(struct package_cache *cache, const char *hash, const char *top, size_t length) {
    pthread_mutex_lock(&cache->mutex);
    long long number = ++cache->last_number;
    pthread_mutex_unlock(&cache->mutex);
    struct cached_package *package = memory_alloc(sizeof *package);
    struct text path = {0};
    text_append_format(&path, "%s/%lld", cache->folder, number);
    package->place = memory_copy_text(text_view(&path));
    text_append_format(&path, "/%s", top);
    package->folder = memory_copy_text(text_view(&path));
    package->key = make_key(hash, top);
    package->bytes = (int64_t)length;
    text_release(&path);
    return package;
}

enum status package_cache_add(struct package_cache *cache, const char *hash, const char *top, const char *bytes, size_t length,
                              struct package_cache_hold *hold, const char **folder, struct error *err) {
    struct cached_package *package = make_package(cache, hash, top, length);
    enum status status = STATUS_OK;
    struct cached_package *other = NULL;
    if (mkdir(package->place, 0755) != 0)
        status = error_set(err, STATUS_INTERNAL, "Cannot create the folder %s: %s.", package->place, strerror(errno));
    if (!status) status = archive_unpack(bytes, length, package->place, top, &archive_package_limits, err);
    if (!status) {
        pthread_mutex_lock(&cache->mutex);
        other = map_find(&cache->packages, package->key);
        if (!other) insert(cache, package);
        *folder = hold_package(cache, hold, other ? other : package);
        pthread_mutex_unlock(&cache->mutex);
        remove_surplus(cache);
    }
    if (status || other) {
        folder_remove(package->place);
        free_package(package);
    }
    return status;
}

void package_cache_let_go(struct package_cache *cache, struct package_cache_hold *hold) {
    pthread_mutex_lock(&cache->mutex);
    for (size_t i = 0; i < hold->count; i++)
        hold->items[i]->holds--;
    pthread_mutex_unlock(&cache->mutex);
    remove_surplus(cache);
    free(hold->items);
    *hold = (struct package_cache_hold){0};
}

struct package_cache_counts package_cache_counts(struct package_cache *cache) {
    pthread_mutex_lock(&cache->mutex);
    struct package_cache_counts counts = cache->counts;
    pthread_mutex_unlock(&cache->mutex);
    return counts;
}
