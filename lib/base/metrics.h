/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Metrics of a program for GET /metrics: labelled samples, as in the Prometheus text format. A program collects its own on
 * request; they are sent between programs (lib/service/message/message_metrics.h) and printed together, each name once with all
 * its samples. Those of build workers are kept in Redis as JSON.
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

struct metric_sample {
    enum metric_kind kind;
    const char *name, *help;
    const char *const *labels; /* pairs of name and value, with NULL at the end */
    double value;
};

/* Calls `take` for each sample, those of one name in a row. The sample's texts are borrowed from `metrics`. */
void metrics_each(const struct metrics *metrics, void (*take)(void *context, const struct metric_sample *sample),
                  void *context);

/* Adds all samples of `from`, each with one more label, which none of them has. */
void metrics_add_all(struct metrics *metrics, const struct metrics *from, const char *label, const char *value);

/* Adds the samples of another program, each with one more label; `label` NULL: with their own alone. All are copied.
 * STATUS_INVALID if one has an impossible name or label, or that label already; nothing is added then. */
CHECK_RESULT enum status metrics_add_foreign(struct metrics *metrics, const struct metric_sample *samples, size_t count,
                                             const char *label, const char *value, struct error *err);

/* The same for the output of another program's metrics_append_json(); STATUS_INVALID also if it is malformed. */
CHECK_RESULT enum status metrics_add_json(struct metrics *metrics, const char *json, const char *label, const char *value,
                                          struct error *err);

void metrics_append_json(struct text *out, const struct metrics *metrics);
void metrics_append_prometheus(struct text *out, const struct metrics *metrics);

#endif
