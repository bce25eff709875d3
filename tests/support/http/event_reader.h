/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: a client of Server-Sent Events, by libcurl on a thread of its own. It keeps all events; it does not come back by
 * itself after the end of its stream.
 */
#ifndef TESTS_SUPPORT_HTTP_EVENT_READER_H
#define TESTS_SUPPORT_HTTP_EVENT_READER_H

#include <stdbool.h>
#include <stddef.h>

struct event_reader;

struct event {
    const char *name; /* "" where the event has none; the same for the other texts */
    const char *id;
    const char *data;
    const char *retry;
};

struct event_reader_options {
    const char *last_event_id; /* NULL: no such header */
    bool uses_http2;
};

/* Begins to read; `options` may be NULL. Release it with event_reader_free(). */
struct event_reader *event_reader_start(const char *base, const char *path, const struct event_reader_options *options);

/* Waits until there are `count` events named so; a time-out fails the test. */
void event_reader_wait_for(struct event_reader *reader, const char *name, size_t count);

/* Waits for the end of the stream; returns the HTTP status. */
int event_reader_wait_for_end(struct event_reader *reader);

/* The events so far named so (NULL: all), in their order; borrowed, valid until the end of the reader. */
size_t event_reader_count(struct event_reader *reader, const char *name);
const struct event *event_reader_event(struct event_reader *reader, const char *name, size_t index);

/* After the end: the bytes since the last event, of an answer without events all. */
const char *event_reader_rest(struct event_reader *reader);

/* Breaks the connection off if the stream has not ended. */
void event_reader_free(struct event_reader *reader);

#endif
