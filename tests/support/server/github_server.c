/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/server/github_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/server/github_server_parts.h"

#define TEAM_PATH "/orgs/purescript/teams/packaging/members"

enum { POLL_MS = 20, LIMITED_S = 3600 };

void github_server_answer(struct call *call, const char *status, const char *headers, const char *body) {
    struct text text = {0};
    text_append_format(&text,
                       "HTTP/1.1 %s\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s",
                       status, strlen(body), headers, body);
    send(call->connection, text.bytes, text.length, MSG_NOSIGNAL);
    text_release(&text);
}

static void write_down(struct call *call, const char *comment) {
    struct github_server *server = call->server;
    pthread_mutex_lock(&server->mutex);
    text_append_format(&server->lines, "%s %s by %s", call->message->method, call->message->path, call->token.login);
    if (comment) text_append_character(&server->lines, ' ');
    for (; comment && *comment; comment++)
        text_append_format(&server->lines, *comment == '\n' ? "\\n" : "%c", *comment);
    text_append_character(&server->lines, '\n');
    pthread_mutex_unlock(&server->mutex);
}

void github_server_answer_kept(struct call *call, const char *more_headers, const char *json) {
    char hash[SHA256_HEX_MAX];
    struct text headers = {0};
    const char *had = http_message_header(call->message, "if-none-match");
    hash_sha256_hex(json, strlen(json), hash);
    text_append_format(&headers, "ETag: W/\"%s\"\r\nX-RateLimit-Remaining: 4999\r\n%s", hash, more_headers);
    bool is_unchanged = had && text_starts_with(had, "W/\"") && strncmp(had + 3, hash, strlen(hash)) == 0;
    if (is_unchanged) text_clear(&headers); /* GitHub need not repeat the others, such as Link */
    if (is_unchanged)
        atomic_fetch_add(&call->server->unchanged, 1);
    else
        github_server_count_against_limit(call);
    write_down(call, NULL);
    github_server_answer(call, is_unchanged ? "304 Not Modified" : "200 OK", text_view(&headers), is_unchanged ? "" : json);
    text_release(&headers);
}

/* ---- The routes ---- */

static void answer_user(struct call *call) {
    char json[128];
    snprintf(json, sizeof json, "{\"login\":\"%s\",\"id\":1,\"type\":\"User\"}", call->token.login);
    github_server_answer_kept(call, "", json);
}

size_t github_server_query_number(const char *query, const char *name) {
    const char *found = strstr(query, name);
    return found ? strtoul(found + strlen(name), NULL, 10) : 0;
}

static void answer_team(struct call *call) {
    struct github_server *server = call->server;
    size_t wanted = github_server_query_number(call->message->query, "per_page="),
           page = github_server_query_number(call->message->query, "&page=");
    size_t size = atomic_load(&server->page_size) < wanted ? atomic_load(&server->page_size) : wanted, at = 0;
    if (atomic_load(&server->mode) == GITHUB_HIDES_TEAM || !call->token.may_see_team || wanted == 0 || page == 0) {
        github_server_answer(call, "403 Forbidden", "", "{\"message\":\"Resource not accessible\"}");
        return;
    }
    json_t *list = json_array();
    const char *login;
    json_t *unused;
    pthread_mutex_lock(&server->mutex);
    json_object_foreach(server->members, login, unused) {
        if (at / size + 1 == page) json_array_append_new(list, json_pack("{s:s}", "login", login));
        at++;
    }
    pthread_mutex_unlock(&server->mutex);
    struct text link = {0};
    if (page * size < at)
        text_append_format(&link, "Link: <%s" TEAM_PATH "?per_page=%zu&page=%zu>; rel=\"next\"\r\n", server->url, wanted,
                           page + 1);
    char *json = json_dumps(list, JSON_COMPACT);
    github_server_answer_kept(call, text_view(&link), json);
    free(json);
    text_release(&link);
    json_decref(list);
}

