/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Refuses requests that h2o lets pass and RFC 9110 and 9112 do not: a length that can be read in two ways (which a proxy
 * in front of us might have read in the other), no Host, or two, in HTTP/1.1, and a body in an encoding that nobody here
 * decodes. More headers than h2o takes over HTTP/1. And the form that h2o does not know: a target with scheme and host
 * (`GET http://host/path HTTP/1.1`).
 *
 * h2o 2.2.5 keeps these headers to itself, so over HTTP/1 they are read from the connection's buffer, where the request's head
 * still stands. Over HTTP/2 they cannot be seen: of several content-length fields h2o takes the last, and resets the stream
 * where the body has another length.
 */
#ifndef SERVICES_GATEWAY_REQUEST_FORM_H
#define SERVICES_GATEWAY_REQUEST_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "services/gateway/h2o_all.h"

/* What the head of a request says, of which h2o tells a handler nothing, or too late. */
struct request_head {
    bool is_complete;           /* its empty line is there */
    h2o_iovec_t method, target; /* of the first line, within the bytes; empty where it is malformed */
    size_t hosts;               /* lines of Host */
    size_t lengths;             /* lines of Content-Length */
    size_t transfer_encodings;
    bool has_two_lengths; /* that differ */
};

/* Reads the head of an HTTP/1 request in the `length` bytes; what stands behind its empty line is not looked at. h2o judges the
 * form of the lines. */
void request_head_read(struct request_head *out, const char *bytes, size_t length);

/* STATUS_INVALID, or STATUS_UNSUPPORTED for an encoding: what is wrong with the form of `req`. Puts path and authority of an
 * absolute target in their places. On the loop's thread, once. */
CHECK_RESULT enum status request_form_check(h2o_req_t *req, struct error *err);

#endif
