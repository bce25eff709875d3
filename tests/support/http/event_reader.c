/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/http/event_reader.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/array.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/base/thread.h"
#include "tests/support/cmocka_all.h"

enum { READER_PATIENCE_MS = 60000 };

struct event_reader {
    struct thread thread;
    char *url;
    char *last_event_id;
    bool uses_http2;
    struct text input;  /* of the event that is not complete yet; for the thread alone */
    struct arena arena; /* guarded by the thread's mutex, like all that follows */
    struct event **events;
    size_t count, capacity;
    bool has_ended;
    long status;
};

static const char *copy_value(struct event_reader *reader, const char *line, size_t length, size_t name_length) {
    const char *from = line + name_length, *to = line + length;
    if (from < to && *from == ' ') from++;
    return arena_copy_bytes(&reader->arena, from, (size_t)(to - from));
}

/* Adds the event in the lines up to the empty one. */
static void add_event(struct event_reader *reader, const char *at) {
    struct event *event = arena_alloc(&reader->arena, sizeof *event);
    *event = (struct event){"", "", "", ""};
    bool has_any = false;
    for (size_t length; (length = strcspn(at, "\n")) > 0; at += length + 1) {
        const struct {
            const char *name;
            const char **value;
        } fields[] = {{"event:", &event->name}, {"id:", &event->id}, {"data:", &event->data}, {"retry:", &event->retry}};
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
            if (!text_starts_with(at, fields[i].name)) continue;
            *fields[i].value = copy_value(reader, at, length, strlen(fields[i].name));
            has_any = true;
        }
    }
    if (!has_any) return; /* a comment */
    reader->events = array_grow(reader->events, reader->count, &reader->capacity, sizeof *reader->events);
    reader->events[reader->count++] = event;
}

static size_t take(char *bytes, size_t size, size_t count, void *context) {
    struct event_reader *reader = context;
    text_append_bytes(&reader->input, bytes, size * count);
    const char *from = text_view(&reader->input), *end;
    thread_lock(&reader->thread);
    bool is_stopping = reader->thread.is_stopping;
    for (; (end = strstr(from, "\n\n")); from = end + 2)
        add_event(reader, from);
    thread_unlock(&reader->thread);
    thread_wake(&reader->thread);
    char *rest = memory_copy_text(from);
    text_clear(&reader->input);
    text_append(&reader->input, rest);
    free(rest);
    return is_stopping ? 0 : size * count;
}

/* Called at least once a second. */
static int check_stop(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up) {
    (void)down_all, (void)down, (void)up_all, (void)up;
    struct event_reader *reader = context;
    return !thread_goes_on(&reader->thread);
}

static void run(void *context) {
    struct event_reader *reader = context;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = NULL;
    if (reader->last_event_id) headers = curl_slist_append(headers, reader->last_event_id);
    curl_easy_setopt(curl, CURLOPT_URL, reader->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, reader);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, check_stop);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, reader);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (reader->uses_http2) curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
    curl_easy_perform(curl);
    thread_lock(&reader->thread);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reader->status);
    reader->has_ended = true;
    thread_unlock(&reader->thread);
    thread_wake(&reader->thread);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
}

struct event_reader *event_reader_start(const char *base, const char *path, const struct event_reader_options *options) {
    struct event_reader *reader = memory_alloc(sizeof *reader);
    struct error err;
    struct text text = {0};
    text_append_format(&text, "%s%s", base, path);
    reader->url = memory_copy_text(text.bytes);
    if (options && options->last_event_id) {
        text_clear(&text);
        text_append_format(&text, "Last-Event-ID: %s", options->last_event_id);
        reader->last_event_id = memory_copy_text(text.bytes);
    }
    reader->uses_http2 = options && options->uses_http2;
    text_release(&text);
    thread_init(&reader->thread);
    if (thread_start(&reader->thread, "event_reader", run, reader, &err)) fail_msg("%s", err.message);
    return reader;
}

static bool has_name(const struct event *event, const char *name) {
    return !name || strcmp(event->name, name) == 0;
}

/* With the mutex. */
static size_t count_named(const struct event_reader *reader, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < reader->count; i++)
        count += has_name(reader->events[i], name);
    return count;
}

void event_reader_wait_for(struct event_reader *reader, const char *name, size_t count) {
    int64_t until_ms = clock_monotonic_ms() + READER_PATIENCE_MS;
    thread_lock(&reader->thread);
    bool in_time = true;
    while (count_named(reader, name) < count && !reader->has_ended && in_time)
        in_time = thread_wait(&reader->thread, until_ms);
    size_t found = count_named(reader, name);
    thread_unlock(&reader->thread);
    if (found < count) fail_msg("%s: %zu of %zu events %s", reader->url, found, count, name ? name : "of any name");
}

int event_reader_wait_for_end(struct event_reader *reader) {
    int64_t until_ms = clock_monotonic_ms() + READER_PATIENCE_MS;
    thread_lock(&reader->thread);
    bool in_time = true;
    while (!reader->has_ended && in_time)
        in_time = thread_wait(&reader->thread, until_ms);
    long status = reader->status;
    thread_unlock(&reader->thread);
    if (!in_time) fail_msg("%s does not end", reader->url);
    return (int)status;
}

size_t event_reader_count(struct event_reader *reader, const char *name) {
    thread_lock(&reader->thread);
    size_t count = count_named(reader, name);
    thread_unlock(&reader->thread);
    return count;
}

const struct event *event_reader_event(struct event_reader *reader, const char *name, size_t index) {
    const struct event *found = NULL;
    thread_lock(&reader->thread);
    for (size_t i = 0; i < reader->count && !found; i++)
        if (has_name(reader->events[i], name) && index-- == 0) found = reader->events[i];
    thread_unlock(&reader->thread);
    if (!found) fail_msg("%s has no such event %s", reader->url, name ? name : "");
    return found;
}

const char *event_reader_rest(struct event_reader *reader) {
    event_reader_wait_for_end(reader);
    return text_view(&reader->input);
}

void event_reader_free(struct event_reader *reader) {
    thread_release(&reader->thread);
    arena_release(&reader->arena);
    text_release(&reader->input);
    free(reader->events);
    free(reader->last_event_id);
    free(reader->url);
    free(reader);
}
