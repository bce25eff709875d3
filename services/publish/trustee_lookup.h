/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Decides who is a trustee: pacchettibotti and the members of the packaging team at GitHub (services/gateway/README.md, Trustee
 * requests). The gateway, which is exposed to the internet and holds no token, asks by a message (trustee_query in
 * proto/messages.def).
 *
 * Answers of GitHub are cached for TRUSTEE_LOOKUP_MS by the token's hash, those for invalid tokens too. At most
 * LOOK_UPS_PER_MINUTE unknown tokens are looked up; tokens known to be a trustee's (lib/store/redis/known_tokens.h) have a
 * limit of their own, so that invented tokens lock out no trustee, not even after a restart
 * (services/gateway/trustee/post_trustee.c limits by address). If GitHub cannot be reached, the query fails.
 */
#ifndef SERVICES_PUBLISH_TRUSTEE_LOOKUP_H
#define SERVICES_PUBLISH_TRUSTEE_LOOKUP_H

#include "lib/base/settings.h"
#include "lib/service/message/message_server.h"

struct trustee_lookup;

/* `settings` is borrowed; its secrets may be replaced at any time. Free `*out` even after a failure. */
CHECK_RESULT enum status trustee_lookup_create(struct trustee_lookup **out, const struct settings *settings, struct error *err);
void trustee_lookup_free(struct trustee_lookup *lookup);

/* Answers trustee_query. Thread-safe. A failure, e.g. STATUS_UNAVAILABLE: the answer is not known now. */
CHECK_RESULT enum status trustee_lookup_answer(struct trustee_lookup *lookup, const struct message_trustee_query *query,
                                               struct arena *arena, struct message_trustee_answer *out, struct error *err);

#endif
