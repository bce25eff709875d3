/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/request_form.h"

#include <string.h>
#include <strings.h>

enum { HTTP_1_1 = 0x101, HTTP_2 = 0x200 };

/* ---- The head ---- */

struct line {
    const char *bytes;
    size_t length; /* without the line break */
};

/* False: no further complete line. */
static bool next_line(struct line *out, const char **at, const char *end) {
    const char *line_end = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
    if (!line_end) return false;
    *out = (struct line){*at, (size_t)(line_end - *at)};
    *at = line_end + 1;
    if (out->length > 0 && out->bytes[out->length - 1] == '\r') out->length--;
    return true;
}

/* Parses "METHOD TARGET VERSION". */
static void read_first_line(struct request_head *out, const struct line *line) {
    const char *end = line->bytes + line->length, *space = memchr(line->bytes, ' ', line->length);
    const char *target = space ? space + 1 : end,
               *target_end = target < end ? memchr(target, ' ', (size_t)(end - target)) : NULL;
    if (!target_end) return;
    out->method = h2o_iovec_init(line->bytes, (size_t)(space - line->bytes));
    out->target = h2o_iovec_init(target, (size_t)(target_end - target));
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

static bool has_name(const struct line *line, const char *name, size_t length) {
    return line->length > length && strncasecmp(line->bytes, name, length) == 0 && line->bytes[length] == ':';
}

static struct line value_of(const struct line *line, size_t name_length) {
    struct line value = {line->bytes + name_length + 1, line->length - name_length - 1};
    while (value.length > 0 && is_blank(*value.bytes)) {
        value.bytes++;
        value.length--;
    }
    while (value.length > 0 && is_blank(value.bytes[value.length - 1]))
        value.length--;
    return value;
}

void request_head_read(struct request_head *out, const char *bytes, size_t length) {
    const char *at = bytes, *end = bytes + length;
    struct line line, first_length = {0};
    *out = (struct request_head){0};
    if (!next_line(&line, &at, end)) return;
    if (line.length == 0 && !next_line(&line, &at, end)) return; /* h2o skips an empty line before the request */
    read_first_line(out, &line);
    while (next_line(&line, &at, end)) {
        out->is_complete = line.length == 0;
        if (out->is_complete) return;
        if (has_name(&line, H2O_STRLIT("host"))) out->hosts++;
        if (has_name(&line, H2O_STRLIT("transfer-encoding"))) out->transfer_encodings++;
        if (!has_name(&line, H2O_STRLIT("content-length"))) continue;
        struct line value = value_of(&line, sizeof "content-length" - 1);
        if (out->lengths++ == 0) first_length = value;
        if (value.length != first_length.length || memcmp(value.bytes, first_length.bytes, value.length) != 0)
            out->has_two_lengths = true;
    }
}

static enum status check_head(h2o_req_t *req, struct error *err) {
    struct request_head head;
    const h2o_buffer_t *input = req->conn->callbacks->get_socket(req->conn)->input;
    request_head_read(&head, input->bytes, input->size);
    if (head.has_two_lengths)
        return error_set(err, STATUS_INVALID, "The request has two different Content-Length headers; it must have one.");
    if (head.transfer_encodings > 1 || (head.transfer_encodings && head.lengths))
        return error_set(err, STATUS_INVALID,
                         "The request must have either one Content-Length or one Transfer-Encoding header.");
    if (head.transfer_encodings && req->version < HTTP_1_1)
        return error_set(err, STATUS_INVALID, "HTTP/1.0 has no Transfer-Encoding: send a Content-Length.");
    if (head.hosts > 1) return error_set(err, STATUS_INVALID, "The request has several Host headers; it must have one.");
    if (head.hosts == 0 && req->version == HTTP_1_1)
        return error_set(err, STATUS_INVALID, "The request has no Host header, which HTTP/1.1 requires.");
    return STATUS_OK;
}

/* ---- The target ---- */

static size_t scheme_length(const h2o_iovec_t *target) {
    static const h2o_iovec_t schemes[] = {{H2O_STRLIT("http://")}, {H2O_STRLIT("https://")}};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (target->len >= schemes[i].len && strncasecmp(target->base, schemes[i].base, schemes[i].len) == 0)
            return schemes[i].len;
    return 0;
}

/* Splits an absolute target; its host replaces the Host header (RFC 9112, 3.2.2). */
static enum status split_target(h2o_req_t *req, struct error *err) {
    size_t scheme = scheme_length(&req->path);
    if (scheme == 0) return STATUS_OK;
    char *host = req->path.base + scheme, *end = req->path.base + req->path.len, *path = host;
    while (path < end && *path != '/' && *path != '?')
        path++;
    if (path == host || memchr(host, '@', (size_t)(path - host)))
        return error_set(err, STATUS_INVALID, "The request's target must have a host and no user before its path.");
    req->authority = h2o_iovec_init(host, (size_t)(path - host));
    req->path = h2o_iovec_init(path, (size_t)(end - path));
    if (path == end || *path == '?') req->path = h2o_concat(&req->pool, h2o_iovec_init(H2O_STRLIT("/")), req->path);
    req->path_normalized =
        h2o_url_normalize_path(&req->pool, req->path.base, req->path.len, &req->query_at, &req->norm_indexes);
    return STATUS_OK;
}

/* ---- The body ---- */

static enum status check_encoding(const h2o_req_t *req, struct error *err) {
    bool is_post = h2o_memis(req->method.base, req->method.len, H2O_STRLIT("POST"));
    if (!is_post && req->entity.len == 0) return STATUS_OK;
    for (ssize_t at = -1; (at = h2o_find_header(&req->headers, H2O_TOKEN_CONTENT_ENCODING, at)) >= 0;) {
        const h2o_iovec_t *value = &req->headers.entries[at].value;
        if (value->len == 0 || (value->len == 8 && strncasecmp(value->base, "identity", 8) == 0)) continue;
        return error_set(err, STATUS_UNSUPPORTED, "The request's body is encoded (Content-Encoding: %.*s); send it unencoded.",
                         value->len < 100 ? (int)value->len : 100, value->base);
    }
    return STATUS_OK;
}

/* h2o limits the number of headers over HTTP/1 only; over HTTP/2, a few thousand bytes can encode a hundred thousand. */
static enum status check_count(const h2o_req_t *req, struct error *err) {
    if (req->headers.size <= H2O_MAX_HEADERS) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "The request has %zu headers; at most %d are allowed.", req->headers.size,
                     H2O_MAX_HEADERS);
}

enum status request_form_check(h2o_req_t *req, struct error *err) {
    enum status status = req->version < HTTP_2 ? check_head(req, err) : check_count(req, err);
    if (!status) status = split_target(req, err);
    if (!status) status = check_encoding(req, err);
    return status;
}
