/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/server/pursuit_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/archive/gzip.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/http/http_message.h"

#define PREFIX "/packages/purescript-"
#define SUFFIX "/available-versions"

enum { POLL_MS = 20, DOCUMENTATION_BYTES_MAX = 64 << 20 };

struct pursuit_server {
    pthread_t thread;
    int listener;
    char url[64];
    atomic_bool is_stopping;
    atomic_int mode;
    _Atomic(const char *) token;
    atomic_size_t look_ups, uploads;
    pthread_mutex_t mutex; /* guards the fields below */
    json_t *packages;      /* {NAME: {VERSION: documentation, or true}} */
};

/* ---- Requests ---- */

static void answer(int connection, const char *status, const char *body) {
    struct text text = {0};
    text_append_format(&text,
                       "HTTP/1.1 %s\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                       status, strlen(body), body);
    send(connection, text.bytes, text.length, MSG_NOSIGNAL);
    text_release(&text);
}

/* ---- GET /packages/purescript-NAME/available-versions ---- */

static void answer_versions(struct pursuit_server *server, int connection, const char *path) {
    size_t length = strlen(path) - strlen(PREFIX) - strlen(SUFFIX);
    struct arena arena = {0};
    const char *name = arena_copy_bytes(&arena, path + strlen(PREFIX), length), *version;
    const json_t *documentation;
    json_t *list = json_array();
    pthread_mutex_lock(&server->mutex);
    json_object_foreach(json_object_get(server->packages, name), version, documentation) {
        json_array_append_new(list, json_pack("[s,s]", version, arena_format(&arena, PREFIX "%s/%s", name, version)));
    }
    pthread_mutex_unlock(&server->mutex);
    char *body = json_dumps(list, JSON_COMPACT);
    if (json_array_size(list) == 0)
        answer(connection, "404 Not Found", "No such package");
    else
        answer(connection, "200 OK", body);
    free(body);
    json_decref(list);
    arena_release(&arena);
}

/* ---- POST /packages ---- */

static bool has_header(const struct http_message *message, const char *name, const char *value) {
    const char *found = http_message_header(message, name);
    return found && strcmp(found, value) == 0;
}

static bool has_token(struct pursuit_server *server, const struct http_message *message) {
    struct text wanted = {0};
    text_append_format(&wanted, "token %s", atomic_load(&server->token));
    bool is_right = has_header(message, "authorization", text_view(&wanted));
    text_release(&wanted);
    return is_right;
}

/* The documentation of one package in the body, or NULL. */
static json_t *read_documentation(const struct http_message *message) {
    struct text json = {0};
    struct error ignored;
    json_t *documentation = NULL;
    if (!gzip_unpack(&json, text_view(&message->body), message->body.length, DOCUMENTATION_BYTES_MAX, &ignored))
        documentation = json_loadb(text_view(&json), json.length, JSON_REJECT_DUPLICATES, NULL);
    text_release(&json);
    const char *name = json_string_value(json_object_get(json_object_get(documentation, "packageMeta"), "name"));
    bool is_good = name && text_starts_with(name, "purescript-") && json_is_string(json_object_get(documentation, "version")) &&
                   json_is_string(json_object_get(documentation, "versionTag")) &&
                   json_is_array(json_object_get(documentation, "modules")) &&
                   json_array_size(json_object_get(documentation, "github")) == 2;
    if (is_good) return documentation;
    json_decref(documentation);
    return NULL;
}

static void keep(struct pursuit_server *server, const char *name, const char *version, json_t *documentation) {
    pthread_mutex_lock(&server->mutex);
    if (!json_object_get(server->packages, name)) json_object_set_new(server->packages, name, json_object());
    json_object_set_new(json_object_get(server->packages, name), version, documentation);
    pthread_mutex_unlock(&server->mutex);
}

static void answer_upload(struct pursuit_server *server, int connection, const struct http_message *message) {
    if (!has_token(server, message)) {
        answer(connection, "401 Unauthorized", "{\"error\":\"Bad credentials\"}");
        return;
    }
    if (!has_header(message, "content-encoding", "gzip") || !has_header(message, "accept", "application/json")) {
        answer(connection, "400 Bad Request", "{\"error\":\"Headers\"}");
        return;
    }
    json_t *documentation = read_documentation(message);
    if (!documentation) {
        answer(connection, "400 Bad Request", "{\"error\":\"Invalid JSON data\"}");
        return;
    }
    const char *name = json_string_value(json_object_get(json_object_get(documentation, "packageMeta"), "name"));
    keep(server, name + strlen("purescript-"), json_string_value(json_object_get(documentation, "version")), documentation);
    answer(connection, "201 Created", "{}");
}

/* ---- The server ---- */

/* Waits until the client leaves, or the mode changes. */
static void hold(struct pursuit_server *server, int connection) {
    struct pollfd event = {.fd = connection, .events = POLLIN};
    while (!atomic_load(&server->is_stopping) && atomic_load(&server->mode) == PURSUIT_SILENT &&
           poll(&event, 1, POLL_MS) == 0) {
    }
}

static void answer_message(struct pursuit_server *server, int connection, const struct http_message *message) {
    enum pursuit_mode mode = (enum pursuit_mode)atomic_load(&server->mode);
    bool is_look_up =
        strcmp(message->method, "GET") == 0 && text_starts_with(message->path, PREFIX) && text_ends_with(message->path, SUFFIX);
    bool is_upload = strcmp(message->method, "POST") == 0 && strcmp(message->path, "/packages") == 0;
    if (is_look_up) atomic_fetch_add(&server->look_ups, 1);
    if (is_upload) atomic_fetch_add(&server->uploads, 1);
    if (mode == PURSUIT_AWAY) return;
    if (!is_look_up && !is_upload)
        answer(connection, "404 Not Found", "No such route");
    else if (is_look_up && mode == PURSUIT_GARBLED)
        answer(connection, "200 OK", "<html>We are being repaired.</html>");
    else if (is_look_up)
        answer_versions(server, connection, message->path);
    else if (mode == PURSUIT_REFUSING)
        answer(connection, "400 Bad Request", "{\"error\":\"This package is not wanted\"}");
    else if (mode == PURSUIT_SILENT)
        hold(server, connection);
    else
        answer_upload(server, connection, message);
}

static void *run(void *argument) {
    struct pursuit_server *server = argument;
    while (!atomic_load(&server->is_stopping)) {
        struct pollfd event = {.fd = server->listener, .events = POLLIN};
        if (poll(&event, 1, POLL_MS) <= 0) continue;
        int connection = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        struct http_message message = {0};
        if (connection >= 0 && http_message_receive(&message, connection)) answer_message(server, connection, &message);
        http_message_release(&message);
        if (connection >= 0) close(connection);
    }
    return NULL;
}

struct pursuit_server *pursuit_server_start(const char *token) {
    struct pursuit_server *server = memory_alloc(sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    atomic_store(&server->token, token);
    server->packages = json_object();
    pthread_mutex_init(&server->mutex, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->listener, 16), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &length), 0);
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
    return server;
}

