/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/origin.h"

#include <string.h>
#include <strings.h>

#include "services/gateway/http/call.h"
#include "services/gateway/http/connection.h"

/* The value of a header that a trusted proxy set, or NULL. */
static const char *forwarded(struct call *call, const char *name) {
    return call->connection->is_of_proxy ? call_request_header(call, name) : NULL;
}

static bool is_host(const char *host) {
    return *host && host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]")] == '\0';
}

/* Host and port; "" if that is none. */
static const char *host_of(struct call *call) {
    const h2o_iovec_t *authority = &call->req->authority;
    const char *host = forwarded(call, "x-forwarded-host");
    if (!host) host = arena_copy_bytes(&call->arena, authority->base ? authority->base : "", authority->len);
    return is_host(host) ? host : "";
}

static bool is_secure(struct call *call) {
    const char *scheme = forwarded(call, "x-forwarded-proto");
    return scheme ? strcasecmp(scheme, "https") == 0 : call->req->scheme == &H2O_URL_SCHEME_HTTPS;
}

const char *origin_of_site(struct call *call) {
    const char *host = host_of(call);
    return *host ? arena_format(&call->arena, "%s://%s", is_secure(call) ? "https" : "http", host) : "";
}

bool origin_is_own(struct call *call) {
    const char *fetched_by = call_request_header(call, "sec-fetch-site"), *origin = call_request_header(call, "origin");
    if (fetched_by) return strcmp(fetched_by, "same-origin") == 0 || strcmp(fetched_by, "none") == 0;
    if (!origin) return true;
    const char *host = strstr(origin, "://");
    return host && strcasecmp(host + 3, host_of(call)) == 0;
}
