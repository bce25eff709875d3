/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /api/v1/package-sets/latest/excuses and /api/v1/package-sets/latest/excuses/NAME: why packages are, or are not, in the
 * latest package set (services/gateway/README.md, Package sets). The package-set service answers them: set_excuses_query in
 * proto/messages.def.
 */
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/package_set_question.h"

void package_set_question_ask_excuses(struct call *call, const char *name, page_viewer *write, const void *view) {
    struct message *again = arena_alloc(&call->arena, sizeof *again);
    if (name && !registry_query_check_name(call, name)) return;
    *again = (struct message){.tag = MESSAGE_set_excuses_query, .set_excuses_query = {.name = name, .looks_again = true}};
    const struct registry_query query = {
        .asker = call->gateway->set_asker,
        .request = {.tag = MESSAGE_set_excuses_query, .set_excuses_query = {.name = name}},
        .again = again,
        .has_tag = !name,
        .is_costly = true,
        .unavailable = "Excuses cannot be looked up at the moment: try again in a few seconds.",
        .write_view = write,
        .view = view,
    };
    registry_query_ask(call, &query);
}

void get_package_set_excuses(struct call *call) {
    package_set_question_ask_excuses(call, NULL, NULL, NULL);
}

void get_package_set_excuse(struct call *call) {
    package_set_question_ask_excuses(call, call->parameters[0], NULL, NULL);
}
