/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /api/v1/package-sets/latest/excuses and /api/v1/package-sets/latest/excuses/NAME: why packages are, or are not, in the
 * latest package set (services/gateway/README.md, Package sets). The package-set service answers them: set_excuses_query in
 * proto/messages.def.
 */
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/registry_query.h"

static void ask(struct call *call, const char *name) {
    struct message *again = arena_alloc(&call->arena, sizeof *again);
    *again = (struct message){.tag = MESSAGE_set_excuses_query, .set_excuses_query = {.name = name, .looks_again = true}};
    const struct registry_query query = {
        .asker = call->gateway->set_asker,
        .request = {.tag = MESSAGE_set_excuses_query, .set_excuses_query = {.name = name}},
        .again = again,
        .has_tag = !name,
        .unavailable = "Excuses cannot be looked up at the moment: try again in a few seconds.",
    };
    registry_query_ask(call, &query);
}

void get_package_set_excuses(struct call *call) {
    ask(call, NULL);
}

void get_package_set_excuse(struct call *call) {
    if (registry_query_check_name(call, call->parameters[0])) ask(call, call->parameters[0]);
}
