/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/archive_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct archive_blocks *kept[ARCHIVE_POOL_FILES]; /* the one returned last is first; NULL: none */

static void discard(struct archive_blocks *blocks) {
    if (!blocks) return;
    archive_blocks_close(blocks);
    free(blocks);
}

static struct archive_blocks *find(const char *path) {
    struct archive_blocks *found = NULL;
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < ARCHIVE_POOL_FILES && !found; i++)
        if (kept[i] && strcmp(kept[i]->path, path) == 0) {
            found = kept[i];
            memmove(kept + i, kept + i + 1, (ARCHIVE_POOL_FILES - 1 - i) * sizeof *kept);
            kept[ARCHIVE_POOL_FILES - 1] = NULL;
        }
    pthread_mutex_unlock(&mutex);
    return found;
}

/* A job is moved to storage again if the first time was not completed. */
static bool is_current(const struct archive_blocks *blocks) {
    struct stat now;
    return stat(blocks->path, &now) == 0 && now.st_dev == blocks->about.st_dev && now.st_ino == blocks->about.st_ino &&
           now.st_size == blocks->about.st_size && now.st_mtim.tv_sec == blocks->about.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == blocks->about.st_mtim.tv_nsec;
}

enum status archive_pool_take(struct archive_blocks **out, const char *path, struct error *err) {
    struct archive_blocks *blocks = find(path);
    if (blocks && is_current(blocks)) {
        *out = blocks;
        return STATUS_OK;
    }
    discard(blocks);
    blocks = memory_alloc(sizeof *blocks);
    enum status status = archive_blocks_open(blocks, path, err);
    if (status) discard(blocks);
    *out = status ? NULL : blocks;
    return status;
}

void archive_pool_return(struct archive_blocks *blocks, bool may_keep) {
    struct archive_blocks *last = blocks;
    if (may_keep && blocks->has_index) {
        pthread_mutex_lock(&mutex);
        last = kept[ARCHIVE_POOL_FILES - 1];
        memmove(kept + 1, kept, (ARCHIVE_POOL_FILES - 1) * sizeof *kept);
        kept[0] = blocks;
        pthread_mutex_unlock(&mutex);
    }
    discard(last);
}
