/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/http/http_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

bool http_connection_open(struct http_connection *connection, int port, int timeout_ms) {
    return http_connection_open_as(connection, 1, port, timeout_ms);
}

bool http_connection_open_as(struct http_connection *connection, unsigned client, int port, int timeout_ms) {
    *connection = (struct http_connection){.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct sockaddr_in own = {.sin_family = AF_INET};
    own.sin_addr.s_addr = htonl(0x7F000000 + client);
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    int yes = 1;
    bool done = connection->socket >= 0 &&
                setsockopt(connection->socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0 &&
                setsockopt(connection->socket, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 &&
                setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0 &&
                (client == 1 || bind(connection->socket, (struct sockaddr *)&own, sizeof own) == 0) &&
                connect(connection->socket, (struct sockaddr *)&address, sizeof address) == 0;
    if (!done) http_connection_close(connection);
    return done;
}

void http_connection_close(struct http_connection *connection) {
    if (connection->socket >= 0) close(connection->socket);
    connection->socket = -1;
    text_release(&connection->input);
    text_release(&connection->answer);
}

bool http_connection_send_bytes(struct http_connection *connection, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(connection->socket, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

bool http_connection_send(struct http_connection *connection, const char *method, const char *path, const char *body) {
    struct text request = {0};
    text_append_format(&request, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path);
    if (body != NULL) text_append_format(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    text_append_format(&request, "\r\n%s", body == NULL ? "" : body);
    bool sent = http_connection_send_bytes(connection, text_view(&request), request.length);
    text_release(&request);
    return sent;
}

static bool receive_more(struct http_connection *connection) {
    char *place = text_reserve(&connection->input, 65536);
    ssize_t count = recv(connection->socket, place, 65536, 0);
    if (count <= 0) return false;
    connection->input.length += (size_t)count;
    connection->input.bytes[connection->input.length] = '\0';
    return true;
}

static void drop_input(struct http_connection *connection, size_t length) {
    struct text *input = &connection->input;
    memmove(input->bytes, input->bytes + length, input->length - length + 1);
    input->length -= length;
}

/* Moves `length` bytes of the body to the answer, and drops the `behind` bytes that follow. */
static bool take_body(struct http_connection *connection, size_t length, size_t behind) {
    while (connection->input.length < length + behind) {
        if (!receive_more(connection)) return false;
    }
    text_append_bytes(&connection->answer, text_view(&connection->input), length);
    drop_input(connection, length + behind);
    return true;
}

static bool take_chunks(struct http_connection *connection) {
    for (;;) {
        const char *end;
        while ((end = strstr(text_view(&connection->input), "\r\n")) == NULL) {
            if (!receive_more(connection)) return false;
        }
        size_t size = strtoul(text_view(&connection->input), NULL, 16);
        drop_input(connection, (size_t)(end - connection->input.bytes) + 2);
        if (!take_body(connection, size, 2)) return false;
        if (size == 0) return true;
    }
}

bool http_connection_receive(struct http_connection *connection) {
    text_clear(&connection->answer);
    const char *end;
    while ((end = strstr(text_view(&connection->input), "\r\n\r\n")) == NULL) {
        if (!receive_more(connection)) return false;
    }
    size_t head_length = (size_t)(end - connection->input.bytes) + 4;
    char *head = strndup(connection->input.bytes, head_length);
    drop_input(connection, head_length);
    bool done = head != NULL && sscanf(head, "HTTP/1.1 %d", &connection->status) == 1;
    const char *length = done ? strcasestr(head, "\r\ncontent-length:") : NULL;
    if (length != NULL) {
        done = take_body(connection, strtoul(length + strlen("\r\ncontent-length:"), NULL, 10), 0);
    } else if (done && strcasestr(head, "\r\ntransfer-encoding: chunked") != NULL) {
        done = take_chunks(connection);
    }
    free(head);
    return done;
}
