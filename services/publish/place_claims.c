/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/publish/place_claims.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/memory.h"

struct place_claims {
    pthread_mutex_t mutex;
    struct queue claims; /* struct place_claim */
};

struct place_claims *place_claims_create(void) {
    struct place_claims *claims = memory_alloc(sizeof *claims);
    pthread_mutex_init(&claims->mutex, NULL);
    return claims;
}

void place_claims_free(struct place_claims *claims) {
    if (!claims) return;
    pthread_mutex_destroy(&claims->mutex);
    free(claims);
}

bool place_claims_add(struct place_claims *claims, struct place_claim *claim, const struct location *location) {
    bool is_claimed = false;
    pthread_mutex_lock(&claims->mutex);
    for (struct queue_link *at = claims->claims.first; at && !is_claimed; at = at->next)
        is_claimed = location_equal(QUEUE_ITEM(at, struct place_claim, link)->location, location);
    *claim = (struct place_claim){.location = location};
    queue_add(&claims->claims, &claim->link);
    pthread_mutex_unlock(&claims->mutex);
    return is_claimed;
}

void place_claims_remove(struct place_claims *claims, struct place_claim *claim) {
    pthread_mutex_lock(&claims->mutex);
    if (queue_has_link(&claim->link)) queue_remove(&claims->claims, &claim->link);
    pthread_mutex_unlock(&claims->mutex);
}
