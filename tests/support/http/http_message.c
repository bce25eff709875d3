/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/http/http_message.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool parse_request_line(struct http_message *out, char *line) {
    char *rest = NULL;
    out->method = strtok_r(line, " ", &rest);
    char *target = strtok_r(NULL, " ", &rest);
    const char *protocol = strtok_r(NULL, " ", &rest);
    if (!target || *target != '/' || !protocol || strcmp(protocol, "HTTP/1.1") != 0) return false;
    out->path = strsep(&target, "?");
    out->query = target ? target : "";
    return true;
}

static bool parse_header(struct http_message *out, char *line) {
    char *value = strchr(line, ':');
    if (!value || value == line || out->header_count == HTTP_MESSAGE_HEADERS_MAX) return false;
    *value++ = '\0';
    for (char *at = line; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    value += strspn(value, " \t");
    for (size_t length = strlen(value); length > 0 && strchr(" \t", value[length - 1]);)
        value[--length] = '\0';
    out->headers[out->header_count].name = line;
    out->headers[out->header_count++].value = value;
    return true;
}

bool http_message_parse_head(struct http_message *out, const char *head, size_t length) {
    *out = (struct http_message){0};
    if (memchr(head, '\0', length)) return false;
    char *rest = NULL;
    char *line = strtok_r(arena_copy_bytes(&out->arena, head, length), "\r\n", &rest);
    if (!line || !parse_request_line(out, line)) return false;
    while ((line = strtok_r(NULL, "\r\n", &rest)))
        if (!parse_header(out, line)) return false;
    return true;
}

void http_message_release(struct http_message *message) {
    text_release(&message->body);
    arena_release(&message->arena);
}

const char *http_message_header(const struct http_message *message, const char *name) {
    for (size_t i = 0; i < message->header_count; i++)
        if (strcmp(message->headers[i].name, name) == 0) return message->headers[i].value;
    return NULL;
}

bool http_message_receive(struct http_message *out, int connection) {
    struct text input = {0};
    size_t head_length = 0, wanted = SIZE_MAX;
    bool is_whole = false;
    while (!is_whole) {
        ssize_t got = recv(connection, text_reserve(&input, 65536), 65536, 0);
        if (got <= 0) break;
        input.length += (size_t)got;
        input.bytes[input.length] = '\0';
        const char *end = head_length ? NULL : strstr(input.bytes, "\r\n\r\n");
        if (end) {
            head_length = (size_t)(end - input.bytes) + 4;
            if (!http_message_parse_head(out, input.bytes, head_length)) break;
            const char *length = http_message_header(out, "content-length");
            wanted = head_length + (length ? strtoul(length, NULL, 10) : 0);
        }
        is_whole = input.length >= wanted;
    }
    if (is_whole) text_append_bytes(&out->body, input.bytes + head_length, wanted - head_length);
    text_release(&input);
    return is_whole;
}