void pursuit_server_stop(struct pursuit_server *server) {
    atomic_store(&server->is_stopping, true);
    pthread_join(server->thread, NULL);
    close(server->listener);
    pthread_mutex_destroy(&server->mutex);
    json_decref(server->packages);
    free(server);
}

const char *pursuit_server_url(const struct pursuit_server *server) {
    return server->url;
}

void pursuit_server_set_mode(struct pursuit_server *server, enum pursuit_mode mode) {
    atomic_store(&server->mode, (int)mode);
}

void pursuit_server_set_token(struct pursuit_server *server, const char *token) {
    atomic_store(&server->token, token);
}

void pursuit_server_add(struct pursuit_server *server, const char *name, const char *version) {
    keep(server, name, version, json_true());
}

json_t *pursuit_server_documentation(struct pursuit_server *server, const char *name, const char *version) {
    pthread_mutex_lock(&server->mutex);
    json_t *found = json_deep_copy(json_object_get(json_object_get(server->packages, name), version));
    pthread_mutex_unlock(&server->mutex);
    return found;
}

size_t pursuit_server_look_ups(struct pursuit_server *server) {
    return atomic_load(&server->look_ups);
}

size_t pursuit_server_uploads(struct pursuit_server *server) {
    return atomic_load(&server->uploads);
}
