/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/routes/file_hashes.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/memory.h"

enum { SLOTS = 16384, PROBES = 8 };

/* Identifies a file and its content: a change of the file changes its times. */
struct identity {
    uint64_t device, inode;
    int64_t size;
    struct timespec modified, changed;
};

enum state { STATE_FREE, STATE_COMPUTING, STATE_KNOWN };

struct slot {
    struct identity file;
    enum state state;
    uint64_t used; /* value of file_hashes.questions at the last use */
    char hash[SHA256_SRI_MAX];
};

struct file_hashes {
    pthread_mutex_t mutex; /* guards the fields below; not held while a file is read */
    pthread_cond_t changed;
    uint64_t questions, computed;
    struct slot slots[SLOTS];
};

struct file_hashes *file_hashes_create(void) {
    struct file_hashes *hashes = memory_alloc(sizeof *hashes);
    pthread_mutex_init(&hashes->mutex, NULL);
    pthread_cond_init(&hashes->changed, NULL);
    return hashes;
}

void file_hashes_free(struct file_hashes *hashes) {
    if (!hashes) return;
    pthread_cond_destroy(&hashes->changed);
    pthread_mutex_destroy(&hashes->mutex);
    free(hashes);
}

static bool is_same_time(struct timespec a, struct timespec b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_same(const struct identity *a, const struct identity *b) {
    return a->device == b->device && a->inode == b->inode && a->size == b->size && is_same_time(a->modified, b->modified) &&
           is_same_time(a->changed, b->changed);
}

static enum status identify(struct identity *out, int descriptor, const char *path, struct error *err) {
    struct stat found;
    if (fstat(descriptor, &found) != 0) return error_set(err, STATUS_INTERNAL, "Cannot read %s: %s.", path, strerror(errno));
    *out = (struct identity){found.st_dev, found.st_ino, found.st_size, found.st_mtim, found.st_ctim};
    return STATUS_OK;
}

/* The file's slot; else a free or the least recently used one for it; NULL: all its possible slots are being computed. */
static struct slot *find_slot(struct file_hashes *hashes, const struct identity *file) {
    struct slot *best = NULL;
    uint64_t start = (file->inode * 0x9E3779B97F4A7C15u) ^ file->device;
    for (uint64_t i = 0; i < PROBES; i++) {
        struct slot *slot = &hashes->slots[(start + i) % SLOTS];
        if (slot->state != STATE_FREE && is_same(&slot->file, file)) return slot;
        if (slot->state != STATE_COMPUTING && (!best || slot->used < best->used)) best = slot;
    }
    return best;
}

static enum status compute(int descriptor, const char *path, const struct identity *file, char out[SHA256_SRI_MAX],
                           struct error *err) {
    int64_t size = 0;
    struct identity after;
    enum status status = hash_sha256_sri_descriptor(descriptor, path, out, &size, err);
    if (!status) status = identify(&after, descriptor, path, err);
    if (!status && (size != file->size || !is_same(file, &after)))
        status = error_set(err, STATUS_INTERNAL, "%s changed while it was read.", path);
    return status;
}

/* Computes the hash and stores it in `slot`, unless that is NULL. Called with the mutex held; releases it while reading. */
static enum status compute_into(struct file_hashes *hashes, struct slot *slot, const struct identity *file, int descriptor,
                                const char *path, char out[SHA256_SRI_MAX], struct error *err) {
    hashes->computed++;
    if (slot) *slot = (struct slot){.file = *file, .state = STATE_COMPUTING, .used = hashes->questions};
    pthread_mutex_unlock(&hashes->mutex);
    enum status status = compute(descriptor, path, file, out, err);
    pthread_mutex_lock(&hashes->mutex);
    if (!slot) return status;
    slot->state = status ? STATE_FREE : STATE_KNOWN;
    if (!status) memcpy(slot->hash, out, SHA256_SRI_MAX);
    pthread_cond_broadcast(&hashes->changed);
    return status;
}

enum status file_hashes_find(struct file_hashes *hashes, int descriptor, const char *path, char out[SHA256_SRI_MAX],
                             int64_t *size_bytes, struct error *err) {
    struct identity file;
    enum status status = identify(&file, descriptor, path, err);
    if (status) return status;
    *size_bytes = file.size;
    pthread_mutex_lock(&hashes->mutex);
    hashes->questions++;
    struct slot *slot;
    while ((slot = find_slot(hashes, &file)) && slot->state == STATE_COMPUTING)
        pthread_cond_wait(&hashes->changed, &hashes->mutex);
    if (slot && slot->state == STATE_KNOWN && is_same(&slot->file, &file)) {
        slot->used = hashes->questions;
        memcpy(out, slot->hash, SHA256_SRI_MAX);
    } else {
        status = compute_into(hashes, slot, &file, descriptor, path, out, err);
    }
    pthread_mutex_unlock(&hashes->mutex);
    return status;
}

uint64_t file_hashes_computed(struct file_hashes *hashes) {
    pthread_mutex_lock(&hashes->mutex);
    uint64_t computed = hashes->computed;
    pthread_mutex_unlock(&hashes->mutex);
    return computed;
}
