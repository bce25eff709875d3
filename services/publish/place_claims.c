/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/publish/place_claims.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/memory.h"

struct place_claims {
    pthread_mutex_t mutex;
    struct place_claim *first;
};

struct place_claims *place_claims_create(void) {
    struct place_claims *claims = memory_alloc(sizeof *claims);
    *claims = (struct place_claims){.first = NULL};
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
    for (const struct place_claim *other = claims->first; other && !is_claimed; other = other->next)
        is_claimed = location_equal(other->location, location);
    *claim = (struct place_claim){.location = location, .next = claims->first};
    claims->first = claim;
    pthread_mutex_unlock(&claims->mutex);
    return is_claimed;
}

void place_claims_remove(struct place_claims *claims, struct place_claim *claim) {
    pthread_mutex_lock(&claims->mutex);
    for (struct place_claim **at = &claims->first; *at; at = &(*at)->next) {
        if (*at != claim) continue;
        *at = claim->next;
        break;
    }
    pthread_mutex_unlock(&claims->mutex);
}
