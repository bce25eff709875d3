/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/http/github_request.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/number.h"
#include "lib/base/secret.h"

enum {
    PAUSE_MS = 60 * 1000, /* if GitHub reports too many requests without a time */
    PAUSE_MAX_MS = 60 * 60 * 1000,
};

enum status github_request_send(const struct github_request *request, struct http_response *out, struct error *err) {
    struct text authorization = {0}, condition = {0};
    text_append_format(&authorization, "Authorization: Bearer %s", request->token);
    if (request->etag) text_append_format(&condition, "If-None-Match: %s", request->etag);
    const char *const headers[] = {text_view(&authorization), "Accept: application/vnd.github+json",
                                   "X-GitHub-Api-Version: 2022-11-28", request->etag ? text_view(&condition) : NULL, NULL};
    const struct http_request http = {.url = request->url,
                                      .headers = headers,
                                      .timeout_ms = request->timeout_ms,
                                      .limit_bytes = request->limit_bytes,
                                      .deadline = request->deadline,
                                      .connections = request->connections};
    enum status status = http_client_send(&http, out, err);
    secret_wipe(authorization.bytes, authorization.length);
    text_release(&condition);
    text_release(&authorization);
    return status;
}

/* -1: there is no such header, or no number of seconds in it. */
static int64_t header_number(const struct http_response *response, const char *name) {
    struct text value = {0};
    int64_t number = -1;
    if (http_response_header(response, name, &value)) number_parse_within(&number, text_view(&value), 0, INT64_MAX / 1000);
    text_release(&value);
    return number;
}

/* A 403 that is a limit need not name a time. */
static bool says_limit(const struct http_response *response) {
    return response->status == 429 || (response->status == 403 && strstr(text_view(&response->body), "rate limit"));
}

int64_t github_limited_until_ms(const struct http_response *response) {
    int64_t retry_after_s = header_number(response, "retry-after");
    int64_t remaining = header_number(response, "x-ratelimit-remaining");
    int64_t reset_s = header_number(response, "x-ratelimit-reset");
    int64_t now_ms = clock_now_ms(), until_ms = 0;
    if (retry_after_s > 0)
        until_ms = now_ms + (retry_after_s < PAUSE_MAX_MS ? retry_after_s * 1000 : PAUSE_MAX_MS);
    else if (remaining == 0 && reset_s > 0)
        until_ms = reset_s * 1000;
    else if (says_limit(response))
        until_ms = now_ms + PAUSE_MS;
    return until_ms < now_ms + PAUSE_MAX_MS ? until_ms : now_ms + PAUSE_MAX_MS;
}

bool github_is_limit(const struct http_response *response) {
    return (response->status == 403 || response->status == 429) && github_limited_until_ms(response) > 0;
}
