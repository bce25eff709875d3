/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A blocking HTTP client with the whole answer in memory, for services that the registry uses (healthchecks.io, the GitHub API,
 * Pursuit, S3). Addresses of others need `only_public`; sources are fetched by lib/tools/git/git_transport.h.
 * Thread-safe.
 */
#ifndef LIB_TOOLS_HTTP_HTTP_CLIENT_H
#define LIB_TOOLS_HTTP_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/deadline.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

/* A pool of connections to any servers, for clients that send many requests to the same server. Thread-safe. */
struct http_connections;
struct http_connections *http_connections_create(void);
void http_connections_free(struct http_connections *connections); /* when no request uses it any more */

/* Signs a request with AWS Signature v4 for S3 and compatible services (lib/tools/http/s3_client.h). */
struct http_signature {
    const char *scope; /* "aws:amz:REGION:SERVICE" */
    const char *key;   /* the access key's name */
    const char *secret;
};

/* Takes an answer that has no end yet, part by part, in place of http_response.body. */
struct http_stream {
    /* Called with each part of a body whose status is 200; false ends the request with STATUS_CANCELLED. */
    bool (*take)(void *context, const char *bytes, size_t length);
    /* Called about once a second, or NULL. */
    void (*tick)(void *context);
    void *context;
    int idle_ms; /* the request ends with STATUS_TIMEOUT if nothing has come for so long; at least 1000 */
};

/* Zero fields take their defaults; all pointers are borrowed for the call only. */
struct http_request {
    const char *method;         /* NULL: GET */
    const char *url;            /* http:// or https:// */
    const char *const *headers; /* "Name: value" lines, NULL at the end; may be NULL itself */
    const void *body;           /* NULL: none */
    size_t body_length;
    int timeout_ms;     /* of each attempt as a whole; 0: 30 s */
    int tries;          /* attempts in all, with backoff, if there is no answer, a 429 or a 5xx; 0: one. Only for idempotent
                * requests: one whose answer was lost may have been carried out */
    size_t limit_bytes; /* of the answer's body; 0: 1 MiB */
    int redirects;      /* how many to follow, to http and https; 0: none, the redirect is the answer */
    bool only_public; /* connects only to addresses of the public internet (public_address.h), and by no proxy: for the URLs of
                       * others */
    struct deadline *deadline;              /* ends it earlier; may be NULL */
    struct http_connections *connections;   /* NULL: a connection of its own, closed afterwards */
    const struct http_stream *stream;       /* NULL: the answer is kept. Else `timeout_ms` is the limit until it begins */
    const struct http_signature *signature; /* NULL: none. The query must be sorted by name, and escaped */
};

struct http_response {
    int status;          /* as in "HTTP/1.1 200 OK"; after redirects that of the last answer */
    struct text body;    /* with a NUL after its length */
    struct text headers; /* the lines as received, each with its line break */
};

/* STATUS_OK if there was an answer, whatever its HTTP status; with `tries`, the last answer. STATUS_UNAVAILABLE: no
 * connection, name or TLS; STATUS_TIMEOUT; the deadline's own status; STATUS_TOO_LARGE: more than limit_bytes;
 * STATUS_INVALID: a malformed URL. Messages name the server, never the path or the query, which can hold secrets. The caller
 * always releases `out`. */
CHECK_RESULT enum status http_client_send(const struct http_request *request, struct http_response *out, struct error *err);
void http_response_release(struct http_response *response);

/* Appends the value of the first header with that name (ignoring case); false if it is missing. */
bool http_response_header(const struct http_response *response, const char *name, struct text *out);

#endif
