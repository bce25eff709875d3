/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/routes/registry_query.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/domain/package/package_name.h"
#include "lib/tools/archive/gzip.h"
#include "services/gateway/backend/service_asker.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"

enum { GZIP_MIN_BYTES = 4096 }; /* smaller answers fit into a few packets anyway */

void registry_query_append_next(struct text *path, const struct query *parameters, const char *next) {
    url_append_parameter(path, "after", next);
    for (const struct query_parameter *row = parameters->rows; row->name; row++) {
        const char *value = row->type == QUERY_HEADER ? NULL : query_value(parameters, row->name);
        if (value && strcmp(row->name, "after") != 0) url_append_parameter(path, row->name, value);
    }
}

/* Adds a Link header if the page, `{"next"?: TEXT, …}`, has a next one. */
static void add_link_to_next(struct call *call, const char *path, const char *page) {
    json_t *json = NULL;
    const char *next;
    if (json_read(&json, page, strlen(page), "The page", NULL) == STATUS_OK &&
        (next = json_string_value(json_object_get(json, "next")))) {
        struct text link = {0};
        text_append_format(&link, "<%s", path);
        registry_query_append_next(&link, &call->query, next);
        text_append(&link, ">; rel=\"next\"");
        answer_header(&call->answer, "link", arena_copy(&call->arena, link.bytes));
        text_release(&link);
    }
    json_decref(json);
}

static bool is_page(const struct registry_query *query) {
    return query->write || query->write_view;
}

/* Makes a page of the service's JSON. */
static void make_page(struct call *call, const struct registry_query *query, const char *json) {
    struct text page = {0};
    struct html html = {.out = &page};
    json_t *value = NULL;
    bool is_read = json_read(&value, json, strlen(json), "The answer", NULL) == STATUS_OK;
    if (is_read && query->write) query->write(&html, value);
    if (is_read && query->write_view) query->write_view(&html, value, query->view);
    json_decref(value);
    page_answer(call, &page, &query->headers);
    text_release(&page);
}

/* service_question.prepare: makes the answer, but for the Link. */
static void make_answer(struct call *call) {
    const struct service_question *question = call->work_data;
    const struct registry_query *query = question->context;
    const char *json = question->answer.json_answer.json;
    size_t length = strlen(json);
    if (is_page(query)) {
        make_page(call, query, json);
        return;
    }
    answer_header(&call->answer, "vary", "Origin, Accept-Encoding");
    if (query->has_tag && answer_has_tag(call, json, length, query->headers.if_none_match)) return;
    call->answer.content_type = "application/json";
    if (query->headers.accepts_gzip && length >= GZIP_MIN_BYTES) {
        gzip_pack(&call->answer.body, json, length);
        answer_header(&call->answer, "content-encoding", "gzip");
    } else {
        text_append_bytes(&call->answer.body, json, length);
    }
}

static void answer(struct call *call) {
    const struct service_question *question = call->work_data;
    const struct registry_query *query = question->context;
    if (question->status == STATUS_NOT_FOUND && query->not_found) {
        query->not_found(call, question->failure_message);
        return;
    }
    if (question->status) {
        call_fail_with_question(call, question, query->unavailable);
        return;
    }
    if (query->page && !is_page(query)) add_link_to_next(call, query->page, question->answer.json_answer.json);
    call_send_made(call);
}

static void ask(struct call *call, const struct registry_query *query, const struct message *request,
                void (*then)(struct call *call)) {
    struct service_question *question = arena_alloc(&call->arena, sizeof *question);
    *question = (struct service_question){
        .request = *request, .expected = MESSAGE_json_answer, .prepare = make_answer, .go_on = then, .context = (void *)query};
    call->work_data = question;
    service_asker_ask(query->asker, call, question);
}

static void refuse_unknown(struct call *call, int64_t retry_after_s) {
    answer_header(&call->answer, "retry-after", arena_format(&call->arena, "%" PRId64, retry_after_s));
    call_fail(
        call, STATUS_TOO_MANY, NULL,
        arena_format(&call->arena,
                     "This was not in the registry some seconds ago. Too many requests from %s for things that do not exist: "
                     "the registry is read again for the next one in %" PRId64 " s.",
                     call->address, retry_after_s));
}

static void look_again(struct call *call) {
    const struct service_question *question = call->work_data;
    const struct registry_query *query = question->context;
    int64_t retry_after_s = 0;
    if (question->status != STATUS_NOT_FOUND)
        answer(call);
    else if (rate_limit_take(call->gateway->unknown_packages, call->address, clock_monotonic_ms(), &retry_after_s))
        ask(call, query, query->again, answer);
    else
        refuse_unknown(call, retry_after_s);
}

void registry_query_ask(struct call *call, const struct registry_query *query) {
    struct registry_query *kept = arena_alloc(&call->arena, sizeof *kept);
    *kept = *query;
    kept->headers = page_request_of(call);
    if (is_page(kept) && kept->is_costly && page_answer_kept(call, "", &kept->headers)) return;
    ask(call, kept, &kept->request, kept->again ? look_again : answer);
}

const char *registry_query_name_fault(struct call *call, const char *name) {
    struct error err;
    if (!package_name_check(name, &err)) return NULL;
    return arena_format(&call->arena, "There is no such package: %s", err.message);
}

bool registry_query_check_name(struct call *call, const char *name) {
    const char *fault = registry_query_name_fault(call, name);
    if (fault) call_fail(call, STATUS_NOT_FOUND, NULL, fault);
    return !fault;
}
