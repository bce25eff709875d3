/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/digest_set.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

struct member {
    unsigned char digest[SHA256_BYTES];
    uint64_t seen; /* the value of `additions` when this digest was last added; 0: a free slot */
};

struct digest_set {
    pthread_mutex_t mutex; /* protects the fields below */
    uint64_t additions;
    struct member members[DIGEST_SET_MAX];
};

struct digest_set *digest_set_create(void) {
    struct digest_set *set = memory_alloc(sizeof *set);
    pthread_mutex_init(&set->mutex, NULL);
    return set;
}

void digest_set_free(struct digest_set *set) {
    if (!set) return;
    pthread_mutex_destroy(&set->mutex);
    free(set);
}

static struct member *find(struct digest_set *set, const unsigned char digest[SHA256_BYTES]) {
    for (size_t i = 0; i < DIGEST_SET_MAX; i++)
        if (set->members[i].seen && hash_equal(set->members[i].digest, digest)) return &set->members[i];
    return NULL;
}

void digest_set_add(struct digest_set *set, const unsigned char digest[SHA256_BYTES]) {
    pthread_mutex_lock(&set->mutex);
    struct member *place = find(set, digest);
    if (!place) {
        place = &set->members[0];
        for (size_t i = 1; i < DIGEST_SET_MAX; i++)
            if (set->members[i].seen < place->seen) place = &set->members[i];
        memcpy(place->digest, digest, SHA256_BYTES);
    }
    place->seen = ++set->additions;
    pthread_mutex_unlock(&set->mutex);
}

bool digest_set_has(struct digest_set *set, const unsigned char digest[SHA256_BYTES]) {
    pthread_mutex_lock(&set->mutex);
    bool has_it = find(set, digest) != NULL;
    pthread_mutex_unlock(&set->mutex);
    return has_it;
}