/* The field of the received JSON, which must be its only one. */
static const char *only_field(const json_t *body, const char *key) {
    return json_object_size(body) == 1 ? json_string_value(json_object_get(body, key)) : NULL;
}

static void answer_issue(struct call *call) {
    bool is_comment = text_ends_with(call->message->path, "/comments");
    json_t *body = json_loadb(text_view(&call->message->body), call->message->body.length, 0, NULL);
    const char *value = is_comment ? only_field(body, "body") : only_field(body, "state");
    bool is_post = strcmp(call->message->method, "POST") == 0;
    if (is_comment != is_post || !value || (!is_comment && strcmp(value, "closed") != 0)) {
        github_server_answer(call, "422 Unprocessable Entity", "", "{\"message\":\"Validation Failed\"}");
    } else {
        write_down(call, is_comment ? value : NULL);
        github_server_answer(call, is_comment ? "201 Created" : "200 OK", "", "{\"id\":1}");
    }
    json_decref(body);
}

static bool is_issue(const char *path) {
    char owner[64], repo[64];
    int number = 0, length = 0;
    if (sscanf(path, "/repos/%63[^/]/%63[^/]/issues/%d%n", owner, repo, &number, &length) != 3) return false;
    return strcmp(path + length, "") == 0 || strcmp(path + length, "/comments") == 0;
}

static const struct {
    const char *method, *path; /* path NULL: the path of an issue */
    void (*answer)(struct call *call);
} routes[] = {
    {"GET", "/user", answer_user},
    {"GET", TEAM_PATH, answer_team},
    {"POST", NULL, answer_issue},
    {"PATCH", NULL, answer_issue},
};

/* ---- Any call ---- */

static void find_token(struct call *call) {
    static const char scheme[] = "Bearer ";
    const char *header = http_message_header(call->message, "authorization");
    if (!header || !text_starts_with(header, scheme)) return;
    pthread_mutex_lock(&call->server->mutex);
    for (size_t i = 0; i < GITHUB_TOKENS_MAX; i++)
        if (text_equal(call->server->tokens[i].text, header + strlen(scheme))) call->token = call->server->tokens[i];
    pthread_mutex_unlock(&call->server->mutex);
}

/* Waits until the client leaves, or the mode changes. */
static void hold(struct call *call) {
    struct pollfd event = {.fd = call->connection, .events = POLLIN};
    while (!atomic_load(&call->server->is_stopping) && atomic_load(&call->server->mode) == GITHUB_SILENT &&
           poll(&event, 1, POLL_MS) == 0) {
    }
}

static bool misbehaves(struct call *call) {
    struct text headers = {0};
    enum github_mode mode = (enum github_mode)atomic_load(&call->server->mode);
    if (mode == GITHUB_SILENT) hold(call);
    if (mode == GITHUB_BROKEN) github_server_answer(call, "502 Bad Gateway", "", "<html>Unicorn</html>");
    if (mode == GITHUB_LIMITED) {
        text_append_format(&headers, "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: %lld\r\n",
                           (long long)(clock_now_ms() / 1000 + LIMITED_S));
        github_server_answer(call, "403 Forbidden", text_view(&headers), "{\"message\":\"API rate limit exceeded\"}");
    }
    text_release(&headers);
    return mode != GITHUB_WELL && mode != GITHUB_HIDES_TEAM;
}

/* GitHub's requirements for every client. */
static bool has_headers(const struct http_message *message) {
    const char *accept = http_message_header(message, "accept"), *agent = http_message_header(message, "user-agent");
    const char *version = http_message_header(message, "x-github-api-version");
    return text_equal(accept, "application/vnd.github+json") && agent && *agent && text_equal(version, "2022-11-28");
}

