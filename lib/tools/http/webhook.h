/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sends one message to a webhook, signed as the Standard Webhooks specification (version 1) has it, for which receivers have
 * libraries:
 *
 *   webhook-id: ID                    the same for a message that is sent again
 *   webhook-timestamp: SECONDS        of this attempt
 *   webhook-signature: v1,BASE64      HMAC-SHA256 over `ID.SECONDS.BODY`; the key is what follows `whsec_` of the secret, decoded
 *
 * A receiver's address is a stranger's: only public addresses are connected to, by https, and no redirect is followed.
 */
#ifndef LIB_TOOLS_HTTP_WEBHOOK_H
#define LIB_TOOLS_HTTP_WEBHOOK_H

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/deadline.h"
#include "lib/base/error.h"

enum { WEBHOOK_TIMEOUT_MS = 8000 };

struct webhook_message {
    const char *url, *secret;
    const char *id;
    const char *body; /* JSON */
};

/* A new secret, "whsec_…", in the arena. */
const char *webhook_make_secret(struct arena *arena);

/* STATUS_INVALID: the URL is none of https, has a user, or its host is not on the public internet (which is checked again whenever
 * something is sent). `allow_private` (WEBHOOK_ALLOW_PRIVATE): any http or https URL. */
CHECK_RESULT enum status webhook_check_url(const char *url, bool allow_private, struct error *err);

/* STATUS_OK: the receiver answered 2xx. Anything else is STATUS_UNAVAILABLE or STATUS_TIMEOUT, or the deadline's own status. */
CHECK_RESULT enum status webhook_send(const struct webhook_message *message, bool allow_private, struct deadline *deadline,
                                      struct error *err);

#endif
