/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads Server-Sent Events, as they come in parts of any size.
 */
#ifndef OPS_REGISTRYCTL_EVENT_LINES_H
#define OPS_REGISTRYCTL_EVENT_LINES_H

#include <stddef.h>

#include "lib/base/text.h"

struct event_line {
    const char *name; /* "" where the event has none, like the next two */
    const char *id;
    const char *data;
};

/* All zero at first. */
struct event_lines {
    struct text input; /* from the begin of the event that is not complete */
};

/* Calls `take` with each event that is complete now; its texts are valid during the call. Comments and `retry` are passed over. */
void event_lines_add(struct event_lines *lines, const char *bytes, size_t length,
                     void (*take)(void *context, const struct event_line *event), void *context);

void event_lines_release(struct event_lines *lines);

#endif
