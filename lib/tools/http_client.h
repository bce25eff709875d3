/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One HTTP request to somebody else's server, and its answer, whole, in memory: for services that we are a client of
 * (healthchecks.io, the GitHub API, Pursuit, S3). Not for fetching what strangers point at: lib/tools/git_transport.h does that
 * and checks addresses. Blocks the calling thread; any number of threads may call at once.
 */
#ifndef LIB_TOOLS_HTTP_CLIENT_H
#define LIB_TOOLS_HTTP_CLIENT_H

#include <stddef.h>

#include "lib/base/deadline.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

/* Connections that stay open from one request to the next, to whatever servers: a client that asks the same server again and
 * again keeps one of these. Any number of threads may use it at once. */
struct http_connections;
struct http_connections *http_connections_create(void);
void http_connections_free(struct http_connections *connections); /* when no request uses it any more */

/* Signs a request with AWS Signature v4, as S3 and what speaks its protocol want it (lib/tools/s3_client.h). */
struct http_signature {
    const char *scope; /* "aws:amz:REGION:SERVICE" */
    const char *key;   /* the access key's name */
    const char *secret;
};

/* Zero fields take their defaults; nothing is kept after the call. */
struct http_request {
    const char *method;         /* NULL: GET */
    const char *url;            /* http:// or https:// */
    const char *const *headers; /* "Name: value" lines, NULL at the end; may be NULL itself */
    const void *body;           /* NULL: none */
    size_t body_length;
    int timeout_ms; /* for everything in one try; 0: 30 s */
    int tries; /* how often in all where there is no answer, a 429 or a 5xx, waiting longer each time; 0: once. Only for what
                * may be done twice: a request whose answer was lost has been carried out */
    size_t limit_bytes;                     /* most bytes of the answer's body; 0: 1 MiB */
    int redirects;                          /* how many to follow, to the same schemes; 0: none, the redirect is the answer */
    struct deadline *deadline;              /* gives up earlier when this is over; may be NULL */
    struct http_connections *connections;   /* NULL: a connection of its own, closed behind it */
    const struct http_signature *signature; /* NULL: none. The query must be sorted by name, and escaped */
};

struct http_response {
    int status;          /* as in "HTTP/1.1 200 OK"; of the last answer where redirects were followed */
    struct text body;    /* NUL-terminated behind its length */
    struct text headers; /* the lines as they came, each with its line break */
};

/* STATUS_OK when there was an answer, whatever its status: with `tries`, the last one's. STATUS_UNAVAILABLE: no connection,
 * name, or TLS; STATUS_TIMEOUT; the deadline's own reason; STATUS_TOO_LARGE: more than limit_bytes. The sentences name the
 * server, never the path or the query, which can hold secrets. The caller releases `out` in any case. */
CHECK_RESULT enum status http_client_send(const struct http_request *request, struct http_response *out, struct error *err);
void http_response_release(struct http_response *response);

/* Appends the value of the first header of that name (case does not count); false where there is none. */
bool http_response_header(const struct http_response *response, const char *name, struct text *out);

#endif
