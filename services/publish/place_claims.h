/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The locations of the new packages that this publish service is committing. All changes of a commit round are checked before
 * any is written (lib/store/registry/change_queue.h), so two new packages at one location must not share a round; all others
 * may.
 */
#ifndef SERVICES_PUBLISH_PLACE_CLAIMS_H
#define SERVICES_PUBLISH_PLACE_CLAIMS_H

#include <stdbool.h>

#include "lib/base/queue.h"
#include "lib/domain/package/location.h"

/* Thread-safe. */
struct place_claims;

/* Memory of the caller; it must stay valid until place_claims_remove(). Zeroed: no claim. */
struct place_claim {
    const struct location *location; /* borrowed for as long */
    struct queue_link link;
};

struct place_claims *place_claims_create(void);
void place_claims_free(struct place_claims *claims);

/* Adds the claim in either case. Returns true if the same location was claimed already. */
bool place_claims_add(struct place_claims *claims, struct place_claim *claim, const struct location *location);
void place_claims_remove(struct place_claims *claims, struct place_claim *claim); /* no-op if it was never added */

#endif
