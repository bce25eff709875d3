/* SPDX-License-Identifier: BSD-3-Clause */
#include "ops/registryctl/event_lines.h"

#include <string.h>

/* If the line is of this field, returns its value. */
static const char *value_of(const char *line, const char *field) {
    size_t length = strlen(field);
    if (strncmp(line, field, length) != 0 || line[length] != ':') return NULL;
    return line[length + 1] == ' ' ? line + length + 2 : line + length + 1;
}

/* Reads the event in the lines up to the empty one, which are cut apart. */
static void read_event(char *at, struct event_line *event) {
    *event = (struct event_line){"", "", ""};
    while (*at) {
        char *line = at, *end = strchr(at, '\n');
        if (end) *end = '\0';
        at = end ? end + 1 : line + strlen(line);
        const char *value;
        if ((value = value_of(line, "event"))) event->name = value;
        if ((value = value_of(line, "id"))) event->id = value;
        if ((value = value_of(line, "data"))) event->data = value;
    }
}

void event_lines_add(struct event_lines *lines, const char *bytes, size_t length,
                     void (*take)(void *context, const struct event_line *event), void *context) {
    text_append_bytes(&lines->input, bytes, length);
    char *from = lines->input.bytes, *end;
    while (from && (end = strstr(from, "\n\n"))) {
        struct event_line event;
        *end = '\0';
        read_event(from, &event);
        if (*event.name) take(context, &event);
        from = end + 2;
    }
    if (!from) return;
    size_t rest = (size_t)(lines->input.bytes + lines->input.length - from);
    memmove(lines->input.bytes, from, rest);
    lines->input.length = rest;
    lines->input.bytes[rest] = '\0';
}

void event_lines_release(struct event_lines *lines) {
    text_release(&lines->input);
}
