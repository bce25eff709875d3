/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Metrics (lib/base/metrics.h) in messages.
 */
#ifndef LIB_SERVICE_MESSAGE_MESSAGE_METRICS_H
#define LIB_SERVICE_MESSAGE_MESSAGE_METRICS_H

#include "lib/base/metrics.h"
#include "proto/message.h"

/* All samples, for a message; copies in the arena. */
struct record_metric_list message_list_metrics(const struct metrics *metrics, struct arena *arena);

/* metrics_add_foreign() with the samples of a message. */
CHECK_RESULT enum status message_add_metrics(struct metrics *metrics, struct record_metric_list samples, const char *label,
                                             const char *value, struct error *err);

#endif
