/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /api/v1/packages, /api/v1/packages/NAME and /api/v1/packages/NAME/VERSION (services/gateway/README.md). The gateway asks
 * build-matrix (package_query in proto/messages.def) and passes its answer on unchanged.
 *
 * build-matrix first answers from its in-memory view (known_package_query). Before a 404, it must read both git repositories
 * again. To keep invented names from causing a flood of fetches, an address may cause UNKNOWN_PACKAGES_PER_MINUTE of these and
 * then gets 429, rather than a 404 from a view that may be outdated.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/domain/package/package_name.h"
#include "lib/domain/package/version.h"
#include "services/gateway/backend/service_asker.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"

/* Adds a Link header if the page, `{"packages": […], "next"?: NAME}`, has a next one. */
static void add_link_to_next(struct call *call, const char *page) {
    json_t *json = NULL;
    const char *next;
    if (json_read(&json, page, strlen(page), "The page", NULL) == STATUS_OK &&
        (next = json_string_value(json_object_get(json, "next")))) {
        struct text link = {0};
        text_append(&link, "</api/v1/packages");
        url_append_parameter(&link, "after", next);
        url_append_parameter(&link, "limit", arena_format(&call->arena, "%" PRId64, query_number(&call->query, "limit")));
        text_append(&link, ">; rel=\"next\"");
        answer_header(&call->answer, "link", arena_copy(&call->arena, link.bytes));
        text_release(&link);
    }
    json_decref(json);
}

static void go_on(struct call *call) {
    const struct service_question *question = call->work_data;
    if (question->status) {
        call_fail_with_question(call, question, "Packages cannot be looked up at the moment: try again in a few seconds.");
        return;
    }
    const char *json = question->answer.json_answer.json;
    if (question->request.tag == MESSAGE_package_query && !question->request.package_query.name) add_link_to_next(call, json);
    text_append(&call->answer.body, json);
    call->answer.content_type = "application/json";
    call_send_made(call);
}

static void ask(struct call *call, const struct message *request, void (*then)(struct call *call)) {
    struct service_question *question = arena_alloc(&call->arena, sizeof *question);
    *question = (struct service_question){.request = *request, .expected = MESSAGE_json_answer, .go_on = then};
    call->work_data = question;
    service_asker_ask(call->gateway->matrix_asker, call, question);
}

static void refuse_unknown(struct call *call, int64_t retry_after_s) {
    answer_header(&call->answer, "retry-after", arena_format(&call->arena, "%" PRId64, retry_after_s));
    call_fail(call, STATUS_TOO_MANY, NULL,
              arena_format(&call->arena,
                           "This was not in the registry some seconds ago. Too many requests from %s for packages "
                           "that do not exist: the registry is read again for the next one in %" PRId64 " s.",
                           call->address, retry_after_s));
}

static void look_again(struct call *call) {
    const struct service_question *question = call->work_data;
    const struct message_known_package_query *known = &question->request.known_package_query;
    const struct message request = {.tag = MESSAGE_package_query,
                                    .package_query = {.name = known->name, .version = known->version}};
    int64_t retry_after_s = 0;
    if (question->status != STATUS_NOT_FOUND)
        go_on(call);
    else if (rate_limit_take(call->gateway->unknown_packages, call->address, clock_monotonic_ms(), &retry_after_s))
        ask(call, &request, go_on);
    else
        refuse_unknown(call, retry_after_s);
}

void get_packages(struct call *call) {
    struct error err;
    const char *after = query_text(&call->query, "after");
    if (after && package_name_check(after, &err)) {
        call_fail(call, STATUS_INVALID, "after", err.message);
        return;
    }
    const struct message request = {.tag = MESSAGE_package_query,
                                    .package_query = {.after = after, .limit = query_number(&call->query, "limit")}};
    ask(call, &request, go_on);
}

/* A malformed name or version cannot exist: answers 404 and returns false. */
static bool is_well_formed(struct call *call) {
    const char *name = call->parameters[0], *version = call->parameters[1];
    struct version parsed;
    struct error err;
    if (!package_name_check(name, &err) && (!version || !version_parse(&parsed, version, &err))) return true;
    call_fail(call, STATUS_NOT_FOUND, NULL,
              arena_format(&call->arena, "There is no such %s: %s", version ? "version" : "package", err.message));
    return false;
}

static void ask_for_one(struct call *call, const char *version) {
    const struct message request = {.tag = MESSAGE_known_package_query,
                                    .known_package_query = {.name = call->parameters[0], .version = version}};
    if (is_well_formed(call)) ask(call, &request, look_again);
}

void get_package(struct call *call) {
    ask_for_one(call, NULL);
}

void get_package_version(struct call *call) {
    ask_for_one(call, call->parameters[1]);
}