static void answer_call(struct call *call) {
    const struct http_message *message = call->message;
    pthread_mutex_lock(&call->server->mutex);
    text_append_format(&call->server->calls, "%s %s\n", message->method, message->path);
    pthread_mutex_unlock(&call->server->mutex);
    find_token(call);
    if (misbehaves(call)) return;
    if (!has_headers(message)) {
        github_server_answer(call, "400 Bad Request", "", "{\"message\":\"Headers\"}");
        return;
    }
    if (!call->token.login) {
        github_server_answer(call, "401 Unauthorized", "", "{\"message\":\"Bad credentials\"}");
        return;
    }
    if (github_server_refuse(call)) return;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        bool fits = routes[i].path ? strcmp(routes[i].path, message->path) == 0 : is_issue(message->path);
        if (!fits || strcmp(routes[i].method, message->method) != 0) continue;
        routes[i].answer(call);
        return;
    }
    if (github_server_answer_repository(call)) return;
    github_server_answer(call, "404 Not Found", "", "{\"message\":\"Not Found\"}");
}

/* ---- The server ---- */

static void *run(void *argument) {
    struct github_server *server = argument;
    while (!atomic_load(&server->is_stopping)) {
        struct pollfd event = {.fd = server->listener, .events = POLLIN};
        if (poll(&event, 1, POLL_MS) <= 0) continue;
        int connection = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        struct http_message message = {0};
        struct call call = {.server = server, .connection = connection, .message = &message};
        if (connection >= 0 && atomic_load(&server->mode) != GITHUB_AWAY && http_message_receive(&message, connection))
            answer_call(&call);
        http_message_release(&message);
        if (connection >= 0) close(connection);
    }
    return NULL;
}

struct github_server *github_server_start(void) {
    struct github_server *server = memory_alloc(sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    atomic_store(&server->page_size, 100);
    server->members = json_object();
    server->repositories = json_object();
    server->calls_left = SIZE_MAX;
    pthread_mutex_init(&server->mutex, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->listener, 64), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &length), 0);
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
    return server;
}

void github_server_stop(struct github_server *server) {
    atomic_store(&server->is_stopping, true);
    pthread_join(server->thread, NULL);
    close(server->listener);
    pthread_mutex_destroy(&server->mutex);
    json_decref(server->members);
    json_decref(server->repositories);
    text_release(&server->calls);
    text_release(&server->lines);
    text_release(&server->taken);
    free(server);
}

const char *github_server_url(const struct github_server *server) {
    return server->url;
}

void github_server_set_mode(struct github_server *server, enum github_mode mode) {
    atomic_store(&server->mode, (int)mode);
}

void github_server_set_page_size(struct github_server *server, size_t members) {
    atomic_store(&server->page_size, members);
}

void github_server_set_token(struct github_server *server, const char *token, const char *login, bool may_see_team) {
    pthread_mutex_lock(&server->mutex);
    size_t place = 0;
    while (place < GITHUB_TOKENS_MAX && server->tokens[place].text && !text_equal(server->tokens[place].text, token))
        place++;
    assert_true(place < GITHUB_TOKENS_MAX);
    server->tokens[place] = (struct token){token, login, may_see_team};
    pthread_mutex_unlock(&server->mutex);
}

void github_server_set_member(struct github_server *server, const char *login, bool is_member) {
    pthread_mutex_lock(&server->mutex);
    if (is_member)
        json_object_set_new(server->members, login, json_true());
    else
        json_object_del(server->members, login);
    pthread_mutex_unlock(&server->mutex);
}

size_t github_server_count(struct github_server *server, const char *prefix) {
    size_t count = 0;
    pthread_mutex_lock(&server->mutex);
    for (const char *line = text_view(&server->calls); *line; line = strchr(line, '\n') + 1)
        if (text_starts_with(line, prefix)) count++;
    pthread_mutex_unlock(&server->mutex);
    return count;
}

size_t github_server_count_unchanged(struct github_server *server) {
    return atomic_load(&server->unchanged);
}

const char *github_server_take_lines(struct github_server *server) {
    pthread_mutex_lock(&server->mutex);
    text_clear(&server->taken);
    text_append(&server->taken, text_view(&server->lines));
    text_clear(&server->lines);
    pthread_mutex_unlock(&server->mutex);
    return text_view(&server->taken);
}
