/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sends a call's answer (call.h): a text in one piece, a file chunk by chunk, as fast as the client reads. A chunk that is not
 * in the page cache, or may not be (a file system that does not tell), is read on a thread that may block.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/header_lists.h"
#include "services/gateway/http/response_filter.h"
#include "services/gateway/web/page.h"

enum { FILE_CHUNK_BYTES = 65536 };

static const char *reason_of(int http_status) {
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {204, "No Content"},
                   {206, "Partial Content"},
                   {303, "See Other"},
                   {304, "Not Modified"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {409, "Conflict"},
                   {413, "Content Too Large"},
                   {415, "Unsupported Media Type"},
                   {416, "Range Not Satisfiable"},
                   {429, "Too Many Requests"},
                   {500, "Internal Server Error"},
                   {503, "Service Unavailable"}};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == http_status) return reasons[i].reason;
    return "";
}

void answer_header(struct answer *answer, const char *name, const char *value) {
    assert(answer->header_count < ANSWER_HEADERS_MAX);
    answer->headers[answer->header_count].name = name;
    answer->headers[answer->header_count++].value = value;
}

bool answer_has_tag(struct call *call, const char *bytes, size_t length, const char *if_none_match) {
    char hash[SHA256_SRI_MAX];
    hash_sha256_sri(bytes, length, hash);
    const char *tag = arena_format(&call->arena, "\"%s\"", hash);
    answer_header(&call->answer, "etag", tag);
    answer_header(&call->answer, "cache-control", "no-cache");
    if (!header_list_has_tag(if_none_match, tag)) return false;
    call->answer.http_status = 304;
    return true;
}

void call_send_kept(struct call *call, struct kept_answer *kept, const char *if_none_match) {
    struct answer *answer = &call->answer;
    const char *tag = NULL;
    answer->kept = kept;
    answer->content_type = kept->content_type;
    for (size_t i = 0; i < kept->header_count; i++) {
        answer_header(answer, kept->headers[i].name, kept->headers[i].value);
        if (strcmp(kept->headers[i].name, "etag") == 0) tag = kept->headers[i].value;
    }
    if (tag && header_list_has_tag(if_none_match, tag)) answer->http_status = 304;
    call_send_made(call);
}

void call_keep_answer(struct call *call, const char *key) {
    struct answer *answer = &call->answer;
    struct kept_answer *kept = kept_answers_make(&answer->body);
    kept->content_type = answer->content_type; /* a literal */
    for (size_t i = 0; i < answer->header_count; i++) {
        kept->headers[kept->header_count].name = answer->headers[i].name;
        kept->headers[kept->header_count++].value = arena_copy(&kept->arena, answer->headers[i].value);
    }
    answer->kept = kept;
    kept_answers_add(call->gateway->kept_answers, key, kept);
}

void answer_json_or_text(struct answer *answer, bool is_json) {
    answer->content_type = is_json ? "application/json" : "text/plain; charset=utf-8";
    answer_header(answer, "vary", "Origin, Accept, User-Agent");
}

const char *call_request_header(struct call *call, const char *name) {
    const h2o_headers_t *headers = &call->req->headers;
    struct text joined = {0};
    for (ssize_t at = -1; (at = h2o_find_header_by_str(headers, name, strlen(name), at)) >= 0;) {
        if (joined.length) text_append(&joined, ", ");
        text_append_bytes(&joined, headers->entries[at].value.base, headers->entries[at].value.len);
    }
    const char *value = joined.bytes ? arena_copy(&call->arena, joined.bytes) : NULL;
    text_release(&joined);
    return value;
}

static bool header_has(struct call *call, const char *name, const char *part) {
    const char *value = call_request_header(call, name);
    return value && strcasestr(value, part);
}

bool call_wants_json(struct call *call) {
    if (header_has(call, "accept", "application/json")) return true;
    if (header_has(call, "accept", "text/")) return false;
    return !header_has(call, "user-agent", "curl/") && !header_has(call, "user-agent", "wget/");
}

bool call_wants_page(struct call *call) {
    const char *accept = call_request_header(call, "accept");
    return accept && text_starts_with(accept, "text/html");
}

static size_t chunk_length(const struct answer *answer) {
    return answer->file_length < FILE_CHUNK_BYTES ? (size_t)answer->file_length : FILE_CHUNK_BYTES;
}

/* Sends the chunk that was read, of answer->chunk_bytes. */
static void send_read(struct call *call) {
    struct answer *answer = &call->answer;
    if (answer->chunk_bytes <= 0) {
        h2o_send(call->req, NULL, 0, H2O_SEND_STATE_ERROR);
        return;
    }
    answer->file_offset += answer->chunk_bytes;
    answer->file_length -= answer->chunk_bytes;
    h2o_iovec_t chunk = {answer->body.bytes, (size_t)answer->chunk_bytes};
    h2o_send(call->req, &chunk, 1, answer->file_length ? H2O_SEND_STATE_IN_PROGRESS : H2O_SEND_STATE_FINAL);
}

