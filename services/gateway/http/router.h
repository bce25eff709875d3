/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Finds the function that answers a request: the rows of services/gateway/routes/routes.def as a table, and the look-up in it.
 */
#ifndef SERVICES_GATEWAY_HTTP_ROUTER_H
#define SERVICES_GATEWAY_HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "services/gateway/http/query.h"

struct call;

enum method { METHOD_GET = 1, METHOD_POST = 2 };

enum port { PORT_PUBLIC = 1, PORT_MANAGEMENT = 2, PORT_BOTH = 3 };

enum {
    ROUTE_PARAMETERS_MAX = 2,
    IGNORED_BODY_BYTES = 4096, /* body limit of routes that take no body */
};

/* A possible answer, for the OpenAPI document: an answer, a header of an answer, or a failure. */
struct route_answer {
    int http_status;        /* 0: a failure */
    const char *media_type; /* NULL: no body */
    const char *schema;     /* of JSON: the name of a schema in openapi.json */
    const char *meaning;
    const char *header;  /* not NULL: this row describes only this header of that status */
    enum status failure; /* STATUS_OK: not a failure */
};

struct route {
    enum method method;
    const char *path;
    const char *name;                 /* of its function */
    void (*start)(struct call *call); /* on the loop's thread; must not block, and leads to exactly one answer */
    unsigned ports;                   /* a set of enum port */
    bool is_hidden_from_crawlers;
    size_t body_limit_bytes; /* 0: takes no body */
    const char *body_schema;
    bool has_token; /* authorised by a trustee's token; its function does the rate limiting */
    const char *description;
    const struct query_parameter *parameters; /* terminated by a row without a name */
    const struct route_answer *answers;
    size_t answer_count;
    bool is_page; /* of the site: HTML, also its failures; no part of the OpenAPI document */
};

/* The value of a `{name}`, within the matched path. */
struct route_parameter {
    const char *start;
    size_t length;
};

struct route_match {
    const struct route *route; /* NULL: none */
    struct route_parameter parameters[ROUTE_PARAMETERS_MAX];
    unsigned other_methods; /* if route is NULL: the methods of the path (a set of enum method), for `Allow` */
};

/* All routes, in the order of services/gateway/routes/routes.def; static. */
const struct route *router_routes(size_t *count);

/* The largest body limit of all routes. */
size_t router_largest_body_bytes(void);

/* The body limit of a request: its route's, or IGNORED_BODY_BYTES if the route takes no body or there is no route. `target` is
 * as sent, possibly with query, scheme and host; for one that must be normalised first, the largest limit of all routes. */
size_t router_body_limit(enum port port, const char *method, size_t method_length, const char *target, size_t target_length);

/* Finds the first route that matches the normalised path and the method; HEAD is answered by GET routes. */
void router_find(enum port port, const char *method, size_t method_length, const char *path, size_t path_length,
                 struct route_match *out);

/* The functions of services/gateway/routes/routes.def. */
#define ROUTE(method, path, function, ...) void function(struct call *call);
#define PAGE(path, function, ...) void function(struct call *call);
#define FORM(path, function, ...) void function(struct call *call);
#include "services/gateway/routes/routes.def"
#undef ROUTE
#undef PAGE
#undef FORM

#endif
