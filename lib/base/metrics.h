/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Metrics of a program for GET /metrics: labelled samples, as in the Prometheus text format. A program collects its own on
 * request; they are sent between programs as JSON and printed together, each name once with all its samples.
 */
#ifndef LIB_BASE_METRICS_H
#define LIB_BASE_METRICS_H

#include <stddef.h>

#include "lib/base/error.h"

struct text;

enum metric_kind { METRIC_GAUGE, METRIC_COUNTER };

struct metrics;

struct metrics *metrics_create(void);
void metrics_free(struct metrics *metrics);

/* Adds a sample. `name` is `registry_…`, a counter's ends in `_total`; `help` is a sentence without a line break; `labels` are
 * pairs of name and value with NULL at the end, or NULL: none. All are copied. */
void metrics_add(struct metrics *metrics, enum metric_kind kind, const char *name, const char *help, const char *const *labels,
                 double value);

/* Adds this process's age, resident memory and CPU time. */
void metrics_add_process(struct metrics *metrics);

/* Adds the output of another program's metrics_append_json(), each sample with one more label. STATUS_INVALID if it is
 * malformed; nothing is added then. */
CHECK_RESULT enum status metrics_add_json(struct metrics *metrics, const char *json, const char *label, const char *value,
                                          struct error *err);

void metrics_append_json(struct text *out, const struct metrics *metrics);
void metrics_append_prometheus(struct text *out, const struct metrics *metrics);

#endif