static void read_blocking(struct answer *answer) {
    answer->chunk_bytes = pread(answer->file, answer->body.bytes, chunk_length(answer), answer->file_offset);
}

/* store_task.run */
static void read_for_loop(struct store_task *task, struct job_store *store) {
    (void)store;
    struct call *call = H2O_STRUCT_FROM_MEMBER(struct call, task, task);
    if (!atomic_load(&call->is_gone)) read_blocking(&call->answer);
    call_return(call);
}

/* h2o_generator.proceed: sends the next chunk of the file. */
static void send_chunk(h2o_generator_t *generator, h2o_req_t *req) {
    (void)req;
    struct call *call = H2O_STRUCT_FROM_MEMBER(struct call, generator, generator);
    struct answer *answer = &call->answer;
    if (!answer->body.bytes) text_reserve(&answer->body, FILE_CHUNK_BYTES);
    const struct iovec place = {answer->body.bytes, chunk_length(answer)};
    answer->chunk_bytes = preadv2(answer->file, &place, 1, answer->file_offset, RWF_NOWAIT);
    bool may_block = answer->chunk_bytes < 0 && (errno == EAGAIN || errno == EOPNOTSUPP);
    if (may_block && call_run(call, read_for_loop, send_read)) return;
    if (may_block) read_blocking(answer); /* the pool's queue is full */
    send_read(call);
}

/* Sets status and headers, but for the length. */
static void set_head(struct call *call) {
    h2o_req_t *req = call->req;
    struct answer *answer = &call->answer;
    req->res.status = answer->http_status ? answer->http_status : 200;
    req->res.reason = reason_of(req->res.status);
    if (answer->content_type)
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, answer->content_type,
                       strlen(answer->content_type));
    if (call->route && call->route->is_hidden_from_crawlers)
        h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("x-robots-tag"), 1, NULL,
                              H2O_STRLIT("noindex, nofollow"));
    for (size_t i = 0; i < answer->header_count; i++)
        h2o_add_header_by_str(&req->pool, &req->res.headers, answer->headers[i].name, strlen(answer->headers[i].name), 1, NULL,
                              answer->headers[i].value, strlen(answer->headers[i].value));
    metrics_collector_count(call->gateway->metrics, call->route, req->res.status);
    call->is_answered = true;
    response_filter_accept(req);
}

void call_begin_stream(struct call *call, void (*proceed)(h2o_generator_t *generator, h2o_req_t *req)) {
    set_head(call);
    call->generator.proceed = proceed;
    h2o_start_response(call->req, &call->generator);
}

void call_send(struct call *call) {
    h2o_req_t *req = call->req;
    struct answer *answer = &call->answer;
    const struct text *text = answer_view(answer);
    bool is_file = answer->file >= 0;
    set_head(call);
    bool has_length = req->res.status != 204 && req->res.status != 304;
    if (has_length) req->res.content_length = is_file ? (size_t)answer->file_length : text->length;
    call->generator.proceed = send_chunk;
    h2o_start_response(req, &call->generator);
    if (is_file && !call->is_head && answer->file_length > 0) {
        send_chunk(&call->generator, req);
        return;
    }
    h2o_iovec_t body = {text->bytes, text->length};
    h2o_send(req, &body, call->is_head || !has_length || body.len == 0 ? 0 : 1, H2O_SEND_STATE_FINAL);
}

void call_fail(struct call *call, enum status status, const char *path, const char *message) {
    struct answer *answer = &call->answer;
    text_release(&answer->body);
    kept_answer_release(answer->kept);
    answer->kept = NULL;
    if (answer->file >= 0) close(answer->file);
    answer->file = -1;
    answer->http_status = status_http(status);
    bool has_retry_after = false;
    for (size_t i = 0; i < answer->header_count; i++)
        if (strcmp(answer->headers[i].name, "retry-after") == 0) has_retry_after = true;
    if ((answer->http_status == 503 || answer->http_status == 429) && !has_retry_after)
        answer_header(answer, "retry-after", answer->http_status == 429 ? "60" : "2");
    if (call->route && call->route->is_page) {
        page_fail(call, message);
    } else {
        answer->content_type = "application/json";
        error_append_json(&answer->body, status_code(status), message, path);
    }
    call_send(call);
}

void call_fail_with(struct call *call, const struct error *err) {
    call_fail(call, err->status, err->path[0] ? err->path : NULL, err->message);
}
