/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/git_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

struct git_server {
    pthread_t thread;
    int listener;
    int wake[2]; /* closing [1] ends the thread, also out of a hanging answer */
    char url[64];
    char *folder;

    pthread_mutex_t mutex; /* guards what follows */
    enum git_server_mode mode;
    int number;
    const char *text;
    const char *user, *password;
    void (*rival)(void *context);
    void *rival_context;
    size_t logins;
};

struct request {
    struct arena arena;
    char *method, *path, *query;
    const char *type, *login;
    struct text body;
};

/* ---- Reading ---- */

static bool receive_more(struct git_server *server, int client, struct text *input) {
    struct pollfd files[] = {{.fd = client, .events = POLLIN}, {.fd = server->wake[0], .events = POLLIN}};
    if (poll(files, 2, -1) < 0 || files[1].revents) return false;
    ssize_t received = recv(client, text_reserve(input, 65536), 65536, 0);
    if (received <= 0) return false;
    input->length += (size_t)received;
    input->bytes[input->length] = '\0';
    return true;
}

static const char *find_header(struct request *request, const char *head, const char *name) {
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, strlen(name)) != 0 || line[2 + strlen(name)] != ':') continue;
        const char *value = line + 3 + strlen(name);
        value += strspn(value, " ");
        return arena_copy_bytes(&request->arena, value, strcspn(value, "\r"));
    }
    return NULL;
}

static bool read_request(struct git_server *server, int client, struct request *request) {
    struct text input = {0};
    while (!strstr(text_view(&input), "\r\n\r\n"))
        if (!receive_more(server, client, &input)) goto broken;
    size_t head_length = (size_t)(strstr(input.bytes, "\r\n\r\n") - input.bytes) + 4;
    char *head = arena_copy_bytes(&request->arena, input.bytes, head_length);
    const char *length = find_header(request, head, "Content-Length");
    request->type = find_header(request, head, "Content-Type");
    request->login = find_header(request, head, "Authorization");
    request->method = arena_copy_bytes(&request->arena, head, strcspn(head, " "));
    const char *target = head + strlen(request->method) + 1;
    request->path = arena_copy_bytes(&request->arena, target, strcspn(target, " ?"));
    target += strlen(request->path);
    request->query = *target == '?' ? arena_copy_bytes(&request->arena, target + 1, strcspn(target + 1, " ")) : NULL;
    size_t body_length = length ? strtoul(length, NULL, 10) : 0;
    while (input.length < head_length + body_length)
        if (!receive_more(server, client, &input)) goto broken;
    text_append_bytes(&request->body, input.bytes + head_length, body_length);
    text_release(&input);
    return true;
broken:
    text_release(&input);
    return false;
}

/* ---- Answering ---- */

static bool send_bytes(int client, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(client, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

static void send_status(int client, int status, const char *headers) {
    char head[1024];
    snprintf(head, sizeof head, "HTTP/1.1 %d Status\r\nContent-Length: 0\r\nConnection: close\r\n%s\r\n", status, headers);
    send_bytes(client, head, strlen(head));
}

/* Until the client leaves or the server stops. */
static void hang(struct git_server *server, int client) {
    struct text ignored = {0};
    while (receive_more(server, client, &ignored))
        text_clear(&ignored);
    text_release(&ignored);
}

static void flood(struct git_server *server, int client, const struct request *request) {
    const char *service = request->query ? request->query : "service=git-upload-pack";
    char head[300];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/x-%s-advertisement\r\n\r\n",
             service + strlen("service="));
    bool is_open = send_bytes(client, head, strlen(head)) &&
                   send_bytes(client, "001e# service=git-upload-pack\n0000", strlen("001e# service=git-upload-pack\n0000"));
    for (unsigned i = 0; is_open; i++) {
        char line[100];
        struct pollfd wake = {.fd = server->wake[0], .events = POLLIN};
        snprintf(line, sizeof line, "003f%040u refs/heads/%07u\n", i, i);
        is_open = send_bytes(client, line, 0x3f) && poll(&wake, 1, 0) == 0;
    }
}

/* Runs `git http-backend` (a CGI program) and appends what it prints. */
static void run_backend(struct git_server *server, const struct request *request, struct text *out) {
    struct arena arena = {0};
    char *const arguments[] = {"git", "http-backend", NULL};
    char *const environment[] = {
        arena_format(&arena, "GIT_PROJECT_ROOT=%s", server->folder),
        "GIT_HTTP_EXPORT_ALL=1",
        "GIT_CONFIG_COUNT=1",
        "GIT_CONFIG_KEY_0=safe.directory",
        "GIT_CONFIG_VALUE_0=*",
        "PATH=/usr/bin:/bin",
        arena_format(&arena, "REQUEST_METHOD=%s", request->method),
        arena_format(&arena, "PATH_INFO=%s", request->path),
        arena_format(&arena, "QUERY_STRING=%s", request->query ? request->query : ""),
        arena_format(&arena, "CONTENT_TYPE=%s", request->type ? request->type : ""),
        arena_format(&arena, "CONTENT_LENGTH=%zu", request->body.length),
        NULL,
    };
    int input = memfd_create("request", MFD_CLOEXEC), output[2];
    if (input < 0 || pipe2(output, O_CLOEXEC) != 0) abort();
    if (write(input, text_view(&request->body), request->body.length) < 0 || lseek(input, 0, SEEK_SET) != 0) abort();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, 0);
    posix_spawn_file_actions_adddup2(&actions, output[1], 1);
    pid_t child = 0;
    if (posix_spawnp(&child, "git", &actions, NULL, arguments, environment) != 0) abort();
    close(output[1]);
    ssize_t received;
    while ((received = read(output[0], text_reserve(out, 65536), 65536)) > 0) {
        out->length += (size_t)received;
        out->bytes[out->length] = '\0';
    }
    close(output[0]);
    close(input);
    waitpid(child, NULL, 0);
    posix_spawn_file_actions_destroy(&actions);
    arena_release(&arena);
}

