/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/routes/finished_job.h"

#include <inttypes.h>
#include <string.h>

#include "lib/store/job/job_retention.h"
#include "lib/tools/archive/gzip.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/header_lists.h"

/* To be raised whenever the same finished job is printed in another way than before: clients keep answers for ever by it. */
enum { ANSWER_FORMAT = 1 };

enum { GZIP_MIN_BYTES = 1000 }; /* smaller answers fit into a packet anyway; compressed once, others are worth it, too */

/* The tag of the job's answer to this request. The address of the request has the job's id and the query, so these are not in it. */
static const char *tag_of(struct call *call, const struct finished_request *request, const struct job *job) {
    return arena_format(&call->arena, "\"%d-%" PRId64 "-%s%s%s\"", ANSWER_FORMAT, job->finished_ms,
                        request->is_json ? "json" : "text", job->has_lost_log ? "-removed" : "",
                        request->takes_gzip ? "-gzip" : "");
}

static void set_vary(struct call *call) {
    struct answer *answer = &call->answer;
    size_t i = 0;
    while (i < answer->header_count && strcmp(answer->headers[i].name, "vary") != 0)
        i++;
    if (i == answer->header_count) answer_header(answer, "vary", "Origin");
    answer->headers[i].value = arena_format(&call->arena, "%s, Accept-Encoding", answer->headers[i].value);
}

bool finished_job_answer(struct call *call, bool is_json, struct finished_request *out) {
    out->is_json = is_json;
    out->if_none_match = call_request_header(call, "if-none-match");
    out->takes_gzip = header_list_accepts_gzip(call_request_header(call, "accept-encoding"));
    out->key = arena_format(&call->arena, "%s %s %.*s", is_json ? "json" : "text", out->takes_gzip ? "gzip" : "plain",
                            (int)call->req->path.len, call->req->path.base);
    struct kept_answer *kept = kept_answers_find(call->gateway->kept_answers, out->key);
    if (kept) call_send_kept(call, kept, out->if_none_match);
    return kept;
}

enum status finished_job_compare(struct call *call, struct job_store *store, const struct finished_request *request,
                                 bool *is_answered, struct error *err) {
    struct job job;
    *is_answered = false;
    if (!request->if_none_match) return STATUS_OK;
    enum status status = job_retention_read(store, call->gateway->settings->storage_dir, call->parameters[0], NULL,
                                            &call->arena, &job, NULL, err);
    if (status || !job_state_is_finished(job.state)) return status;
    const char *tag = tag_of(call, request, &job);
    *is_answered = header_list_has_tag(request->if_none_match, tag);
    if (!*is_answered) return STATUS_OK;
    call->answer.http_status = 304;
    answer_header(&call->answer, "etag", tag);
    if (!request->is_json) answer_header(&call->answer, "vary", "Origin, Accept, User-Agent");
    set_vary(call);
    return STATUS_OK;
}

void finished_job_keep(struct call *call, const struct finished_request *request, const struct job *job) {
    struct answer *answer = &call->answer;
    if (!job_state_is_finished(job->state)) return;
    answer_header(answer, "etag", tag_of(call, request, job));
    set_vary(call);
    if (request->takes_gzip && answer->body.length >= GZIP_MIN_BYTES) {
        struct text packed = {0};
        gzip_pack(&packed, answer->body.bytes, answer->body.length);
        text_release(&answer->body);
        answer->body = packed;
        answer_header(answer, "content-encoding", "gzip");
    }
    call_keep_answer(call, request->key);
}
