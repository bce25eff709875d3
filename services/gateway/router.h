/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which function answers a request: the rows of routes.def as a table, and the look-up in it.
 */
#ifndef SERVICES_GATEWAY_ROUTER_H
#define SERVICES_GATEWAY_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "services/gateway/query.h"

struct call;

enum method { METHOD_GET = 1, METHOD_POST = 2 };

enum port { PORT_PUBLIC = 1, PORT_MANAGEMENT = 2, PORT_BOTH = 3 };

enum {
    ROUTE_PARAMETERS_MAX = 2,
    IGNORED_BODY_BYTES = 4096, /* what may come with a request whose route takes no body */
};

/* What may come back, for the document: an answer, a header of one, or a failure. */
struct route_answer {
    int http_status;        /* 0: a failure */
    const char *media_type; /* NULL: no body */
    const char *schema;     /* of JSON, by its name in openapi.json */
    const char *meaning;
    const char *header;  /* not NULL: the name of a header of that status, and nothing else */
    enum status failure; /* STATUS_OK: an answer */
};

struct route {
    enum method method;
    const char *path;
    const char *name;                 /* of its function */
    void (*start)(struct call *call); /* on the loop's thread: quick, and leads to exactly one answer */
    unsigned ports;                   /* a set of enum port */
    size_t body_limit_bytes;          /* 0: takes none */
    const char *body_schema;
    bool has_token; /* comes with a trustee's token: what limits it is its function's affair */
    const char *description;
    const struct query_parameter *parameters; /* without a name: the end */
    const struct route_answer *answers;
    size_t answer_count;
};

/* What a `{name}` stood for, within the path that was matched. */
struct route_parameter {
    const char *start;
    size_t length;
};

struct route_match {
    const struct route *route; /* NULL: none */
    struct route_parameter parameters[ROUTE_PARAMETERS_MAX];
    unsigned other_methods; /* where there is none: the methods that the path has (a set of enum method), for `Allow` */
};

/* All routes, in the order of routes.def; borrowed for ever. */
const struct route *router_routes(size_t *count);

/* The largest body that any route takes. */
size_t router_largest_body_bytes(void);

/* The most bytes that a request may have behind its head: its route's; some where the route takes none, or where there is none.
 * `target` as it was sent, with query or scheme and host; one that is to be normalised gets the largest. */
size_t router_body_limit(enum port port, const char *method, size_t method_length, const char *target, size_t target_length);

void router_find(enum port port, const char *method, size_t method_length, const char *path, size_t path_length,
                 struct route_match *out);

/* The functions of routes.def. */
#define ROUTE(method, path, function, ...) void function(struct call *call);
#include "services/gateway/routes.def"
#undef ROUTE

#endif
