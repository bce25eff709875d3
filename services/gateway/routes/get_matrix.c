/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /api/v1/matrix, the whole build matrix in one file, and GET /api/v1/matrix/cells, parts of it (services/gateway/README.md,
 * Build matrix). build-matrix answers them: matrix_*_query in proto/messages.def.
 *
 * The file is kept here, gzipped and plain, under its tag: build-matrix is asked each time whether it is still that one.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/tools/archive/gzip.h"
#include "services/gateway/backend/service_asker.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/header_lists.h"
#include "services/gateway/routes/matrix_question.h"

#define UNAVAILABLE "The build matrix cannot be looked up at the moment: try again in a few seconds."

/* ---- The file ---- */

struct file_request {
    bool takes_gzip;
    const char *if_none_match;
    bool is_again; /* it was no longer kept */
};

static const char *key_of(struct call *call, const char *tag, bool is_gzip) {
    return arena_format(&call->arena, "matrix %s %s", is_gzip ? "gzip" : "plain", tag);
}

static void keep(struct call *call, const char *tag, bool is_gzip, const char *json) {
    struct text body = {0};
    if (is_gzip)
        gzip_pack(&body, json, strlen(json));
    else
        text_append(&body, json);
    struct kept_answer *kept = kept_answers_make(&body);
    const struct {
        const char *name, *value;
    } headers[] = {{"etag", arena_format(&kept->arena, "\"%s%s\"", tag, is_gzip ? "-gzip" : "")},
                   {"cache-control", "no-cache"},
                   {"vary", "Origin, Accept-Encoding"},
                   {"content-encoding", "gzip"}};
    kept->content_type = "application/json";
    for (size_t i = 0; i < (is_gzip ? 4 : 3); i++) {
        kept->headers[i].name = headers[i].name;
        kept->headers[kept->header_count++].value = headers[i].value;
    }
    kept_answers_add(call->gateway->kept_answers, key_of(call, tag, is_gzip), kept);
    kept_answer_release(kept);
}

/* service_question.prepare: keeps a file that is new. */
static void keep_file(struct call *call) {
    const struct service_question *question = call->work_data;
    const struct message_matrix_file *file = &question->answer.matrix_file;
    if (!file->json || !file->tag) return;
    keep(call, file->tag, true, file->json);
    keep(call, file->tag, false, file->json);
    atomic_store(&call->gateway->matrix_tag, strtoull(file->tag, NULL, 16));
}

static void ask_file(struct call *call, struct file_request *request);

static void send_file(struct call *call) {
    const struct service_question *question = call->work_data;
    struct file_request *request = question->context;
    const char *tag = question->answer.matrix_file.tag;
    if (question->status) {
        call_fail_with_question(call, question, UNAVAILABLE);
        return;
    }
    struct kept_answer *kept =
        tag ? kept_answers_find(call->gateway->kept_answers, key_of(call, tag, request->takes_gzip)) : NULL;
    if (kept) {
        call_send_kept(call, kept, request->if_none_match);
    } else if (request->is_again) {
        call_fail(call, STATUS_UNAVAILABLE, NULL, UNAVAILABLE);
    } else {
        request->is_again = true;
        ask_file(call, request);
    }
}

static void ask_file(struct call *call, struct file_request *request) {
    struct service_question *question = arena_alloc(&call->arena, sizeof *question);
    unsigned long long known = request->is_again ? 0 : atomic_load(&call->gateway->matrix_tag);
    *question = (struct service_question){.request = {.tag = MESSAGE_matrix_file_query},
                                          .expected = MESSAGE_matrix_file,
                                          .prepare = keep_file,
                                          .go_on = send_file,
                                          .context = request};
    if (known) question->request.matrix_file_query.known = arena_format(&call->arena, "%016llx", known);
    call->work_data = question;
    service_asker_ask(call->gateway->matrix_asker, call, question);
}

void get_matrix(struct call *call) {
    struct file_request *request = arena_alloc(&call->arena, sizeof *request);
    *request = (struct file_request){.takes_gzip = header_list_accepts_gzip(call_request_header(call, "accept-encoding")),
                                     .if_none_match = call_request_header(call, "if-none-match")};
    ask_file(call, request);
}

/* ---- Its cells ---- */

void matrix_question_ask_cells(struct call *call, page_writer *write) {
    const struct query *query = &call->query;
    const char *state = query_text(query, "state");
    const struct registry_query question = {
        .asker = call->gateway->matrix_asker,
        .request = {.tag = MESSAGE_matrix_cells_query,
                    .matrix_cells_query = {.compiler = query_text(query, "compiler"),
                                           .than = query_text(query, "than"),
                                           .state = strcmp(state, "any") == 0 ? NULL : state,
                                           .name = query_text(query, "name"),
                                           .all_versions = strcmp(query_text(query, "versions"), "all") == 0,
                                           .by_name = strcmp(query_text(query, "order"), "name") == 0,
                                           .since_ms = query_time(query, "since"),
                                           .first = query_number(query, "first"),
                                           .limit = query_number(query, "limit")}},
        .unavailable = UNAVAILABLE,
        .write = write,
    };
    registry_query_ask(call, &question);
}

void get_matrix_cells(struct call *call) {
    matrix_question_ask_cells(call, NULL);
}

/* ---- What is in their way ---- */

void matrix_question_ask_causes(struct call *call, page_writer *write) {
    const struct registry_query question = {
        .asker = call->gateway->matrix_asker,
        .request = {.tag = MESSAGE_matrix_causes_query,
                    .matrix_causes_query = {.compiler = query_text(&call->query, "compiler")}},
        .unavailable = UNAVAILABLE,
        .write = write,
    };
    registry_query_ask(call, &question);
}

void get_matrix_causes(struct call *call) {
    matrix_question_ask_causes(call, NULL);
}
