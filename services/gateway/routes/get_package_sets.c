/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /api/v1/package-sets, /api/v1/package-sets/SET and /api/v1/package-sets/SET/compare/SET, where SET is a version or `latest`
 * (services/gateway/README.md, Package sets). The package-set service answers them: set_*_query in proto/messages.def.
 */
#include <string.h>

#include "lib/domain/package/version.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/registry_query.h"

#define UNAVAILABLE "Package sets cannot be looked up at the moment: try again in a few seconds."

void get_package_sets(struct call *call) {
    const struct registry_query query = {
        .asker = call->gateway->set_asker,
        .request = {.tag = MESSAGE_set_page_query,
                    .set_page_query = {.after = query_text(&call->query, "after"),
                                       .limit = query_number(&call->query, "limit")}},
        .unavailable = UNAVAILABLE,
        .page = call->route->path,
    };
    registry_query_ask(call, &query);
}

/* The path's parameter at `position` as messages have it: NULL for the latest set. A malformed one: answers 400 and returns
 * false. */
static bool read_set(struct call *call, size_t position, const char *field, const char **out) {
    struct version version;
    struct error err;
    *out = NULL;
    if (strcmp(call->parameters[position], "latest") == 0) return true;
    *out = call->parameters[position];
    if (!version_parse(&version, *out, &err)) return true;
    call_fail(call, STATUS_INVALID, field, err.message);
    return false;
}

/* `again`: what is asked where that is not found. */
static void ask(struct call *call, const struct message *request, const struct message *again) {
    const struct registry_query query = {
        .asker = call->gateway->set_asker, .request = *request, .again = again, .unavailable = UNAVAILABLE};
    registry_query_ask(call, &query);
}

void get_package_set(struct call *call) {
    struct message request = {.tag = MESSAGE_set_query}, *again = arena_alloc(&call->arena, sizeof *again);
    if (!read_set(call, 0, "set", &request.set_query.version)) return;
    *again = request;
    again->set_query.looks_again = true;
    ask(call, &request, again);
}

void get_package_set_comparison(struct call *call) {
    struct message request = {.tag = MESSAGE_set_comparison_query}, *again = arena_alloc(&call->arena, sizeof *again);
    if (!read_set(call, 0, "set", &request.set_comparison_query.from)) return;
    if (!read_set(call, 1, "other", &request.set_comparison_query.to)) return;
    *again = request;
    again->set_comparison_query.looks_again = true;
    ask(call, &request, again);
}