static void serve(struct git_server *server, int client, const struct request *request, bool stalls) {
    struct text answer = {0}, head = {0};
    run_backend(server, request, &answer);
    int status = text_starts_with(text_view(&answer), "Status: ") ? atoi(answer.bytes + strlen("Status: ")) : 200;
    text_append_format(&head, "HTTP/1.1 %d Status\r\nConnection: close\r\n", status);
    if (send_bytes(client, head.bytes, head.length)) send_bytes(client, text_view(&answer), answer.length / (stalls ? 2 : 1));
    if (stalls) hang(server, client);
    text_release(&answer);
    text_release(&head);
}

static bool login_is_right(struct git_server *server, const struct request *request) {
    if (!server->user) return true;
    struct arena arena = {0};
    const char *plain = arena_format(&arena, "%s:%s", server->user, server->password);
    const char *expected = arena_format(&arena, "Basic %s", hash_base64_encode(&arena, plain, strlen(plain)));
    bool is_right = request->login && strcmp(request->login, expected) == 0;
    arena_release(&arena);
    return is_right;
}

static void answer(struct git_server *server, int client, const struct request *request) {
    pthread_mutex_lock(&server->mutex);
    enum git_server_mode mode = server->mode;
    int number = server->number;
    char location[600];
    snprintf(location, sizeof location, "Location: %s%s?%s\r\n", server->text ? server->text : "", request->path,
             request->query ? request->query : "");
    bool may_enter = login_is_right(server, request);
    if (request->login) server->logins++;
    void (*rival)(void *context) = text_ends_with(request->path, "/git-receive-pack") ? server->rival : NULL;
    void *rival_context = server->rival_context;
    if (rival) server->rival = NULL;
    pthread_mutex_unlock(&server->mutex);

    static const char page[] = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 7\r\n\r\nWelcome";
    if (rival) rival(rival_context);
    if (!may_enter) {
        send_status(client, 401, "WWW-Authenticate: Basic realm=\"git\"\r\n");
        return;
    }
    switch (mode) {
    case GIT_SERVER_SERVE: serve(server, client, request, false); break;
    case GIT_SERVER_STALL: serve(server, client, request, true); break;
    case GIT_SERVER_HANG: hang(server, client); break;
    case GIT_SERVER_FLOOD: flood(server, client, request); break;
    case GIT_SERVER_STATUS: send_status(client, number, ""); break;
    case GIT_SERVER_REDIRECT: send_status(client, 302, location); break;
    case GIT_SERVER_PAGE: send_bytes(client, page, strlen(page)); break;
    }
}

/* ---- The server ---- */

static void *run(void *argument) {
    struct git_server *server = argument;
    struct pollfd files[] = {{.fd = server->listener, .events = POLLIN}, {.fd = server->wake[0], .events = POLLIN}};
    while (poll(files, 2, -1) > 0 && !files[1].revents) {
        int client = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0) continue;
        struct request request = {0};
        if (read_request(server, client, &request)) answer(server, client, &request);
        text_release(&request.body);
        arena_release(&request.arena);
        shutdown(client, SHUT_WR);
        close(client);
    }
    return NULL;
}

struct git_server *git_server_start(const char *folder) {
    struct git_server *server = memory_alloc(sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    server->folder = memory_copy_text(folder);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_mutex_init(&server->mutex, NULL);
    if (bind(server->listener, (struct sockaddr *)&address, length) != 0 || listen(server->listener, 64) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &length) != 0 || pipe2(server->wake, O_CLOEXEC) != 0)
        abort();
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    if (pthread_create(&server->thread, NULL, run, server) != 0) abort();
    return server;
}

void git_server_stop(struct git_server *server) {
    if (!server) return;
    close(server->wake[1]);
    pthread_join(server->thread, NULL);
    close(server->wake[0]);
    close(server->listener);
    pthread_mutex_destroy(&server->mutex);
    free(server->folder);
    free(server);
}

const char *git_server_url(const struct git_server *server) {
    return server->url;
}

void git_server_behave(struct git_server *server, enum git_server_mode mode, int number, const char *text) {
    pthread_mutex_lock(&server->mutex);
    server->mode = mode;
    server->number = number;
    server->text = text;
    pthread_mutex_unlock(&server->mutex);
}

void git_server_need_login(struct git_server *server, const char *user, const char *password) {
    pthread_mutex_lock(&server->mutex);
    server->user = user;
    server->password = password;
    pthread_mutex_unlock(&server->mutex);
}

void git_server_before_next_push(struct git_server *server, void (*rival)(void *context), void *context) {
    pthread_mutex_lock(&server->mutex);
    server->rival = rival;
    server->rival_context = context;
    pthread_mutex_unlock(&server->mutex);
}

size_t git_server_logins(struct git_server *server) {
    pthread_mutex_lock(&server->mutex);
    size_t count = server->logins;
    pthread_mutex_unlock(&server->mutex);
    return count;
}
