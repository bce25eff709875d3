/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /api/v1/packages, /api/v1/packages/NAME and /api/v1/packages/NAME/VERSION (services/gateway/README.md, Packages and
 * tarballs). build-matrix answers them: package_list_query, and package_query, or known_package_query
 * from its memory.
 */
#include <string.h>

#include "lib/domain/package/version.h"
#include "lib/domain/search/package_order.h"
#include "lib/domain/search/package_search.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/package_question.h"
#include "services/gateway/web/near_page.h"

#define UNAVAILABLE "Packages cannot be looked up at the moment: try again in a few seconds."

static enum status check_list(const struct query *parameters, struct error *err) {
    const char *after = query_text(parameters, "after"), *search = query_text(parameters, "search");
    struct package_place place;
    if (search && strlen(search) > SEARCH_BYTES_MAX)
        return error_set_at(err, STATUS_INVALID, "search", "The parameter \"search\" must not be longer than %d bytes.",
                            SEARCH_BYTES_MAX);
    return after ? package_place_parse(&place, after, err) : STATUS_OK;
}

void package_question_ask_list(struct call *call, page_viewer *write) {
    const struct query *parameters = &call->query;
    struct error err;
    if (check_list(parameters, &err)) {
        call_fail_with(call, &err);
        return;
    }
    const struct registry_query query = {
        .asker = call->gateway->matrix_asker,
        .request = {.tag = MESSAGE_package_list_query,
                    .package_list_query = {.search = query_text(parameters, "search"),
                                           .sort = query_text(parameters, "sort"),
                                           .after = query_text(parameters, "after"),
                                           .limit = query_number(parameters, "limit")}},
        .unavailable = UNAVAILABLE,
        .page = call->route->path,
        .write_view = write,
        .view = parameters,
    };
    registry_query_ask(call, &query);
}

/* A malformed name or version cannot exist: the sentence of the 404, or NULL. A version of NULL is well-formed. */
static const char *find_fault(struct call *call, const char *name, const char *version) {
    struct version parsed;
    struct error err;
    const char *fault = registry_query_name_fault(call, name);
    if (fault || !version || !version_parse(&parsed, version, &err)) return fault;
    return arena_format(&call->arena, "There is no such version: %s", err.message);
}

void package_question_ask_one(struct call *call, const char *name, const char *version, page_viewer *write) {
    struct message *again = arena_alloc(&call->arena, sizeof *again);
    const char *fault = find_fault(call, name, version);
    if (fault && write) near_page_answer(call, fault);
    if (fault && !write) call_fail(call, STATUS_NOT_FOUND, NULL, fault);
    if (fault) return;
    *again = (struct message){.tag = MESSAGE_package_query, .package_query = {.name = name, .version = version}};
    const struct registry_query query = {
        .asker = call->gateway->matrix_asker,
        .request = {.tag = MESSAGE_known_package_query, .known_package_query = {.name = name, .version = version}},
        .again = again,
        .unavailable = UNAVAILABLE,
        .write_view = write,
        .view = call->gateway->settings,
        .not_found = write ? near_page_answer : NULL,
    };
    registry_query_ask(call, &query);
}

void get_packages(struct call *call) {
    package_question_ask_list(call, NULL);
}

void get_package(struct call *call) {
    package_question_ask_one(call, call->parameters[0], NULL, NULL);
}

void get_package_version(struct call *call) {
    package_question_ask_one(call, call->parameters[0], call->parameters[1], NULL);
}
