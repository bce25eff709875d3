/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/response_filter.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "services/gateway/http/connection.h"
#include "services/gateway/http/router.h"
#include "services/gateway/web/page.h"

#define OURS H2O_STRLIT("gateway.answers")

/* An output stream that replaces h2o's own error text by `body`. */
struct replacement {
    h2o_ostream_t super;
    h2o_iovec_t body;
};

void error_append_json(struct text *out, const char *code, const char *message, const char *path) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "error", code);
    json_writer_text_field(&writer, "message", message);
    json_writer_text_field(&writer, "path", path);
    json_writer_close(&writer, '}');
}

void response_filter_accept(h2o_req_t *req) {
    h2o_req_getenv(req, OURS, 1);
}

static void add(h2o_req_t *req, const char *name, size_t name_length, const char *value, size_t length) {
    h2o_add_header_by_str(&req->pool, &req->res.headers, name, name_length, 1, NULL, value, length);
}

static void add_common_headers(h2o_req_t *req) {
    bool varies_more =
        h2o_find_header(&req->res.headers, H2O_TOKEN_VARY, -1) >= 0; /* then the route has set it, Origin included */
    add(req, H2O_STRLIT("access-control-allow-origin"), H2O_STRLIT("*"));
    add(req, H2O_STRLIT("access-control-allow-methods"), H2O_STRLIT("GET, HEAD, POST, OPTIONS"));
    add(req, H2O_STRLIT("access-control-expose-headers"), H2O_STRLIT("Link"));
    if (!varies_more) add(req, H2O_STRLIT("vary"), H2O_STRLIT("Origin"));
    add(req, H2O_STRLIT("x-content-type-options"), H2O_STRLIT("nosniff"));
    if (h2o_find_header(&req->res.headers, H2O_TOKEN_CACHE_CONTROL, -1) < 0)
        add(req, H2O_STRLIT("cache-control"), H2O_STRLIT("no-store"));
}

static void send_replacement(h2o_ostream_t *stream, h2o_req_t *req, h2o_iovec_t *buffers, size_t count,
                             h2o_send_state_t state) {
    (void)buffers;
    struct replacement *self = H2O_STRUCT_FROM_MEMBER(struct replacement, super, stream);
    h2o_ostream_send_next(stream, req, &self->body, count > 0 ? 1 : 0, state);
}

static enum port port_of(h2o_req_t *req) {
    return connection_of(req)->is_public ? PORT_PUBLIC : PORT_MANAGEMENT;
}

/* True if the request is one of a page or its form. */
static bool is_for_page(h2o_req_t *req) {
    struct route_match match;
    const char *query = req->path.len ? memchr(req->path.base, '?', req->path.len) : NULL;
    size_t length = query ? (size_t)(query - req->path.base) : req->path.len;
    router_find(port_of(req), req->method.base, req->method.len, req->path.base, length, &match);
    return match.route && match.route->is_page;
}

/* Appends the body, and sets its type. */
static void write_failure(h2o_req_t *req, struct text *out, enum status status, const char *message) {
    bool is_page = is_for_page(req);
    const char *type = is_page ? page_type : "application/json";
    if (is_page)
        page_append_failure(out, req->res.status, message);
    else
        error_append_json(out, status_code(status), message, NULL);
    if (is_page) add(req, H2O_STRLIT("content-security-policy"), page_policy, strlen(page_policy));
    h2o_set_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, type, strlen(type), 1);
}

/* Replaces the body of one of h2o's errors, which is a single chunk. Returns the slot for the next filter. */
static h2o_ostream_t **replace_body(h2o_req_t *req, h2o_ostream_t **slot) {
    enum status status = req->res.status == 413   ? STATUS_TOO_LARGE
                         : req->res.status == 404 ? STATUS_NOT_FOUND
                         : req->res.status < 500  ? STATUS_INVALID
                                                  : STATUS_INTERNAL;
    static const char *const messages[] = {[STATUS_NOT_FOUND] = "There is nothing at this address.",
                                           [STATUS_INVALID] = "The request is not well-formed HTTP.",
                                           [STATUS_INTERNAL] =
                                               "An internal error occurred in the registry. Its operators can see the cause."};
    struct text body = {0}, too_large = {0};
    if (status == STATUS_TOO_LARGE)
        text_append_format(&too_large, "The request's body is larger than %zu bytes, which is the limit of %.*s.",
                           router_body_limit(port_of(req), req->method.base, req->method.len, req->path.base, req->path.len),
                           req->path.len < 100 ? (int)req->path.len : 100, req->path.base);
    write_failure(req, &body, status, too_large.bytes ? too_large.bytes : messages[status]);
    text_release(&too_large);
    struct replacement *replacement = (struct replacement *)h2o_add_ostream(req, sizeof *replacement, slot);
    replacement->super.do_send = send_replacement;
    replacement->body = h2o_strdup(&req->pool, body.bytes, body.length);
    text_release(&body);
    req->res.content_length = replacement->body.len;
    return &replacement->super.next;
}

static void set_up(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot) {
    (void)self;
    add_common_headers(req);
    if (!h2o_req_getenv(req, OURS, 0)) {
        if (req->version < 0x200 && !req->http1_is_persistent) connection_linger(req);
        slot = replace_body(req, slot);
    }
    h2o_setup_next_ostream(req, slot);
}

void response_filter_register(h2o_pathconf_t *path) {
    h2o_filter_t *filter = h2o_create_filter(path, sizeof *filter);
    filter->on_setup_ostream = set_up;
}
