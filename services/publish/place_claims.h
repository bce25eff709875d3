/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The places of the new packages that one publish service is committing at this moment. All changes of a commit round are
 * checked before any is written (lib/store/change_queue.h), so two new packages at one place must not share a round; all others
 * may.
 */
#ifndef SERVICES_PUBLISH_PLACE_CLAIMS_H
#define SERVICES_PUBLISH_PLACE_CLAIMS_H

#include <stdbool.h>

#include "lib/domain/location.h"

/* From any thread. */
struct place_claims;

/* Kept by the claimant until it is released. Zero: not claimed. */
struct place_claim {
    const struct location *location; /* borrowed until then */
    struct place_claim *next;
};

struct place_claims *place_claims_create(void);
void place_claims_free(struct place_claims *claims);

/* True: somebody else has claimed the same place before. */
bool place_claims_add(struct place_claims *claims, struct place_claim *claim, const struct location *location);
void place_claims_remove(struct place_claims *claims, struct place_claim *claim); /* fine where it was never added */

#endif
