/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Refuses requests that h2o accepts against RFC 9110 and 9112: an ambiguous length (request smuggling: a proxy in front of us
 * might interpret it differently), no Host header in HTTP/1.1, several of them, and a Content-Encoding, since no body is
 * decoded. Also more headers over HTTP/2 than h2o accepts over HTTP/1. And it splits a target with scheme and host
 * (`GET http://host/path HTTP/1.1`), which h2o does not support.
 *
 * h2o 2.2.5 does not pass these headers on, so over HTTP/1 they are read from the connection's buffer, which still has the
 * request's head. Over HTTP/2 they are not accessible: of several content-length fields h2o takes the last, and resets the
 * stream if the body has another length.
 */
#ifndef SERVICES_GATEWAY_HTTP_REQUEST_FORM_H
#define SERVICES_GATEWAY_HTTP_REQUEST_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "services/gateway/http/h2o_all.h"

/* Parts of a request's head that h2o does not pass to a handler, or too late. */
struct request_head {
    bool is_complete;           /* including its empty line */
    h2o_iovec_t method, target; /* of the first line, within the bytes; empty if it is malformed */
    size_t hosts;               /* number of Host headers */
    size_t lengths;             /* number of Content-Length headers */
    size_t transfer_encodings;
    bool has_two_lengths; /* Content-Length headers that differ */
};

/* Reads the head of an HTTP/1 request in the `length` bytes; bytes after its empty line are ignored. Does not validate the
 * lines, which h2o does. */
void request_head_read(struct request_head *out, const char *bytes, size_t length);

/* Checks the form of `req`: STATUS_INVALID, or STATUS_UNSUPPORTED for an encoding. Sets path and authority of `req` from an
 * absolute target. On the loop's thread, once per request. */
CHECK_RESULT enum status request_form_check(h2o_req_t *req, struct error *err);

#endif
