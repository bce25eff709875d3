/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /api/v1/packages, /api/v1/packages/NAME and /api/v1/packages/NAME/VERSION (services/gateway/README.md, Packages and
 * tarballs). build-matrix answers them: package_query, and known_package_query from its memory.
 */
#include "lib/domain/package/package_name.h"
#include "lib/domain/package/version.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/package_question.h"

#define UNAVAILABLE "Packages cannot be looked up at the moment: try again in a few seconds."

void package_question_ask_page(struct call *call, page_writer *write) {
    struct error err;
    const char *after = query_text(&call->query, "after");
    if (after && package_name_check(after, &err)) {
        call_fail(call, STATUS_INVALID, "after", err.message);
        return;
    }
    const struct registry_query query = {
        .asker = call->gateway->matrix_asker,
        .request = {.tag = MESSAGE_package_query,
                    .package_query = {.after = after, .limit = query_number(&call->query, "limit")}},
        .unavailable = UNAVAILABLE,
        .page = call->route->path,
        .write = write,
    };
    registry_query_ask(call, &query);
}

/* A malformed version cannot exist: answers 404 and returns false. NULL is well-formed. */
static bool check_version(struct call *call, const char *version) {
    struct version parsed;
    struct error err;
    if (!version || !version_parse(&parsed, version, &err)) return true;
    call_fail(call, STATUS_NOT_FOUND, NULL, arena_format(&call->arena, "There is no such version: %s", err.message));
    return false;
}

void package_question_ask_one(struct call *call, const char *name, const char *version, page_writer *write) {
    struct message *again = arena_alloc(&call->arena, sizeof *again);
    if (!registry_query_check_name(call, name) || !check_version(call, version)) return;
    *again = (struct message){.tag = MESSAGE_package_query, .package_query = {.name = name, .version = version}};
    const struct registry_query query = {
        .asker = call->gateway->matrix_asker,
        .request = {.tag = MESSAGE_known_package_query, .known_package_query = {.name = name, .version = version}},
        .again = again,
        .unavailable = UNAVAILABLE,
        .write = write,
    };
    registry_query_ask(call, &query);
}

void get_packages(struct call *call) {
    package_question_ask_page(call, NULL);
}

void get_package(struct call *call) {
    package_question_ask_one(call, call->parameters[0], NULL, NULL);
}

void get_package_version(struct call *call) {
    package_question_ask_one(call, call->parameters[0], call->parameters[1], NULL);
}
