/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The parameters behind a path's `?`, decoded and checked. A parameter that cannot be understood is STATUS_INVALID with its
 * name as path; one that nobody asks for is ignored; of several with one name the first counts; an empty value is one that is
 * absent.
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

struct query {
    size_t count;
    struct {
        const char *name;
        const char *value;
    } parameters[QUERY_PARAMETERS_MAX]; /* texts in the arena */
};

CHECK_RESULT enum status query_parse(struct query *out, const char *bytes, size_t length, struct arena *arena,
                                     struct error *err);

const char *query_text(const struct query *query, const char *name); /* NULL where absent */

/* Each leaves *out as it was where the parameter is absent. */
CHECK_RESULT enum status query_time(const struct query *query, const char *name, int64_t *out, struct error *err);
CHECK_RESULT enum status query_flag(const struct query *query, const char *name, bool *out, struct error *err);
CHECK_RESULT enum status query_number(const struct query *query, const char *name, int64_t min, int64_t max, int64_t *out,
                                      struct error *err);
CHECK_RESULT enum status query_level(const struct query *query, const char *name, enum log_level *out, struct error *err);

/* `order`: ASC or DESC. */
CHECK_RESULT enum status query_order(const struct query *query, bool *descending, struct error *err);

#endif
