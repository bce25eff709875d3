/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The parameters behind a path's `?`, decoded, and checked by the rows of their route (routes.def), so that what the document
 * says is what holds. A parameter that cannot be understood is STATUS_INVALID with its name as path; one without a row is
 * ignored; of several with one name the first counts; an empty value is one that is absent.
 */
#ifndef SERVICES_GATEWAY_QUERY_H
#define SERVICES_GATEWAY_QUERY_H

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
    QUERY_HEADER, /* none of the address: a request's header, which only the document speaks of */
};

/* A row of a route. */
struct query_parameter {
    const char *name; /* NULL: the end of the list */
    enum query_type type;
    const char *initial;      /* what counts where the request has none; NULL: absent */
    int64_t least, most;      /* of a number */
    const char *const *words; /* of a choice, NULL at the end */
    const char *meaning;
};

/* Lists of words for choices. */
extern const char *const query_orders[];
extern const char *const query_levels[];
extern const char *const query_states[];
extern const char *const query_kinds[]; /* `all`, and each kind of job */

struct query {
    const struct query_parameter *rows;
    size_t count;
    struct {
        const char *name;
        const char *value;
    } parameters[QUERY_PARAMETERS_MAX]; /* texts in the arena */
};

/* `rows` is borrowed as long as the query is used. */
CHECK_RESULT enum status query_parse(struct query *out, const struct query_parameter *rows, const char *bytes, size_t length,
                                     struct arena *arena, struct error *err);

/* As the request has it, whether there is a row or not; NULL: it has none. */
const char *query_value(const struct query *query, const char *name);

/* The value, or the row's initial one. There must be a row of that name, of that type: asking for another is our own bug. */
const char *query_text(const struct query *query, const char *name); /* a choice, too; NULL: absent */
int64_t query_time(const struct query *query, const char *name);     /* 0: absent */
bool query_flag(const struct query *query, const char *name);
int64_t query_number(const struct query *query, const char *name);
enum log_level query_level(const struct query *query, const char *name); /* a choice of query_levels */
bool query_is_descending(const struct query *query);                     /* the choice `order` of query_orders */

#endif
