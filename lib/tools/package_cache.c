/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/package_cache.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/folder.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/archive.h"

/* Limits of one unpacked tarball: far above any in the registry, and harmless for the disk. */
static const struct archive_limits unpack_limits = {.bytes = 256 << 20, .entries = 100000};

struct cached_package {
    char *hash;
    char *place;  /* FOLDER/NUMBER */
    char *folder; /* FOLDER/NUMBER/NAME-VERSION */
    int64_t bytes;
    int64_t used; /* cache->uses at the last use */
    int holds;
};

struct package_cache {
    char *folder;
    int64_t limit_bytes;
    pthread_mutex_t mutex;            /* guards the fields below */
    struct cached_package **packages; /* sorted by hash and folder name */
    size_t count;
    int64_t last_number, uses;
    struct package_cache_counts counts;
};

static void free_package(struct cached_package *package) {
    free(package->hash);
    free(package->place);
    free(package->folder);
    free(package);
}

static int compare(const struct cached_package *package, const char *hash, const char *top) {
    int order = strcmp(package->hash, hash);
    return order ? order : strcmp(strrchr(package->folder, '/') + 1, top);
}

/* ---- With the mutex held ---- */

/* The package's index, or the one at which to insert it. */
static size_t find_place(const struct package_cache *cache, const char *hash, const char *top, bool *is_there) {
    size_t from = 0, to = cache->count;
    *is_there = false;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = compare(cache->packages[middle], hash, top);
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
        if (order == 0) *is_there = true;
    }
    return from;
}

static const char *hold_package(struct package_cache *cache, struct package_cache_hold *hold, struct cached_package *package) {
    hold->packages = memory_resize(hold->packages, hold->count + 1, sizeof *hold->packages);
    hold->packages[hold->count++] = package;
    package->holds++;
    package->used = ++cache->uses;
    return package->folder;
}

static void insert(struct package_cache *cache, size_t at, struct cached_package *package) {
    cache->packages = memory_resize(cache->packages, cache->count + 1, sizeof *cache->packages);
    memmove(&cache->packages[at + 1], &cache->packages[at], (cache->count - at) * sizeof *cache->packages);
    cache->packages[at] = package;
    cache->count++;
    cache->counts.added++;
    cache->counts.bytes += package->bytes;
}

/* Takes the least recently used package out of the list if the cache is over its limit; NULL: it is not, or all are held. */
static struct cached_package *take_surplus(struct package_cache *cache) {
    size_t oldest = cache->count;
    if (cache->counts.bytes <= cache->limit_bytes) return NULL;
    for (size_t i = 0; i < cache->count; i++)
        if (cache->packages[i]->holds == 0 &&
            (oldest == cache->count || cache->packages[i]->used < cache->packages[oldest]->used))
            oldest = i;
    if (oldest == cache->count) return NULL;
    struct cached_package *package = cache->packages[oldest];
    cache->count--;
    memmove(&cache->packages[oldest], &cache->packages[oldest + 1], (cache->count - oldest) * sizeof *cache->packages);
    cache->counts.removed++;
    cache->counts.bytes -= package->bytes;
    return package;
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
        return error_set(err, STATUS_INTERNAL, "cannot create the folder %s: %s", folder, strerror(errno));
    folder_spread(folder);
    char *absolute = realpath(folder, NULL);
    if (!absolute) return error_set(err, STATUS_INTERNAL, "cannot find the folder %s: %s", folder, strerror(errno));
    struct package_cache *cache = memory_alloc(sizeof *cache);
    cache->folder = absolute;
    cache->limit_bytes = limit_bytes;
    pthread_mutex_init(&cache->mutex, NULL);
    *out = cache;
    return STATUS_OK;
}

void package_cache_free(struct package_cache *cache) {
    if (!cache) return;
    for (size_t i = 0; i < cache->count; i++) {
        assert(cache->packages[i]->holds == 0);
        free_package(cache->packages[i]);
    }
    folder_remove(cache->folder);
    pthread_mutex_destroy(&cache->mutex);
    free(cache->packages);
    free(cache->folder);
    free(cache);
}

const char *package_cache_folder(const struct package_cache *cache) {
    return cache->folder;
}

const char *package_cache_find(struct package_cache *cache, const char *hash, const char *top,
                               struct package_cache_hold *hold) {
    bool is_there = false;
    const char *folder = NULL;
    pthread_mutex_lock(&cache->mutex);
    size_t at = find_place(cache, hash, top, &is_there);
    if (is_there) {
        folder = hold_package(cache, hold, cache->packages[at]);
        cache->counts.found++;
    }
    pthread_mutex_unlock(&cache->mutex);
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
    package->hash = memory_copy_text(hash);
    package->bytes = (int64_t)length;
    text_release(&path);
    return package;
}

enum status package_cache_add(struct package_cache *cache, const char *hash, const char *top, const char *bytes, size_t length,
                              struct package_cache_hold *hold, const char **folder, struct error *err) {
    struct cached_package *package = make_package(cache, hash, top, length);
    enum status status = STATUS_OK;
    bool is_there = false;
    if (mkdir(package->place, 0755) != 0)
        status = error_set(err, STATUS_INTERNAL, "cannot create the folder %s: %s", package->place, strerror(errno));
    if (!status) status = archive_unpack(bytes, length, package->place, top, &unpack_limits, err);
    if (!status) {
        pthread_mutex_lock(&cache->mutex);
        size_t at = find_place(cache, hash, top, &is_there);
        if (!is_there) insert(cache, at, package);
        *folder = hold_package(cache, hold, cache->packages[at]);
        pthread_mutex_unlock(&cache->mutex);
        remove_surplus(cache);
    }
    if (status || is_there) {
        folder_remove(package->place);
        free_package(package);
    }
    return status;
}

void package_cache_let_go(struct package_cache *cache, struct package_cache_hold *hold) {
    pthread_mutex_lock(&cache->mutex);
    for (size_t i = 0; i < hold->count; i++)
        hold->packages[i]->holds--;
    pthread_mutex_unlock(&cache->mutex);
    remove_surplus(cache);
    free(hold->packages);
    *hold = (struct package_cache_hold){0};
}

struct package_cache_counts package_cache_counts(struct package_cache *cache) {
    pthread_mutex_lock(&cache->mutex);
    struct package_cache_counts counts = cache->counts;
    pthread_mutex_unlock(&cache->mutex);
    return counts;
}
