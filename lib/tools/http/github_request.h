/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One request to the GitHub API: its headers, and the rate limits in its answer. Shared by github.h (users and teams) and
 * github_repos.h (repositories).
 */
#ifndef LIB_TOOLS_HTTP_GITHUB_REQUEST_H
#define LIB_TOOLS_HTTP_GITHUB_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/tools/http/http_client.h"

/* All pointers are borrowed for the call. */
struct github_request {
    const char *url;
    const char *token;
    const char *etag;   /* of an earlier answer: one with the same content is 304; NULL: none */
    int timeout_ms;     /* as in struct http_request, like the fields below */
    size_t limit_bytes; /* 0: the client's own */
    struct deadline *deadline;
    struct http_connections *connections;
};

/* GET. As http_client_send(): redirects are answers. */
CHECK_RESULT enum status github_request_send(const struct github_request *request, struct http_response *out,
                                             struct error *err);

/* Until when this answer forbids further requests with its token (milliseconds since 1970, at most an hour from now); 0: it does
 * not. GitHub's rules: `retry-after` counts first; then, when nothing remains, `x-ratelimit-reset`; a minute
 * where neither is said. */
int64_t github_limited_until_ms(const struct http_response *response);

/* True for an answer that refuses the request because of a limit, not because of what it asks for. */
bool github_is_limit(const struct http_response *response);

#endif
