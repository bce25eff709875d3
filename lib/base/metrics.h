/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Figures of a program for GET /metrics: samples with labels, as the Prometheus text format has them. A program adds its own to
 * a list when it is asked; lists travel between programs as JSON and are printed together, every name once with all its
 * samples.
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

/* Adds what the system knows of this process: its age, its memory, and the time that it has computed. */
void metrics_add_process(struct metrics *metrics);

/* Adds what another program's metrics_append_json() wrote, each sample with one more label. STATUS_INVALID where it is none. */
CHECK_RESULT enum status metrics_add_json(struct metrics *metrics, const char *json, const char *label, const char *value,
                                          struct error *err);

void metrics_append_json(struct text *out, const struct metrics *metrics);
void metrics_append_prometheus(struct text *out, const struct metrics *metrics);

#endif
