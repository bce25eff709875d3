/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/trustee/trustee_token.h"

#include <string.h>
#include <strings.h>

#include "lib/base/secret.h"
#include "lib/domain/identity/sealed_secret.h"
#include "lib/tools/http/github.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"

static const char variable[] = "PACCHETTIBOTTI_TOKEN_SHA256";

/* ---- The configured token ---- */

enum status trustee_digest_parse(unsigned char out[SHA256_BYTES], const char *setting, struct error *err) {
    unsigned char nothing[SHA256_BYTES];
    if (hash_hex_decode(setting, strcspn(setting, " "), out, SHA256_BYTES) != SHA256_BYTES)
        return error_set_at(err, STATUS_INVALID, variable, "%s must be the SHA-256 of a token as 64 hex digits.", variable);
    hash_sha256("", 0, nothing);
    if (hash_equal(out, nothing))
        return error_set_at(err, STATUS_INVALID, variable, "%s is the SHA-256 of an empty text, and not of a token.", variable);
    return STATUS_OK;
}

bool trustee_token_is(const struct trustee_token *token, const char *setting) {
    unsigned char wanted[SHA256_BYTES];
    return !token->problem && setting && trustee_digest_parse(wanted, setting, NULL) == STATUS_OK &&
           hash_equal(token->digest, wanted);
}

/* ---- The header ---- */

static bool is_token_text(const char *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (bytes[i] <= ' ' || bytes[i] > '~') return false;
    return length > 0;
}

static void seal_for_look_up(struct trustee_token *out, struct call *call, const char *bytes, size_t length) {
    char token[GITHUB_TOKEN_MAX];
    if (!call->gateway->settings->trustee_lookup || length >= sizeof token) return;
    memcpy(token, bytes, length);
    token[length] = '\0';
    if (github_is_token(token))
        out->sealed = secret_seal(&call->arena, call->gateway->settings->service_key, "trustee_query", token, length);
    secret_wipe(token, sizeof token);
}

static void read_value(struct trustee_token *out, struct call *call, const h2o_iovec_t *value) {
    static const char scheme[] = "Bearer ";
    size_t at = sizeof scheme - 1;
    if (value->len < at || strncasecmp(value->base, scheme, at) != 0) {
        out->problem = "The Authorization header must be `Bearer TOKEN`.";
        return;
    }
    while (at < value->len && value->base[at] == ' ')
        at++;
    const char *bytes = value->base + at;
    size_t length = value->len - at;
    if (!is_token_text(bytes, length)) {
        out->problem = "The Authorization header has no token, or one with characters that no token has.";
        return;
    }
    hash_sha256(bytes, length, out->digest);
    seal_for_look_up(out, call, bytes, length);
}

/* Wipes the header's value, over HTTP/1 only. For a request with a body, h2o passes copies of the headers, whose originals are
 * still in the socket's buffer; only the first match there is wiped, since later ones belong to pipelined requests. */
static void wipe(struct call *call, const h2o_iovec_t *value) {
    enum { HTTP_2 = 0x200 };
    if (call->req->version >= HTTP_2 || value->len == 0) return;
    const h2o_buffer_t *input = call->req->conn->callbacks->get_socket(call->req->conn)->input;
    bool is_copy = value->base < input->bytes || value->base >= input->bytes + input->size;
    char *original = is_copy ? memmem(input->bytes, input->size, value->base, value->len) : NULL;
    if (original) secret_wipe(original, value->len);
    secret_wipe(value->base, value->len);
}

void trustee_token_take(struct trustee_token *out, struct call *call) {
    const h2o_headers_t *headers = &call->req->headers;
    size_t count = 0;
    *out = (struct trustee_token){0};
    for (ssize_t at = -1; (at = h2o_find_header(headers, H2O_TOKEN_AUTHORIZATION, at)) >= 0; count++) {
        const h2o_iovec_t *value = &headers->entries[at].value;
        if (count == 0) read_value(out, call, value);
        wipe(call, value);
    }
    if (count == 0) out->problem = "This needs a trustee's token, in the header `Authorization: Bearer TOKEN`.";
    if (count > 1) out->problem = "The request must have only one Authorization header.";
}
