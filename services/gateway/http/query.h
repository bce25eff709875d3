/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The query parameters of a request, decoded and checked against the rows of its route (services/gateway/routes/routes.def),
 * from which the OpenAPI document is made too. A malformed parameter is STATUS_INVALID with its name as path; parameters
 * without a row are ignored; of several with the same name the first counts; an empty value counts as absent.
 */
#ifndef SERVICES_GATEWAY_HTTP_QUERY_H
#define SERVICES_GATEWAY_HTTP_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/log.h"

struct arena;

enum { QUERY_PARAMETERS_MAX = 32 };

enum query_type {
    QUERY_TEXT,
    QUERY_TIME,
    QUERY_FLAG,
    QUERY_NUMBER,
    QUERY_CHOICE,
    QUERY_VERSION,
    QUERY_CURSOR, /* of a log line; checked by the route, which knows the job */
    QUERY_HEADER, /* not a query parameter: a request header, for the OpenAPI document only */
};

/* A parameter of a route. */
struct query_parameter {
    const char *name; /* NULL: the end of the list */
    enum query_type type;
    const char *initial;      /* the default; NULL: absent */
    int64_t least, most;      /* of a number */
    const char *const *words; /* of a choice, terminated by NULL */
    const char *meaning;
};

/* The words of choices, terminated by NULL. */
extern const char *const query_orders[];
extern const char *const query_levels[];
extern const char *const query_states[];
extern const char *const query_sorts[]; /* of packages */
extern const char *const query_kinds[]; /* `all`, and each kind of job */
extern const char *const query_set_verdicts[];
extern const char *const query_cells[];   /* any, the states of cells of the build matrix, not_succeeded */
extern const char *const query_extents[]; /* newest, all */
extern const char *const query_ranks[];   /* dependants, name */

struct query {
    const struct query_parameter *rows;
    size_t count;
    struct {
        const char *name;
        const char *value;
    } parameters[QUERY_PARAMETERS_MAX]; /* strings are in the arena */
};

/* Parses the `length` bytes after the `?`. `rows` is borrowed while the query is used. */
CHECK_RESULT enum status query_parse(struct query *out, const struct query_parameter *rows, const char *bytes, size_t length,
                                     struct arena *arena, struct error *err);

/* The request's own value, even if there is no row; NULL: absent or empty. */
const char *query_value(const struct query *query, const char *name);

/* The value, or the row's initial one. Asserts that the route has a row of that name and type. */
const char *query_text(const struct query *query, const char *name); /* also a choice, version or cursor; NULL: absent */
int64_t query_time(const struct query *query, const char *name);     /* 0: absent */
bool query_flag(const struct query *query, const char *name);
int64_t query_number(const struct query *query, const char *name);
enum log_level query_level(const struct query *query, const char *name); /* a choice of query_levels */
bool query_is_descending(const struct query *query);                     /* the choice `order` of query_orders */

#endif
