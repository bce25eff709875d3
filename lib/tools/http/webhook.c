/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/http/webhook.h"

#include <inttypes.h>
#include <netdb.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/tools/http/http_client.h"
#include "lib/tools/http/public_address.h"

#define SECRET_PREFIX "whsec_"

enum { KEY_TEXT_BYTES = 24, LIMIT_BYTES = 1 << 16 };

/* The key is text, so that it has no NUL byte. */
const char *webhook_make_secret(struct arena *arena) {
    unsigned char drawn[KEY_TEXT_BYTES];
    char key[2 * KEY_TEXT_BYTES + 1];
    hash_random_bytes(drawn, sizeof drawn);
    hash_hex(drawn, sizeof drawn, key);
    return arena_format(arena, SECRET_PREFIX "%s", hash_base64_encode(arena, key, strlen(key)));
}

static enum status check_host(const char *host, struct error *err) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    bool is_public = false;
    int problem = getaddrinfo(host, NULL, &hints, &found);
    if (problem)
        return error_set_at(err, STATUS_INVALID, "URL", "The host %s cannot be found: %s.", host, gai_strerror(problem));
    for (const struct addrinfo *address = found; address; address = address->ai_next)
        is_public = is_public || address_is_public(address->ai_addr);
    freeaddrinfo(found);
    if (is_public) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, "URL", "The host %s is not on the public internet; a webhook's must be.", host);
}

enum status webhook_check_url(const char *url, bool allow_private, struct error *err) {
    struct url parts;
    bool is_url = url_split(&parts, url);
    if (!is_url || !parts.host.length || parts.account.bytes)
        return error_set_at(err, STATUS_INVALID, "URL", "It must look like https://example.org/path, without a user.");
    if (allow_private && (url_part_is(&parts.scheme, "http") || url_part_is(&parts.scheme, "https"))) return STATUS_OK;
    if (!url_part_is(&parts.scheme, "https"))
        return error_set_at(err, STATUS_INVALID, "URL", "It must begin with https://: webhooks are sent by nothing else.");
    struct arena arena = {0};
    enum status status = check_host(arena_copy_bytes(&arena, parts.host.bytes, parts.host.length), err);
    arena_release(&arena);
    return status;
}

static const char *sign(const struct webhook_message *message, int64_t time_s, struct arena *arena) {
    unsigned char *key = NULL, digest[SHA256_BYTES];
    size_t length = 0;
    const char *coded = message->secret;
    if (text_starts_with(coded, SECRET_PREFIX)) coded += strlen(SECRET_PREFIX);
    if (!hash_base64_decode(arena, coded, &key, &length)) return "";
    const char *text = arena_copy_bytes(arena, key, length);
    const char *content = arena_format(arena, "%s.%" PRId64 ".%s", message->id, time_s, message->body);
    hash_hmac_sha256(text, content, strlen(content), digest);
    return hash_base64_encode(arena, digest, sizeof digest);
}

enum status webhook_send(const struct webhook_message *message, bool allow_private, struct deadline *deadline,
                         struct error *err) {
    struct arena arena = {0};
    struct http_response response = {0};
    int64_t time_s = clock_now_ms() / 1000;
    const char *const headers[] = {"Content-Type: application/json",
                                   "Expect:",
                                   arena_format(&arena, "webhook-id: %s", message->id),
                                   arena_format(&arena, "webhook-timestamp: %" PRId64, time_s),
                                   arena_format(&arena, "webhook-signature: v1,%s", sign(message, time_s, &arena)),
                                   NULL};
    const struct http_request request = {.url = message->url,
                                         .headers = headers,
                                         .body = message->body,
                                         .body_length = strlen(message->body),
                                         .timeout_ms = WEBHOOK_TIMEOUT_MS,
                                         .limit_bytes = LIMIT_BYTES,
                                         .only_public = !allow_private,
                                         .deadline = deadline};
    enum status status = http_client_send(&request, &response, err);
    if (!status && (response.status < 200 || response.status > 299))
        status = error_set(err, STATUS_UNAVAILABLE, "The receiver answered HTTP %d; it must answer 2xx.", response.status);
    http_response_release(&response);
    arena_release(&arena);
    return status;
}
