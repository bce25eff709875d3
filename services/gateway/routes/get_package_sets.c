/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /api/v1/package-sets, /api/v1/package-sets/SET and /api/v1/package-sets/SET/compare/SET, where SET is a version or `latest`
 * (services/gateway/README.md, Package sets). The package-set service answers them: set_*_query in proto/messages.def.
 */
#include <string.h>

#include "lib/domain/package/version.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/package_set_question.h"

#define UNAVAILABLE "Package sets cannot be looked up at the moment: try again in a few seconds."

void package_set_question_ask_page(struct call *call, page_writer *write) {
    const struct registry_query query = {
        .asker = call->gateway->set_asker,
        .request = {.tag = MESSAGE_set_page_query,
                    .set_page_query = {.after = query_text(&call->query, "after"),
                                       .limit = query_number(&call->query, "limit")}},
        .unavailable = UNAVAILABLE,
        .page = call->route->path,
        .write = write,
    };
    registry_query_ask(call, &query);
}

bool package_set_question_check(struct call *call, const char *set, const char *field) {
    struct version version;
    struct error err;
    if (strcmp(set, "latest") == 0 || !version_parse(&version, set, &err)) return true;
    call_fail(call, STATUS_INVALID, field, err.message);
    return false;
}

/* The path's parameter at `position` as messages have it: NULL for the latest set. A malformed one: answers 400 and returns
 * false. */
static bool read_set(struct call *call, size_t position, const char *field, const char **out) {
    const char *set = call->parameters[position];
    *out = strcmp(set, "latest") == 0 ? NULL : set;
    return package_set_question_check(call, set, field);
}

/* `again`: what is asked where that is not found. */
static void ask(struct call *call, const struct message *request, const struct message *again, page_writer *write) {
    const struct registry_query query = {
        .asker = call->gateway->set_asker, .request = *request, .again = again, .unavailable = UNAVAILABLE, .write = write};
    registry_query_ask(call, &query);
}

void package_set_question_ask_detail(struct call *call, page_writer *write) {
    struct message request = {.tag = MESSAGE_set_detail_query}, *again = arena_alloc(&call->arena, sizeof *again);
    if (!read_set(call, 0, "set", &request.set_detail_query.version)) return;
    *again = request;
    again->set_detail_query.looks_again = true;
    ask(call, &request, again, write);
}

void package_set_question_ask_comparison(struct call *call, page_writer *write) {
    struct message request = {.tag = MESSAGE_set_comparison_query}, *again = arena_alloc(&call->arena, sizeof *again);
    if (!read_set(call, 0, "set", &request.set_comparison_query.from)) return;
    if (!read_set(call, 1, "other", &request.set_comparison_query.to)) return;
    *again = request;
    again->set_comparison_query.looks_again = true;
    ask(call, &request, again, write);
}

void get_package_sets(struct call *call) {
    package_set_question_ask_page(call, NULL);
}

void get_package_set(struct call *call) {
    struct message request = {.tag = MESSAGE_set_query}, *again = arena_alloc(&call->arena, sizeof *again);
    if (!read_set(call, 0, "set", &request.set_query.version)) return;
    *again = request;
    again->set_query.looks_again = true;
    ask(call, &request, again, NULL);
}

void get_package_set_comparison(struct call *call) {
    package_set_question_ask_comparison(call, NULL);
}
