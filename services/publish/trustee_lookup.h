/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Who is a trustee: pacchettibotti, and the members of the packaging team at GitHub (services/gateway/README.md, Trustee
 * requests). The gateway, which faces the world, asks this by a message (trustee_query in proto/messages.def), since it has no
 * token.
 *
 * What GitHub said is believed for TRUSTEE_LOOKUP_MS, by the token's hash, wrong tokens too. At most LOOK_UPS_PER_MINUTE tokens
 * are looked up that were never seen to be a trustee's; those that were (lib/store/known_tokens.h) have look-ups of their own,
 * so that made-up tokens shut no trustee out, nor after a restart (post_trustee.c counts by address). Where GitHub cannot be
 * asked, nobody is a trustee.
 */
#ifndef SERVICES_PUBLISH_TRUSTEE_LOOKUP_H
#define SERVICES_PUBLISH_TRUSTEE_LOOKUP_H

#include "lib/base/settings.h"
#include "lib/service/message_server.h"

struct trustee_lookup;

/* `settings` is borrowed; its secrets may be replaced at any time. To be freed also after a failure. */
CHECK_RESULT enum status trustee_lookup_create(struct trustee_lookup **out, const struct settings *settings, struct error *err);
void trustee_lookup_free(struct trustee_lookup *lookup);

/* Answers trustee_query; any number of threads may call. */
CHECK_RESULT enum status trustee_lookup_answer(struct trustee_lookup *lookup, const struct message_trustee_query *query,
                                               struct arena *arena, struct message_trustee_answer *out, struct error *err);

#endif
